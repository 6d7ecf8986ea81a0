"""Who lives in the town of jobs of several nodes. See `inhabitants`."""

from __future__ import annotations

from typing import Any

Call = tuple[str, str, dict[str, Any]]  # service, operation, params
_SIZE = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}]
_NODE = {"image": "busybox", "command": ["echo", "Ref::what"], "resourceRequirements": _SIZE}
_CREW = {
    "numNodes": 3,
    "mainNode": 0,
    "nodeRangeProperties": [
        {"targetNodes": "0", "container": {**_NODE, "instanceType": "c5.large"}},
        {
            "targetNodes": "1:",
            "ecsProperties": {"taskProperties": [{"containers": [{**_NODE, "name": "main"}]}]},
            "instanceTypes": ["c5.large"],
        },
        {"targetNodes": "2", "container": _NODE},
    ],
}
_CHANGES = {
    "numNodes": 5,
    "nodePropertyOverrides": [
        {
            "targetNodes": "0",
            "containerOverrides": {"command": ["x"], "environment": [{"name": "B", "value": "c"}]},
            "instanceTypes": ["c5.xlarge"],
        },
        {
            "targetNodes": "1:",
            "ecsPropertiesOverride": {"taskProperties": [{"containers": [{"name": "main", "command": ["y"]}]}]},
        },
    ],
}


def _batch(operation: str, **params: Any) -> Call:
    return "batch", operation, params


def gang(**more: Any) -> dict[str, Any]:
    """Params of a submit."""
    return {"jobName": "gang", "jobQueue": "night", "jobDefinition": "crew", **more}


FIRST: list[Call] = [
    _batch(
        "RegisterJobDefinition",
        jobDefinitionName="crew",
        type="multinode",
        nodeProperties=_CREW,
        parameters={"what": "hello"},
    ),
]
MORE: list[Call] = [
    _batch("SubmitJob", **gang(nodeOverrides=_CHANGES, retryStrategy={"attempts": 2})),
    *(_batch("ListJobs", multiNodeJobId="@GangId", jobStatus=status) for status in ("RUNNING", "STARTING")),
    _batch("DescribeJobs", jobs=["@GangId", "@NodeId"]),
    _batch("CancelJob", jobId="@NodeId", reason="enough"),
    _batch("TerminateJob", jobId="@NodeId", reason="enough"),
    _batch("TerminateJob", jobId="@GangId", reason="enough"),
]
