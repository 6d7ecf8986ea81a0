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
from batchd.errors import EventsRefused, StoreError
from batchd.store.archives import ArchiveRows
from batchd.store.blobs import BlobRows
from batchd.store.checkpoints import Checkpoints
from batchd.store.consumables import ConsumableRows
from batchd.store.deliveries import DeliveryRows
from batchd.store.history import HistoryRows
from batchd.store.jobs import JobRows
from batchd.store.journal import JournalRows
from batchd.store.lock import FileLock
from batchd.store.logs import LogCursorRows, LogRows
from batchd.store.messages import MessageRows, RecentRows
from batchd.store.records import BusRecordRows
from batchd.store.resources import CachedResourceRows, ResourceRows
from batchd.store.results import ResultRows
from batchd.store.schema import bring_up_to_date
from batchd.store.session import Session, Snapshot, Transaction
from batchd.store.shares import ShareRows
from batchd.store.store import JournalReader, Outcome, Store, Tx
from batchd.store.ticks import TickRows

T = TypeVar("T")
MEMORY = ":memory:"


def open_sqlite(path: str | Path, clock: Clock) -> Store:
    """Open or create the database; `:memory:` is one that is gone when it is closed.

    Raises StoreError where the file is not ours, is newer than this version or is in use by another server."""
    if str(path) == MEMORY:
        return SqliteStore(MemoryFile(), clock)
    return SqliteStore(DatabaseFile(Path(path)), clock)


class DatabaseFile:
    """A file and its lock; opens connections to it. `pragmas` are settings of the one that writes."""

    def __init__(self, path: Path, *pragmas: str) -> None:
        self._path = path
        self._pragmas = pragmas or ("synchronous=FULL", "cache_size=-65536")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(path.with_name(f"{path.name}.lock"))
        except OSError as error:
            raise StoreError(f"cannot open {path}: {error}") from error

    def open_writer(self) -> sqlite3.Connection:
        """The connection that writes, to tables of this version."""
        try:
            bring_up_to_date(self._path)
            connection = self.connect("journal_mode=WAL", *self._pragmas)
        except sqlite3.Error as error:
            self._lock.release()
            raise StoreError(f"cannot open {self._path}: {error}") from error
        except StoreError:
            self._lock.release()
            raise
        return connection

    def open_reader(self) -> sqlite3.Connection:
        return self.connect("query_only=ON", "cache_size=-16384")

    def open_checkpoints(self, writer: sqlite3.Connection) -> Checkpoints | None:
        return Checkpoints(self._path, writer, self.connect("synchronous=FULL"))

    def close(self) -> None:
        self._lock.release()

    def connect(self, *pragmas: str) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, cached_statements=256)
        for pragma in ("busy_timeout=5000", "temp_store=MEMORY", *pragmas):
            connection.execute(f"PRAGMA {pragma}")
        return connection


class MemoryFile(DatabaseFile):
    """A file that is never synced and goes with the process. SQLite's own memory databases let nobody read beside an
    open transaction; this one behaves as any other store does."""

    def __init__(self) -> None:
        folder = tempfile.mkdtemp(prefix="batchd-")
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        super().__init__(Path(folder) / "memory.db", "synchronous=OFF")

    def open_checkpoints(self, writer: sqlite3.Connection) -> Checkpoints | None:
        """SQLite's own are quick where nothing is synced."""
        return None

    def close(self) -> None:
        super().close()
        self._remove()


class _Tables:
    """`store.Tx` over a session."""

    def __init__(self, session: Session, resources: ResourceRows, clock: Clock) -> None:
        self.resources = resources
        self.jobs = JobRows(session)
        self.journal = JournalRows(session, clock, self.tell)
        self.logs = LogRows(session)
        self.log_cursors = LogCursorRows(session)
        self.results = ResultRows(session)
        self.history = HistoryRows(session)
        self.messages = MessageRows(session)
        self.recent = RecentRows(session)
        self.consumables = ConsumableRows(session)
        self.shares = ShareRows(session)
        self.deliveries = DeliveryRows(session, self.tell)
        self.ticks = TickRows(session)
        self.bus_records = BusRecordRows(session)
        self.archives = ArchiveRows(session)
        self.blobs = BlobRows(session)
        self.told: list[str] = []  # topics, by the open group

    def tell(self, topic: str) -> None:
        self.told.append(topic)


class _Snapshot(_Tables):
    """For readers, who have nothing to tell."""

    def tell(self, topic: str) -> None:
        raise StoreError("a snapshot has nothing to tell")


