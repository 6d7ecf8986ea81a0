"""Commands become calls of the engine, with everything a task needs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from batchd.clock import Clock
from batchd.controllers.launch import Launch
from batchd.engines.fake import FakeEngine
from batchd.scheduler.commands import StartTask, StopTask
from batchd.scheduler.events import FINAL, JobStatus
from batchd.task import ContainerSpec, LogDestination, TaskSpec, encode_nodes, encode_task
from tests.contract.stores import job_row
from tests.controllers.house import CE, GROUP, LINE, House, open_house, until

TASK = "0" * 31 + "7"


class BrittleEngine(FakeEngine):
    """An engine that breaks its promise: it raises for some tasks."""

    def start(self, spec: TaskSpec) -> None:
        if spec.containers[0].image == "raises":
            raise OSError("no space left on device")
        super().start(spec)

    def stop(self, task_id: str, grace_s: float) -> None:
        raise OSError("nobody answers")


class NotingEngine(FakeEngine):
    """Keeps the stops it was asked for."""

    def __init__(self, clock: Clock, folder: Path) -> None:
        super().__init__(clock, folder, timers=False)
        self.stops: list[tuple[str, float]] = []

    def stop(self, task_id: str, grace_s: float) -> None:
        self.stops.append((task_id, grace_s))
        super().stop(task_id, grace_s)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as made:
        yield made


@pytest.fixture
async def brittle() -> AsyncIterator[House]:
    async with open_house(lambda clock, folder: BrittleEngine(clock, folder, timers=False)) as made:
        yield made


def started(house: House, task_id: str) -> TaskSpec:
    return house.engine.world.tasks[task_id].spec


async def environment(house: House, job: str = "job", **variables: str) -> dict[str, str]:
    return started(house, await house.submit(job, environment=variables)).containers[0].environment


async def test_a_job_is_told_who_and_where_it_is(house: House) -> None:
    assert await environment(house) == {
        "AWS_BATCH_JOB_ID": "job",
        "AWS_BATCH_JOB_ATTEMPT": "1",
        "AWS_BATCH_JQ_NAME": "night",
        "AWS_BATCH_CE_NAME": "ec2",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4580",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:4580/_batchd/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token-",
        "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
    }


async def test_what_batch_sets_wins_over_the_job_and_the_job_over_what_leads_it_here(house: House) -> None:
    found = await environment(
        house, AWS_BATCH_JOB_ID="mine", AWS_ENDPOINT_URL="https://aws", AWS_REGION="eu-west-1", A="b"
    )

    assert found["AWS_BATCH_JOB_ID"] == "job"
    assert (found["AWS_ENDPOINT_URL"], found["AWS_REGION"], found["A"]) == ("https://aws", "eu-west-1", "b")


async def test_a_child_of_an_array_is_told_its_index(house: House) -> None:
    await house.submit()
    house.launch.perform([StartTask(TASK, "job", 2, CE, index=3, size=10)])

    found = started(house, TASK).containers[0].environment
    assert (found["AWS_BATCH_JOB_ARRAY_INDEX"], found["AWS_BATCH_JOB_ARRAY_SIZE"]) == ("3", "10")
    assert found["AWS_BATCH_JOB_ATTEMPT"] == "2"


async def test_a_node_is_told_its_place_and_but_for_the_main_one_where_that_is(house: House) -> None:
    groups = [TaskSpec("", (ContainerSpec("default", image, ("true",)),)) for image in ("lead", "follow")]
    await house.submit_row(job_row("job", queue=LINE, task=encode_nodes(groups, [1, 0, 1])))
    tasks = [f"{index}" * 32 for index in range(3)]
    house.launch.perform([StartTask(tasks[i], f"job#{i}", 1, CE, index=i, size=3, main=1) for i in (1, 0)])

    main, other = (started(house, tasks[i]).containers[0] for i in (1, 0))
    assert (main.image, other.image) == ("lead", "follow")
    assert {name: value for name, value in main.environment.items() if "_NODE" in name} == {
        "AWS_BATCH_JOB_NODE_INDEX": "1",
        "AWS_BATCH_JOB_NUM_NODES": "3",
        "AWS_BATCH_JOB_MAIN_NODE_INDEX": "1",
    }
    assert other.environment["AWS_BATCH_JOB_NODE_INDEX"] == "0"
    assert other.environment["AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS"] == "127.0.0.1"
    assert other.environment["AWS_BATCH_JOB_ID"] == "job#0"


async def test_the_role_of_the_job_is_in_its_token(house: House) -> None:
    template = TaskSpec("", (ContainerSpec("default", "busybox", ("true",)),), labels={"job_role": "arn:role"})
    await house.submit_row(job_row("job", queue=LINE, task=encode_task(template)))

    (life,) = house.engine.world.tasks.values()
    assert life.spec.containers[0].environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == "token-arn:role"


async def test_the_streams_name_ends_with_the_task(house: House) -> None:
    task = await house.submit()
    destination = LogDestination("us-east-1", GROUP, f"job/default/{task}")

    assert started(house, task).containers[0].log == destination
    assert house.launch.logs == {task: [("default", destination)]}


async def test_two_tasks_of_one_template_do_not_see_each_other(house: House) -> None:
    first = started(house, await house.submit("one"))
    second = started(house, await house.submit("two"))

    assert first.task_id != second.task_id
    assert first.containers[0].environment["AWS_BATCH_JOB_ID"] == "one"
    assert second.containers[0].environment["AWS_BATCH_JOB_ID"] == "two"


async def test_a_task_gets_the_time_it_asked_for_between_the_signals() -> None:
    async with open_house(NotingEngine) as house:
        engine = house.engine
        assert isinstance(engine, NotingEngine)
        container = ContainerSpec("default", "busybox", ("true",))
        patient = TaskSpec("", (container,), stop_timeout_s=120.0)
        await house.submit_row(job_row("patient", queue=LINE, task=encode_task(patient)))
        patient_task, other = house.task_of("patient"), await house.submit("other")

        house.launch.perform([StopTask(patient_task, "patient"), StopTask(other, "other"), StopTask(TASK, "unknown")])

        assert engine.stops == [(patient_task, 120.0), (other, 30.0), (TASK, 30.0)]


async def test_what_is_repeated_happens_once(house: House) -> None:
    task = await house.submit()
    life = house.engine.world.tasks[task]
    house.launch.perform(house.schedule.scheduler.wanted())

    assert house.engine.world.tasks[task] is life


async def test_a_job_that_was_purged_is_not_started(house: House) -> None:
    house.launch.perform([StartTask(TASK, "purged", 1, CE)])
    house.launch.expect([StartTask(TASK, "purged", 1, CE)])

    assert house.engine.world.tasks == {}
    assert house.launch.logs == {}


async def test_after_a_restart_it_knows_where_the_output_of_running_tasks_goes(house: House) -> None:
    task = await house.submit()
    again = Launch(house.store, house.engine, house.surroundings)
    again.expect([StartTask(task, "job", 1, CE)])

    assert again.logs == house.launch.logs


async def test_a_forgotten_task_leaves_nothing(house: House) -> None:
    task = await house.submit()
    house.launch.forget(task)
    house.launch.forget(task)

    assert (house.launch.logs, house.engine.world.tasks) == ({}, {})


async def test_an_engine_that_raises_fails_that_job_and_no_other(
    brittle: House, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "b", "c"):
        row = job_row(name, queue=LINE, task=encode_task(_template("raises" if name == "b" else "busybox")))
        await brittle.submit_row(row)

    with caplog.at_level(logging.ERROR):
        await until(lambda: brittle.status("b") in FINAL)

    assert brittle.status("b") is JobStatus.FAILED
    assert brittle.row("b").reason == "CannotStartContainerError: no space left on device"
    assert {brittle.status("a"), brittle.status("c")} == {JobStatus.STARTING}
    assert "cannot be started" in caplog.text


async def test_an_engine_that_raises_at_a_stop_is_asked_again_after_a_restart(
    brittle: House, caplog: pytest.LogCaptureFixture
) -> None:
    task = await brittle.submit()
    with caplog.at_level(logging.ERROR):
        brittle.launch.perform([StopTask(task, "job")])

    assert "cannot be stopped" in caplog.text


async def test_a_template_that_cannot_be_read_fails_its_job(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        for number, task in enumerate((b"{", b"{}", b'{"task_id": "", "containers": [{"colour": 1}]}')):
            await house.submit_row(job_row(f"job-{number}", queue=LINE, task=task))
        await house.submit("good")
        await until(lambda: house.status("job-2") in FINAL)

    assert [house.status(f"job-{number}").value for number in range(3)] == ["FAILED"] * 3
    assert house.row("job-0").reason == "CannotStartContainerError: the job cannot be read"
    assert house.status("good") is JobStatus.STARTING
    house.launch.expect([StartTask(TASK, "job-0", 1, CE)])


def _template(image: str) -> TaskSpec:
    return TaskSpec("", (replace(ContainerSpec("default", "", ("true",)), image=image),))
