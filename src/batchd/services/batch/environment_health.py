"""Whether an environment can work as AWS would see it: the roles it names have to exist. [batch.md 6.1]

Jobs here need none of them, so nobody looks unless the server runs with `--strict-roles`.
"""

from __future__ import annotations

from typing import Any

from batchd.arns import parse_arn
from batchd.errors import ApiError
from batchd.gateway.operation import Context
from batchd.services.batch.environment_shapes import service_linked_role
from batchd.store.store import Body


def fault_of(ctx: Context, aws: Body) -> str | None:
    """The statusReason of an environment that names a role or instance profile which does not exist, or None."""
    if not ctx.deployment.strict_roles:
        return None
    if not _is_service_linked(ctx, aws["serviceRole"]) and not _role_exists(ctx, aws["serviceRole"]):
        return (
            "CLIENT_ERROR - Not authorized to perform sts:AssumeRole (Service: AWSSecurityTokenService; "
            f"Status Code: 403; Error Code: AccessDenied; Request ID: {ctx.request_id})"
        )
    resources = aws.get("computeResources") or {}
    profile = resources.get("instanceRole")
    if profile and not _exists(ctx, "InstanceProfile", profile):
        return f"CLIENT_ERROR - Instance profile {_arn(ctx, 'instance-profile', profile)} does not exist"
    fleet = resources.get("spotIamFleetRole")
    if fleet and not _is_service_linked(ctx, fleet) and not _role_exists(ctx, fleet):
        return f"CLIENT_ERROR - Role {_arn(ctx, 'role', fleet)} does not exist"
    return None


def _role_exists(ctx: Context, text: str) -> bool:
    return _exists(ctx, "Role", text)


def _exists(ctx: Context, noun: str, text: str) -> bool:
    """Whether IAM has the role or instance profile of this name or ARN."""
    name = text.rpartition("/")[2]
    params: dict[str, Any] = {f"{noun}Name": name}
    try:
        found: Body = ctx.call("iam", f"Get{noun}", params)[noun]
    except ApiError as error:
        if error.code in ("NoSuchEntity", "ValidationError"):
            return False
        raise
    return parse_arn(text) is None or bool(found["Arn"] == text)


def _is_service_linked(ctx: Context, role: str) -> bool:
    """AWS makes these itself, when a service first needs them."""
    return role.startswith(service_linked_role(ctx.account).partition("batch.")[0])


def _arn(ctx: Context, kind: str, text: str) -> str:
    return text if parse_arn(text) else f"arn:aws:iam::{ctx.account}:{kind}/{text}"
