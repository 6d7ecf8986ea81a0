"""The code of functions on this machine's disk: zips of the store, unpacked once. [lambda.md 2]

A blob's name is made from its content, so a folder that is there is never out of date.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import shutil
import time
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from batchd.errors import BatchdError
from batchd.invocation import FunctionSpec
from batchd.store.store import Store

_KEPT_S = 3600.0


class CodeMissing(BatchdError):
    """The store has no such zip any more: the function was deleted."""


@dataclass(frozen=True, slots=True)
class Code:
    """Folders of this machine: the function's own code, and all its layers together. None: there is none."""

    root: Path | None = None
    layers: Path | None = None


class CodeFolders:
    """A folder for each zip, and one for each list of layers."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory
        self._locks: dict[str, asyncio.Lock] = {}
        self._wanted_at: dict[str, float] = {}  # by name, on the monotonic clock

    async def code_of(self, function: FunctionSpec) -> Code:
        """Raises CodeMissing."""
        root = await self.folder(function.code) if function.image is None else None
        return Code(root, await self.folder(*function.layers) if function.layers else None)

    async def folder(self, *blobs: str) -> Path:
        """Where these zips are unpacked, later ones over earlier ones. Raises CodeMissing."""
        folder = self._directory / hashlib.sha256("\n".join(blobs).encode()).hexdigest()[:32]
        self._wanted_at[folder.name] = time.monotonic()
        async with self._locks.setdefault(folder.name, asyncio.Lock()):
            if not folder.is_dir():
                await asyncio.to_thread(unpack, self._read(blobs), folder)
        return folder

    def prune(self, in_use: Iterable[Code], now: float) -> None:
        """Delete what nothing runs from, and nobody has wanted for a while; `now` is a reading of the monotonic clock.
        Who wants it again has it unpacked again."""
        used = {folder.name for code in in_use for folder in (code.root, code.layers) if folder is not None}
        old = [name for name, at in self._wanted_at.items() if now - at > _KEPT_S and name not in used]
        for name in old:
            del self._wanted_at[name], self._locks[name]
            shutil.rmtree(self._directory / name, ignore_errors=True)

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
