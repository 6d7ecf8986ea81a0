"""The store on SQLite: one connection that writes, a few that read, one file."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from batchd.clock import Clock
from batchd.errors import StoreError
from batchd.scheduler.events import Event
from batchd.store.jobs import JobRows
from batchd.store.journal import JournalRows
from batchd.store.logs import LogCursorRows, LogRows
from batchd.store.resources import CachedResourceRows, ResourceRows
from batchd.store.schema import bring_up_to_date
from batchd.store.session import Group, Session, Snapshot
from batchd.store.store import JournalReader, Outcome, Store, Tx

T = TypeVar("T")
MEMORY = ":memory:"


def open_sqlite(path: str | Path, clock: Clock) -> Store:
    """Open or create the database; `:memory:` is one that is gone when closed.

    Raises StoreError where the file is not ours, is newer than this version or is in use by another server."""
    return SqliteStore(path, clock)


class _Tables:
    """`store.Tx` over a session."""

    def __init__(self, session: Session, resources: ResourceRows, clock: Clock) -> None:
        self.resources = resources
        self.jobs = JobRows(session)
        self.journal = JournalRows(session, clock)
        self.logs = LogRows(session)
        self.log_cursors = LogCursorRows(session)


class _Reader:
    """One connection for snapshots."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        session = Snapshot(connection)
        self.connection = connection
        self.tables = _Tables(session, ResourceRows(session), clock)


class SqliteStore:
    """`store.Store` on SQLite. A memory store is a file that is never synced and goes with the process:
    so it has the same snapshots beside an open transaction as any other."""

    name = "sqlite"

    def __init__(self, path: str | Path, clock: Clock) -> None:
        self._clock = clock
        self._is_memory = str(path) == MEMORY
        self._path = _temporary_file(self) if self._is_memory else Path(path)
        self._writer = self._connect()
        bring_up_to_date(self._writer, self._path)
        self._group = Group(self._writer)
        self._resources = CachedResourceRows(self._group)
        self._tables = _Tables(self._group, self._resources, clock)
        self._free: list[_Reader] = []
        self._followers: list[JournalReader] = []
        self._told: list[JournalReader] = []
        self._is_open = False

    def follow(self, reader: JournalReader) -> None:
        self._followers.append(reader)

    def apply(self, works: Iterable[Callable[[Tx], Any]]) -> list[Outcome]:
        if self._is_open:
            raise StoreError("a group is open already")
        outcomes: list[Outcome] = []
        units = list(works)
        try:
            self._begin()
            for work in units:
                outcomes.append(self._run(work))
            self._tell()
        except Exception as error:  # noqa: BLE001 - whatever a follower raises must undo the group
            self._undo()
            self.settle(False)
            outcomes += [Outcome()] * (len(units) - len(outcomes))
            return [_lost(outcome, error) for outcome in outcomes]
        return outcomes

    def commit(self) -> None:
        if not self._is_open:
            return
        try:
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo()
            raise StoreError(f"the group was not committed: {error}") from error

    def settle(self, committed: bool) -> None:
        self._is_open = False
        told, self._told = self._told, []
        if not committed:
            self._resources.forget()
        for follower in told:
            if committed:
                follower.on_commit()
            else:
                follower.on_rollback()

    def transact(self, work: Callable[[Tx], T]) -> T:
        (outcome,) = self.apply([work])
        try:
            self.commit()
        except StoreError:
            self.settle(False)
            raise
        self.settle(True)
        if outcome.error is not None:
            raise outcome.error
        result: T = outcome.result
        return result

    @contextmanager
    def read(self) -> Iterator[Tx]:
        reader = self._free.pop() if self._free else _Reader(self._connect(), self._clock)
        try:
            reader.connection.execute("BEGIN")
            yield reader.tables
        except sqlite3.Error as error:
            raise StoreError(f"cannot read: {error}") from error
        finally:
            reader.connection.rollback()
            self._free.append(reader)

    def close(self) -> None:
        for reader in self._free:
            reader.connection.close()
        self._free.clear()
        self._writer.close()

    def _begin(self) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        self._is_open = True
        self._tables.journal.appended = []

    def _run(self, work: Callable[[Tx], Any]) -> Outcome:
        """One unit, all or nothing."""
        mark = len(self._tables.journal.appended)
        self._group.begin_unit()
        try:
            result = work(self._tables)
            self._group.end_unit()
        except Exception as error:  # noqa: BLE001 - a unit's error goes to its caller
            self._undo_unit(mark)
            return Outcome(error=_as_store_error(error))
        return Outcome(result)

    def _undo_unit(self, mark: int) -> None:
        if not self._writer.in_transaction:
            raise StoreError("the database ended the transaction")
        del self._tables.journal.appended[mark:]
        if self._group.undo_unit():
            self._resources.forget()

    def _tell(self) -> None:
        events: list[Event] = list(self._tables.journal.appended)
        if events:
            for follower in self._followers:
                self._told.append(follower)
                follower.on_events(self._tables, events)

    def _undo(self) -> None:
        self._group.forget_unit()
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, cached_statements=256)
        synchronous = "OFF" if self._is_memory else "FULL"
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "busy_timeout=5000", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        return connection


def _temporary_file(owner: object) -> Path:
    folder = tempfile.mkdtemp(prefix="batchd-")
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder) / "memory.db"


def _as_store_error(error: Exception) -> Exception:
    if not isinstance(error, sqlite3.Error):
        return error
    wrapped = StoreError(str(error))
    wrapped.__cause__ = error
    return wrapped


def _lost(outcome: Outcome, error: Exception) -> Outcome:
    if outcome.error is not None:
        return outcome
    lost = StoreError(f"the group was rolled back: {error}")
    lost.__cause__ = error
    return Outcome(error=lost)
