"""Multi-node parallel jobs, through boto3, with real processes. [batch.md 7.7]"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchd.cli.connect import Access, Clients
from tests.clients.refusals import refused
from tests.clients.storm import Plan, Serving
from tests.clients.waiting import described, ended, eventually, reached
from tests.clients.worlds import Gate, World, fresh, needs, shell
from tests.conftest import Running

PROGRAM = Path(__file__).with_name("program_of_nodes.py")
STATUSES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
FOREVER = "echo up; while :; do sleep 0.05; done"


def define(world: World, size: int, *ranges: dict[str, Any], main: int = 0, **more: Any) -> str:
    """The ARN of a new definition of so many nodes."""
    properties = {"numNodes": size, "mainNode": main, "nodeRangeProperties": list(ranges)}
    request = {"jobDefinitionName": fresh("nodes"), "type": "multinode", "nodeProperties": properties, **more}
    return str(world.batch.register_job_definition(**request)["jobDefinitionArn"])


def of(targets: str, script: str) -> dict[str, Any]:
    return {"targetNodes": targets, "container": shell(script)}


def submit(world: World, size: int, *ranges: dict[str, Any], **more: Any) -> str:
    return world.submit(jobDefinition=define(world, size, *ranges), **more)


def nodes(world: World, job_id: str) -> dict[int, dict[str, Any]]:
    """What ListJobs says of each, by index."""
    pages = [world.batch.list_jobs(multiNodeJobId=job_id, jobStatus=status, maxResults=500) for status in STATUSES]
    found = [one for page in pages for one in page["jobSummaryList"]]
    return {one["nodeProperties"]["nodeIndex"]: one for one in found}


def statuses(world: World, job_id: str) -> list[str]:
    found = nodes(world, job_id)
    return [found[index]["status"] for index in sorted(found)]


def settled(world: World, job_id: str, *wanted: str) -> None:
    eventually(lambda: statuses(world, job_id) == list(wanted), f"nodes of {job_id} are {wanted}")


def test_nodes_find_their_main_node_and_work_together(world: World, tmp_path: Path) -> None:
    program = {**shell(""), "command": [sys.executable, str(PROGRAM), "Ref::folder"]}
    definition = define(world, 4, {"targetNodes": "0:", "container": program}, main=1)
    job_id = world.submit(jobDefinition=definition, parameters={"folder": str(tmp_path)})
    job = ended(world.batch, job_id)
    assert (job["status"], job["container"]["exitCode"]) == ("SUCCEEDED", 0)
    told = {}
    for index in range(4):
        node = described(world.batch, f"{job_id}#{index}")
        assert node["nodeDetails"] == {"nodeIndex": index, "isMainNode": index == 1}
        assert node["jobArn"] == f"{job['jobArn']}#{index}"
        told[index] = json.loads(world.output(node)[0])
    assert [told[index]["total"] for index in range(4)] == [6, 6, 6, 6]
    main = told[1]
    assert (main["AWS_BATCH_JOB_ID"], main["AWS_BATCH_JOB_NUM_NODES"]) == (f"{job_id}#1", "4")
    with_address = [index for index in told if "AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS" in told[index]]
    assert with_address == [0, 2, 3]
    (interface,) = job["container"]["networkInterfaces"]
    assert interface["privateIpv4Address"] == told[0]["AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS"]
    streams = {described(world.batch, f"{job_id}#{i}")["container"]["logStreamName"] for i in range(4)}
    assert len(streams) == 4
    assert job["container"]["logStreamName"] in streams


def test_the_job_ends_as_its_main_node_does_and_the_others_are_stopped(world: World) -> None:
    job_id = submit(world, 3, of("0", "sleep 0.3; exit 3"), of("1:", FOREVER))
    job = ended(world.batch, job_id)
    assert (job["status"], job["statusReason"]) == ("FAILED", "Essential container in task exited")
    assert (job["container"]["exitCode"], len(job["attempts"])) == (3, 1)
    assert job["attempts"][0]["container"]["logStreamName"] == job["container"]["logStreamName"]
    assert job["nodeProperties"]["nodeRangeProperties"][1]["container"]["command"][2] == FOREVER
    found = nodes(world, job_id)
    assert [found[index]["statusReason"] for index in (1, 2)] == ["Main node exited"] * 2
    assert [found[index]["nodeProperties"] for index in (0, 2)] == [
        {"isMainNode": True, "numNodes": 3, "nodeIndex": 0},
        {"isMainNode": False, "numNodes": 3, "nodeIndex": 2},
    ]
    (summary,) = world.batch.list_jobs(jobQueue=world.queue, jobStatus="FAILED")["jobSummaryList"]
    assert (summary["jobId"], summary["nodeProperties"]) == (job_id, {"numNodes": 3})


def test_the_death_of_another_node_changes_nothing_and_a_retry_restarts_them_all(world: World, gate: Gate) -> None:
    main = f'[ "$AWS_BATCH_JOB_ATTEMPT" = 2 ] || exit 1; {gate.script}'
    job_id = submit(world, 2, of("0", main), of("1", "exit 9"), retryStrategy={"attempts": 2})
    settled(world, job_id, "RUNNING", "FAILED")
    eventually(lambda: len(described(world.batch, f"{job_id}#1")["attempts"]) == 2, "both attempts of the other node")
    gate.open()
    job = ended(world.batch, job_id)
    assert (job["status"], [one["container"]["exitCode"] for one in job["attempts"]]) == ("SUCCEEDED", [1, 0])
    assert described(world.batch, f"{job_id}#1")["container"]["exitCode"] == 9


def test_a_submit_chooses_how_many_nodes_there_are_and_what_they_run(world: World) -> None:
    definition = define(world, 2, of("0", "sleep 0.2; echo main"), of("1:", "exit 1"))
    other = {"command": ["sh", "-c", "echo $X"], "environment": [{"name": "X", "value": "y"}]}
    changes = [{"targetNodes": "1:", "containerOverrides": other}]
    overrides = {"numNodes": 3, "nodePropertyOverrides": changes}
    job_id = world.submit(jobDefinition=definition, nodeOverrides=overrides)
    job = ended(world.batch, job_id)
    assert (job["status"], job["nodeProperties"]["numNodes"]) == ("SUCCEEDED", 3)
    assert [one["targetNodes"] for one in job["nodeProperties"]["nodeRangeProperties"]] == ["0", "1:"]
    node = described(world.batch, f"{job_id}#2")
    assert node["container"]["environment"] == [{"name": "X", "value": "y"}]
    assert "nodeProperties" not in node
    bad = {"nodePropertyOverrides": [{"targetNodes": "0:1", "containerOverrides": {"command": ["true"]}}]}
    request = {"jobName": "job", "jobQueue": world.queue, "jobDefinition": definition}
    with refused("NodeOverride targets should match job definition. Non matching targets - 0:1"):
        world.batch.submit_job(**request, nodeOverrides=bad)


def test_a_gang_starts_whole_or_not_at_all(world: World, gate: Gate) -> None:
    first = world.submit(gate.script, containerOverrides={"resourceRequirements": needs("7")})
    reached(world.batch, first, "RUNNING")
    job_id = submit(world, 2, of(":", "true"))
    after = world.submit("true", dependsOn=[{"jobId": job_id}])
    assert statuses(world, job_id) == ["RUNNABLE", "RUNNABLE"]
    gate.open()
    assert ended(world.batch, job_id)["status"] == "SUCCEEDED"
    assert ended(world.batch, after)["status"] == "SUCCEEDED"


def test_a_node_is_terminated_alone_and_the_job_with_all_of_them(world: World) -> None:
    job_id = submit(world, 3, of(":", FOREVER))
    settled(world, job_id, "RUNNING", "RUNNING", "RUNNING")
    world.batch.terminate_job(jobId=f"{job_id}#1", reason="this one")
    settled(world, job_id, "RUNNING", "FAILED", "RUNNING")
    world.batch.terminate_job(jobId=job_id, reason="enough")
    assert ended(world.batch, job_id)["statusReason"] == "enough"
    found = nodes(world, job_id)
    assert [found[index]["statusReason"] for index in range(3)] == ["enough", "this one", "enough"]
    assert described(world.batch, f"{job_id}#2")["isTerminated"]


def test_a_gang_outlives_the_death_of_the_server_and_starts_no_node_twice(tmp_path: Path, gate: Gate) -> None:
    serving = Serving(tmp_path / "data", Plan("process", 1, 1, 0, flags=("--vcpus", "4", "--memory-mib", "8192")))
    lines = tmp_path / "lines"
    count = f"echo $AWS_BATCH_JOB_NODE_INDEX >> {lines}"
    try:
        serving.start()
        world = World.of(serving)
        job_id = submit(world, 3, of("0", f"{count}; {gate.script}"), of("1:", f"{count}; {FOREVER}"))
        settled(world, job_id, "RUNNING", "RUNNING", "RUNNING")
        eventually(lambda: lines.exists() and len(lines.read_text().split()) == 3, "all nodes have begun")
        serving.kill()
        serving.start()
        world = replace(world, batch=serving.client())
        assert statuses(world, job_id) == ["RUNNING", "RUNNING", "RUNNING"]
        serving.kill()
        gate.open()
        serving.start()
        world = replace(world, batch=serving.client())
        job = ended(world.batch, job_id)
        assert (job["status"], len(job["attempts"])) == ("SUCCEEDED", 1)
        assert sorted(lines.read_text().split()) == ["0", "1", "2"]
        assert [one["status"] for one in nodes(world, job_id).values()].count("SUCCEEDED") == 1
    finally:
        serving.stop()


def test_what_is_beyond_aws_knows_nodes_as_well(world: World, server: Running, gate: Gate) -> None:
    own = Clients(Access(server.endpoint, "us-east-1", server.access_key, server.secret_key)).own
    job_id = submit(world, 2, of("0", f"{gate.script}; exit 1"), of("1", FOREVER))
    settled(world, job_id, "RUNNING", "RUNNING")
    assert "Of its other nodes are 1 RUNNING." in own.explain_job(jobId=job_id)["reasons"]
    assert "attempt 1 of 1 runs" in own.explain_job(jobId=f"{job_id}#1")["reasons"][0]
    gate.open()
    assert ended(world.batch, job_id)["status"] == "FAILED"
    with refused("is part of another job"):
        own.rerun_job(jobId=f"{job_id}#1")
    again = ended(world.batch, own.rerun_job(jobId=job_id)["jobId"])
    assert (again["status"], again["nodeProperties"]["numNodes"]) == ("FAILED", 2)
    assert described(world.batch, f"{again['jobId']}#1")["status"] == "FAILED"


def test_a_node_may_be_a_task_of_several_containers(world: World) -> None:
    parts = [
        {"name": "work", "image": "busybox", "command": ["sh", "-c", "sleep 0.2"], "resourceRequirements": needs()},
        {"name": "side", "image": "busybox", "command": ["sh", "-c", FOREVER], "resourceRequirements": needs()},
    ]
    parts[1]["essential"] = False
    task = {"targetNodes": "0", "ecsProperties": {"taskProperties": [{"containers": parts}]}}
    job_id = submit(world, 2, task, of("1", "true"))
    job = ended(world.batch, job_id)
    assert (job["status"], job["container"]) == ("SUCCEEDED", {})
    (ran,) = job["ecsProperties"]["taskProperties"]
    assert ran["containers"][0]["exitCode"] == 0
    assert described(world.batch, f"{job_id}#1")["container"]["command"] == ["sh", "-c", "true"]


def test_what_no_job_of_several_nodes_can_be(world: World, server: Running) -> None:
    with refused("nodeRangeProperties must account for all nodes, node 1 is in no range"):
        define(world, 3, of("0", "true"), of("2", "true"))
    with refused("type multinode is not applicable for Fargate."):
        define(world, 1, of("0", "true"), platformCapabilities=["FARGATE"])
    definition = define(world, 2, of(":", "true"))
    name = fresh("own")
    world.batch.create_compute_environment(computeEnvironmentName=name, type="UNMANAGED")
    order = [{"order": 1, "computeEnvironment": name}]
    world.batch.create_job_queue(jobQueueName=name, priority=1, computeEnvironmentOrder=order)
    with refused("can not run in UNMANAGED compute environments"):
        world.batch.submit_job(jobName="job", jobQueue=name, jobDefinition=definition)
    with refused("arrayProperties is not applicable"):
        world.submit(jobDefinition=definition, arrayProperties={"size": 2})
