"""What a container is called in the names of files and in Docker: plain letters, never too long. Pure."""

from __future__ import annotations

import zlib
from functools import lru_cache

_LONGEST = 120  # a file name has room for 255, and a task id and an ending stand beside it


@lru_cache(maxsize=256)
def safe_name(container: str) -> str:
    """The name as it is where it may stand; other characters become `_`, and a long one is cut and numbered."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in container)
    if len(safe) <= _LONGEST:
        return safe
    return f"{safe[:_LONGEST]}-{zlib.crc32(container.encode()):08x}"
