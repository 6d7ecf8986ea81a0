"""Jobs of several containers as DescribeJobs tells of them. Pure. [batch.md 1.4]"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from batchd.scheduler.events import ContainerExit
from batchd.services.batch.ecs_rules import name_of
from batchd.services.batch.job_attempts import Try, ecs_task, given, interfaces, present, recorded, times
from batchd.store.store import Body, JobRow


def task_members(row: JobRow) -> Body:
    """`container` (empty), `ecsProperties` and `attempts`."""
    (task,) = row.document["aws"]["ecsProperties"]["taskProperties"]
    names = [name_of(container) for container in task["containers"]]
    now = present(row)
    known = _containers(row, now, names) if now else {}
    containers = [{**container, **known.get(name_of(container), {})} for container in task["containers"]]
    described = {**task, **(ecs_task(row, now) if now else {}), "containers": containers}
    return {
        "container": {},
        "ecsProperties": {"taskProperties": [described]},
        "attempts": [
            {"container": {}, "taskProperties": [_attempt(row, recorded(attempt), names)], **times(attempt)}
            for attempt in row.attempts
        ],
    }


def exits_of(tried: Try, names: list[str]) -> Mapping[str, ContainerExit]:
    """How each container ended. What is known of the task alone is told of its first container."""
    record = tried.record
    if record is None:
        return {}
    exits: Iterable[ContainerExit] = record.containers
    return {end.name: end for end in exits or [ContainerExit(names[0], record.exit_code, record.reason)]}


def _attempt(row: JobRow, tried: Try, names: list[str]) -> Body:
    known = _containers(row, tried, names)
    return {
        **ecs_task(row, tried),
        "containers": [{"name": name, **known[name]} for name in names],
    }


def _containers(row: JobRow, tried: Try, names: list[str]) -> dict[str, Body]:
    """What is known of each container's part in the attempt; a stream's name from RUNNING on."""
    ends = exits_of(tried, names)
    prefixes = row.document["log_prefixes"]
    known: dict[str, Body] = {}
    for name in names:
        known[name] = {"networkInterfaces": interfaces(row, tried)}
        if tried.has_run and name in prefixes:
            known[name]["logStreamName"] = prefixes[name] + tried.task_id
        if end := ends.get(name):
            known[name] |= given(exitCode=end.exit_code, reason=end.reason)
    return known
