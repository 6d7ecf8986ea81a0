"""Multi-node parallel jobs, as the service sees them. [batch.md 2.2, 3.2, 7.7]"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from batchd.quotas import Quotas
from batchd.scheduler.events import Gang, JobSubmitted, Resources
from batchd.store.store import Body
from batchd.task import TaskSpec, decode_node
from tests.services.batch import pods, tasks
from tests.services.batch.gangs import definition, entry, of, register
from tests.services.batch.towns import Town
from tests.services.batch.worlds import CONTAINER, World, new_world, without

SMALL = {"resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "256"}]}
TASK = {"taskProperties": [{"containers": [tasks.container("main"), tasks.container("side")]}]}
POD = {"podProperties": {"containers": [pods.container()]}}


@pytest.fixture
def town() -> Iterator[Town]:
    world = new_world()
    register(world.ready(), of("0", SMALL), of("1:", SMALL))
    yield Town(world)
    world.store.close()


def submitted(world: World, **params: Any) -> JobSubmitted:
    """Of the definition `nodes`."""
    world.submit(jobDefinition="nodes", **params)
    event = world.events()[-1]
    assert isinstance(event, JobSubmitted)
    return event


def template(world: World, job_id: str, index: int) -> TaskSpec:
    return decode_node(world.row(job_id).task, index)


def listed(world: World, job_id: str, status: str, **more: Any) -> list[Body]:
    found: list[Body] = world.ask("list_jobs", multiNodeJobId=job_id, jobStatus=status, **more)["jobSummaryList"]
    return found


# Definitions


def test_a_definition_is_described_as_it_was_registered(world: World) -> None:
    ranges = [of(":1", {"instanceType": "m5.large"}), entry("2:", ecsProperties=TASK, instanceTypes=["p4d.24xlarge"])]
    register(world, *ranges, main=1)
    (found,) = world.ask("describe_job_definitions", jobDefinitionName="nodes")["jobDefinitions"]
    assert (found["type"], found["containerOrchestrationType"]) == ("multinode", "ECS")
    nodes = found["nodeProperties"]
    assert (nodes["numNodes"], nodes["mainNode"]) == (3, 1)
    first, second = nodes["nodeRangeProperties"]
    assert (first["targetNodes"], first["container"]["instanceType"]) == (":1", "m5.large")
    assert first["container"]["environment"] == []
    assert (second["targetNodes"], second["instanceTypes"]) == ("2:", ["p4d.24xlarge"])
    assert [one["name"] for one in second["ecsProperties"]["taskProperties"][0]["containers"]] == ["main", "side"]


def test_nodes_may_be_pods(world: World) -> None:
    register(world, entry(":", eksProperties=POD))
    (found,) = world.ask("describe_job_definitions", jobDefinitionName="nodes")["jobDefinitions"]
    assert found["containerOrchestrationType"] == "EKS"


@pytest.mark.parametrize(
    ("ranges", "text"),
    [
        ([], "nodeRangeProperties must have at least 1 entry"),
        ([of(str(node)) for node in range(6)], "nodeRangeProperties must have at most 5 entries"),
        ([of("0:1")], "nodeRangeProperties must account for all nodes, node 2 is in no range"),
        ([of("0"), of("2")], "nodeRangeProperties must account for all nodes, node 1 is in no range"),
        ([of("0:3")], "targetNodes 0:3 is beyond the last node, there are 3"),
        ([of(":"), of("3:")], "targetNodes 3: is beyond the last node, there are 3"),
        ([of("2:0")], "targetNodes 2:0 must not end before it begins"),
        ([of("0:1"), of("1:2")], "targetNodes 0:1 and 1:2 must not overlap, unless one is inside the other"),
        ([of("0:2"), of(":")], "targetNodes 0:2 and : must not overlap, unless one is inside the other"),
        ([of("")], "targetNodes  should match valid pattern"),
        ([of("a")], "targetNodes a should match valid pattern"),
        ([of("0:1:2")], "targetNodes 0:1:2 should match valid pattern"),
        ([of("-1:2")], "targetNodes -1:2 should match valid pattern"),
        (
            [entry("0:2")],
            "nodeRangeProperties must have exactly one of container, ecsProperties, eksProperties",
        ),
        (
            [of("0:2", ecsProperties=TASK)],
            "nodeRangeProperties must have exactly one of container, ecsProperties, eksProperties",
        ),
        (
            [of("0"), entry("1:", eksProperties=POD)],
            "nodeRangeProperties must be all on Amazon ECS or all on Amazon EKS",
        ),
        ([of(":", instanceTypes=["m5.large", "m5.large"])], "instanceTypes must have at most 1 entry"),
        ([of(":", {"image": ""})], "Container image should match valid pattern"),
        ([of(":", {"resourceRequirements": []})], "resourceRequirements must have a VCPU"),
        (
            [entry(":", ecsProperties={"taskProperties": [{"containers": [tasks.helper()]}]})],
            "at least one container must be essential",
        ),
        (
            [entry(":", eksProperties={"podProperties": {"containers": []}})],
            "eksProperties.podProperties.containers must have 1 to 10 entries",
        ),
    ],
)
def test_nodes_that_cannot_be_are_refused(world: World, ranges: list[Body], text: str) -> None:
    assert world.wrapped("register_job_definition", **definition(*ranges)) == text


def test_an_instance_type_that_nobody_knows_is_refused(world: World) -> None:
    for one in (of(":", instanceTypes=["m5.tiny"]), of(":", {"instanceType": "m5.tiny"})):
        text = world.wrapped("register_job_definition", **definition(one))
        assert text.startswith("Instance type can only be one of")


@pytest.mark.parametrize(
    ("size", "main", "text"),
    [
        (0, 0, "numNodes must be between 1 and 1000"),
        (1001, 0, "numNodes must be between 1 and 1000"),
        (3, 3, "mainNode must be at least 0 and less than numNodes, 3"),
        (3, -1, "mainNode must be at least 0 and less than numNodes, 3"),
    ],
)
def test_how_many_nodes_there_may_be(world: World, size: int, main: int, text: str) -> None:
    assert world.wrapped("register_job_definition", **definition(of(":"), size=size, main=main)) == text


def test_the_quotas_may_be_changed(world: World) -> None:
    world.deployment = {"quotas": Quotas(nodes_per_job=0, node_groups_per_job=1)}
    register(world, of(":"), size=2000)
    assert "at most 1 entries" in world.wrapped("register_job_definition", **definition(of("0"), of("1:")))
    assert "between 1 and more" in world.wrapped("register_job_definition", **definition(of(":"), size=0))


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"platformCapabilities": ["FARGATE"]}, "type multinode is not applicable for Fargate."),
        ({"containerProperties": CONTAINER}, "containerProperties can not be combined with type multinode"),
        ({"type": "container"}, "nodeProperties can not be combined with type container"),
    ],
)
def test_what_does_not_go_with_nodes(world: World, params: Body, text: str) -> None:
    assert world.wrapped("register_job_definition", **{**definition(of(":")), **params}) == text


def test_nodes_must_be_said(world: World) -> None:
    request = without(definition(of(":")), "nodeProperties")
    assert world.refusal("register_job_definition", **request) == "Node properties should not be empty"


def test_pods_have_no_platform_capabilities(world: World) -> None:
    request = definition(entry(":", eksProperties=POD), platformCapabilities=["EC2"])
    text = "platformCapabilities can not be combined with eksProperties"
    assert world.wrapped("register_job_definition", **request) == text


# Submits


def test_the_scheduler_is_told_of_all_nodes_and_what_each_of_them_needs(world: World) -> None:
    world.ready()
    register(world, of("0", SMALL), of("1:2"), of("3:", SMALL), size=5, main=2)
    job = submitted(world).job
    assert job.resources == Resources(3 * 1000 + 2 * 2000, 3 * 256 + 2 * 1024)
    assert job.gang == Gang(5, 2, (Resources(1000, 256), Resources(2000, 1024)))


def test_of_nested_ranges_the_inner_one_counts(world: World) -> None:
    world.ready()
    ranges = {":": "outer", "1:3": "middle", "2": "inner"}
    register(world, *[of(targets, {"command": [word]}) for targets, word in ranges.items()], size=5)
    job_id = world.submit(jobDefinition="nodes")
    commands = [template(world, job_id, index).containers[0].command[0] for index in range(5)]
    assert commands == ["outer", "middle", "inner", "middle", "outer"]


def test_a_node_of_several_containers_needs_what_all_of_them_do(world: World) -> None:
    world.ready()
    register(world, of("0", SMALL), entry("1", ecsProperties=TASK), size=2)
    job = submitted(world).job
    assert job.resources == Resources(3000, 256 + 2 * 512)
    assert [len(template(world, job.job_id, index).containers) for index in (0, 1)] == [1, 2]


def test_each_node_logs_to_streams_of_its_own_definitions_name(world: World) -> None:
    world.ready()
    logs = {"logDriver": "awslogs", "options": {"awslogs-group": "mine"}}
    register(world, of("0"), of("1:", {"logConfiguration": logs}))
    job_id = world.submit(jobDefinition="nodes")
    first, second = (template(world, job_id, index).containers[0].log for index in (0, 1))
    assert (first and first.group, second and second.group) == ("/aws/batch/job", "mine")
    assert ("logs", "CreateLogGroup", {"logGroupName": "mine"}) in world.calls


def test_a_submit_may_change_the_number_of_nodes_where_a_range_has_no_end(world: World) -> None:
    world.ready()
    register(world, of("0"), of("1:"))
    event = submitted(world, nodeOverrides={"numNodes": 7})
    assert event.job.gang is not None
    assert event.job.gang.size == 7
    job = world.job(event.job.job_id)
    assert job["nodeProperties"]["numNodes"] == 7
    assert [one["targetNodes"] for one in job["nodeProperties"]["nodeRangeProperties"]] == ["0", "1:"]


@pytest.mark.parametrize(
    ("ranges", "size", "text"),
    [
        (
            [of("0:2")],
            4,
            "nodeOverrides.numNodes needs a node range without an upper boundary in the job definition",
        ),
        (
            [of("0:1"), of("2:")],
            2,
            "nodeOverrides.numNodes must be more than the lower boundary of the node range without an upper",
        ),
        ([of(":")], 1, "mainNode must be at least 0 and less than numNodes, 1"),
        ([of(":")], 1001, "numNodes must be between 1 and 1000"),
        ([of(":")], 0, "numNodes must be between 1 and 1000"),
    ],
)
def test_numbers_of_nodes_that_cannot_be_are_refused(world: World, ranges: list[Body], size: int, text: str) -> None:
    world.ready()
    register(world, *ranges, main=1)
    request = {"jobName": "run", "jobQueue": "night", "jobDefinition": "nodes", "nodeOverrides": {"numNodes": size}}
    assert world.wrapped("submit_job", **request) == text


def test_overrides_reach_the_nodes_of_the_range_they_name(world: World) -> None:
    world.ready()
    register(world, of("0"), of("1:2", {"environment": [{"name": "A", "value": "1"}]}, instanceTypes=["m5.large"]))
    change = {
        "command": ["other", "Ref::x"],
        "environment": [{"name": "B", "value": "2"}],
        "instanceType": "c5.large",
        "resourceRequirements": [{"type": "VCPU", "value": "3"}],
    }
    override = {"targetNodes": "1:2", "containerOverrides": change, "instanceTypes": ["c5.large"]}
    event = submitted(world, nodeOverrides={"nodePropertyOverrides": [override]}, parameters={"x": "y"})
    job_id = event.job.job_id
    assert event.job.resources.vcpus_milli == 2000 + 3000 + 3000
    assert template(world, job_id, 0).containers[0].command == ("echo", "hello")
    assert template(world, job_id, 2).containers[0].command == ("other", "y")
    shown = world.job(job_id)["nodeProperties"]["nodeRangeProperties"][1]
    assert (shown["instanceTypes"], shown["container"]["instanceType"]) == (["c5.large"], "c5.large")
    assert shown["container"]["command"] == ["other", "y"]
    assert [one["name"] for one in shown["container"]["environment"]] == ["A", "B"]


def test_overrides_of_tasks_and_pods_are_those_of_such_jobs(world: World) -> None:
    world.environment(name="eks", eksConfiguration=pods.CONFIGURATION)
    world.queue(environments=["eks"])
    register(world, entry(":", eksProperties=POD))
    change = {"podProperties": {"containers": [{"command": ["other"]}]}}
    overrides = {"nodePropertyOverrides": [{"targetNodes": ":", "eksPropertiesOverride": change}]}
    job_id = submitted(world, nodeOverrides=overrides).job.job_id
    assert template(world, job_id, 2).containers[0].entry_point == ("other",)
    shown = world.job(job_id)["nodeProperties"]["nodeRangeProperties"][0]["eksProperties"]
    assert shown["podProperties"]["containers"][0]["command"] == ["other"]


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        (
            [{"targetNodes": "0:1", "containerOverrides": {"command": ["x"]}}],
            "NodeOverride targets should match job definition. Non matching targets - 0:1",
        ),
        (
            [{"targetNodes": "0"}, {"targetNodes": "0:0"}],
            "nodePropertyOverrides must not repeat targetNodes 0:0",
        ),
        ([{"targetNodes": "x"}], "targetNodes x should match valid pattern"),
        (
            [{"targetNodes": "0", "containerOverrides": {"command": [""]}}],
            "containerOverrides.command must not contain an empty string",
        ),
        (
            [{"targetNodes": "0", "instanceTypes": ["m5.large", "c5.large"]}],
            "instanceTypes must have at most 1 entry",
        ),
    ],
)
def test_overrides_of_nodes_that_cannot_be_are_refused(world: World, overrides: list[Body], text: str) -> None:
    world.ready()
    register(world, of("0"), of("1:2"))
    request = {"jobName": "run", "jobQueue": "night", "jobDefinition": "nodes"}
    assert world.wrapped("submit_job", **request, nodeOverrides={"nodePropertyOverrides": overrides}) == text


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (
            {"jobDefinition": "nodes", "containerOverrides": {"command": ["x"]}},
            "containerOverrides can not override a job definition with nodeProperties",
        ),
        (
            {"jobDefinition": "feed", "nodeOverrides": {"numNodes": 2}},
            "nodeOverrides can not override a job definition with containerProperties",
        ),
        (
            {
                "jobDefinition": "nodes",
                "nodeOverrides": {
                    "nodePropertyOverrides": [
                        {"targetNodes": ":", "ecsPropertiesOverride": {"taskProperties": [{"containers": []}]}}
                    ]
                },
            },
            "ecsPropertiesOverride can not override a job definition with containerProperties",
        ),
        (
            {"jobDefinition": "nodes", "arrayProperties": {"size": 2}},
            "arrayProperties is not applicable for multi-node parallel jobs",
        ),
        (
            {"jobDefinition": "nodes", "jobQueue": "own"},
            "Multi-node parallel jobs can not run in UNMANAGED compute environments",
        ),
        (
            {"jobDefinition": "nodes", "jobQueue": "fargate"},
            "Job Queue is attached to Compute Environment that can not run Jobs with capability EC2",
        ),
    ],
)
def test_what_a_job_of_several_nodes_cannot_do(world: World, params: Body, text: str) -> None:
    world.ready()
    register(world, of(":"))
    world.ask("create_compute_environment", computeEnvironmentName="own", type="UNMANAGED")
    world.queue("own", ["own"])
    world.environment("fargate", {"type": "FARGATE", "maxvCpus": 8, "subnets": ["s-1"], "securityGroupIds": ["sg-1"]})
    world.queue("fargate", ["fargate"])
    assert world.refusal("submit_job", **{"jobName": "run", "jobQueue": "night", **params}) == text


def test_nobody_waits_for_a_single_node(world: World) -> None:
    world.ready()
    register(world, of(":"))
    job_id = world.submit(jobDefinition="nodes")
    request = {"jobName": "run", "jobQueue": "night", "jobDefinition": "feed"}
    text = world.refusal("submit_job", **request, dependsOn=[{"jobId": f"{job_id}#1"}])
    assert text == f"Dependent job {job_id}#1 is a node: only its job can be waited for"


def test_commands_of_nodes_may_refer_to_results(world: World) -> None:
    world.ready()
    register(world, of("0", {"command": ["echo", "Ref::first.x"]}), of("1:"))
    first = world.submit(jobName="first")
    job_id = world.submit(jobDefinition="nodes", dependsOn=[{"jobId": first}])
    assert template(world, job_id, 0).inputs == {"first": first}
    assert template(world, job_id, 1).inputs == {}


def consuming(quantity: int, name: str = "license") -> Body:
    return {"consumableResourceList": [{"consumableResource": name, "quantity": quantity}]}


def test_a_job_claims_what_all_its_nodes_need_of_consumable_resources(world: World) -> None:
    world.ready()
    world.ask("create_consumable_resource", consumableResourceName="license", totalQuantity=9)
    one, two = ({"consumableResourceProperties": consuming(quantity)} for quantity in (1, 2))
    register(world, of("0", **one), of("1:", **two), of("3", SMALL), size=4)
    (claim,) = submitted(world).job.claims
    assert (claim.pool.rpartition("/")[2], claim.quantity) == ("license", 1 + 2 + 2)
    change = {"targetNodes": "1:", "consumableResourcePropertiesOverride": consuming(3)}
    job = submitted(world, nodeOverrides={"nodePropertyOverrides": [change]}).job
    assert job.claims[0].quantity == 1 + 3 + 3
    shown = world.job(job.job_id)
    assert shown["consumableResourceProperties"] == consuming(7)
    entries = shown["nodeProperties"]["nodeRangeProperties"]
    assert [entry.get("consumableResourceProperties") for entry in entries] == [consuming(1), consuming(3), None]
    listed_jobs = world.ask("list_jobs_by_consumable_resource", consumableResource="license")["jobs"]
    assert [entry["quantity"] for entry in listed_jobs] == [7, 5]


@pytest.mark.parametrize(
    ("operation", "params", "text"),
    [
        (
            "register_job_definition",
            definition(of(":"), consumableResourceProperties=consuming(1)),
            "consumableResourceProperties can not be combined with type multinode",
        ),
        (
            "submit_job",
            {"jobName": "a", "jobQueue": "night", "jobDefinition": "nodes"}
            | {"consumableResourcePropertiesOverride": consuming(1)},
            "consumableResourcePropertiesOverride can not override a job definition with nodeProperties",
        ),
    ],
)
def test_consumable_resources_are_said_of_groups_of_nodes(
    world: World, operation: str, params: Body, text: str
) -> None:
    world.ready()
    register(world, of(":"))
    assert text in world.refusal(operation, **params)


def test_placeholders_may_be_anywhere_in_a_node(world: World) -> None:
    world.ready()
    needs = [{"type": "VCPU", "value": "Ref::vcpus"}, {"type": "MEMORY", "value": "64"}]
    register(world, of(":", {"resourceRequirements": needs, "instanceType": "m5.large"}))
    assert submitted(world, parameters={"vcpus": "3"}).job.resources.vcpus_milli == 9000


# What is told of them


def test_nodes_are_described_each_with_its_own_place_and_end(town: Town) -> None:
    job_id = town.submit(jobDefinition="nodes", tags={"team": "a"})
    town.start(f"{job_id}#0")
    town.start(f"{job_id}#1")
    town.exit(f"{job_id}#1", 4)
    job, node = town.world.job(job_id), town.world.job(f"{job_id}#1")
    assert (job["status"], job["container"]["taskArn"].rpartition("/")[2]) == ("RUNNING", town.tasks[f"{job_id}#0"])
    assert "nodeDetails" not in job
    (interface,) = node["container"]["networkInterfaces"]
    assert interface["privateIpv4Address"] == "127.0.0.1"
    assert node["attempts"][0]["container"]["networkInterfaces"] == [interface]
    assert town.world.job(f"{job_id}#2")["container"]["networkInterfaces"] == [], "it does not run yet"
    assert (node["status"], node["container"]["exitCode"], node["tags"]) == ("FAILED", 4, {})
    assert (node["nodeDetails"], node["jobArn"]) == ({"nodeIndex": 1, "isMainNode": False}, f"{job['jobArn']}#1")
    same = ("jobName", "jobQueue", "jobDefinition", "createdAt", "retryStrategy", "parameters")
    assert [node[member] for member in same] == [job[member] for member in same]
    assert town.world.job(f"{job['jobArn']}#0")["nodeDetails"] == {"nodeIndex": 0, "isMainNode": True}
    assert town.world.ask("describe_jobs", jobs=[f"{job_id}#3", f"{job_id}:0"]) == {"jobs": []}


def test_nodes_are_listed_by_status_in_pages_and_not_in_their_queue(town: Town) -> None:
    job_id = town.submit(jobDefinition="nodes")
    town.start(f"{job_id}#0")
    (main,) = town.world.ask("list_jobs", multiNodeJobId=job_id)["jobSummaryList"]
    assert main["nodeProperties"] == {"isMainNode": True, "numNodes": 3, "nodeIndex": 0}
    page = town.world.ask("list_jobs", multiNodeJobId=job_id, jobStatus="STARTING", maxResults=1)
    rest = listed(town.world, job_id, "STARTING", nextToken=page["nextToken"])
    assert [one["jobId"] for one in (*page["jobSummaryList"], *rest)] == [f"{job_id}#1", f"{job_id}#2"]
    (summary,) = town.world.ask("list_jobs", jobQueue="night")["jobSummaryList"]
    assert (summary["jobId"], summary["nodeProperties"]) == (job_id, {"numNodes": 3})


def test_what_has_no_nodes_lists_none(town: Town) -> None:
    job_id, array = town.submit(), town.submit(arrayProperties={"size": 2})
    nodes = town.submit(jobDefinition="nodes")
    for status in ("STARTING", "RUNNABLE", "PENDING"):
        assert [listed(town.world, one, status) for one in (job_id, array, "nobody")] == [[], [], []]
        assert town.world.ask("list_jobs", arrayJobId=nodes, jobStatus=status) == {"jobSummaryList": []}


def test_nodes_have_no_tags_of_their_own(town: Town) -> None:
    job_id = town.submit(jobDefinition="nodes")
    arn = f"{town.world.job(job_id)['jobArn']}#1"
    text = town.world.refusal("tag_resource", resourceArn=arn, tags={"a": "b"})
    assert text == f"{arn} is the node of a job, which has no tags"


def test_a_pods_node_says_so(world: World) -> None:
    world.environment(name="eks", eksConfiguration=pods.CONFIGURATION)
    world.queue(environments=["eks"])
    register(world, entry(":", eksProperties=POD))
    town = Town(world)
    job_id = town.submit(jobDefinition="nodes")
    town.start(f"{job_id}#0")
    town.start(f"{job_id}#1")
    town.exit(f"{job_id}#1", 0)
    (attempt,) = world.job(f"{job_id}#1")["eksAttempts"]
    assert (attempt["podNamespace"], attempt["containers"][0]["exitCode"]) == ("night", 0)
