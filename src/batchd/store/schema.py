"""Brings a database to the schema of this version."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from batchd.errors import StoreError

REVISION = "0001"  # the last file of migrations/versions
_SCHEMA = Path(__file__).parent / "schema.sql"


def bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables of a new database. Raises StoreError where the file is not ours or too new."""
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    if not tables:
        _create(connection)
        return
    if "alembic_version" not in tables:
        raise StoreError(f"{path} is a database, but not one of batchd")
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if row and row[0] > REVISION:
        raise StoreError(f"{path} was written by a newer batchd (schema {row[0]}, this one knows {REVISION})")


def _create(connection: sqlite3.Connection) -> None:
    sql = _SCHEMA.read_text(encoding="utf-8")
    stamp = f"INSERT INTO alembic_version (version_num) VALUES ('{REVISION}');"
    connection.executescript(f"BEGIN IMMEDIATE;\n{sql}\n{stamp}\nCOMMIT;")
