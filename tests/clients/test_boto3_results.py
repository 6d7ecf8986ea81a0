"""Results and usage through an unmodified boto3 that AWS_DATA_PATH leads to batchd's models."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchd.services.batchd_ import MODELS
from tests.clients.waiting import ended, eventually
from tests.clients.worlds import World, fresh
from tests.conftest import Running


@pytest.fixture
def world(server: Running, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("AWS_DATA_PATH", MODELS)
    return World.of(server)


def writing(text: str) -> str:
    return f"""cat > "$BATCHD_OUTPUT" <<'END'\n{text}\nEND"""


def after(job_id: str) -> dict[str, Any]:
    return {"dependsOn": [{"jobId": job_id}]}


def test_what_a_job_writes_is_its_result(world: World) -> None:
    job = world.run(writing('{"rows": 3, "files": ["a", "b"], "ok": true}'))

    assert job["batchdResult"] == {"rows": 3, "files": ["a", "b"], "ok": True}
    assert "batchdResultError" not in job


def test_the_event_of_a_jobs_end_has_its_result(world: World, server: Running) -> None:
    events, queues, name = server.client("events"), server.client("sqs"), fresh("results")
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    pattern = {"source": ["aws.batch"], "detail": {"status": ["SUCCEEDED"], "jobQueue": [{"suffix": world.queue}]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    world.run(writing('{"rows": 3}'))

    (message,) = eventually(lambda: queues.receive_message(QueueUrl=url).get("Messages"), "the event")

    assert json.loads(message["Body"])["detail"]["batchdResult"] == {"rows": 3}


def test_a_failed_job_may_leave_a_result_as_well(world: World) -> None:
    job = world.run(writing('"half way"') + "\nexit 3")

    assert (job["status"], job["container"]["exitCode"], job["batchdResult"]) == ("FAILED", 3, "half way")


def test_the_last_attempts_result_counts(world: World) -> None:
    job = world.run('echo $AWS_BATCH_JOB_ATTEMPT > "$BATCHD_OUTPUT"; exit 1', retryStrategy={"attempts": 2})

    assert job["batchdResult"] == 2


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (writing("{not json"), "The result is not JSON: "),
        ('head -c 70000 /dev/zero | tr "\\0" 1 > "$BATCHD_OUTPUT"', "The result is larger than 65536 bytes."),
    ],
)
def test_what_is_no_result_is_named_and_harms_nothing(world: World, script: str, text: str) -> None:
    job = world.run(script)

    assert job["status"] == "SUCCEEDED"
    assert job["batchdResultError"].startswith(text)
    assert "batchdResult" not in job


def test_a_job_without_a_result_has_none(world: World) -> None:
    job = world.run("true")

    assert "batchdResult" not in job
    assert "batchdResultError" not in job


def test_a_dependent_gets_fields_of_the_result_in_its_command(world: World) -> None:
    first = world.submit(writing('{"rows": 3, "path": "/tmp/a b", "parts": [1, 2]}'), jobName="extract")
    command = ["echo", "Ref::extract.rows rows in Ref::extract.path, parts Ref::extract.parts."]

    second = ended(world.batch, world.submit(containerOverrides={"command": command}, **after(first)))

    assert world.output(second) == ["3 rows in /tmp/a b, parts [1,2]."]
    assert second["container"]["command"] == command


def test_a_dependent_gets_fields_of_the_result_in_its_environment(world: World) -> None:
    first = world.submit(writing('{"rows": 3}'), jobName="extract")
    environment = [{"name": "ROWS", "value": "Ref::extract.rows rows of Ref::day"}]

    second = world.submit(
        'echo "$ROWS"',
        containerOverrides={"environment": environment},
        parameters={"day": "monday"},
        **after(first),
    )

    assert world.output(ended(world.batch, second)) == ["3 rows of monday"]


def test_a_parameter_may_hand_a_result_to_a_definition_that_knows_nothing_of_it(world: World) -> None:
    first = world.submit(writing('{"day": "monday"}'), jobName="calendar")
    definition = world.define(containerProperties={"command": ["echo", "--day", "Ref::day"]})

    second = world.submit(jobDefinition=definition, parameters={"day": "Ref::calendar.day"}, **after(first))

    assert world.output(ended(world.batch, second)) == ["--day monday"]


def test_a_parameter_of_the_same_name_is_stronger(world: World) -> None:
    first = world.submit(writing('{"x": "result"}'), jobName="name")
    definition = world.define(containerProperties={"command": ["echo", "Ref::name.x"]}, parameters={"name": "value"})

    second = world.submit(jobDefinition=definition, **after(first))

    assert world.output(ended(world.batch, second)) == ["value.x"]


def test_every_child_gets_the_result_of_its_own_index(world: World) -> None:
    array = {"arrayProperties": {"size": 2}}
    first = world.submit('echo "{\\"n\\": $AWS_BATCH_JOB_ARRAY_INDEX}" > "$BATCHD_OUTPUT"', jobName="shard", **array)
    pairs = {"dependsOn": [{"jobId": first, "type": "N_TO_N"}], **array}

    second = world.submit(containerOverrides={"command": ["echo", "Ref::shard.n"]}, **pairs)
    ended(world.batch, second)

    assert [world.output(ended(world.batch, f"{second}:{index}")) for index in (0, 1)] == [["0"], ["1"]]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("true", "which wrote nothing to BATCHD_OUTPUT"),
        (writing('{"other": 1}'), "whose result has no rows"),
        (writing("[1]"), "whose result has no rows"),
        (writing("nonsense"), "whose result cannot be used: The result is not JSON"),
    ],
)
def test_what_cannot_be_filled_in_fails_the_attempt_and_says_why(world: World, script: str, reason: str) -> None:
    first = world.submit(script, jobName="extract")

    job = ended(
        world.batch, world.submit(containerOverrides={"command": ["echo", "Ref::extract.rows"]}, **after(first))
    )

    assert (job["status"], job["statusReason"]) == ("FAILED", "Task failed to start")
    assert job["container"]["reason"].startswith(
        f"ResultReferenceError: Ref::extract.rows refers to job {first}, {reason}"
    )
    assert "startedAt" not in job["attempts"][0]


def test_two_dependencies_of_one_name_cannot_be_told_apart(world: World) -> None:
    jobs = [world.submit(jobName="twin"), world.submit(jobName="twin")]
    depends_on = [{"jobId": job_id} for job_id in jobs]
    overrides = {"command": ["echo", "Ref::twin.x"]}

    with pytest.raises(world.batch.exceptions.ClientException, match=r"Ref::twin is ambiguous: two jobs of dependsOn"):
        world.submit(dependsOn=depends_on, containerOverrides=overrides)
    with pytest.raises(world.batch.exceptions.ClientException, match="No parameter found for reference other"):
        world.submit(dependsOn=depends_on, containerOverrides={"command": ["echo", "Ref::other.x"]})


def test_every_attempt_says_what_it_used_and_how_long_it_waited(world: World) -> None:
    job = world.run("x=$(head -c 20000000 /dev/zero | tr '\\0' x); exit 1", retryStrategy={"attempts": 2})

    assert len(job["attempts"]) == 2
    for attempt in job["attempts"]:
        usage = attempt["batchdUsage"]
        assert 15 < usage["peakMemoryMiB"] < 64
        assert 0 < usage["cpuSeconds"] < 30
        assert 0 <= usage["waitSeconds"] <= (attempt["startedAt"] - job["createdAt"]) / 1000
