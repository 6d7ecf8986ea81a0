"""What is SQLite's own: the file, its lock, its failures, its recovery."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from batchd.clock import ManualClock
from batchd.errors import StoreError
from batchd.scheduler.events import JobStatus
from batchd.store.sqlite import DatabaseFile, SqliteStore, open_sqlite
from batchd.store.store import Key, Store, Tx
from batchd.store.writer import Writer
from tests.contract.stores import job_ids, submit


class Follower:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_events(self, tx: Tx, events: object) -> None:
        self.heard.append("events")

    def on_commit(self) -> None:
        self.heard.append("commit")

    def on_rollback(self) -> None:
        self.heard.append("rollback")


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    with closing(open_sqlite(path, ManualClock())) as store:
        yield store


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """As on a full disk: writes beyond this size fail, for this process and now only."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def put_large(tx: Tx) -> None:
    tx.resources.put(Key("test.noun", "", "large"), {"text": "x" * 200_000})


# The file


def test_what_was_written_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    with opened(tmp_path / "a" / "store.db") as store:
        store.transact(submit("j-1"))
    with opened(tmp_path / "a" / "store.db") as store, store.read() as tx:
        assert job_ids(tx) == ["j-1"]
        assert len(tx.journal.read(0, 10)) == 1


def test_a_memory_store_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = open_sqlite(":memory:", ManualClock())
    assert len(list(tmp_path.iterdir())) == 1
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_memory_stores_know_nothing_of_each_other() -> None:
    with closing(open_sqlite(":memory:", ManualClock())) as one, closing(open_sqlite(":memory:", ManualClock())) as two:
        one.transact(submit("j-1"))
        with two.read() as tx:
            assert job_ids(tx) == []


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot open"):
        open_sqlite(tmp_path / "file" / "store.db", ManualClock())


def test_every_commit_is_synced(tmp_path: Path) -> None:
    """FULL, not SQLite's default for such a file: or the last commits could be lost with the power."""
    file = DatabaseFile(tmp_path / "store.db")
    connection = file.open_writer()
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    file.close()


# The lock


def test_two_servers_cannot_use_one_file_and_the_second_hears_who_has_it(tmp_path: Path) -> None:
    said = rf"store.db is in use by another batchd \(process {os.getpid()}\)"
    with opened(tmp_path / "store.db"), pytest.raises(StoreError, match=said):
        open_sqlite(tmp_path / "store.db", ManualClock())
    open_sqlite(tmp_path / "store.db", ManualClock()).close()


