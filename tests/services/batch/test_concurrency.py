"""Concurrency limits, said in tags. See docs/beyond-aws-batch.md."""

from __future__ import annotations

import pytest

from batchd.scheduler.events import Claim, DefinitionLimited, JobSubmitted, QueueSaved, QueueSpec
from batchd.store.store import Body, Key
from tests.services.batch.worlds import World

PREFIX = "arn:aws:batch:us-east-1:123456789012:"
QUEUE, FEED = PREFIX + "job-queue/night", PREFIX + "job-definition/feed:1"
LIMIT, KEY = "batchd:max-concurrency", "batchd:concurrency-key"
NO_NUMBER = [("x", "x"), ("", ""), ("-1", "-1"), ("1.5", "1.5"), ("1000001", "1000001"), ("\u0662", "\u0662")]


def claims(world: World) -> tuple[Claim, ...]:
    """Of the job that was submitted last."""
    return next(event.job.claims for event in reversed(world.events()) if isinstance(event, JobSubmitted))


def limits(world: World) -> list[int | None]:
    """What the scheduler was told of the queue, one after the other."""
    saved = [event.queue for event in world.events() if isinstance(event, QueueSaved)]
    assert all(isinstance(spec, QueueSpec) and spec.arn == QUEUE for spec in saved)
    return [spec.max_concurrency for spec in saved]


def test_a_queue_has_a_limit_from_its_create_on(world: World) -> None:
    world.environment()
    world.queue(tags={LIMIT: "3"})
    world.ask("update_job_queue", jobQueue="night", priority=5)
    world.ask("tag_resource", resourceArn=QUEUE, tags={LIMIT: "0"})
    world.ask("untag_resource", resourceArn=QUEUE, tagKeys=[LIMIT])
    assert limits(world) == [3, 3, 0, None]
    assert world.body("batch.job-queue", "night")["spec"]["max_concurrency"] is None


def test_a_definition_has_a_limit_from_its_register_on(world: World) -> None:
    world.ready()
    limited = world.definition(tags={LIMIT: "2"})
    assert limited == PREFIX + "job-definition/feed:2"
    world.ask("tag_resource", resourceArn=limited, tags={"team": "risk"})
    world.ask("tag_resource", resourceArn=FEED, tags={LIMIT: "1"})
    world.ask("tag_resource", resourceArn=FEED, tags={LIMIT: "4"})
    assert _stored(world) == {FEED: 4, limited: 2}
    world.ask("untag_resource", resourceArn=FEED, tagKeys=[LIMIT])
    assert _stored(world) == {limited: 2}
    assert [event for event in world.events() if isinstance(event, DefinitionLimited)] == [
        DefinitionLimited(limited, 2),
        DefinitionLimited(FEED, 1),
        DefinitionLimited(FEED, 4),
        DefinitionLimited(FEED, None),
    ], "and nothing for a tag of another meaning"


def _stored(world: World) -> dict[str, int]:
    """What is left for a restart."""
    with world.store.read() as tx:
        return {
            body["definition"]: body["max_concurrency"] for _, body in tx.resources.every("batch.job-definition-limit")
        }


def test_jobs_of_a_key_share_its_units_whatever_their_queue(world: World) -> None:
    world.ready()
    world.submit(tags={KEY: "feed", LIMIT: "2"})
    assert claims(world) == (Claim(PREFIX + "concurrency-key/feed", 1, 2),)
    world.submit(tags={KEY: "feed"})
    assert claims(world) == (Claim(PREFIX + "concurrency-key/feed", 1, 1),), "a key alone is one at a time"
    world.submit(tags={KEY: "feed", LIMIT: "2"}, arrayProperties={"size": 5})
    assert claims(world) == (Claim(PREFIX + "concurrency-key/feed", 1, 2),)


def test_an_array_without_a_key_has_a_limit_of_its_own(world: World) -> None:
    world.ready()
    job_id = world.submit(tags={LIMIT: "2"}, arrayProperties={"size": 5})
    assert claims(world) == (Claim(job_id, 1, 2),)


