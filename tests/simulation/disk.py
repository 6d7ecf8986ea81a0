"""What is left of a server's store when the server dies."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache

from batchd.store.checkpoints import Checkpoints
from batchd.store.schema import create
from batchd.store.sqlite import DatabaseFile


class _Connection(sqlite3.Connection):
    """Who closes it only loses what is not committed: the next server goes on with it."""

    def close(self) -> None:
        self.rollback()


class Disk(DatabaseFile):
    """One database in memory, which one server after the other opens. Reads share the connection of the writes: a
    server that read while its group was open would be refused."""

    def __init__(self) -> None:
        connect = sqlite3.connect
        self._connection = connect(":memory:", isolation_level=None, cached_statements=256, factory=_Connection)
        self._connection.deserialize(_empty())

    def open_writer(self) -> sqlite3.Connection:
        return self._connection

    def open_reader(self) -> sqlite3.Connection:
        return self._connection

    def open_checkpoints(self, writer: sqlite3.Connection) -> Checkpoints | None:
        return None

    def close(self) -> None:
        """No lock is held."""

    def destroy(self) -> None:
        sqlite3.Connection.close(self._connection)


@cache
def _empty() -> bytes:
    """A new database, with its tables."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        create(connection)
        return connection.serialize()
