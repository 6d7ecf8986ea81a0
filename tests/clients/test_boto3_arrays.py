"""Array jobs, through boto3. [batch.md 3.5]"""

from __future__ import annotations

from typing import Any

from batchd.cli.connect import Access, Clients
from tests.clients.refusals import refused
from tests.clients.waiting import described, ended, eventually, reached
from tests.clients.worlds import Gate, World
from tests.conftest import Running

STATUSES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")


def of(size: int) -> dict[str, Any]:
    return {"arrayProperties": {"size": size}}


def summary(world: World, job_id: str) -> dict[str, int]:
    """How many children are in each status, as far as there are any."""
    counts: dict[str, int] = described(world.batch, job_id)["arrayProperties"]["statusSummary"]
    assert tuple(counts) == STATUSES
    return {status: count for status, count in counts.items() if count}


def children(world: World, array_id: str, status: str, **more: Any) -> list[str]:
    """Their indexes, as text, of all pages."""
    pages = world.batch.get_paginator("list_jobs").paginate(arrayJobId=array_id, jobStatus=status, **more)
    return [one["jobId"].removeprefix(f"{array_id}:") for page in pages for one in page["jobSummaryList"]]


def settled(world: World, array_id: str, **counts: int) -> None:
    eventually(lambda: summary(world, array_id) == counts, f"{array_id} has {counts}, not {summary(world, array_id)}")


def test_every_child_runs_once_with_its_index_and_has_a_log_of_its_own(world: World) -> None:
    script = 'echo "$AWS_BATCH_JOB_ID $AWS_BATCH_JOB_ARRAY_INDEX of $AWS_BATCH_JOB_ARRAY_SIZE"'
    array_id = world.submit(script, **of(5))
    array = ended(world.batch, array_id)
    assert (array["status"], summary(world, array_id), array["attempts"]) == ("SUCCEEDED", {"SUCCEEDED": 5}, [])
    assert "startedAt" not in array
    assert array["stoppedAt"] >= array["createdAt"]
    for index in range(5):
        child = described(world.batch, f"{array_id}:{index}")
        assert (child["status"], child["arrayProperties"]) == ("SUCCEEDED", {"index": index})
        assert child["jobArn"] == f"{array['jobArn']}:{index}"
        assert world.output(child) == [f"{array_id}:{index} {index} of 5"]
        assert len(child["attempts"]) == 1


def test_a_failed_child_fails_its_array_at_the_end_and_stops_nobody(world: World) -> None:
    array_id = world.submit('[ "$AWS_BATCH_JOB_ARRAY_INDEX" != 1 ]', **of(3))
    array = ended(world.batch, array_id)
    assert (array["status"], array["statusReason"]) == ("FAILED", "Array Child Job failed")
    assert summary(world, array_id) == {"SUCCEEDED": 2, "FAILED": 1}
    child = described(world.batch, f"{array_id}:1")
    assert (child["statusReason"], child["container"]["exitCode"]) == ("Essential container in task exited", 1)
    assert (children(world, array_id, "FAILED"), children(world, array_id, "SUCCEEDED")) == (["1"], ["0", "2"])


def test_each_child_has_the_attempts_of_its_own(world: World) -> None:
    script = '[ "$AWS_BATCH_JOB_ATTEMPT" -gt "$AWS_BATCH_JOB_ARRAY_INDEX" ]'
    array_id = world.submit(script, **of(3), retryStrategy={"attempts": 2})
    assert ended(world.batch, array_id)["status"] == "FAILED"
    attempts = [described(world.batch, f"{array_id}:{index}")["attempts"] for index in range(3)]
    assert [len(one) for one in attempts] == [1, 2, 2]
    assert len({attempt["container"]["logStreamName"] for one in attempts for attempt in one}) == 5


