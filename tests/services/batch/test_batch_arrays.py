"""Array jobs, as the service sees them. [batch.md 3.4, 3.5]"""

from __future__ import annotations

import pytest

from batchd.quotas import Quotas
from batchd.scheduler.events import CancelRequested, Dependency, JobStatus, JobSubmitted
from batchd.scheduler.scheduler import Scheduler
from batchd.store.store import Body
from tests.services.batch.worlds import World

PREFIX = "arn:aws:batch:us-east-1:123456789012:"
SUMMARY = {"SUBMITTED": 0, "PENDING": 0, "RUNNABLE": 0, "STARTING": 0, "RUNNING": 0, "SUCCEEDED": 0, "FAILED": 0}


def schedule(world: World) -> Scheduler:
    """Let a scheduler without a machine look at what was submitted: nothing starts."""
    scheduler = Scheduler()
    with world.store.read() as tx:
        scheduler.restore(tx.jobs.live())
    tell(world, scheduler)
    return scheduler


def tell(world: World, scheduler: Scheduler, *events: CancelRequested) -> None:
    step = scheduler.step(events, world.now_ms + 1000)
    world.store.transact(lambda tx: tx.jobs.save(step.changed))
    world.store.transact(lambda tx: tx.jobs.save_arrays(step.counted, step.reshaped, world.now_ms + 1000))


def array(world: World, size: int, **params: object) -> str:
    return world.submit(arrayProperties={"size": size}, **params)


def depends(job_id: str | None = None, kind: str | None = None) -> Body:
    given = {"jobId": job_id, "type": kind}
    return {"dependsOn": [{member: value for member, value in given.items() if value}]}


def test_an_array_is_submitted_as_one_job_of_many_children(world: World) -> None:
    world.ready()
    job_id = array(world, 3)
    event = world.events()[-1]
    assert isinstance(event, JobSubmitted)
    assert (event.job.size, event.job.sequential) == (3, False)
    job = world.job(job_id)
    assert (job["status"], job["attempts"]) == ("SUBMITTED", [])
    assert job["arrayProperties"] == {
        "size": 3,
        "statusSummary": {**SUMMARY, "SUBMITTED": 3},
        "statusSummaryLastUpdatedAt": world.now_ms,
    }


def test_an_array_is_pending_while_its_children_wait_and_they_are_described_by_their_ids(world: World) -> None:
    world.ready()
    job_id = array(world, 3, tags={"team": "a"})
    schedule(world)
    job = world.job(job_id)
    assert (job["status"], job["tags"]) == ("PENDING", {"team": "a"})
    assert job["arrayProperties"]["statusSummary"] == {**SUMMARY, "RUNNABLE": 3}
    assert job["arrayProperties"]["statusSummaryLastUpdatedAt"] == world.now_ms + 1000
    child = world.job(f"{job_id}:2")
    assert (child["jobId"], child["jobArn"]) == (f"{job_id}:2", f"{PREFIX}job/{job_id}:2")
    assert (child["status"], child["arrayProperties"], child["tags"]) == ("RUNNABLE", {"index": 2}, {})
    same = ("jobName", "jobQueue", "jobDefinition", "createdAt", "container", "retryStrategy", "parameters")
    assert [child[member] for member in same] == [job[member] for member in same]
    assert world.ask("describe_jobs", jobs=[f"{job_id}:3", f"{job_id}:x", f"{PREFIX}job/{job_id}:0"])["jobs"] == [
        {**child, "jobId": f"{job_id}:0", "jobArn": f"{PREFIX}job/{job_id}:0", "arrayProperties": {"index": 0}}
    ]


def test_a_queue_lists_arrays_but_not_their_children(world: World) -> None:
    world.ready()
    job_id = array(world, 3)
    schedule(world)
    (summary,) = world.ask("list_jobs", jobQueue="night", jobStatus="PENDING")["jobSummaryList"]
    assert (summary["jobId"], summary["arrayProperties"]) == (job_id, {"size": 3})
    assert world.ask("list_jobs", jobQueue="night", jobStatus="RUNNABLE")["jobSummaryList"] == []


