"""Ends the infrastructure updates of compute environments: their old jobs first, where time is up. [batch.md 6.5]

Jobs that run when the machines of an environment are replaced may go on for a while. Then they lose their machine: the
attempt fails as it does on AWS, and the next one, if there is one, takes place on a new machine.
"""

from __future__ import annotations

import asyncio
import logging

from batchd.clock import Clock
from batchd.controllers.launch import Launch
from batchd.controllers.schedule import ENVIRONMENT, Schedule
from batchd.errors import StoreError
from batchd.scheduler.commands import StopTask
from batchd.scheduler.events import TaskLost
from batchd.scheduler.state import Job
from batchd.store.store import Body, Key, Store, Tx
from batchd.store.writer import Writer

log = logging.getLogger(__name__)
_EVERY_S = 1.0
_REASON = "The instance was replaced by an update of its compute environment"
_VALID = {"status": "VALID", "statusReason": "ComputeEnvironment Healthy"}


class Replacement:
    """Once a second. Everything it needs to know is in the environments' documents: it may die at any time."""

    def __init__(self, store: Store, writer: Writer, schedule: Schedule, launch: Launch, clock: Clock) -> None:
        self._store = store
        self._writer = writer
        self._schedule = schedule
        self._launch = launch
        self._clock = clock

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.go_on()
            except StoreError as error:
                log.warning("updates of environments will be tried again: %s", error)

    async def go_on(self) -> None:
        """One look at every environment that is being updated."""
        with self._store.read() as tx:
            updating = [(key, body) for key, body in tx.resources.every(ENVIRONMENT) if "replacing" in body]
        for key, body in updating:
            await self._go_on_with(key, body)

    async def _go_on_with(self, key: Key, body: Body) -> None:
        since, until = body["replacing"]["since"], body["replacing"]["until"]
        old = self._old_jobs(body["spec"]["arn"], since)
        if not old:
            await self._writer.write(lambda tx: finish(tx, key, since))
        elif self._clock.now_ms() >= until:
            await self._replace([StopTask(str(job.task_id), job.job_id) for job in old])

    async def _replace(self, stops: list[StopTask]) -> None:
        """Record the loss, then stop what is lost: a task nobody knows of any more ends with the next restart."""
        now = self._clock.now_ms()
        await self._writer.write(lambda tx: append(tx, [TaskLost(stop.task_id, now, _REASON) for stop in stops]))
        self._launch.perform(stops)

    def _old_jobs(self, environment: str, since: int) -> list[Job]:
        """Those that run there and began before."""
        return [
            job
            for job in self._schedule.scheduler.state.tasks.values()
            if job.environment == environment and job.started_at is not None and job.started_at < since
        ]


def append(tx: Tx, events: list[TaskLost]) -> None:
    for event in events:
        tx.journal.append(event)


def finish(tx: Tx, key: Key, since: int) -> None:
    """The environment is VALID again, unless it was deleted, or updated anew, meanwhile."""
    body = tx.resources.get(key)
    if body is None or body.get("replacing", {}).get("since") != since:
        return
    rest = {member: value for member, value in body.items() if member != "replacing"}
    tx.resources.put(key, {**rest, "aws": body["aws"] | _VALID})
