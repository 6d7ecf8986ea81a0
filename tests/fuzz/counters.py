"""Who lives in the town of things that are counted: consumable resources, and concurrency limits. See `inhabitants`."""

from __future__ import annotations

from typing import Any

from tests.contexts import ACCOUNT, REGION

Call = tuple[str, str, dict[str, Any]]  # service, operation, params
_QUEUE = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/night"
_LIMIT, _KEY = "batchd:max-concurrency", "batchd:concurrency-key"
_SIZE = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}]


def _batch(operation: str, /, **params: Any) -> Call:
    return "batch", operation, params


def _needs(name: str, quantity: int = 1) -> dict[str, Any]:
    return {"consumableResourceList": [{"consumableResource": name, "quantity": quantity}]}


def _submit(**params: Any) -> Call:
    return _batch("SubmitJob", **{"jobName": "counted", "jobQueue": "idle", "jobDefinition": "counted", **params})


FIRST: list[Call] = [
    _batch("CreateConsumableResource", consumableResourceName="seat", totalQuantity=4, tags={"team": "night"}),
    _batch("CreateConsumableResource", consumableResourceName="spare", resourceType="REPLENISHABLE"),
    _batch(
        "CreateConsumableResource",
        consumableResourceName="token",
        totalQuantity=9,
        resourceType="NON_REPLENISHABLE",
    ),
    _batch("UpdateConsumableResource", consumableResource="token", operation="ADD", quantity=1, clientToken="one-more"),
    _batch(
        "RegisterJobDefinition",
        jobDefinitionName="counted",
        type="container",
        containerProperties={"image": "busybox", "resourceRequirements": _SIZE},
        consumableResourceProperties=_needs("seat", 2),
        tags={_LIMIT: "2"},
    ),
    _submit(tags={_KEY: "feed", _LIMIT: "1"}),
    _submit(arrayProperties={"size": 3}, tags={_LIMIT: "2"}),
]

MORE: list[Call] = [
    _batch("UpdateConsumableResource", consumableResource="seat", operation="SET", quantity=5),
    _batch("UpdateConsumableResource", consumableResource="seat", operation="REMOVE", quantity=1, clientToken="x"),
    _batch("DescribeConsumableResource", consumableResource="token"),
    _batch("ListConsumableResources", maxResults=1),
    _batch(
        "ListConsumableResources",
        filters=[{"name": "CONSUMABLE_RESOURCE_NAME", "values": ["s*", "TOKEN"]}],
        maxResults=1,
    ),
    _batch(
        "ListJobsByConsumableResource",
        consumableResource="seat",
        filters=[{"name": "JOB_STATUS", "values": ["RUNNABLE"]}, {"name": "JOB_NAME", "values": ["COUNT*"]}],
        maxResults=1,
    ),
    _batch("DeleteConsumableResource", consumableResource="spare"),
    _submit(consumableResourcePropertiesOverride=_needs("token", 3), tags={_KEY: "feed"}),
    _batch("TagResource", resourceArn=_QUEUE, tags={_LIMIT: "3"}),
    _batch("UntagResource", resourceArn=_QUEUE, tagKeys=[_LIMIT]),
]
