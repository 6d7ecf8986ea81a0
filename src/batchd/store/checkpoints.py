"""Moves what is committed from SQLite's write-ahead log into the database file, beside the commits.

SQLite's own checkpoint runs inside a commit, which then takes as long as writing all changed pages does. Here a thread
with a connection of its own does the bulk while commits go on; the next commit moves the small rest, so that the
log is used from its start again and stays small.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from threading import Event, Thread

_PAGES = 8192  # 32 MiB of log
_PAGES_A_COMMIT = 8  # what the smallest commit is likely to touch; a changed row is counted as a page of its own
_BYTES = 64 * 1024 * 1024  # the log is cut back to this when it begins again: if it is longer, rows were large
_REST = 256
_PASSES = 4


class Checkpoints:
    """Of the connection that writes to the database at `path`. `bulk` is a connection only this class uses.

    `is_running` from the moment there is enough to move; `bulk_done` is set when the rest is left to the next commit.
    """

    def __init__(self, path: Path, writer: sqlite3.Connection, bulk: sqlite3.Connection, pages: int = _PAGES) -> None:
        self._log = Path(f"{path}-wal")
        self._writer = writer
        self._bulk = bulk
        self._pages = pages
        self._pages_since = 0
        self._changes_before = writer.total_changes
        self.is_running = False
        self._is_closed = False
        writer.execute("PRAGMA wal_autocheckpoint=0")
        writer.execute(f"PRAGMA journal_size_limit={_BYTES}")
        self._due = Event()
        self.bulk_done = Event()
        self._thread = Thread(target=self._run, name="checkpoint", daemon=True)
        self._thread.start()

    def after_commit(self) -> None:
        """On the thread that commits, with no transaction open."""
        if self.bulk_done.is_set():
            self.bulk_done.clear()
            self.is_running = False
            checkpoint(self._writer)
        changes = self._writer.total_changes
        self._pages_since += changes - self._changes_before + _PAGES_A_COMMIT
        self._changes_before = changes
        if not self.is_running and self._is_large():
            self._pages_since = 0
            self.is_running = True
            self._due.set()

    def close(self) -> None:
        self._is_closed = True
        self._due.set()
        self._thread.join()
        self._bulk.close()

    def _is_large(self) -> bool:
        return self._pages_since >= self._pages or self._log.stat().st_size > _BYTES

    def _run(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            if self._is_closed:
                return
            self._move_bulk()
            self.bulk_done.set()

    def _move_bulk(self) -> None:
        """Each pass moves what was committed during the one before, until that is little."""
        before = 0
        for _ in range(_PASSES):
            pages = checkpoint(self._bulk)
            if pages - before < _REST or self._is_closed:
                return
            before = pages


def checkpoint(connection: sqlite3.Connection) -> int:
    """Move what no reader needs any more, without waiting for anybody; returns the pages in the log.

    A failure loses nothing, for the log still has everything: a later one tries again."""
    try:
        _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except sqlite3.OperationalError:
        return 0
    return int(pages)
