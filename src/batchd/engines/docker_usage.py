"""What a container takes of the machine, asked of the daemon while it runs: afterwards nobody knows any more.

So the last moments are missing, and of a container that ends at once everything is. Where the kernel keeps the peak
(control groups of version 1) it is the peak, elsewhere the largest of what was seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from batchd.engines.docker_api import DockerApi, DockerGone, DockerRefused
from batchd.engines.docker_config import Json
from batchd.engines.engine import Usage

_FIRST_S = (0.2, 0.8, 2.0, 5.0)
_THEN_S = 10.0


class Meter:
    """One container's: `usage` is what is known so far, None before the first answer."""

    def __init__(self) -> None:
        self.usage: Usage | None = None

    async def watch(self, api: DockerApi, container: str) -> None:
        """Until it is cancelled."""
        for pause_s in _pauses():
            await asyncio.sleep(pause_s)
            try:
                self.add(usage_of(await api.stats(container)))
            except (DockerGone, DockerRefused):
                continue  # the next answer will do

    def add(self, seen: Usage | None) -> None:
        if seen is not None:
            before = self.usage or seen
            self.usage = Usage(max(before.peak_memory_mib, seen.peak_memory_mib), max(before.cpu_s, seen.cpu_s))


def total(meters: list[Meter]) -> Usage | None:
    """Of several containers together; None where nothing is known of any."""
    known = [meter.usage for meter in meters if meter.usage is not None]
    return Usage(sum(u.peak_memory_mib for u in known), sum(u.cpu_s for u in known)) if known else None


def usage_of(stats: Json) -> Usage | None:
    """From the daemon's statistics; None of a container that has ended. Files that could be dropped do not count."""
    memory, cpu = stats.get("memory_stats") or {}, (stats.get("cpu_stats") or {}).get("cpu_usage") or {}
    if "usage" not in memory or not cpu.get("total_usage"):
        return None
    seen = int(memory["usage"]) - int((memory.get("stats") or {}).get("inactive_file", 0))
    return Usage(round(int(memory.get("max_usage") or seen) / (1 << 20), 2), round(int(cpu["total_usage"]) / 1e9, 3))


def _pauses() -> Iterator[float]:
    yield from _FIRST_S
    while True:
        yield _THEN_S
