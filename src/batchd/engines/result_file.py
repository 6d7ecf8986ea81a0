"""The file that a task writes its result to, read as what it is: a stranger's."""

from __future__ import annotations

import contextlib
import os
import stat

from batchd.engines.engine import RESULT_BYTES

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_result(path: str) -> bytes | None:
    """What is in the file, no more than one byte too much; None: nothing.

    A link, a pipe or somebody else's file (by a second name) is not followed: the reader may see more than the task.
    """
    try:
        file = os.open(path, _FLAGS)
    except OSError:
        return None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            return None
        return _read(file) or None
    except OSError:
        return None
    finally:
        with contextlib.suppress(OSError):
            os.close(file)


def _read(file: int) -> bytes:
    content = b""
    while len(content) <= RESULT_BYTES and (piece := os.read(file, RESULT_BYTES + 1 - len(content))):
        content += piece
    return content