def test_a_job_may_need_units_of_a_resource_as_well(world: World) -> None:
    world.ready()
    seat = world.ask("create_consumable_resource", consumableResourceName="seat", totalQuantity=1)
    needed = {"consumableResourceList": [{"consumableResource": "seat", "quantity": 1}]}
    job_id = world.submit(tags={KEY: "k"}, consumableResourcePropertiesOverride=needed)
    assert claims(world) == (
        Claim(seat["consumableResourceArn"], 1),
        Claim(PREFIX + "concurrency-key/k", 1, 1),
    )
    listed = world.ask("list_jobs_by_consumable_resource", consumableResource="seat")["jobs"]
    assert [job["jobArn"] for job in listed] == [f"{PREFIX}job/{job_id}"]


def refusal(world: World, **params: object) -> str:
    return world.refusal("submit_job", jobName="x", jobQueue="night", jobDefinition="feed", **params)


@pytest.mark.parametrize(("value", "shown"), NO_NUMBER)
def test_a_limit_that_is_no_number_is_refused_wherever_it_is_said(world: World, value: str, shown: str) -> None:
    world.ready()
    said: Body = {LIMIT: value}
    text = f"tag {LIMIT} must be a whole number between 0 and 1000000, not {shown}"
    for arn in (QUEUE, FEED):
        assert world.refusal("tag_resource", resourceArn=arn, tags=said) == text
    order = [{"order": 1, "computeEnvironment": "ce"}]
    asked = {"jobQueueName": "q", "priority": 1, "computeEnvironmentOrder": order}
    assert world.refusal("create_job_queue", **asked, tags=said) == text
    container = world.ask("describe_job_definitions")["jobDefinitions"][0]["containerProperties"]
    asked = {"jobDefinitionName": "x", "type": "container", "containerProperties": container}
    assert world.refusal("register_job_definition", **asked, tags=said) == text
    text = text.replace("between 0", "between 1")
    assert refusal(world, tags={**said, KEY: "k"}) == text
    assert refusal(world, tags=said, arrayProperties={"size": 2}) == text
    assert limits(world) == [None], "nothing was changed"
    assert _stored(world) == {}


def test_a_tag_without_a_meaning_is_refused(world: World) -> None:
    world.ready()
    assert refusal(world, tags={LIMIT: "1"}) == f"tag {LIMIT} of a job that is no array needs the tag {KEY}"
    assert refusal(world, tags={LIMIT: "0", KEY: "k"}).endswith("between 1 and 1000000, not 0")
    assert refusal(world, tags={KEY: ""}) == f"tag {KEY} must not be empty"
    for arn in (QUEUE, FEED):
        assert world.refusal("tag_resource", resourceArn=arn, tags={KEY: "k"}) == f"tag {KEY} is for jobs only"


def test_a_job_is_held_to_what_it_was_submitted_with(world: World) -> None:
    world.ready()
    arn = f"{PREFIX}job/{world.submit(tags={KEY: 'k', LIMIT: '2', 'team': 'risk'})}"
    text = "of a job can not be changed after its submit"
    assert world.refusal("tag_resource", resourceArn=arn, tags={LIMIT: "3"}) == f"tag {LIMIT} {text}"
    assert world.refusal("untag_resource", resourceArn=arn, tagKeys=[KEY]) == f"tag {KEY} {text}"
    world.ask("tag_resource", resourceArn=arn, tags={LIMIT: "2", "team": "desk"})
    world.ask("untag_resource", resourceArn=arn, tagKeys=["team"])
    assert world.ask("list_tags_for_resource", resourceArn=arn) == {"tags": {KEY: "k", LIMIT: "2"}}


def test_other_resources_may_have_such_tags_and_nothing_follows(world: World) -> None:
    world.environment(tags={LIMIT: "x"})
    with world.store.read() as tx:
        body = tx.resources.get(Key("batch.compute-environment", world.region, "ce"))
    assert body is not None
    assert body["aws"]["tags"] == {LIMIT: "x"}
