"""Jobs that wait for jobs, through boto3."""

from __future__ import annotations

from typing import Any

from tests.clients.refusals import refused
from tests.clients.waiting import described, ended, reached
from tests.clients.worlds import Gate, World, fresh


def after(*job_ids: str, **kind: str) -> list[dict[str, str]]:
    return [{"jobId": job_id, **kind} for job_id in job_ids]


def test_a_job_waits_for_all_that_it_depends_on(world: World, gate: Gate) -> None:
    slow, quick = world.submit(gate.script), world.submit()
    last = world.submit(dependsOn=after(slow, quick))
    ended(world.batch, quick)
    reached(world.batch, slow, "RUNNING")
    waiting = described(world.batch, last)
    assert (waiting["status"], waiting["dependsOn"]) == ("PENDING", after(slow, quick))
    gate.open()
    done, before = ended(world.batch, last), described(world.batch, slow)
    assert done["status"] == "SUCCEEDED"
    assert before["stoppedAt"] <= done["startedAt"]


def test_a_failure_fails_all_that_depends_on_it_down_to_the_last(world: World, gate: Gate) -> None:
    first = world.submit(f"{gate.script}; exit 1")
    second = world.submit(dependsOn=after(first))
    third = world.submit(dependsOn=after(second))
    apart = world.submit(dependsOn=after())
    gate.open()
    for job_id in (second, third):
        job = ended(world.batch, job_id)
        assert (job["status"], job["statusReason"], job["attempts"]) == ("FAILED", "Dependent Job failed", [])
        assert "startedAt" not in job
        assert job["stoppedAt"]
    assert ended(world.batch, apart)["status"] == "SUCCEEDED"


def test_a_dependency_that_is_retried_has_not_failed_yet(world: World) -> None:
    first = world.submit('[ "$AWS_BATCH_JOB_ATTEMPT" = 2 ]', retryStrategy={"attempts": 2})
    assert world.run(dependsOn=after(first))["status"] == "SUCCEEDED"


def test_dependencies_that_have_ended_count_as_they_ended(world: World) -> None:
    good, bad = world.run()["jobId"], world.run("false")["jobId"]
    assert world.run(dependsOn=after(good))["status"] == "SUCCEEDED"
    job = world.run(dependsOn=after(bad))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Dependent Job failed")


def test_a_cancelled_dependency_has_failed(world: World, gate: Gate) -> None:
    first = world.submit(gate.script)
    second = world.submit(dependsOn=after(first))
    third = world.submit(dependsOn=after(second))
    world.batch.cancel_job(jobId=second, reason="not needed")
    assert ended(world.batch, third)["statusReason"] == "Dependent Job failed"


def test_a_job_may_run_after_others_whatever_became_of_them(world: World, gate: Gate) -> None:
    failed = world.run("false")["jobId"]
    fails = world.submit(f"{gate.script}; exit 1")
    waits = world.submit(dependsOn=after(fails))
    last = world.submit(dependsOn=after(failed, fails, waits, type="AFTER_ANY"))
    assert described(world.batch, last)["status"] == "PENDING"
    gate.open()
    job = ended(world.batch, last)
    assert (job["status"], job["dependsOn"]) == ("SUCCEEDED", after(failed, fails, waits, type="AFTER_ANY"))
    assert described(world.batch, waits)["statusReason"] == "Dependent Job failed"
    assert described(world.batch, fails)["stoppedAt"] <= job["startedAt"]


def test_arrays_may_go_on_after_children_that_failed(world: World) -> None:
    of_three: dict[str, Any] = {"arrayProperties": {"size": 3}}
    odd = '[ "$AWS_BATCH_JOB_ARRAY_INDEX" != 1 ]'
    first = world.submit(odd, **of_three, dependsOn=[{"type": "SEQUENTIAL_AFTER_ANY"}])
    second = world.submit(**of_three, dependsOn=after(first, type="N_TO_N_AFTER_ANY"))
    assert ended(world.batch, second)["status"] == "SUCCEEDED"
    jobs = [described(world.batch, f"{first}:{index}") for index in range(3)]
    assert [job["status"] for job in jobs] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert jobs[0]["stoppedAt"] <= jobs[1]["startedAt"] <= jobs[1]["stoppedAt"] <= jobs[2]["startedAt"]
    with refused("dependsOn.type must be one of N_TO_N, SEQUENTIAL, AFTER_ANY"):
        world.submit(dependsOn=after(first, type="SOMETIME"))


def test_a_dependency_may_be_in_another_queue_and_is_named_by_its_arn_too(world: World) -> None:
    other = world.add_queue(fresh("other"))
    first = world.submit(jobQueue=other)
    arn = described(world.batch, first)["jobArn"]
    assert world.run(dependsOn=after(arn))["status"] == "SUCCEEDED"
