"""A bench that is never done."""

import signal

signal.pause()