def test_an_array_is_pending_while_its_children_run_and_wait(world: World, gate: Gate) -> None:
    array_id = world.submit(gate.script, **of(12))
    settled(world, array_id, RUNNING=8, RUNNABLE=4)
    assert described(world.batch, array_id)["status"] == "PENDING"
    listed = {status: world.batch.list_jobs(jobQueue=world.queue, jobStatus=status) for status in STATUSES}
    found = {status: [job["jobId"] for job in page["jobSummaryList"]] for status, page in listed.items()}
    assert {status: jobs for status, jobs in found.items() if jobs} == {"PENDING": [array_id]}
    assert listed["PENDING"]["jobSummaryList"][0]["arrayProperties"] == {"size": 12}
    assert children(world, array_id, "RUNNABLE", PaginationConfig={"PageSize": 3}) == ["8", "9", "10", "11"]
    running = world.batch.list_jobs(arrayJobId=array_id)["jobSummaryList"]
    assert [job["arrayProperties"]["index"] for job in running] == list(range(8))
    assert described(world.batch, f"{array_id}:11")["status"] == "RUNNABLE"
    gate.open()
    assert ended(world.batch, array_id)["status"] == "SUCCEEDED"


def test_a_job_waits_for_an_array_and_an_array_for_a_job(world: World, gate: Gate) -> None:
    first = world.submit(gate.script)
    array_id = world.submit(**of(2), dependsOn=[{"jobId": first}])
    last = world.submit(dependsOn=[{"jobId": array_id}])
    settled(world, array_id, PENDING=2)
    assert described(world.batch, array_id)["status"] == "PENDING"
    gate.open()
    done, array = ended(world.batch, last), described(world.batch, array_id)
    assert (done["status"], array["status"]) == ("SUCCEEDED", "SUCCEEDED")
    assert array["stoppedAt"] <= done["startedAt"]


def test_one_array_follows_another_child_by_child(world: World, gate: Gate) -> None:
    script = f'case "$AWS_BATCH_JOB_ARRAY_INDEX" in 0) exit 1;; 2) {gate.script};; esac'
    first = world.submit(script, **of(3))
    second = world.submit(**of(3), dependsOn=[{"jobId": first, "type": "N_TO_N"}])
    settled(world, second, SUCCEEDED=1, PENDING=1, FAILED=1)
    assert described(world.batch, f"{second}:0")["statusReason"] == "Dependent Job failed"
    gate.open()
    assert ended(world.batch, second)["statusReason"] == "Array Child Job failed"
    assert summary(world, second) == {"SUCCEEDED": 2, "FAILED": 1}


def test_sequential_children_run_one_after_the_other_until_one_fails(world: World) -> None:
    array_id = world.submit('[ "$AWS_BATCH_JOB_ARRAY_INDEX" != 2 ]', **of(5), dependsOn=[{"type": "SEQUENTIAL"}])
    assert ended(world.batch, array_id)["status"] == "FAILED"
    jobs = [described(world.batch, f"{array_id}:{index}") for index in range(5)]
    assert [job["status"] for job in jobs] == ["SUCCEEDED", "SUCCEEDED", "FAILED", "FAILED", "FAILED"]
    assert [job["statusReason"] for job in jobs[3:]] == ["Dependent Job failed"] * 2
    assert jobs[0]["stoppedAt"] <= jobs[1]["startedAt"]


def test_a_job_waits_for_one_child(world: World, gate: Gate) -> None:
    array_id = world.submit(f'[ "$AWS_BATCH_JOB_ARRAY_INDEX" = 1 ] || {{ {gate.script}; }}', **of(2))
    assert world.run(dependsOn=[{"jobId": f"{array_id}:1"}])["status"] == "SUCCEEDED"
    assert described(world.batch, array_id)["status"] == "PENDING"


def test_cancelling_an_array_leaves_what_runs(world: World, gate: Gate) -> None:
    array_id = world.submit(gate.script, **of(10))
    settled(world, array_id, RUNNING=8, RUNNABLE=2)
    world.batch.cancel_job(jobId=array_id, reason="not needed")
    settled(world, array_id, RUNNING=8, FAILED=2)
    child = described(world.batch, f"{array_id}:9")
    assert (child["statusReason"], child["isCancelled"], child["isTerminated"]) == ("not needed", True, False)
    gate.open()
    array = ended(world.batch, array_id)
    assert (array["status"], array["statusReason"], array["isCancelled"]) == ("FAILED", "not needed", True)
    assert summary(world, array_id) == {"SUCCEEDED": 8, "FAILED": 2}


