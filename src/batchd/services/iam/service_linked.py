"""Roles that belong to a service: it names them, trusts itself and attaches its own policy. [iam.md 4]"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.iam.attachments import attach, detach
from batchd.services.iam.entities import ROLE, create, find, remove
from batchd.services.iam.faults import invalid, missing
from batchd.services.iam.roles import SERVICE_LINKED_PATH, new_role
from batchd.services.iam.shapes import Answer, role_created
from batchd.store.store import Key

if TYPE_CHECKING:
    from types_boto3_iam import type_defs as t

# Service: the rest of the role's name after `AWSServiceRoleFor`, and the service's own policy.
_SERVICES = {
    "autoscaling.amazonaws.com": ("AutoScaling", "AutoScalingServiceRolePolicy"),
    "batch.amazonaws.com": ("Batch", "BatchServiceRolePolicy"),
    "ecs.amazonaws.com": ("ECS", "AmazonECSServiceRolePolicy"),
    "eks.amazonaws.com": ("AmazonEKS", "AmazonEKSServiceRolePolicy"),
    "events.amazonaws.com": ("CloudWatchEvents", "CloudWatchEventsServiceRolePolicy"),
    "spot.amazonaws.com": ("EC2Spot", "AWSEC2SpotServiceRolePolicy"),
    "spotfleet.amazonaws.com": ("EC2SpotFleet", "AWSEC2SpotFleetServiceRolePolicy"),
}
_WITH_SUFFIX = ("autoscaling.amazonaws.com",)
_TASK = "iam.deletion-task"


@writes
def create_service_linked_role(params: t.CreateServiceLinkedRoleRequestTypeDef, ctx: Context) -> Answer:
    service = params["AWSServiceName"]
    name, policy = _role_of(service, params.get("CustomSuffix", ""))
    parts = {
        "trust": _trust(service),
        "principals": {},
        "description": params.get("Description", ""),
        "max_session_s": 3600,
        "boundary": None,
        "tags": [],
        "service": service,
    }
    try:
        where = {"Path": f"{SERVICE_LINKED_PATH}{service}/"}
        role = create(ctx, ROLE, where, name, {**new_role(), **parts})
    except ApiError as error:
        raise invalid(
            f"Service role name {name} has been taken in this account, please try a different suffix."
        ) from error
    attach(ctx, ROLE, role, f"arn:aws:iam::aws:policy{SERVICE_LINKED_PATH}{policy}")
    return {"Role": role_created(ctx, role)}


@writes
def delete_service_linked_role(params: t.DeleteServiceLinkedRoleRequestTypeDef, ctx: Context) -> Answer:
    """The role is gone at once; the task only says so. What still uses the role does not hold it back."""
    role = find(ctx, ROLE, params["RoleName"])
    if role["service"] is None:
        raise invalid(f"Role {role['name']} is not a service linked role.")
    for arn in role["attached"]:
        detach(ctx, ROLE, role, arn)
    remove(ctx, ROLE, role)
    task_id = f"task{role['path']}{role['name']}/{ctx.new_id()}"
    ctx.tx.resources.put(Key(_TASK, "", task_id), {"status": "SUCCEEDED"})
    return {"DeletionTaskId": task_id}


@reads
def get_service_linked_role_deletion_status(
    params: t.GetServiceLinkedRoleDeletionStatusRequestTypeDef, ctx: Context
) -> Answer:
    task = ctx.tx.resources.get(Key(_TASK, "", params["DeletionTaskId"]))
    if task is None:
        raise missing(f"The deletion task with id {params['DeletionTaskId']} cannot be found.")
    return {"Status": task["status"]}


def _role_of(service: str, suffix: str) -> tuple[str, str]:
    """The role's name and its policy. Raises InvalidInput."""
    known = _SERVICES.get(service)
    if known is None:
        raise invalid(f"Service-linked roles are not supported for {service}")
    if suffix and service not in _WITH_SUFFIX:
        raise invalid(f"Custom suffix is not allowed for {service}")
    word, policy = known
    return f"AWSServiceRoleFor{word}" + (f"_{suffix}" if suffix else ""), policy


def _trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return orjson.dumps({"Version": "2012-10-17", "Statement": [statement]}).decode()