class _Reader:
    """One connection for snapshots."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        session = Snapshot(connection)
        self.connection = connection
        self.tables = _Snapshot(session, ResourceRows(session), clock)


class SqliteStore:
    """`store.Store` on SQLite."""

    name = "sqlite"

    def __init__(self, file: DatabaseFile, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._writer = file.open_writer()
        self._checkpoints = file.open_checkpoints(self._writer)
        self._transaction = Transaction(self._writer)
        self._resources = CachedResourceRows(self._transaction)
        self._tables = _Tables(self._transaction, self._resources, clock)
        self._free: list[_Reader] = []
        self._followers: list[JournalReader] = []
        self._listeners: list[Callable[[str], None]] = []
        self._told: list[JournalReader] = []  # followers that saw the open group's events
        self._is_open = False

    def follow(self, reader: JournalReader) -> None:
        self._followers.append(reader)

    def listen(self, hear: Callable[[str], None]) -> None:
        self._listeners.append(hear)

    def apply(self, works: Iterable[Callable[[Tx], Any]]) -> list[Outcome]:
        units = list(works)
        outcomes: list[Outcome] = []
        self._open_group()
        try:
            self._transaction.begin()
            outcomes.extend(self._run(work) for work in units)
            self._tell_followers()
            self._transaction.flush()
        except Exception as error:  # noqa: BLE001 - whatever stops a group, its callers must hear of it
            self._give_up()
            outcomes += [Outcome()] * (len(units) - len(outcomes))
            return [_lost(outcome, error) for outcome in outcomes]
        except BaseException:
            self._give_up()
            raise
        return outcomes

    def commit(self) -> None:
        if not self._is_open:
            return
        try:
            self._transaction.commit()
        except sqlite3.Error as error:
            self._transaction.rollback()
            raise StoreError(f"the group was not committed: {error}") from error
        if self._checkpoints is not None:
            self._checkpoints.after_commit()

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
        topics, self._tables.told = self._tables.told, []
        if committed:
            for topic in topics:
                for hear in self._listeners:
                    hear(topic)

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
        reader = self._free.pop() if self._free else _Reader(self._file.open_reader(), self._clock)
        try:
            reader.connection.execute("BEGIN")
            yield reader.tables
        except sqlite3.Error as error:
            raise StoreError(f"cannot read: {error}") from error
        finally:
            reader.connection.rollback()
            self._free.append(reader)

    def close(self) -> None:
        """An open group is lost."""
        for reader in self._free:
            reader.connection.close()
        self._free.clear()
        if self._checkpoints is not None:
            self._checkpoints.close()
        self._writer.close()
        self._file.close()

    def _open_group(self) -> None:
        if self._is_open:
            raise StoreError("a group is open already")
        self._is_open = True
        self._tables.journal.appended.clear()

    def _run(self, work: Callable[[Tx], Any]) -> Outcome:
        """One unit, all or nothing."""
        appended, told = self._tables.journal.appended, self._tables.told
        mark, told_before = len(appended), len(told)
        self._transaction.begin_unit()
        try:
            result = work(self._tables)
            self._tables.jobs.write_counts()
            self._transaction.end_unit()
        except Exception as error:  # noqa: BLE001 - a unit's error goes to its caller
            del told[told_before:]
            if self._transaction.undo_unit():
                self._tables.jobs.forget_counts()
                del appended[mark:]
                self._resources.forget()
            return Outcome(error=_as_store_error(error))
        return Outcome(result)

    def _tell_followers(self) -> None:
        events = tuple(self._tables.journal.appended)
        if not events:
            return
        for follower in self._followers:
            self._told.append(follower)
            try:
                follower.on_events(self._tables, events)
            except sqlite3.Error:
                raise
            except Exception as error:
                raise EventsRefused(f"{type(follower).__name__} broke down: {error!r}") from error
        self._tables.jobs.write_counts()

    def _give_up(self) -> None:
        """Nothing of the group happened, and nothing is left to commit."""
        self._transaction.rollback()
        self._tables.jobs.forget_counts()
        self.settle(False)


def _as_store_error(error: Exception) -> Exception:
    if not isinstance(error, sqlite3.Error):
        return error
    wrapped = StoreError(str(error))
    wrapped.__cause__ = error
    return wrapped


def _lost(outcome: Outcome, error: Exception) -> Outcome:
    """What a unit's caller hears when its group is lost; a unit that had failed keeps its own error."""
    if outcome.error is not None:
        return outcome
    kind = EventsRefused if isinstance(error, EventsRefused) else StoreError
    lost = kind(f"the group was rolled back: {error}")
    lost.__cause__ = error
    return Outcome(error=lost)
