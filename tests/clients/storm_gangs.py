"""The storm with jobs of several nodes: every node appends a line when it starts and stays; the main one waits for the
lines of all, fails at the first attempt of every other job, and ends the job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

NODES = 3
_SCRIPT = (
    'echo "$AWS_BATCH_JOB_ID $AWS_BATCH_JOB_ATTEMPT" >> {lines}; '
    '[ "$AWS_BATCH_JOB_NODE_INDEX" = "$AWS_BATCH_JOB_MAIN_NODE_INDEX" ] || exec sleep 600; '
    "for index in 0 1 2; do "
    'until grep -qx "${{AWS_BATCH_JOB_ID%#*}}#$index $AWS_BATCH_JOB_ATTEMPT" {lines}; do sleep 0.05; done; done; '
    '[ "$1" = well ] || [ "$AWS_BATCH_JOB_ATTEMPT" -gt 1 ]'
)


def define(batch: Any, image: str, ran: str) -> None:
    """The definition `storm`."""
    container = {
        "image": image,
        "command": ["sh", "-c", _SCRIPT.format(lines=f"{ran}/lines"), "node", "Ref::how"],
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "16"}],
        "volumes": [{"name": "ran", "host": {"sourcePath": ran}}],
        "mountPoints": [{"sourceVolume": "ran", "containerPath": ran}],
        "linuxParameters": {"initProcessEnabled": True},
    }
    ranges = [{"targetNodes": ":", "container": container}]
    properties = {"numNodes": NODES, "mainNode": 1, "nodeRangeProperties": ranges}
    batch.register_job_definition(jobDefinitionName="storm", type="multinode", nodeProperties=properties)


def submit(batch: Any, number: int, earlier: Sequence[str]) -> str:
    how = "badly" if number % 2 else "well"
    request = {"jobName": f"storm-{how}-{number}", "jobQueue": "storm", "jobDefinition": "storm"}
    answer = batch.submit_job(**request, parameters={"how": how}, retryStrategy={"attempts": 3})
    return str(answer["jobId"])


def problems(finals: dict[str, dict[str, Any]], lines: list[str]) -> list[str]:
    """A sentence for every promise that was not kept."""
    wrong = [f"{job_id}: {job}" for job_id, job in finals.items() if job["status"] != "SUCCEEDED"]
    runs = Counter(lines)
    expected = Counter(line for job_id, job in finals.items() for line in _expected(job_id, job))
    return wrong + [
        f"{line} ran {runs[line]} times, not {expected[line]}" for line in (runs | expected) - (runs & expected)
    ]


def _expected(job_id: str, job: dict[str, Any]) -> Iterator[str]:
    attempts = 2 if "badly" in job.get("jobName", "") else 1
    for attempt in range(1, attempts + 1):
        yield from (f"{job_id}#{index} {attempt}" for index in range(NODES))
