"""A connection as the tables see it: statements in, rows out.

Two kinds: a `Snapshot` only reads; a `Transaction` is the write connection while a group of units of work uses it.
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
        self._execute = connection.execute

    def rows(self, sql: str, params: Sequence[Value] = ()) -> Iterator[Row]:
        return self._execute(sql, params)

    def row(self, sql: str, params: Sequence[Value] = ()) -> Row | None:
        row: Row | None = self._execute(sql, params).fetchone()
        return row

    def change(self, sql: str, params: Sequence[Value] = ()) -> int:
        raise StoreError("a snapshot cannot be written to")

    def change_many(self, sql: str, many: Iterable[Sequence[Value]]) -> None:
        raise StoreError("a snapshot cannot be written to")


class Transaction:
    """Reads and writes of one group. A unit's savepoint is made by its first write, for many units only read."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._in_unit = False
        self._has_savepoint = False

    def rows(self, sql: str, params: Sequence[Value] = ()) -> Iterator[Row]:
        return self._execute(sql, params)

    def row(self, sql: str, params: Sequence[Value] = ()) -> Row | None:
        row: Row | None = self._execute(sql, params).fetchone()
        return row

    def change(self, sql: str, params: Sequence[Value] = ()) -> int:
        if self._in_unit and not self._has_savepoint:
            self._save()
        return self._execute(sql, params).rowcount

    def change_many(self, sql: str, many: Iterable[Sequence[Value]]) -> None:
        if self._in_unit and not self._has_savepoint:
            self._save()
        self._connection.executemany(sql, many)

    def begin(self) -> None:
        self._execute("BEGIN IMMEDIATE")

    def begin_unit(self) -> None:
        self._in_unit = True

    def end_unit(self) -> None:
        self._in_unit = False
        if self._has_savepoint:
            self._has_savepoint = False
            self._execute("RELEASE unit")

    def undo_unit(self) -> bool:
        """Back to where the unit began; False if it had written nothing.

        Raises StoreError where the database has ended the transaction by itself, as it does when its disk is full."""
        if not self._connection.in_transaction:
            raise StoreError("the database gave the transaction up")
        self._in_unit = False
        if not self._has_savepoint:
            return False
        self._has_savepoint = False
        self._execute("ROLLBACK TO unit")
        self._execute("RELEASE unit")
        return True

    def commit(self) -> None:
        self._execute("COMMIT")

    def rollback(self) -> None:
        self._in_unit = self._has_savepoint = False
        if self._connection.in_transaction:
            self._execute("ROLLBACK")

    def _save(self) -> None:
        self._execute("SAVEPOINT unit")
        self._has_savepoint = True
