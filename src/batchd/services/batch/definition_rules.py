"""What a job definition may be: single-container definitions for EC2 and Fargate. Pure. [batch.md 2]"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from batchd.services.batch import fargate
from batchd.services.batch.faults import Invalid, client_exception, refuse_unsupported, unsupported
from batchd.services.batch.merge import validate_environment
from batchd.services.batch.requirements import resources_of, validate_given_once
from batchd.services.batch.retry import validate_retry_strategy, validate_timeout

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

_UNSUPPORTED = ("nodeProperties", "ecsProperties", "eksProperties", "consumableResourceProperties")
_IMAGE = re.compile(r"[A-Za-z0-9_:./#@-]{1,255}")
_LOG_GROUP = re.compile(r"(?!aws/)[A-Za-z0-9_/.#-]{1,512}")
_LOG_PREFIX = re.compile(r"[^:*]{1,200}")
_USER = r"^([a-z0-9_][a-z0-9_-]{0,30})$"
_ULIMIT = re.compile("core|cpu|data|fsize|locks|memlock|msgqueue|nice|nofile|nproc|rss|rtprio|rttime|sigpending|stack")


def validate_definition(params: Shape) -> None:
    """A RegisterJobDefinition request, apart from its name and tags. Raises Invalid or ClientException."""
    if params["type"] == "multinode":
        unsupported("type multinode")
    refuse_unsupported({member: params.get(member) for member in _UNSUPPORTED})
    if not params.get("containerProperties"):
        raise client_exception("Container properties should not be empty")
    if not 0 <= params.get("schedulingPriority", 0) <= 9999:
        raise Invalid("schedulingPriority must be between 0 and 9999")
    capabilities = params.get("platformCapabilities") or ("EC2",)
    if "MANAGED_INSTANCES" in capabilities:
        unsupported("platformCapabilities MANAGED_INSTANCES")
    if "retryStrategy" in params:
        validate_retry_strategy(params["retryStrategy"])
    validate_timeout(params.get("timeout", {}))
    validate_container(params["containerProperties"], is_fargate="FARGATE" in capabilities)


def validate_container(container: Shape, *, is_fargate: bool) -> None:
    """containerProperties. Raises Invalid or ClientException."""
    refuse_unsupported({"containerProperties.instanceType": container.get("instanceType")})
    image = container.get("image")
    if not image or not _IMAGE.fullmatch(image):
        raise Invalid("Container image should match valid pattern")
    user = container.get("user")
    if user and not re.match(_USER, user):
        raise Invalid(f"User '{user}' does not match regex {_USER}")
    validate_environment(container.get("environment", ()))
    validate_environment(container.get("secrets", ()))
    validate_given_once(container)
    _validate_volumes(container)
    _validate_linux(container)
    _validate_log(container.get("logConfiguration") or {})
    if is_fargate:
        fargate.validate_container(container)
        fargate.validate_size(resources_of(container, fractions=True))
    else:
        fargate.validate_no_fargate_members(container)
        resources_of(container, fractions=False)


def _validate_volumes(container: Shape) -> None:
    names = set()
    for volume in container.get("volumes", ()):
        if not volume.get("name") or volume["name"] in names:
            raise Invalid("volumes must have names of their own")
        names.add(volume["name"])
        _validate_efs(volume.get("efsVolumeConfiguration") or {})
    for mount in container.get("mountPoints", ()):
        if mount.get("sourceVolume") not in names:
            raise Invalid(f"mountPoints: there is no volume {mount.get('sourceVolume')}")
        if not mount.get("containerPath"):
            raise Invalid("mountPoints must have a containerPath")


def _validate_efs(efs: Shape) -> None:
    authorization = efs.get("authorizationConfig") or {}
    if not authorization:
        return
    access_point = authorization.get("accessPointId")
    if (access_point or authorization.get("iam") == "ENABLED") and efs.get("transitEncryption") != "ENABLED":
        raise Invalid("efsVolumeConfiguration.transitEncryption must be ENABLED for IAM authorization or access points")
    if access_point and efs.get("rootDirectory", "/") != "/":
        raise Invalid("efsVolumeConfiguration.rootDirectory must be omitted or / with an access point")


def _validate_linux(container: Shape) -> None:
    for limit in container.get("ulimits", ()):
        if not _ULIMIT.fullmatch(limit["name"]):
            raise Invalid(f"ulimits: {limit['name']} is not a limit")
    linux = container.get("linuxParameters") or {}
    if not 0 <= linux.get("swappiness", 0) <= 100:
        raise Invalid("linuxParameters.swappiness must be between 0 and 100")
    for member in ("maxSwap", "sharedMemorySize"):
        if linux.get(member, 0) < 0:
            raise Invalid(f"linuxParameters.{member} must not be negative")


def _validate_log(log: Shape) -> None:
    """Names that a log group or stream cannot have."""
    options = log.get("options") or {}
    for option, pattern in (("awslogs-group", _LOG_GROUP), ("awslogs-stream-prefix", _LOG_PREFIX)):
        if option in options and not pattern.fullmatch(options[option]):
            raise Invalid(f"logConfiguration.options {option} should match valid pattern")
