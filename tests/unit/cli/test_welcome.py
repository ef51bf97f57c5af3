"""What `tellal up` says once it is ready."""

from __future__ import annotations

from service.cli.up import _welcome
from service.settings import Settings

MAILBOX = "/dev/mailbox (all mail ends here)"


def test_the_mailbox_is_named_only_where_mail_ends_there() -> None:
    tried = _welcome(Settings(base_url="http://localhost:8080"))
    served = _welcome(Settings(base_url="http://localhost:8080", smtp_url="smtp://127.0.0.1"))
    assert f"\n          http://localhost:8080{MAILBOX}\n" in tried
    assert MAILBOX not in served
    assert all(line == line.rstrip() for line in (tried + served).splitlines())
