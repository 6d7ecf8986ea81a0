"""The storm with arrays: retries, N_TO_N, SEQUENTIAL and plain dependencies while the server is killed.

Each attempt appends a line as it starts, so that the file tells who ran, how often, and after whom.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

SCRIPT = (
    'echo "$AWS_BATCH_JOB_ID $AWS_BATCH_JOB_ATTEMPT" >> {lines}; sleep 0.05; echo done; '
    '[ $((${{AWS_BATCH_JOB_ARRAY_INDEX:-1}} % 3)) != 0 ] || [ "$AWS_BATCH_JOB_ATTEMPT" -gt 1 ]'
)
SIZES = (4, 7, 4, 10)


def submit(batch: Any, number: int, earlier: Sequence[str]) -> str:
    """Every third child fails at its first attempt. One array in three follows its predecessor child by child, one is
    sequential, and now and then a job waits for a whole array."""
    size = SIZES[number % len(SIZES)]
    request: dict[str, Any] = {"jobName": f"storm-{number}", "jobQueue": "storm", "jobDefinition": "storm"}
    if number % 5 == 4:
        return str(batch.submit_job(**request, dependsOn=[{"jobId": earlier[-1]}])["jobId"])
    if number % 3 == 0:
        request["dependsOn"] = [{"type": "SEQUENTIAL"}]
    elif earlier and (other := _last_of(batch, earlier, size)):
        request["dependsOn"] = [{"jobId": other, "type": "N_TO_N"}]
    array = {"arrayProperties": {"size": size}, "retryStrategy": {"attempts": 3}}
    return str(batch.submit_job(**request, **array)["jobId"])


def _last_of(batch: Any, earlier: Sequence[str], size: int) -> str | None:
    """The newest array of this size."""
    jobs = batch.describe_jobs(jobs=list(earlier[-8:]))["jobs"]
    fitting = [job["jobId"] for job in jobs if job.get("arrayProperties", {}).get("size") == size]
    return fitting[-1] if fitting else None


def problems(batch: Any, finals: dict[str, dict[str, Any]], lines: list[str]) -> list[str]:
    """A sentence for every promise that was not kept."""
    wrong = [f"{job_id}: {job}" for job_id, job in finals.items() if job["status"] != "SUCCEEDED"]
    runs = Counter(lines)
    expected = Counter(line for job in finals.values() for line in _expected(job))
    wrong += [f"{line} ran {runs[line]} times, not {expected[line]}" for line in (runs | expected) - (runs & expected)]
    place = {line: number for number, line in enumerate(lines)}
    ids = [job_id for job_id, job in finals.items() if job["status"] != "MISSING"]
    for start in range(0, len(ids), 100):
        for job in batch.describe_jobs(jobs=ids[start : start + 100])["jobs"]:
            wrong += [
                f"{after} ran before {before}" for before, after in _order(job, finals) if place[after] < place[before]
            ]
            wrong += _children_problems(batch, job)
    return wrong


def _expected(job: dict[str, Any]) -> Iterator[str]:
    """The lines of a job or of all children of an array."""
    size = job.get("arrayProperties", {}).get("size")
    if size is None:
        yield f"{job['jobId']} 1"
    for index in range(size or 0):
        yield from (f"{job['jobId']}:{index} {attempt}" for attempt in range(1, _attempts(index) + 1))


def _attempts(index: int) -> int:
    return 2 if index % 3 == 0 else 1


def _order(job: dict[str, Any], finals: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """(a line, one that must come after it) for what the job waited for."""
    own, size = job["jobId"], job.get("arrayProperties", {}).get("size", 0)
    for dependency in job["dependsOn"]:
        other = dependency.get("jobId")
        if dependency.get("type") == "SEQUENTIAL":
            yield from ((f"{own}:{i - 1} {_attempts(i - 1)}", f"{own}:{i} 1") for i in range(1, size))
        elif dependency.get("type") == "N_TO_N":
            yield from ((f"{other}:{i} {_attempts(i)}", f"{own}:{i} 1") for i in range(size))
        else:
            yield from ((line, f"{own} 1") for line in _expected(finals[str(other)]))


def _children_problems(batch: Any, job: dict[str, Any]) -> Iterator[str]:
    """Every child is known as it ended, with its attempts."""
    properties = job.get("arrayProperties")
    if properties is None:
        return
    counted, size = properties["statusSummary"]["SUCCEEDED"], properties["size"]
    ids = [f"{job['jobId']}:{index}" for index in range(size)]
    children = batch.describe_jobs(jobs=ids)["jobs"]
    tried = [(child["status"], len(child["attempts"])) for child in children]
    if counted != size or tried != [("SUCCEEDED", _attempts(index)) for index in range(size)]:
        yield f"{job['jobId']} counts {counted} of {size}, its children are {tried}"