def test_a_file_that_could_not_be_opened_is_not_locked(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_text("not a database " * 100)
    for _ in range(2):
        with pytest.raises(StoreError, match="cannot open"):
            open_sqlite(path, ManualClock())


# Failures


async def test_a_commit_that_fails_fails_its_group_and_the_next_group_works(tmp_path: Path) -> None:
    with opened(tmp_path / "store.db") as store:
        follower = Follower()
        store.follow(follower)
        writer = Writer(store)
        await writer.write(submit("j-1"))
        with files_no_larger_than(100_000):
            results = await asyncio.gather(writer.write(put_large), writer.write(submit("j-2")), return_exceptions=True)
        await writer.write(submit("j-3"))
        await writer.close()
        with store.read() as tx:
            found = (job_ids(tx), tx.resources.get(Key("test.noun", "", "large")))
    assert [str(result)[:29] for result in results] == ["the group was not committed: "] * 2
    assert follower.heard == ["events", "commit", "events", "rollback", "events", "commit"]
    assert found == (["j-1", "j-3"], None)


def test_transact_raises_when_its_commit_fails(tmp_path: Path) -> None:
    with opened(tmp_path / "store.db") as store:
        with files_no_larger_than(100_000), pytest.raises(StoreError, match="not committed"):
            store.transact(put_large)
        store.transact(submit("j-1"))
        with store.read() as tx:
            assert job_ids(tx) == ["j-1"]


def test_a_database_that_gives_a_transaction_up_loses_the_whole_group(tmp_path: Path) -> None:
    store = SqliteStore(DatabaseFile(tmp_path / "store.db", "max_page_count=40"), ManualClock())
    with closing(store):
        outcomes = store.apply([submit("j-1"), put_large, submit("j-2")])
        assert [type(outcome.error) for outcome in outcomes] == [StoreError] * 3
        assert "gave the transaction up" in str(outcomes[0].error)
        store.commit()
        store.settle(True)
        store.transact(submit("j-3"))
        with store.read() as tx:
            assert job_ids(tx) == ["j-3"]


def test_a_broken_statement_is_a_store_error(tmp_path: Path) -> None:
    def break_down(tx: Tx) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with opened(tmp_path / "store.db") as store:
        with pytest.raises(StoreError, match="disk I/O error"):
            store.transact(break_down)
        with pytest.raises(StoreError, match="cannot read"), store.read():
            raise sqlite3.OperationalError("disk I/O error")


def test_an_event_that_only_a_newer_version_knows_is_a_clear_error(tmp_path: Path) -> None:
    open_sqlite(tmp_path / "store.db", ManualClock()).close()
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as connection:
        connection.execute("INSERT INTO journal (at, kind, body) VALUES (1, 'JobTeleported', '{}')")
    said = "a JobTeleported, which this version does not know"
    with opened(tmp_path / "store.db") as store, store.read() as tx, pytest.raises(StoreError, match=said):
        tx.journal.read(0, 10)


# Recovery

VICTIM = """
import asyncio, sys
from pathlib import Path
from batchd.clock import SystemClock
from batchd.store.sqlite import open_sqlite
from batchd.store.writer import Writer
from tests.contract.stores import submit

async def client(writer, name):
    for number in range(10_000):
        job_id = f"{name}-{number}"
        await writer.write(submit(job_id, document={"pad": "x" * (number % 5_000)}))
        sys.stdout.write(job_id + "\\n")
        sys.stdout.flush()

async def main():
    writer = Writer(open_sqlite(Path(sys.argv[1]), SystemClock()))
    await asyncio.gather(*[client(writer, f"client{number}") for number in range(8)])

asyncio.run(main())
"""


def kill_after(path: Path, acknowledged: int) -> list[str]:
    """Run a writer and kill it once it has acknowledged so many units; returns all that it had acknowledged."""
    command = [sys.executable, "-c", VICTIM, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as victim:
        assert victim.stdout is not None
        lines = [victim.stdout.readline() for _ in range(acknowledged)]
        victim.send_signal(signal.SIGKILL)
        lines += victim.stdout.readlines()
    return [line.strip() for line in lines if line.endswith("\n") and line.strip()]


@pytest.mark.parametrize("seed", range(4))
def test_a_server_killed_at_any_moment_has_kept_every_unit_it_acknowledged(tmp_path: Path, seed: int) -> None:
    acknowledged = kill_after(tmp_path / "store.db", random.Random(seed).randrange(1, 1_500))
    with opened(tmp_path / "store.db") as store, store.read() as tx:
        kept = job_ids(tx)
        told = [event.job.job_id for _, _, event in tx.journal.read(0, 100_000)]
        counts = sum(jobs for by_status in tx.jobs.counts().values() for jobs in by_status.values())
    assert set(acknowledged) <= set(kept)
    assert told == kept
    assert counts == len(kept)


def test_an_open_group_is_lost_when_the_store_is_closed(tmp_path: Path) -> None:
    with opened(tmp_path / "store.db") as store:
        store.transact(submit("j-1"))
        store.apply([submit("j-2")])
    with opened(tmp_path / "store.db") as store, store.read() as tx:
        assert job_ids(tx) == ["j-1"]
        assert tx.jobs.status_of("j-1") is JobStatus.SUBMITTED
