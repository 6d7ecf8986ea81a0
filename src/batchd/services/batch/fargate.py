"""What AWS Fargate allows of a job definition. [batch.md 2.3, 2.4]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchd.scheduler.events import Resources
from batchd.services.batch.faults import Invalid, client_exception

SIZES: dict[int, frozenset[int]] = {  # thousandths of a vCPU -> MiB
    250: frozenset((512, 1024, 2048)),
    500: frozenset(range(1024, 4096 + 1, 1024)),
    1000: frozenset(range(2048, 8192 + 1, 1024)),
    2000: frozenset(range(4096, 16384 + 1, 1024)),
    4000: frozenset(range(8192, 30720 + 1, 1024)),
    8000: frozenset(range(16384, 61440 + 1, 4096)),
    16000: frozenset(range(32768, 122880 + 1, 8192)),
}
_LOG_DRIVERS = ("awslogs", "splunk")
_LONGEST_TIMEOUT_S = 120
_LINUX_PARAMETERS = ("devices", "maxSwap", "sharedMemorySize", "swappiness", "tmpfs")


def validate_size(wanted: Resources) -> None:
    """Raises Invalid for a pair that is not in the table, or for GPUs."""
    if wanted.gpus:
        raise Invalid("GPU resource requirements are not applicable for Fargate.")
    if wanted.memory_mib not in SIZES.get(wanted.vcpus_milli, ()):
        vcpus = f"{wanted.vcpus_milli / 1000:.2f}"
        raise Invalid(f"Fargate resource requirements ({vcpus} vCPU, {wanted.memory_mib} MiB) not valid.")


def validate_container(container: Mapping[str, Any]) -> None:
    """Members of containerProperties that Fargate demands or has no use for."""
    if container.get("privileged"):
        raise client_exception("Fargate requires that the 'privileged' setting be 'false' at the container level.")
    if container.get("vcpus") or container.get("memory"):
        raise Invalid("vcpus and memory are not applicable for Fargate, use resourceRequirements.")
    if not container.get("executionRoleArn"):
        raise Invalid("executionRoleArn is required for Fargate.")
    if container.get("ulimits"):
        raise Invalid("ulimits are not applicable for Fargate.")
    _validate_linux_parameters(container.get("linuxParameters", {}))
    _validate_platform(container)


def validate_task(task: Mapping[str, Any]) -> None:
    """Members of an entry of ecsProperties.taskProperties. [batch.md 2.5]"""
    if not task.get("executionRoleArn"):
        raise Invalid("executionRoleArn is required for Fargate.")
    if task.get("ipcMode"):
        raise Invalid("ipcMode is not applicable for Fargate.")
    if task.get("pidMode") == "host":
        raise Invalid("pidMode host is not applicable for Fargate.")
    _validate_storage(task, task.get("platformVersion"))
    for container in task["containers"]:
        _validate_task_container(container)


def _validate_task_container(container: Mapping[str, Any]) -> None:
    if container.get("privileged"):
        raise client_exception("Fargate requires that the 'privileged' setting be 'false' at the container level.")
    if container.get("ulimits"):
        raise Invalid("ulimits are not applicable for Fargate.")
    for member in ("startTimeout", "stopTimeout"):
        if (container.get(member) or 0) > _LONGEST_TIMEOUT_S:
            raise Invalid(f"{member} must be at most {_LONGEST_TIMEOUT_S} seconds for Fargate.")
    _validate_linux_parameters(container.get("linuxParameters", {}))
    driver = container.get("logConfiguration", {}).get("logDriver", "awslogs")
    if driver not in (*_LOG_DRIVERS, "awsfirelens"):
        raise Invalid(f"logDriver {driver} is not applicable for Fargate.")


def validate_no_fargate_members(container: Mapping[str, Any]) -> None:
    """Members of containerProperties, or of a task of several containers, that only Fargate has."""
    for member in ("networkConfiguration", "fargatePlatformConfiguration", "platformVersion", "ephemeralStorage"):
        if container.get(member):
            raise Invalid(f"{member} not applicable for EC2.")


def _validate_linux_parameters(linux: Mapping[str, Any]) -> None:
    for member in _LINUX_PARAMETERS:
        if linux.get(member):
            raise Invalid(f"linuxParameters.{member} is not applicable for Fargate.")


def _validate_platform(container: Mapping[str, Any]) -> None:
    driver = container.get("logConfiguration", {}).get("logDriver", "awslogs")
    if driver not in _LOG_DRIVERS:
        raise Invalid(f"logDriver {driver} is not applicable for Fargate.")
    _validate_storage(container, container.get("fargatePlatformConfiguration", {}).get("platformVersion"))


def _validate_storage(holder: Mapping[str, Any], version: str | None) -> None:
    """Of containerProperties or a task: its ephemeralStorage and volumes on this platform version."""
    size = holder.get("ephemeralStorage", {}).get("sizeInGiB", 21)
    if not 21 <= size <= 200:
        raise Invalid("ephemeralStorage.sizeInGiB must be between 21 and 200.")
    mounts_efs = any("efsVolumeConfiguration" in volume for volume in holder.get("volumes", ()))
    if mounts_efs and version in ("1.0.0", "1.1.0", "1.2.0", "1.3.0"):
        raise client_exception("EFS is supported for Fargate platform version 1.4.0")
