"""Remembers how busy each environment has been, so that its vCPUs can go down a while after its jobs. [batch.md 6.3]"""

from __future__ import annotations

import asyncio
from collections import deque

from batchd.clock import Clock
from batchd.controllers.schedule import Schedule

_EVERY_S = 1.0
_LONGEST_MS = 10_080 * 60_000  # the longest scale-down delay there is


class Demand:
    """Looks once a second, and whenever it is asked. What was before the server's start is forgotten."""

    def __init__(self, schedule: Schedule, clock: Clock) -> None:
        self._schedule = schedule
        self._clock = clock
        # By environment: (when last seen, vCPUs), the vCPUs falling: what is smaller and older matters no more.
        self._peaks: dict[str, deque[tuple[int, float]]] = {}

    def vcpus(self, environment: str, since_ms: int) -> float:
        """The most vCPUs that were in use in the environment (ARN) at any time since, now included."""
        self.observe()
        return next((vcpus for at, vcpus in self._peaks.get(environment, ()) if at >= since_ms), 0.0)

    def queue_vcpus(self, queue: str) -> float:
        """The vCPUs that the queue's (ARN) jobs use now."""
        placed = self._schedule.scheduler.state.placed()
        return sum(job.spec.resources.vcpus_milli for job in placed if job.spec.queue == queue) / 1000

    def queue_instances(self, queue: str) -> dict[str, dict[str, int]]:
        """The instances that the queue's (ARN) service jobs use now, by share and type."""
        found = self._schedule.scheduler.state.queues.get(queue)
        lines = () if found is None else found.lines.values()
        return {line.name: dict(line.instances) for line in lines if line.instances}

    def observe(self) -> None:
        """Note what is in use now."""
        now = self._clock.now_ms()
        present = {one["environment"]: one["vcpusInUse"] for one in self._schedule.scheduler.overview()["environments"]}
        for environment, vcpus in present.items():
            _note(self._peaks.setdefault(environment, deque()), now, vcpus)
        for environment in self._peaks.keys() - present.keys():
            del self._peaks[environment]

    async def run(self) -> None:
        while True:
            self.observe()
            await asyncio.sleep(_EVERY_S)


def _note(peaks: deque[tuple[int, float]], now: int, vcpus: float) -> None:
    """The last entry is of now; older ones were seen with more."""
    while peaks and peaks[-1][1] <= vcpus:
        peaks.pop()
    peaks.append((now, vcpus))
    while peaks[0][0] < now - _LONGEST_MS:
        peaks.popleft()
