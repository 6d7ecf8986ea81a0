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
_BACK = ("ROLLBACK TO unit", "RELEASE unit")
_ANEW = ("ROLLBACK", "BEGIN IMMEDIATE")


class Session(Protocol):
    """What a table needs of a database."""

    def rows(self, sql: str, params: Sequence[Value] = ()) -> Iterator[Row]: ...
    def row(self, sql: str, params: Sequence[Value] = ()) -> Row | None: ...
    def change(self, sql: str, params: Sequence[Value] = ()) -> int:
        """How many rows the statement changed."""

    def change_many(self, sql: str, many: Iterable[Sequence[Value]]) -> None: ...
    def queue(self, sql: str, params: Sequence[Value]) -> None:
        """A change that nobody waits to see: done before any other statement. Until `flushes` has grown, the
        parameters may still change."""

    @property
    def flushes(self) -> int: ...
    def peek(self, sql: str, params: Sequence[Value] = ()) -> Row | None:
        """A row as if nothing were queued."""


class Snapshot:
    """Reads of one commit."""

    flushes = 0

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

    def queue(self, sql: str, params: Sequence[Value]) -> None:
        raise StoreError("a snapshot cannot be written to")

    def peek(self, sql: str, params: Sequence[Value] = ()) -> Row | None:
        return self.row(sql, params)


class Transaction:
    """Reads and writes of one group. What must be undone with its unit alone is behind a savepoint, which the unit's
    first write makes; the first unit that writes needs none, for before it there is nothing to keep.

    What is queued is done before any other statement, else at the group's end, in one pass for all rows of a
    statement: that is half the price of a statement each.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._queue: list[tuple[str, Sequence[Value]]] = []
        self._earlier = 0  # so many of them are of units that are done
        self._in_unit = False
        self._is_dirty = False  # units that are done have written something
        self._undo: tuple[str, ...] = ()  # what undoes the unit in hand; empty: it has written nothing
        self.flushes = 0

    def rows(self, sql: str, params: Sequence[Value] = ()) -> Iterator[Row]:
        if self._queue:
            self.flush()
        return self._execute(sql, params)

    def row(self, sql: str, params: Sequence[Value] = ()) -> Row | None:
        if self._queue:
            self.flush()
        return self.peek(sql, params)

    def peek(self, sql: str, params: Sequence[Value] = ()) -> Row | None:
        row: Row | None = self._execute(sql, params).fetchone()
        return row

    def change(self, sql: str, params: Sequence[Value] = ()) -> int:
        self._before_write()
        return self._execute(sql, params).rowcount

    def change_many(self, sql: str, many: Iterable[Sequence[Value]]) -> None:
        self._before_write()
        self._connection.executemany(sql, many)

    def queue(self, sql: str, params: Sequence[Value]) -> None:
        self._queue.append((sql, params))

    def flush(self) -> None:
        """Do what is queued; what earlier units queued must not be undone with this one."""
        queue, self._queue = self._queue, []
        earlier, self._earlier = self._earlier, 0
        self.flushes += 1
        self._do(queue[:earlier])
        if len(queue) > earlier:
            self._before_write()
            self._do(queue[earlier:])

    def begin(self) -> None:
        self._execute("BEGIN IMMEDIATE")
        self._is_dirty = False

    def begin_unit(self) -> None:
        self._in_unit = True
        self._earlier = len(self._queue)

    def end_unit(self) -> None:
        if self._undo == _BACK:
            self._execute("RELEASE unit")
        self._is_dirty = self._is_dirty or bool(self._undo)
        self._in_unit, self._undo = False, ()

    def undo_unit(self) -> bool:
        """Back to where the unit began; False if it had written nothing.

        Raises StoreError where the database has ended the transaction by itself, as it does when its disk is full."""
        if not self._connection.in_transaction:
            raise StoreError("the database gave the transaction up")
        has_queued = len(self._queue) > self._earlier
        del self._queue[self._earlier :]
        self.flushes += 1
        undo, self._undo, self._in_unit = self._undo, (), False
        for statement in undo:
            self._execute(statement)
        return has_queued or bool(undo)

    def commit(self) -> None:
        self._execute("COMMIT")

    def rollback(self) -> None:
        self._queue.clear()
        self.flushes += 1
        self._in_unit, self._undo = False, ()
        if self._connection.in_transaction:
            self._execute("ROLLBACK")

    def _before_write(self) -> None:
        if self._queue:
            self.flush()
        if self._in_unit and not self._undo:
            if self._is_dirty:
                self._execute("SAVEPOINT unit")
            self._undo = _BACK if self._is_dirty else _ANEW

    def _do(self, queue: Sequence[tuple[str, Sequence[Value]]]) -> None:
        together: dict[str, list[Sequence[Value]]] = {}
        for sql, params in queue:
            together.setdefault(sql, []).append(params)
        for sql, many in together.items():
            self._connection.executemany(sql, many)
        self._is_dirty = self._is_dirty or (bool(queue) and not self._undo)
