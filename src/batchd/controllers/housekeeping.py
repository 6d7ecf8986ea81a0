"""Chores: ended jobs, journal entries and inactive job definitions beyond their retention, expired log events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

from batchd.clock import Clock
from batchd.errors import StoreError
from batchd.scheduler.events import DefinitionLimited
from batchd.scheduler.identity import made_at
from batchd.store.store import Key, Tx
from batchd.store.writer import Writer

log = logging.getLogger(__name__)
_EVERY_S = 60.0
_AT_ONCE = 500  # rows a unit of work deletes: a chore must not hold up anybody's answer
_DAY_MS = 86_400_000
LOG_GROUP = "logs.group"
DEFINITION = "batch.job-definition"
DEFINITION_LIMIT = "batch.job-definition-limit"
INACTIVE_DEFINITION = (
    "batch.inactive-job-definition"  # named `<ms it became so, 15 digits>/<region>/<definition's key>`
)
DELETED_STREAM = "logs.deleted-stream"  # named `<task id>/…`
_INACTIVE_MS = 180 * _DAY_MS


class Housekeeping:
    """Runs once a minute. `retention_days` 0 keeps ended jobs for ever. [batch.md 1.5]

    `chores` are others' own: what they do at a time (ms), and how many rows that was; they go on while there are any.
    """

    def __init__(
        self, writer: Writer, clock: Clock, retention_days: float, chores: Sequence[Callable[[Tx, int], int]] = ()
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._retention_ms = round(retention_days * _DAY_MS)
        self._chores = chores

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.tidy()
            except StoreError as error:
                log.warning("housekeeping will try again: %s", error)

    async def tidy(self) -> None:
        """One round of every chore."""
        if self._retention_ms:
            before = self._clock.now_ms() - self._retention_ms
            while await self._writer.write(lambda tx: tx.jobs.purge(before, _AT_ONCE)) == _AT_ONCE:
                pass
            while await self._writer.write(lambda tx: tx.results.trim(before, _AT_ONCE)) == _AT_ONCE:
                pass
            while await self._writer.write(lambda tx: forget_deleted_streams(tx, before)) == _AT_ONCE:
                pass
            await self._writer.write(lambda tx: tx.journal.trim(before))
        inactive = self._clock.now_ms() - _INACTIVE_MS
        while await self._writer.write(lambda tx: expire_definitions(tx, inactive)) == _AT_ONCE:
            pass
        for chore in (expire_logs, *self._chores):
            while await self._writer.write(partial(_do, chore, self._clock.now_ms())):
                pass


def _do(chore: Callable[[Tx, int], int], now: int, tx: Tx) -> int:
    return chore(tx, now)


def expire_definitions(tx: Tx, before: int) -> int:
    """Delete some of the job definitions that were deregistered before this time (ms), oldest first; returns how
    many. [batch.md 2.1]"""
    gone = 0
    for name, _ in tx.resources.page(INACTIVE_DEFINITION, "", limit=_AT_ONCE):
        since, region, definition = name.split("/", 2)
        if int(since) >= before:
            break
        tx.resources.delete(Key(DEFINITION, region, definition))
        _forget_limit(tx, Key(DEFINITION_LIMIT, region, definition))
        tx.resources.delete(Key(INACTIVE_DEFINITION, "", name))
        gone += 1
    return gone


def _forget_limit(tx: Tx, key: Key) -> None:
    """No job can be submitted with this job definition any more."""
    limit = tx.resources.get(key)
    if limit is not None:
        tx.resources.delete(key)
        tx.journal.append(DefinitionLimited(limit["definition"], None))


def forget_deleted_streams(tx: Tx, before: int) -> int:
    """Forget some of the deleted streams of tasks whose jobs have been forgotten; returns how many. Jobs that were made
    after this time (ms) are all still there."""
    gone = 0
    for name, _ in tx.resources.page(DELETED_STREAM, "", limit=_AT_ONCE):
        task_id = name.partition("/")[0]
        if made_at(task_id) >= before:
            break
        if tx.jobs.of_task(task_id) is None:
            tx.resources.delete(Key(DELETED_STREAM, "", name))
            gone += 1
    return gone


def expire_logs(tx: Tx, now: int) -> int:
    """Delete the events that are older than their group's `retentionInDays`; groups without keep all. [logs.md 1]"""
    gone = 0
    for key, group in tx.resources.every(LOG_GROUP):
        if days := group.get("retentionInDays"):
            gone += tx.logs.expire(key.region, key.name, now - days * _DAY_MS)
    return gone
