"""The write-ahead log stays small, and no commit pays for that alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from batchd.store.checkpoints import Checkpoints, checkpoint
from tests.patience import LONG_S


@contextmanager
def connections(path: Path, number: int) -> Iterator[list[sqlite3.Connection]]:
    with ExitStack() as stack:
        found = []
        for _ in range(number):
            connection = sqlite3.connect(path / "db", isolation_level=None, check_same_thread=False)
            found.append(stack.enter_context(closing(connection)))
        found[0].execute("PRAGMA journal_mode=WAL")
        found[0].execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)")
        yield found


def write(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO t (text) VALUES (?)", ("x" * 3_000,))


def rows(connection: sqlite3.Connection) -> int:
    found = connection.execute("SELECT COUNT(*) FROM t").fetchone()
    return int(found[0])


def commit_until_the_bulk_is_moved(writer: sqlite3.Connection, checkpoints: Checkpoints) -> int:
    """Returns how many commits it took to be due."""
    commits = 0
    while not checkpoints.is_running:
        write(writer)
        checkpoints.after_commit()
        commits += 1
    assert checkpoints.bulk_done.wait(LONG_S)
    return commits


def test_a_log_that_has_grown_is_used_again_from_its_start(tmp_path: Path) -> None:
    with connections(tmp_path, 3) as (writer, bulk, other):
        checkpoints = Checkpoints(tmp_path / "db", writer, bulk, pages=180)
        assert commit_until_the_bulk_is_moved(writer, checkpoints) == 20
        for _ in range(5):
            write(writer)
        checkpoints.after_commit()
        assert not checkpoints.bulk_done.is_set()
        write(writer)
        assert checkpoint(other) < 5
        assert rows(other) == 26
        checkpoints.close()


def test_it_happens_again_and_again(tmp_path: Path) -> None:
    with connections(tmp_path, 2) as (writer, bulk):
        checkpoints = Checkpoints(tmp_path / "db", writer, bulk, pages=45)
        for _ in range(5):
            assert commit_until_the_bulk_is_moved(writer, checkpoints) <= 5
            checkpoints.after_commit()
        size = (tmp_path / "db-wal").stat().st_size
        checkpoints.close()
    assert size < 100_000


def test_a_reader_keeps_its_snapshot_while_the_log_is_moved(tmp_path: Path) -> None:
    with connections(tmp_path, 3) as (writer, bulk, reader):
        checkpoints = Checkpoints(tmp_path / "db", writer, bulk, pages=90)
        write(writer)
        reader.execute("BEGIN")
        assert rows(reader) == 1
        commits = commit_until_the_bulk_is_moved(writer, checkpoints)
        checkpoints.after_commit()
        write(writer)
        assert rows(reader) == 1
        reader.rollback()
        assert rows(reader) == commits + 2
        checkpoints.close()


def test_what_cannot_be_moved_now_is_moved_later(tmp_path: Path) -> None:
    with connections(tmp_path, 2) as (writer, other):
        write(writer)
        writer.execute("BEGIN IMMEDIATE")
        write(writer)
        assert checkpoint(writer) == 0
        writer.execute("COMMIT")
        assert checkpoint(writer) > 0
        assert rows(other) == 2


def test_a_log_that_is_long_for_its_rows_is_moved_too_and_cut_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batchd.store.checkpoints._BYTES", 1_000_000)
    with connections(tmp_path, 2) as (writer, bulk):
        checkpoints = Checkpoints(tmp_path / "db", writer, bulk)
        for size in (900_000, 900_000):
            writer.execute("INSERT INTO t (text) VALUES (?)", ("x" * size,))
            checkpoints.after_commit()
        assert checkpoints.bulk_done.wait(LONG_S)
        checkpoints.after_commit()
        write(writer)
        checkpoints.after_commit()
        assert (tmp_path / "db-wal").stat().st_size <= 1_000_000
        assert not checkpoints.is_running
        checkpoints.close()
