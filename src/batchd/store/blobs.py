"""Blobs: the zips of functions and layers."""

from __future__ import annotations

from batchd.store.named import named_queries
from batchd.store.session import Session

_SQL = named_queries("blobs")
_PUT = _SQL["put_blob"]
_GET = _SQL["get_blob"]
_DELETE = _SQL["delete_blob"]


class BlobRows:
    """`store.BlobTable` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, name: str, data: bytes) -> None:
        self._session.change(_PUT, (name, data))

    def get(self, name: str) -> bytes | None:
        row = self._session.row(_GET, (name,))
        return row[0] if row else None

    def delete(self, name: str) -> bool:
        return self._session.change(_DELETE, (name,)) > 0
