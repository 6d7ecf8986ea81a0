"""Brings a database to the schema of this version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from batchd.errors import StoreError

REVISION = "0010"  # the last file of migrations/versions
_SCHEMA = Path(__file__).parent / "schema.sql"


def bring_up_to_date(path: Path) -> None:
    """Make the tables of a new database, or migrate those of an older one; nothing of either without all of it.

    Raises StoreError where the file is not ours or was written by a newer version."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        if not tables:
            create(connection)
            return
        if "alembic_version" not in tables:
            raise StoreError(f"{path} is a database, but not one of batchd")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    revision = row[0] if row else ""
    if revision > REVISION:
        raise StoreError(
            f"{path} was written by a newer batchd: its schema is {revision}, this version knows {REVISION}"
        )
    if revision < REVISION:
        from batchd.store.migrations import migrate  # Alembic takes longer to import than a server to start

        migrate(path)


def create(connection: sqlite3.Connection) -> None:
    """All tables at once, stamped with the last migration's number."""
    sql = _SCHEMA.read_text(encoding="utf-8")
    stamp = f"INSERT INTO alembic_version (version_num) VALUES ('{REVISION}');"
    connection.executescript(f"BEGIN IMMEDIATE;\n{sql}\n{stamp}\nCOMMIT;")
