"""Schema and migrations."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from batchd.clock import ManualClock
from batchd.errors import StoreError
from batchd.store import migrations
from batchd.store.codec import encode
from batchd.store.schema import REVISION, bring_up_to_date
from batchd.store.sqlite import open_sqlite
from batchd.store.store import Search
from tests.contract.stores import QUEUE, job_ids, job_spec, submit


@contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def make_unmigrated(path: Path) -> None:
    """A database of ours from before the first migration."""
    with database(path) as connection:
        connection.execute(
            "CREATE TABLE alembic_version "
            "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )


def shape(path: Path) -> dict[str, Any]:
    """Tables, columns and indexes, but not how they were written down."""
    with database(path) as connection:

        def ask(sql: str) -> list[Any]:
            return connection.execute(sql).fetchall()

        found: dict[str, Any] = {}
        for (table,) in ask("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"):
            indexes = [index[1:] for index in ask(f"PRAGMA index_list({table})")]
            columns = {index[0]: ask(f"PRAGMA index_xinfo({index[0]})") for index in indexes}
            found[table] = (ask(f"PRAGMA table_xinfo({table})"), sorted(indexes), columns)
        return found


def test_all_migrations_together_make_the_schema(tmp_path: Path) -> None:
    bring_up_to_date(tmp_path / "new.db")
    make_unmigrated(tmp_path / "old.db")
    bring_up_to_date(tmp_path / "old.db")
    assert shape(tmp_path / "old.db") == shape(tmp_path / "new.db")
    assert len(shape(tmp_path / "new.db")) == 24


def test_the_last_migration_is_the_one_the_code_knows() -> None:
    scripts = ScriptDirectory.from_config(migrations.alembic_config())
    assert scripts.get_heads() == [REVISION]
    numbers = sorted(path.name[:4] for path in (Path(migrations.__file__).parent / "versions").glob("0*.py"))
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert numbers[-1] == REVISION


def test_a_store_is_migrated_when_it_is_opened(tmp_path: Path) -> None:
    make_unmigrated(tmp_path / "store.db")
    with closing(open_sqlite(tmp_path / "store.db", ManualClock())) as store:
        store.transact(submit("j-1"))
        with store.read() as tx:
            assert job_ids(tx) == ["j-1"]


def test_streams_of_an_older_database_are_found_by_time(tmp_path: Path) -> None:
    make_unmigrated(tmp_path / "store.db")
    migrations.migrate(tmp_path / "store.db", "0002")
    with database(tmp_path / "store.db") as connection:
        connection.execute("INSERT INTO log_groups VALUES (1, 'us-east-1', 'g')")
        connection.executemany(
            "INSERT INTO log_streams VALUES (?, 1, ?, 1, ?, ?, 9, 2)",
            [(1, "old", 5, 5), (2, "empty", None, None), (3, "new", 4, 7)],
        )
    with closing(open_sqlite(tmp_path / "store.db", ManualClock())) as store, store.read() as tx:
        found = tx.logs.streams_by_time("us-east-1", "g", None, newest_first=True, limit=9)
        assert [(stream.name, stream.last_event_at) for stream in found] == [("new", 7), ("old", 5), ("empty", None)]


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    make_unmigrated(tmp_path / "store.db")
    with database(tmp_path / "store.db") as connection:
        connection.execute("CREATE TABLE journal (mine TEXT)")
    before = shape(tmp_path / "store.db")
    with pytest.raises(StoreError, match="cannot be migrated"):
        open_sqlite(tmp_path / "store.db", ManualClock())
    assert shape(tmp_path / "store.db") == before


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    open_sqlite(tmp_path / "store.db", ManualClock()).close()
    with database(tmp_path / "store.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="written by a newer batchd: its schema is 9999"):
        open_sqlite(tmp_path / "store.db", ManualClock())


def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    with database(tmp_path / "store.db") as connection:
        connection.execute("CREATE TABLE accounts (name TEXT)")
    with pytest.raises(StoreError, match="not one of batchd"):
        open_sqlite(tmp_path / "store.db", ManualClock())


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("not a database at all, " * 100)
    with pytest.raises(StoreError, match="cannot open"):
        open_sqlite(tmp_path / "store.db", ManualClock())


def test_a_server_whose_database_is_up_to_date_starts_without_alembic(tmp_path: Path) -> None:
    open_sqlite(tmp_path / "store.db", ManualClock()).close()
    code = (
        "import sys; from batchd.clock import SystemClock; from batchd.store.sqlite import open_sqlite\n"
        f"open_sqlite({str(tmp_path / 'store.db')!r}, SystemClock()).close()\n"
        "print(sorted({'alembic', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_jobs_survive_the_second_migration_and_become_history(tmp_path: Path) -> None:
    make_unmigrated(tmp_path / "store.db")
    migrate_to(tmp_path / "store.db", "0001")
    columns = "job_id, region, queue, name, name_key, definition, definition_key, status, attempts"
    numbers = "created_at, submitted_at, stopped_at, is_cancelled, is_terminated, clamped"
    with database(tmp_path / "store.db") as connection:
        for job_id, status in (("j-1", "SUCCEEDED"), ("j-2", "RUNNABLE")):
            connection.execute(
                f"INSERT INTO jobs ({columns}, {numbers})"
                " VALUES (?, 'r', ?, 'feed', 'feed', 'd:1', 'd:1', ?, '[]', 1, 1, 9, 0, 0, 0)",
                (job_id, QUEUE, status),
            )
            connection.execute(
                "INSERT INTO job_documents (number, document, task, tags, spec)"
                " SELECT number, '{}', x'7b7d', '{}', ? FROM jobs WHERE job_id = ?",
                (encode(job_spec(job_id)), job_id),
            )
        connection.execute("INSERT INTO job_counts (queue, status, jobs) VALUES (?, 'RUNNABLE', 1)", (QUEUE,))

    with closing(open_sqlite(tmp_path / "store.db", ManualClock())) as store, store.read() as tx:
        assert tx.history.search(Search(("", QUEUE + "\x01")), None, 10) == (["j-1"], None)
        (alive,) = tx.jobs.live()
        assert (alive.job_id, alive.runnable_at) == ("j-2", None)


def migrate_to(path: Path, revision: str) -> None:
    """As far as this revision."""
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path), poolclass=NullPool)
    config = migrations.alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
