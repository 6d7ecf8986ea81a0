from __future__ import annotations

import pytest

from batchd.store.store import Body
from tests.services.batch.worlds import World

PREFIX = "arn:aws:batch:us-east-1:123456789012:"
RESOURCES = [
    "compute-environment/ce",
    "job-queue/night",
    "job-definition/feed:1",
    "scheduling-policy/fair",
    "job/{job}",
]


@pytest.fixture
def job_id(world: World) -> str:
    world.ready()
    world.ask("create_scheduling_policy", name="fair")
    return world.submit()


@pytest.mark.parametrize("resource", RESOURCES)
def test_tags_are_added_overwritten_and_removed(world: World, job_id: str, resource: str) -> None:
    arn = PREFIX + resource.format(job=job_id)
    assert world.ask("list_tags_for_resource", resourceArn=arn) == {"tags": {}}

    world.ask("tag_resource", resourceArn=arn, tags={"a": "1", "b": ""})
    world.ask("tag_resource", resourceArn=arn, tags={"a": "2"})
    assert world.ask("list_tags_for_resource", resourceArn=arn) == {"tags": {"a": "2", "b": ""}}

    world.ask("untag_resource", resourceArn=arn, tagKeys=["b", "c"])
    assert world.ask("list_tags_for_resource", resourceArn=arn) == {"tags": {"a": "2"}}


def test_describe_shows_the_tags_as_they_are_now(world: World, job_id: str) -> None:
    for resource in RESOURCES:
        world.ask("tag_resource", resourceArn=PREFIX + resource.format(job=job_id), tags={"a": "1"})

    tags: list[Body] = [
        world.ask("describe_compute_environments")["computeEnvironments"][0]["tags"],
        world.ask("describe_job_queues")["jobQueues"][0]["tags"],
        world.ask("describe_job_definitions")["jobDefinitions"][0]["tags"],
        world.ask("describe_scheduling_policies", arns=[PREFIX + "scheduling-policy/fair"])["schedulingPolicies"][0][
            "tags"
        ],
        world.job(job_id)["tags"],
    ]

    assert tags == [{"a": "1"}] * 5


def test_tagging_a_queue_leaves_its_spec_alone(world: World, job_id: str) -> None:
    before = world.body("batch.job-queue", "night")
    world.ask("tag_resource", resourceArn=PREFIX + "job-queue/night", tags={"a": "1"})

    assert world.body("batch.job-queue", "night")["spec"] == before["spec"]


@pytest.mark.parametrize(
    "arn",
    [
        PREFIX + "job-queue/day",
        PREFIX + "job-definition/feed",
        PREFIX + "job-definition/feed:9",
        PREFIX + "job/00000000-0000-4000-8000-00000000dead",
        PREFIX + "quota-share/x",
        PREFIX.replace("us-east-1", "eu-west-1") + "job-queue/night",
        "night",
    ],
)
def test_what_is_not_here_has_no_tags(world: World, job_id: str, arn: str) -> None:
    assert world.refusal("list_tags_for_resource", resourceArn=arn) == f"Resource {arn} does not exist"
    assert world.refusal("tag_resource", resourceArn=arn, tags={"a": "1"}) == f"Resource {arn} does not exist"


def test_array_children_are_not_tagged(world: World, job_id: str) -> None:
    arn = f"{PREFIX}job/{job_id}:0"
    assert world.refusal("tag_resource", resourceArn=arn, tags={"a": "1"}) == f"Resource {arn} does not exist"


def test_tags_keep_to_the_rules(world: World, job_id: str) -> None:
    arn = PREFIX + "job-queue/night"
    special = "Tags can only contain letters, numbers, spaces, and the following special characters: _ . : / = + - @"
    for tags in ({"a!": "1"}, {"a": "1;2"}):
        assert world.refusal("tag_resource", resourceArn=arn, tags=tags) == special
    reserved = "tag key aws:a is not allowed, keys starting with aws: are reserved"
    assert world.wrapped("tag_resource", resourceArn=arn, tags={"aws:a": "1"}) == reserved
    world.ask("tag_resource", resourceArn=arn, tags={"größe _.:/=+-@": "batchd:öl 1"})

    world.ask("tag_resource", resourceArn=arn, tags={f"k{i}": "" for i in range(49)})
    assert world.wrapped("tag_resource", resourceArn=arn, tags={"one": ""}) == (
        "tags: a resource can have at most 50 tags"
    )