def test_children_are_listed_by_their_arrays_id_or_arn_in_pages(world: World) -> None:
    world.ready()
    job_id = array(world, 5)
    scheduler = schedule(world)
    tell(world, scheduler, CancelRequested(f"{job_id}:1", "not this one"))
    found, token = [], {}
    while True:
        wanted = {"arrayJobId": f"{PREFIX}job/{job_id}", "jobStatus": "RUNNABLE", "maxResults": 3}
        page = world.ask("list_jobs", **wanted, **token)
        found += [(summary["jobId"], summary["arrayProperties"]) for summary in page["jobSummaryList"]]
        if "nextToken" not in page:
            break
        assert len(found) == 3
        token = {"nextToken": page["nextToken"]}
    assert found == [(f"{job_id}:{index}", {"index": index}) for index in (0, 2, 3, 4)]
    (failed,) = world.ask("list_jobs", arrayJobId=job_id, jobStatus="FAILED")["jobSummaryList"]
    assert (failed["jobId"], failed["statusReason"], failed["isCancelled"]) == (f"{job_id}:1", "not this one", True)


def test_without_a_status_running_children_are_listed_and_filters_do_not_look_at_them(world: World) -> None:
    world.ready()
    job_id = array(world, 2)
    schedule(world)
    assert world.ask("list_jobs", arrayJobId=job_id) == {"jobSummaryList": []}
    named = [{"name": "JOB_NAME", "values": ["nothing"]}]
    assert len(world.ask("list_jobs", arrayJobId=job_id, jobStatus="RUNNABLE", filters=named)["jobSummaryList"]) == 2


def test_what_is_no_array_has_no_children(world: World) -> None:
    world.ready()
    single, size_2 = world.submit(), array(world, 2)
    world.region = "eu-west-1"
    assert world.ask("list_jobs", arrayJobId=size_2, jobStatus="SUBMITTED") == {"jobSummaryList": []}
    world.region = "us-east-1"
    for job_id in (single, "nobody", f"{size_2}:0"):
        assert world.ask("list_jobs", arrayJobId=job_id, jobStatus="SUBMITTED") == {"jobSummaryList": []}
    token = world.refusal("list_jobs", arrayJobId=size_2, nextToken="x")
    assert token == "The specified nextToken is invalid."


@pytest.mark.parametrize("size", [-1, 0, 1, 10_001])
def test_an_array_has_two_to_ten_thousand_children(world: World, size: int) -> None:
    world.ready()
    text = world.wrapped(
        "submit_job", jobName="a", jobQueue="night", jobDefinition="feed", arrayProperties={"size": size}
    )
    assert text == "arrayProperties.size must be between 2 and 10000"
    array(world, 2)
    array(world, 10_000)


def test_the_operator_may_allow_larger_arrays(world: World) -> None:
    world.deployment["quotas"] = Quotas(array_size=20_000)
    world.ready()
    array(world, 20_000)
    assert world.wrapped(
        "submit_job", jobName="a", jobQueue="night", jobDefinition="feed", arrayProperties={"size": 20_001}
    ) == ("arrayProperties.size must be between 2 and 20000")
    world.deployment["quotas"] = Quotas(array_size=0)
    array(world, 20_001)


def test_an_array_may_wait_for_jobs_for_other_arrays_child_by_child_and_for_itself(world: World) -> None:
    world.ready()
    single, other = world.submit(), array(world, 2)
    kinds = [{"jobId": single}, {"jobId": other, "type": "N_TO_N"}, {"jobId": other}, {"type": "SEQUENTIAL"}]
    job_id = array(world, 2, dependsOn=kinds)
    event = world.events()[-1]
    assert isinstance(event, JobSubmitted)
    assert event.job.depends_on == (Dependency(single), Dependency(other, each=True), Dependency(other))
    assert event.job.sequential
    assert world.job(job_id)["dependsOn"] == kinds


def test_what_is_waited_for_may_only_have_to_end(world: World) -> None:
    world.ready()
    single, other = world.submit(), array(world, 2)
    kinds = [
        {"jobId": single, "type": "AFTER_ANY"},
        {"jobId": other, "type": "N_TO_N_AFTER_ANY"},
        {"jobId": other, "type": "AFTER_ANY"},
        {"type": "SEQUENTIAL_AFTER_ANY"},
    ]
    job_id = array(world, 2, dependsOn=kinds)
    event = world.events()[-1]
    assert isinstance(event, JobSubmitted)
    assert event.job.depends_on == (
        Dependency(single, after_any=True),
        Dependency(other, each=True, after_any=True),
        Dependency(other, after_any=True),
    )
    assert (event.job.sequential, event.job.after_any) == (True, True)
    assert world.job(job_id)["dependsOn"] == kinds


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_ways_to_wait_for_the_same_the_stricter_counts(world: World, order: int) -> None:
    world.ready()
    other = array(world, 2)
    kinds = [{"jobId": other}, {"jobId": other, "type": "N_TO_N"}, {"type": "SEQUENTIAL"}]
    kinds += [{**kind, "type": f"{kind.get('type', '')}_AFTER_ANY".lstrip("_")} for kind in kinds]
    array(world, 2, dependsOn=kinds[::order])
    event = world.events()[-1]
    assert isinstance(event, JobSubmitted)
    assert set(event.job.depends_on) == {Dependency(other), Dependency(other, each=True)}
    assert (event.job.sequential, event.job.after_any) == (True, False)


