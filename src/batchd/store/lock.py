"""One server a database: a lock beside the file, held as long as the process lives."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from batchd.errors import StoreError


class FileLock:
    """Raises StoreError, naming the holder's process id, where another has it."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 32).decode(errors="replace").strip()
            os.close(self._file)
            name = str(path).removesuffix(".lock")
            raise StoreError(f"{name} is in use by another batchd (process {holder or 'unknown'})") from error
        os.ftruncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())

    def release(self) -> None:
        """The file stays: removing it would let two holders in."""
        os.close(self._file)
