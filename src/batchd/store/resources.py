"""Control-plane documents by key."""

from __future__ import annotations

import orjson

from batchd.errors import DuplicateKey
from batchd.store.named import name_range, named_queries
from batchd.store.session import Session
from batchd.store.store import Body, Key

_SQL = named_queries("resources")
_GET = _SQL["get_resource"]
_INSERT = _SQL["insert_resource"]
_PUT = _SQL["put_resource"]
_DELETE = _SQL["delete_resource"]
_PAGE = _SQL["page_resources"]
_COUNT = _SQL["count_resources"]
_EVERY = _SQL["every_resource"]
_NO_LIMIT = 2**31 - 1


class ResourceRows:
    """`store.ResourceTable` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, key: Key) -> Body | None:
        row = self._session.row(_GET, (key.kind, key.region, key.name))
        return _body(row[0]) if row else None

    def insert(self, key: Key, body: Body) -> None:
        if not self._session.change(_INSERT, (key.kind, key.region, key.name, _text(body))):
            raise DuplicateKey(f"{key.kind} {key.name} exists")

    def put(self, key: Key, body: Body) -> None:
        self._session.change(_PUT, (key.kind, key.region, key.name, _text(body)))

    def delete(self, key: Key) -> bool:
        return self._session.change(_DELETE, (key.kind, key.region, key.name)) > 0

    def page(
        self, kind: str, region: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list[tuple[str, Body]]:
        bounds = name_range(prefix, after)
        rows = self._session.rows(_PAGE, (kind, region, *bounds, _NO_LIMIT if limit is None else limit))
        return [(name, _body(text)) for name, text in rows]

    def count(self, kind: str, region: str) -> int:
        row = self._session.row(_COUNT, (kind, region))
        return int(row[0]) if row else 0

    def every(self, kind: str) -> list[tuple[Key, Body]]:
        rows = self._session.rows(_EVERY, (kind,))
        return [(Key(kind, region, name), _body(text)) for region, name, text in rows]


class CachedResourceRows(ResourceRows):
    """Keeps decoded documents between units: every submit reads the same queue and definition.

    Only the write connection may have one, for it sees what is not committed. `forget` after any rollback.
    """

    _LIMIT = 10_000

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._bodies: dict[Key, Body] = {}

    def forget(self) -> None:
        self._bodies.clear()

    def get(self, key: Key) -> Body | None:
        body = self._bodies.get(key)
        if body is None:
            body = super().get(key)
            if body is not None:
                self._keep(key, body)
        return body

    def put(self, key: Key, body: Body) -> None:
        self._bodies.pop(key, None)
        super().put(key, body)

    def delete(self, key: Key) -> bool:
        self._bodies.pop(key, None)
        return super().delete(key)

    def _keep(self, key: Key, body: Body) -> None:
        if len(self._bodies) >= self._LIMIT:
            self._bodies.clear()
        self._bodies[key] = body


def _text(body: Body) -> str:
    return orjson.dumps(body).decode()


def _body(text: str) -> Body:
    body: Body = orjson.loads(text)
    return body
