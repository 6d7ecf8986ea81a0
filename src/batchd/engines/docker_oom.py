"""Whether the kernel killed a container for want of memory, where Docker does not know.

Docker hears of it from containerd, beside the news of the exit, and where the machine is busy it hears nothing, for the
control group that is to be asked has gone with the container. The kernel's own log has it before the kill.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

KILLED = 137  # 128 and SIGKILL
_LOG = Path("/dev/kmsg")
_RECORD_BYTES = 8192  # the kernel's longest; one comes with each read
_MARK = b"oom-kill:"


def killed_for_memory(container: str, log: Path = _LOG) -> bool:
    """By a container's whole id. False where the log may not be read, is another machine's, or has it no more."""
    try:
        fd = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return _tells_of(fd, container.encode())
    finally:
        os.close(fd)


def _tells_of(fd: int, container: bytes) -> bool:
    """Reads the log from its oldest record on."""
    with contextlib.suppress(OSError):  # it would block: this was the newest
        while record := _next_record(fd):
            if any(_MARK in line and container in line for line in record.splitlines()):
                return True
    return False


def _next_record(fd: int) -> bytes:
    while True:
        try:
            return os.read(fd, _RECORD_BYTES)
        except BrokenPipeError:  # it was overwritten before it was read; the next read goes on behind it
            continue