def test_terminating_an_array_ends_every_child(world: World, gate: Gate) -> None:
    array_id = world.submit(gate.script, **of(10), retryStrategy={"attempts": 3})
    settled(world, array_id, RUNNING=8, RUNNABLE=2)
    world.batch.terminate_job(jobId=array_id, reason="enough")
    array = ended(world.batch, array_id)
    assert (array["status"], array["isTerminated"], summary(world, array_id)) == ("FAILED", True, {"FAILED": 10})
    for index in (0, 9):
        child = described(world.batch, f"{array_id}:{index}")
        assert (child["statusReason"], child["isTerminated"]) == ("enough", True)


def test_terminating_one_child_dooms_its_array_and_leaves_the_siblings(world: World, gate: Gate) -> None:
    array_id = world.submit(gate.script, **of(3))
    settled(world, array_id, RUNNING=3)
    world.batch.terminate_job(jobId=f"{array_id}:1", reason="this one")
    assert ended(world.batch, f"{array_id}:1")["statusReason"] == "this one"
    assert summary(world, array_id) == {"RUNNING": 2, "FAILED": 1}
    gate.open()
    assert ended(world.batch, array_id)["statusReason"] == "Array Child Job failed"


def test_deleting_a_queue_ends_its_arrays(world: World, gate: Gate) -> None:
    array_id = world.submit(gate.script, **of(10))
    settled(world, array_id, RUNNING=8, RUNNABLE=2)
    world.batch.update_job_queue(jobQueue=world.queue, state="DISABLED")
    world.batch.delete_job_queue(jobQueue=world.queue)
    assert ended(world.batch, array_id)["statusReason"] == "JobQueue deleted"
    assert described(world.batch, f"{array_id}:9")["statusReason"] == "JobQueue deleted"


def test_an_array_of_ten_thousand_is_one_call_and_no_more(world: World, gate: Gate) -> None:
    array_id = world.submit(gate.script, **of(10_000))
    reached(world.batch, f"{array_id}:7", "RUNNING")
    assert described(world.batch, f"{array_id}:9999")["status"] == "RUNNABLE"
    assert len(children(world, array_id, "RUNNABLE")) == 9992
    world.batch.terminate_job(jobId=array_id, reason="enough")
    assert ended(world.batch, array_id)["arrayProperties"]["statusSummary"]["FAILED"] == 10_000


def test_what_makes_no_array_is_refused(world: World) -> None:
    definition = world.define()
    for size in (0, 1, 10_001):
        with refused("arrayProperties.size must be between 2 and 10000"):
            world.submit(jobDefinition=definition, **of(size))
    first = world.submit(jobDefinition=definition, **of(2))
    with refused("this job has 3 children, dependent job"):
        world.submit(jobDefinition=definition, **of(3), dependsOn=[{"jobId": first, "type": "N_TO_N"}])
    with refused("has no tags"):
        world.batch.list_tags_for_resource(resourceArn=described(world.batch, f"{first}:1")["jobArn"])


def test_children_and_arrays_say_why_they_wait_and_children_are_counted(
    world: World, server: Running, gate: Gate
) -> None:
    own = Clients(Access(server.endpoint, "us-east-1", server.access_key, server.secret_key)).own
    array_id = world.submit(gate.script, **of(9))
    settled(world, array_id, RUNNING=8, RUNNABLE=1)
    reasons = own.explain_job(jobId=array_id)["reasons"]
    assert reasons[0] == f"Array job {array_id} is PENDING: of its 9 children are 1 RUNNABLE, 8 RUNNING."
    assert own.explain_job(jobId=f"{array_id}:8")["reasons"] == reasons[1:]
    (queue,) = [one for one in own.get_overview()["queues"] if one["queue"] == world.queue]
    assert queue["counts"] == {"RUNNING": 8, "RUNNABLE": 1}
