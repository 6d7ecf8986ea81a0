from __future__ import annotations

from typing import Any

from batchd.cli.streams import Stream, exit_code, part_streams, reason, streams

GROUP = "/aws/batch/job"
FIRST, SECOND = "0" * 31 + "1", "0" * 31 + "2"


def job(**members: Any) -> Any:
    return {
        "jobDefinition": "arn:aws:batch:us-east-1:123456789012:job-definition/feed:3",
        "status": "FAILED",
        **members,
    }


def task_job(*attempts: str, now: str = "", **main: Any) -> Any:
    """Of two containers, main and side, with these tasks' streams."""

    def task(task_id: str, **more: Any) -> dict[str, Any]:
        names = {name: f"feed/{name}/{task_id}" for name in ("main", "side")} if task_id else {}
        parts = [{"name": name, "logStreamName": names.get(name, "")} for name in ("main", "side")]
        return {"containers": [{**parts[0], **more}, parts[1]]}

    tried = [{"container": {}, "taskProperties": [task(task_id)]} for task_id in attempts]
    return job(container={}, attempts=tried, ecsProperties={"taskProperties": [task(now, **main)]})


def test_a_container_has_one_stream_for_each_attempt_in_the_group_it_names() -> None:
    options = {"options": {"awslogs-group": "mine"}}
    attempts = [{"container": {"logStreamName": "a"}}, {"container": {}}, {"container": {"logStreamName": "b"}}]
    container = {"logStreamName": "b", "logConfiguration": options, "exitCode": 3, "reason": "why"}
    one = job(container=container, attempts=attempts)
    assert streams(one) == [Stream("mine", "a"), Stream("mine", "b")]
    assert (exit_code(one), reason(one)) == (3, "why")


def test_a_task_has_a_stream_for_each_container_and_says_whose_lines_they_are() -> None:
    assert streams(task_job(FIRST, now=SECOND)) == [
        Stream(GROUP, f"feed/{name}/{task_id}", f"{name}: ") for task_id in (FIRST, SECOND) for name in ("main", "side")
    ]
    assert streams(task_job()) == []


def test_a_containers_own_group_is_that_of_its_earlier_attempts_too() -> None:
    mine = {"logConfiguration": {"options": {"awslogs-group": "mine"}}}
    assert [stream.group for stream in streams(task_job(FIRST, now=SECOND, **mine))] == ["mine", GROUP, "mine", GROUP]


def test_the_lines_of_a_node_say_which_it_is() -> None:
    details = {"jobId": "6b5d7f6e-9a2f-4f5c-8f6b-1f3f5d0c2a11#2"}
    one = job(container={"logStreamName": "a"}, **details)
    assert part_streams(one) == [Stream(GROUP, "a", "#2: ")]
    assert [stream.label for stream in part_streams({**task_job(now=SECOND), **details})] == ["#2 main: ", "#2 side: "]


def test_of_several_containers_the_first_that_failed_gives_code_and_reason() -> None:
    failed = task_job(FIRST, exitCode=7, reason="why")
    assert (exit_code(failed), reason(failed)) == (7, "why")
    assert (exit_code(task_job()), reason(task_job())) == (1, "")
    assert exit_code(task_job() | {"status": "SUCCEEDED"}) == 0


def pod(name: str, *containers: str, **more: Any) -> dict[str, Any]:
    return {"podName": name, "containers": [{"name": one} if one else {} for one in containers], **more}


def test_a_pods_streams_follow_from_its_name() -> None:
    first = {"podName": "aws-batch.00000000-0000-0000-0000-000000000001"}
    now = pod("aws-batch.00000000-0000-0000-0000-000000000002", "main", initContainers=[{"name": "init"}])
    found = streams(job(eksProperties={"podProperties": now}, eksAttempts=[first]))
    assert found == [
        Stream(GROUP, f"feed/{name}/{task_id}", f"{name}: ") for task_id in (FIRST, SECOND) for name in ("init", "main")
    ]


def test_a_pod_that_has_no_name_yet_has_no_streams() -> None:
    waiting = job(eksProperties={"podProperties": {"containers": [{}]}}, eksAttempts=[], statusReason="later")
    assert streams(waiting) == []
    assert reason(waiting) == "later"
    only = pod("aws-batch.00000000-0000-0000-0000-000000000001", "")
    assert streams(job(eksProperties={"podProperties": only})) == [Stream(GROUP, f"feed/Default/{FIRST}")]
