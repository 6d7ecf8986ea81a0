"""From the daemon's record of a container's output to the bytes of a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

_HEADER = 8  # stream, three zeros, length as a big-endian 32-bit number


class Frames:
    """Takes the daemon's frames apart: stdout and stderr in the order in which they were recorded."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> bytes:
        """The payload of every whole frame so far that was not given out yet."""
        rest = self._rest
        rest += data
        payload = bytearray()
        at = 0
        while len(rest) >= at + _HEADER:
            end = at + _HEADER + int.from_bytes(rest[at + 4 : at + _HEADER], "big")
            if len(rest) < end:
                break
            payload += rest[at + _HEADER : end]
            at = end
        del rest[:at]
        return bytes(payload)


async def append_output(chunks: AsyncIterator[bytes], path: Path) -> None:
    """Append what `chunks` (all output from its beginning) has beyond the file's size.

    The daemon's record never changes, so the file is a prefix of it at every moment, a crash included.
    """
    frames = Frames()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        known = file.tell()
        async for chunk in chunks:
            data = memoryview(frames.feed(chunk))
            fresh = data[known:]
            known -= len(data) - len(fresh)
            while fresh:
                fresh = fresh[file.write(fresh) or 0 :]
