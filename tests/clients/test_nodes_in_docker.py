"""Multi-node parallel jobs in containers: on the host's network nodes find each other as processes do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clients.waiting import described, ended
from tests.clients.worlds import World, needs
from tests.conftest import Running
from tests.docker_daemon import IMAGE, docker_host
from tests.ports import reserved_port

__all__ = ["docker_host"]


def node(targets: str, script: str) -> dict[str, Any]:
    """With an init process: it hands SIGTERM on, which a shell that is a container's first process would ignore."""
    container = {"image": IMAGE, "command": ["sh", "-c", script], "resourceRequirements": needs()}
    return {"targetNodes": targets, "container": {**container, "linuxParameters": {"initProcessEnabled": True}}}


@pytest.fixture
def port() -> Iterator[int]:
    """Of the main node."""
    with reserved_port("") as port:
        yield port


def test_containers_of_one_job_talk_to_their_main_node(
    serve: Callable[..., Running], docker_host: str, port: int
) -> None:
    world = World.of(serve(engine="docker", docker_host=docker_host, vcpus=4, memory_mib=4096))
    address = f"$AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS {port}"
    # From a file, not through a pipe: nc leaves when the other side has ended, and must have read its input by then.
    talk = f"until nc {address} </tmp/hello; do sleep 0.1; done; sleep 600"
    hello = f'echo "node $AWS_BATCH_JOB_NODE_INDEX" >/tmp/hello; {talk}'
    ranges = [node("0", f"nc -l -p {port}"), node("1", hello)]
    definition = world.batch.register_job_definition(
        jobDefinitionName="nodes",
        type="multinode",
        nodeProperties={"numNodes": 2, "mainNode": 0, "nodeRangeProperties": ranges},
    )["jobDefinitionArn"]

    job = ended(world.batch, world.submit(jobDefinition=definition))

    assert (job["status"], world.output(job)) == ("SUCCEEDED", ["node 1"])
    other = described(world.batch, f"{job['jobId']}#1")
    assert (other["status"], other["container"]["exitCode"]) == ("FAILED", 143)
    assert other["statusReason"] == "Main node exited"
