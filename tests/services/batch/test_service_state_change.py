"""What EventBridge is told of service jobs, made from the journal and the rows that are there in the end."""

from __future__ import annotations

from batchd.clock import ManualClock
from batchd.controllers.schedule import Schedule
from batchd.scheduler.commands import Command, StartTask
from batchd.scheduler.events import Event, MachineSized, Resources, TaskExited, TaskStarted
from batchd.services.batch.state_change import envelopes
from batchd.store.store import Body
from tests.services.batch.service_worlds import ARN, ready, submit
from tests.services.batch.worlds import World, without


class Town:
    """A Batch world with a scheduler; `tasks` are those in hand."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clock = ManualClock()
        self.tasks: list[str] = []
        world.store.follow(Schedule(world.store, self.clock, MachineSized(Resources(4000, 8192)), self._perform))

    def _perform(self, commands: list[Command]) -> None:
        self.tasks += [command.task_id for command in commands if isinstance(command, StartTask)]

    def tell(self, *events: Event) -> None:
        self.world.store.transact(lambda tx: [tx.journal.append(event) for event in events])

    def heard(self) -> list[Body]:
        with self.world.store.read() as tx:
            moved = [one for _, step in tx.journal.transitions(0, 100) for one in step]
            rows = [tx.jobs.get(one.job_id) for one in moved]
            return [event for one, row in zip(moved, rows, strict=True) if row for event in envelopes(row, one)]


def test_every_state_is_told_as_describe_service_job_told_it(world: World) -> None:
    town = Town(ready(world))
    job_id = submit(world, retryStrategy={"attempts": 2}, tags={"a": "b"})
    seen = [world.ask("describe_service_job", jobId=job_id)]
    for code in (1, 0):
        town.clock.advance(1)
        town.tell(TaskStarted(town.tasks[-1], town.clock.now_ms()))
        seen.append(world.ask("describe_service_job", jobId=job_id))
        town.clock.advance(1)
        town.tell(TaskExited(town.tasks[-1], town.clock.now_ms(), code))
        seen.append(world.ask("describe_service_job", jobId=job_id))

    heard = town.heard()
    once, again = ["RUNNABLE", "SCHEDULED", "STARTING", "RUNNING"], ["RUNNABLE", "SCHEDULED", "STARTING", "RUNNING"]
    assert [event["detail"]["status"] for event in heard] == [*once, *again, "SUCCEEDED"]
    shown = {
        (shape["status"], len(shape["attempts"])): without(shape, "tags", "serviceRequestPayload") for shape in seen
    }
    told = {(e["detail"]["status"], len(e["detail"]["attempts"])): e["detail"] for e in heard}
    del shown["RUNNING", 0]["scheduledAt"]  # the row tells only of the latest
    assert {place: told[place] for place in shown} == shown
    assert {**heard[1]["detail"], "status": "STARTING"} == heard[2]["detail"]
    assert "scheduledAt" not in heard[0]["detail"]


def test_an_event_is_of_the_service_job_and_told_twice_it_is_the_same(world: World) -> None:
    town = Town(ready(world))
    job_id = submit(world)
    first = town.heard()

    assert {event["detail-type"] for event in first} == {"Batch Service Job State Change"}
    assert {tuple(event["resources"]) for event in first} == {(f"{ARN}:service-job/{job_id}",)}
    assert len({event["id"] for event in first}) == len(first) == 3
    assert town.heard() == first
