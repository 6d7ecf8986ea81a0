"""Numbered steps from any older schema to this version's: one file each in `versions/`, run when a database is opened.

`schema.sql` is what they make together. A change of the schema is a new file here, the same change there, and the
new number in `schema.REVISION`.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from batchd.errors import StoreError

_FOLDER = Path(__file__).parent


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    return config


def migrate(path: Path, revision: str = "head") -> None:
    """Run what is missing, all of it in one transaction. Raises StoreError, and then nothing has changed."""
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path, isolation_level=None), poolclass=NullPool)
    event.listen(engine, "begin", _begin)  # or SQLite would commit each change of the schema by itself
    config = alembic_config()
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except (SQLAlchemyError, CommandError) as error:
        raise StoreError(f"{path} cannot be migrated: {error}") from error


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
