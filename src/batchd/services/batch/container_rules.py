"""What any container of an ECS job may be, by itself or in a task of several. Pure. [batch.md 2.3]"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from typing import Any

from batchd.services.batch import fargate
from batchd.services.batch.faults import Invalid
from batchd.services.batch.merge import validate_environment
from batchd.services.batch.requirements import known_total, validate_given_once
from batchd.services.batch.substitute import is_open

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

_IMAGE = re.compile(r"[A-Za-z0-9_:./#@-]{1,255}")
_LOG_GROUP = re.compile(r"(?!aws/)[A-Za-z0-9_/.#-]{1,512}")
_LOG_PREFIX = re.compile(r"[^:*]{1,200}")
_USER = r"^([a-z0-9_][a-z0-9_-]{0,30})$"
_ULIMIT = re.compile("core|cpu|data|fsize|locks|memlock|msgqueue|nice|nofile|nproc|rss|rtprio|rttime|sigpending|stack")


def validate_container(container: Shape) -> None:
    """All but its size, its mounts and what Fargate says of it. Raises Invalid."""
    validate_image(container.get("image"))
    user = container.get("user")
    if user and not is_open(user) and not re.match(_USER, user):
        raise Invalid(f"User '{user}' does not match regex {_USER}")
    validate_environment(container.get("environment", ()))
    validate_environment(container.get("secrets", ()))
    validate_given_once(container)
    _validate_linux(container)
    _validate_log(container.get("logConfiguration") or {})


def validate_lone_container(container: Shape, *, is_fargate: bool) -> None:
    """The only container of its job or node, with its size, volumes and mounts. Raises Invalid or ClientException."""
    validate_container(container)
    volumes = validate_volumes(container.get("volumes", ()))
    validate_mounts(container.get("mountPoints", ()), volumes)
    if is_fargate:
        fargate.validate_container(container)
    else:
        fargate.validate_no_fargate_members(container)
    wanted = known_total((container,), fractions=is_fargate)
    if is_fargate and wanted is not None:
        fargate.validate_size(wanted)


def validate_image(image: str | None) -> None:
    if not image or not _IMAGE.fullmatch(image):
        raise Invalid("Container image should match valid pattern")


def validate_volumes(volumes: Iterable[Shape]) -> set[str]:
    """The names of valid volumes."""
    names: set[str] = set()
    for volume in volumes:
        if not volume.get("name") or volume["name"] in names:
            raise Invalid("volumes must have names of their own")
        names.add(volume["name"])
        _validate_efs(volume.get("efsVolumeConfiguration") or {})
    return names


def validate_mounts(mounts: Iterable[Shape], volumes: Container[str]) -> None:
    """mountPoints of these volumes."""
    for mount in mounts:
        if mount.get("sourceVolume") not in volumes and not is_open(mount.get("sourceVolume")):
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
        if not _ULIMIT.fullmatch(limit["name"]) and not is_open(limit["name"]):
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
        text = options.get(option)
        if text is not None and not is_open(text) and not pattern.fullmatch(text):
            raise Invalid(f"logConfiguration.options {option} should match valid pattern")
