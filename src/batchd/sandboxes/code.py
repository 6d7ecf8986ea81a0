"""The code of functions on this machine's disk: zips of the store, unpacked once. [lambda.md 2]

A blob's name is made from its content, so a folder that is there is never out of date.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from batchd.errors import BatchdError
from batchd.store.store import Store


class CodeMissing(BatchdError):
    """The store has no such zip any more: the function was deleted."""


class CodeFolders:
    """A folder for each zip, and one for each list of layers."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory
        self._locks: dict[str, asyncio.Lock] = {}

    async def folder(self, *blobs: str) -> Path:
        """Where these zips are unpacked, later ones over earlier ones. Raises CodeMissing."""
        folder = self._directory / hashlib.sha256("\n".join(blobs).encode()).hexdigest()[:32]
        async with self._locks.setdefault(folder.name, asyncio.Lock()):
            if not folder.is_dir():
                await asyncio.to_thread(unpack, self._read(blobs), folder)
        return folder

    def clear(self) -> None:
        """Delete them all: before anything runs."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _read(self, blobs: tuple[str, ...]) -> list[bytes]:
        with self._store.read() as tx:
            found = [tx.blobs.get(name) for name in blobs]
        missing = [name for name, data in zip(blobs, found, strict=True) if data is None]
        if missing:
            raise CodeMissing(f"the code {missing[0]} is gone")
        return [data for data in found if data is not None]


def unpack(zips: Sequence[bytes], folder: Path) -> None:
    """All of it or nothing; `folder` must not exist. Executable files stay executable."""
    draft = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for data in zips:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                path = Path(archive.extract(entry, draft))  # never outside of the folder
                if not entry.is_dir() and entry.external_attr >> 16 & 0o111:
                    path.chmod(0o755)
    draft.rename(folder)
