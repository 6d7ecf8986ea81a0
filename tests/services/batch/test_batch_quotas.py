"""AWS's numbers hold unless the operator has others. [batch.md 0.5]"""

from __future__ import annotations

from batchd.quotas import Quotas
from tests.services.batch import tasks
from tests.services.batch.worlds import EC2, World


def allow(world: World, **quotas: int) -> None:
    world.deployment["quotas"] = Quotas(**quotas)


def test_the_numbers_are_awss() -> None:
    assert Quotas() == Quotas(
        job_queues=50,
        compute_environments=50,
        scheduling_policies=500,
        environments_per_queue=3,
        dependencies_per_job=20,
        array_size=10_000,
        tags_per_resource=50,
        submit_job_bytes=30_720,
        container_overrides_bytes=0,
        job_definition_bytes=24_576,
    )


def test_environments_queues_and_policies_are_counted_per_region(world: World) -> None:
    allow(world, compute_environments=1, job_queues=1, scheduling_policies=1)
    world.environment()
    world.queue()
    world.ask("create_scheduling_policy", name="fair")

    create = {"computeEnvironmentName": "two", "type": "MANAGED", "computeResources": EC2}
    refused = world.refusal("create_compute_environment", **create)
    assert refused == "At most 1 compute environments are allowed"
    order = [{"order": 1, "computeEnvironment": "ce"}]
    refused = world.refusal("create_job_queue", jobQueueName="two", priority=1, computeEnvironmentOrder=order)
    assert refused == "At most 1 job queues are allowed"
    assert world.refusal("create_scheduling_policy", name="two") == "At most 1 scheduling policies are allowed"

    world.region = "eu-west-1"
    world.environment()
    world.queue()


def test_what_is_deleted_makes_room(world: World) -> None:
    allow(world, compute_environments=1)
    world.environment(state="DISABLED")
    world.ask("delete_compute_environment", computeEnvironment="ce")
    world.environment("two")


def test_a_queue_may_have_more_environments_where_the_operator_allows_it(world: World) -> None:
    names = [f"ce{number}" for number in range(5)]
    for name in names:
        world.environment(name)
    allow(world, environments_per_queue=4)
    order = [{"order": i, "computeEnvironment": name} for i, name in enumerate(names)]
    refused = world.wrapped("create_job_queue", jobQueueName="night", priority=1, computeEnvironmentOrder=order)
    assert refused == "computeEnvironmentOrder must have at most 4 compute environments"
    allow(world, environments_per_queue=0)
    world.queue(environments=names)


def test_a_job_may_have_more_dependencies(world: World) -> None:
    world.ready()
    jobs = [{"jobId": world.submit()} for _ in range(21)]
    assert "more than 20 dependencies" in world.refusal(
        "submit_job", jobName="run", jobQueue="night", jobDefinition="feed", dependsOn=jobs
    )
    allow(world, dependencies_per_job=0)
    job_id = world.submit(dependsOn=jobs)
    assert world.job(job_id)["dependsOn"] == jobs


def test_payloads_may_be_larger_or_must_be_smaller(world: World) -> None:
    world.ready()
    allow(world, submit_job_bytes=200, job_definition_bytes=400)
    long = {"parameters": {"a": "x" * 400}}
    submit = {"jobName": "run", "jobQueue": "night", "jobDefinition": "feed", **long}
    assert world.wrapped("submit_job", **submit) == "Job must not be larger than 200 bytes"
    register = {"jobDefinitionName": "d", "type": "container", "containerProperties": big_container()}
    refused = world.wrapped("register_job_definition", **register)
    assert refused == "Job definition must not be larger than 400 bytes"
    allow(world, submit_job_bytes=0, job_definition_bytes=0)
    world.ask("submit_job", **submit)
    world.ask("register_job_definition", **register)


def test_overrides_may_be_as_long_as_a_request_unless_they_must_not(world: World) -> None:
    world.ready()
    tasks.register(world, tasks.container("main"))
    long = {"command": ["x" * 20_000]}
    in_a_task = {"taskProperties": [{"containers": [{"name": "main", **long}]}]}
    submit = {"jobName": "run", "jobQueue": "night"}
    one = submit | {"jobDefinition": "feed", "containerOverrides": long}
    several = submit | {"jobDefinition": "task", "ecsPropertiesOverride": in_a_task}
    for request in (one, several):
        world.ask("submit_job", **request)
    allow(world, container_overrides_bytes=8192)
    for request in (one, several):
        assert world.refusal("submit_job", **request) == "Container Overrides length must be at most 8192"
    world.submit(containerOverrides={"command": ["short"]})


def big_container() -> dict[str, object]:
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}]
    return {"image": "busybox", "command": ["x" * 30_000], "resourceRequirements": needs}


def test_a_definition_of_more_than_24_kib_is_refused(world: World) -> None:
    params = {"jobDefinitionName": "d", "type": "container", "containerProperties": big_container()}
    assert world.wrapped("register_job_definition", **params) == "Job definition must not be larger than 24576 bytes"


def test_tags_have_a_quota_at_every_door(world: World) -> None:
    allow(world, tags_per_resource=1)
    world.ready()
    two = {"a": "1", "b": "2"}
    refused = "tags: a resource can have at most 1 tags"
    create = {"computeEnvironmentName": "two", "type": "MANAGED", "computeResources": EC2}
    assert world.wrapped("create_compute_environment", **create, tags=two) == refused
    submit = {"jobName": "run", "jobQueue": "night", "jobDefinition": "feed"}
    assert world.wrapped("submit_job", **submit, tags=two) == refused
    arn = world.environment("tagged", tags={"a": "1"})
    assert world.wrapped("tag_resource", resourceArn=arn, tags={"b": "2"}) == refused
    allow(world, tags_per_resource=0)
    world.ask("tag_resource", resourceArn=arn, tags={str(number): "" for number in range(60)})
