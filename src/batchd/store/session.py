"""A connection as the tables see it: statements in, rows out.

Two kinds: a `Snapshot` only reads; a `Group` is the write connection inside a group of units of work.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from batchd.errors import StoreError

Value = str | bytes | int | float | None
Row = tuple[Any, ...]  # what a column holds is known only to the query


class Session(Protocol):
    """What a table needs of a database."""

    def rows(self, sql: str, params: Sequence[Value] = ()) -> Iterator[Row]: ...
    def row(self, sql: str, params: Sequence[Value] = ()) -> Row | None: ...
    def change(self, sql: str, params: Sequence[Value] = ()) -> int:
        """How many rows the statement changed."""

    def change_many(self, sql: str, many: Iterable[Sequence[Value]]) -> None: ...


class Snapshot:
    """Reads of one commit."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def rows(self, sql: str, params: Sequence[Value] = ()) -> Iterator[Row]:
        return self.connection.execute(sql, params)

    def row(self, sql: str, params: Sequence[Value] = ()) -> Row | None:
        row: Row | None = self.connection.execute(sql, params).fetchone()
        return row

    def change(self, sql: str, params: Sequence[Value] = ()) -> int:
        raise StoreError("a snapshot cannot be written to")

    def change_many(self, sql: str, many: Iterable[Sequence[Value]]) -> None:
        raise StoreError("a snapshot cannot be written to")


class Group:
    """Reads and writes of one transaction. A unit's savepoint is made by its first write: most units only read."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._expects_savepoint = False
        self._has_savepoint = False

    def rows(self, sql: str, params: Sequence[Value] = ()) -> Iterator[Row]:
        return self.connection.execute(sql, params)

    def row(self, sql: str, params: Sequence[Value] = ()) -> Row | None:
        row: Row | None = self.connection.execute(sql, params).fetchone()
        return row

    def change(self, sql: str, params: Sequence[Value] = ()) -> int:
        if self._expects_savepoint:
            self._save()
        return self.connection.execute(sql, params).rowcount

    def change_many(self, sql: str, many: Iterable[Sequence[Value]]) -> None:
        if self._expects_savepoint:
            self._save()
        self.connection.executemany(sql, many)

    def begin_unit(self) -> None:
        self._expects_savepoint = True

    def end_unit(self) -> None:
        self._expects_savepoint = False
        if self._has_savepoint:
            self._has_savepoint = False
            self.connection.execute("RELEASE unit")

    def undo_unit(self) -> bool:
        """Back to where the unit began; False if it had written nothing."""
        self._expects_savepoint = False
        if not self._has_savepoint:
            return False
        self._has_savepoint = False
        self.connection.execute("ROLLBACK TO unit")
        self.connection.execute("RELEASE unit")
        return True

    def forget_unit(self) -> None:
        """The whole transaction is gone, and the savepoint with it."""
        self._expects_savepoint = self._has_savepoint = False

    def _save(self) -> None:
        self._expects_savepoint = False
        self.connection.execute("SAVEPOINT unit")
        self._has_savepoint = True
