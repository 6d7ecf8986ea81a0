"""GetJobQueueSnapshot. [batch.md 5.5]"""

from __future__ import annotations

from tests.services.batch.worlds import World

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/night"


def test_a_snapshot_shows_who_waits_since_when_and_what_is_in_use(world: World) -> None:
    world.ready()
    asked = []

    def front(queue: str, limit: int) -> list[tuple[str, int]]:
        asked.append((queue, limit))
        return [("j-1", 5), ("j-2:7", 6)]

    world.deployment |= {"front": front, "queue_vcpus": lambda queue: 1.5 if queue == QUEUE else 0.0}

    assert world.ask("get_job_queue_snapshot", jobQueue="night") == {
        "frontOfQueue": {
            "jobs": [
                {"jobArn": "arn:aws:batch:us-east-1:123456789012:job/j-1", "earliestTimeAtPosition": 5},
                {"jobArn": "arn:aws:batch:us-east-1:123456789012:job/j-2:7", "earliestTimeAtPosition": 6},
            ],
            "lastUpdatedAt": world.now_ms,
        },
        "queueUtilization": {
            "totalCapacityUsage": [{"capacityUnit": "VCPU", "quantity": 1.5}],
            "lastUpdatedAt": world.now_ms,
        },
    }
    assert asked == [(QUEUE, 100)]


def test_an_idle_queue_has_an_empty_front(world: World) -> None:
    world.ready()
    assert world.ask("get_job_queue_snapshot", jobQueue=QUEUE)["frontOfQueue"]["jobs"] == []


def test_an_unknown_queue_has_no_snapshot(world: World) -> None:
    assert world.refusal("get_job_queue_snapshot", jobQueue="day") == "JobQueue day does not exist"
