"""Where a job's containers write to, and how they ended: of a job with one container, of a task and of a pod."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from types_boto3_batch.type_defs import JobDetailTypeDef

_GROUP = "/aws/batch/job"
_POD = "aws-batch."
UUID_LENGTH = 36
_Shape = Mapping[str, Any]  # Any: a part of DescribeJobs


class Stream(NamedTuple):
    """`label` is what to say before its lines: nothing, where the job has but one container on one node."""

    group: str
    name: str
    label: str = ""


def streams(job: JobDetailTypeDef) -> list[Stream]:
    """Of every attempt so far, in order."""
    shape: _Shape = job
    if "eksProperties" in shape:
        found = _of_pods(shape)
    elif "ecsProperties" in shape:
        found = _of_tasks(shape)
    else:
        found = _of_container(shape)
    return list({stream.name: stream for stream in found if stream.name}.values())


def part_streams(part: JobDetailTypeDef) -> list[Stream]:
    """Of a node or a child, one of several: its lines say which it is, `#2` or `:2`."""
    name = part["jobId"][UUID_LENGTH:]
    return [
        stream._replace(label=f"{name} {stream.label}" if stream.label else f"{name}: ") for stream in streams(part)
    ]


def exit_code(job: JobDetailTypeDef) -> int:
    """The job's own code; 1 if it failed without one. Of several containers the first that failed."""
    if job["status"] == "SUCCEEDED":
        return 0
    return next((code for one in _containers(job) if (code := one.get("exitCode"))), 1)


def reason(job: JobDetailTypeDef) -> str:
    """Why it failed, as a container says, else as the job does."""
    return next((text for one in _containers(job) if (text := one.get("reason"))), job.get("statusReason", ""))


def _containers(job: JobDetailTypeDef) -> list[_Shape]:
    """As they ended last."""
    shape: _Shape = job
    if "eksProperties" in shape:
        pod = shape["eksProperties"]["podProperties"]
        return [*pod.get("initContainers", ()), *pod["containers"]]
    if "ecsProperties" in shape:
        return [one for task in shape["ecsProperties"]["taskProperties"] for one in task["containers"]]
    return [shape.get("container", {})]


def _of_container(job: _Shape) -> Iterator[Stream]:
    container = job.get("container", {})
    for one in (*(attempt.get("container", {}) for attempt in job.get("attempts", ())), container):
        yield Stream(_group(container), one.get("logStreamName", ""))


def _of_tasks(job: _Shape) -> Iterator[Stream]:
    now = job["ecsProperties"]["taskProperties"]
    groups = {one.get("name"): _group(one) for task in now for one in task["containers"]}
    tasks: Iterable[_Shape] = [t for attempt in job.get("attempts", ()) for t in attempt.get("taskProperties", ())]
    for one in [one for task in (*tasks, *now) for one in task["containers"]]:
        name = one.get("name", "")
        yield Stream(groups.get(name, _GROUP), one.get("logStreamName", ""), _label(name, len(groups)))


def _of_pods(job: _Shape) -> Iterator[Stream]:
    """A pod's containers write to `<definition>/<container>/<the pod's uuid in hex>`, which DescribeJobs has no room
    for."""
    definition = job["jobDefinition"].rpartition("/")[2].partition(":")[0]
    pod = job["eksProperties"]["podProperties"]
    names = [one.get("name") or "Default" for one in (*pod.get("initContainers", ()), *pod["containers"])]
    for tried in (*job.get("eksAttempts", ()), pod):
        if tried.get("podName", "").startswith(_POD):
            task_id = UUID(tried["podName"].removeprefix(_POD)).hex
            yield from (Stream(_GROUP, f"{definition}/{name}/{task_id}", _label(name, len(names))) for name in names)


def _group(container: _Shape) -> str:
    group: str = container.get("logConfiguration", {}).get("options", {}).get("awslogs-group", _GROUP)
    return group


def _label(name: str, containers: int) -> str:
    return f"{name}: " if containers > 1 else ""
