"""On what it was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from tests.bench.mail.peers import program

FAST_RSA = "avx512ifma"  # without it OpenSSL signs at less than half of the rate


def facts() -> list[str]:
    """Processor, cores, and the versions that matter, a line each."""
    cpu = _cpu()
    openssl = subprocess.run(
        [program("openssl"), "version"], capture_output=True, text=True, check=True
    ).stdout.split()
    has_fast_rsa = FAST_RSA in cpu.get("flags", "").split()
    return [
        f"{cpu.get('model name', platform.machine())}, {os.cpu_count()} cores, "
        f"{'with' if has_fast_rsa else 'without'} AVX512-IFMA",
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"OpenSSL {openssl[1]}",
    ]


def _cpu() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