def test_a_way_to_wait_that_nobody_knows_is_refused(world: World) -> None:
    world.ready()
    known = "N_TO_N, SEQUENTIAL, AFTER_ANY, N_TO_N_AFTER_ANY, SEQUENTIAL_AFTER_ANY"
    for kind in ("SOMETIME", "_AFTER_ANY", "after_any", "N_TO_N_"):
        request = {"jobName": "a", "jobQueue": "night", "jobDefinition": "feed", **depends(world.submit(), kind)}
        assert world.wrapped("submit_job", **request) == f"dependsOn.type must be one of {known}"


def test_a_job_may_wait_for_a_single_child(world: World) -> None:
    world.ready()
    other = array(world, 2)
    world.submit(**depends(f"{other}:1"))
    event = world.events()[-1]
    assert isinstance(event, JobSubmitted)
    assert event.job.depends_on == (Dependency(f"{other}:1"),)
    missing = world.refusal("submit_job", jobName="a", jobQueue="night", jobDefinition="feed", **depends(f"{other}:2"))
    assert missing == f"Dependent job {other}:2 does not exist"


def test_an_array_on_one_that_has_ended_knows_which_of_its_children_failed(world: World) -> None:
    world.ready()
    other = array(world, 3)
    scheduler = schedule(world)
    tell(world, scheduler, CancelRequested(other, "no"))
    array(world, 3, **depends(other, "N_TO_N"))
    event = world.events()[-1]
    assert isinstance(event, JobSubmitted)
    assert event.job.depends_on == (Dependency(other, JobStatus.FAILED, each=True, failed=((0, 3),)),)


def test_dependencies_of_arrays_that_cannot_be_are_refused(world: World) -> None:
    world.ready()
    single, of_two = world.submit(), array(world, 2)
    only = "dependsOn with type N_TO_N is for array jobs only"

    def refusal(size: int, job_id: str | None, kind: str) -> str:
        properties = {"arrayProperties": {"size": size}} if size else {}
        request = {"jobName": "a", "jobQueue": "night", "jobDefinition": "feed", **properties}
        return world.refusal("submit_job", **request, **depends(job_id, kind))

    assert refusal(3, of_two, "N_TO_N") == (
        "dependsOn with type N_TO_N needs arrays of the same size: this job has 3 children, "
        f"dependent job {of_two} has 2"
    )
    assert refusal(0, of_two, "N_TO_N") == f"{only}: this job is not one"
    assert refusal(2, single, "N_TO_N") == f"{only}: Dependent job {single} is not one"
    assert refusal(2, f"{of_two}:0", "N_TO_N") == f"{only}: Dependent job {of_two}:0 is not one"
    assert refusal(2, None, "N_TO_N") == "Dependent job  does not exist"
    assert refusal(3, of_two, "N_TO_N_AFTER_ANY").startswith("dependsOn with type N_TO_N needs arrays of the same size")
    assert refusal(2, of_two, "SEQUENTIAL") == "dependsOn with type SEQUENTIAL must not have a jobId"
    assert refusal(0, None, "SEQUENTIAL") == "dependsOn with type SEQUENTIAL is for array jobs only"


def test_children_have_no_tags(world: World) -> None:
    world.ready()
    arn = f"{PREFIX}job/{array(world, 2)}:1"
    text = f"{arn} is the child of an array job, which has no tags"
    assert world.refusal("tag_resource", resourceArn=arn, tags={"a": "1"}) == text
    assert world.refusal("untag_resource", resourceArn=arn, tagKeys=["a"]) == text
    assert world.refusal("list_tags_for_resource", resourceArn=arn) == text


@pytest.mark.parametrize("child", ["", ":1"])
def test_arrays_and_children_are_cancelled_by_their_ids(world: World, child: str) -> None:
    world.ready()
    job_id = array(world, 2) + child
    world.ask("cancel_job", jobId=job_id, reason="no")
    assert world.events()[-1] == CancelRequested(job_id, "no")
    before = len(world.events())
    world.ask("cancel_job", jobId=f"{job_id.partition(':')[0]}:7", reason="no")
    assert len(world.events()) == before
