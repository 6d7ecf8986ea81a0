"""A resolved container as a task template: what controllers/launch completes and engines run. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchd.scheduler.events import Resources
from batchd.services.batch.merge import environment_of
from batchd.task import ContainerSpec, Device, LogDestination, Mount, TaskSpec, Tmpfs, Ulimit

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

CONTAINER = "default"  # the middle part of a log stream's name
DEFAULT_GROUP = "/aws/batch/job"
_LONGEST_NAME = 200
_PERMISSIONS = {"READ": "r", "WRITE": "w", "MKNOD": "m"}


def task_template(container: Shape, wanted: Resources, log: LogDestination) -> TaskSpec:
    """A task without an id; `log.stream` is the prefix that the task id is appended to."""
    labels = {"job_role": container["jobRoleArn"]} if container.get("jobRoleArn") else {}
    return TaskSpec("", (_container_spec(container, wanted, log),), labels=labels)


def log_destination(container: Shape, definition_name: str, region: str) -> LogDestination:
    """Where output goes. Drivers other than awslogs have no place here: their lines go where the default's do."""
    configuration = container.get("logConfiguration", {})
    options = configuration.get("options", {}) if configuration.get("logDriver") == "awslogs" else {}
    prefix = options.get("awslogs-stream-prefix") or definition_name[:_LONGEST_NAME]
    group = options.get("awslogs-group") or DEFAULT_GROUP
    return LogDestination(options.get("awslogs-region") or region, group, f"{prefix}/{CONTAINER}/")


def _container_spec(container: Shape, wanted: Resources, log: LogDestination) -> ContainerSpec:
    linux = container.get("linuxParameters", {})
    return ContainerSpec(
        name=CONTAINER,
        image=container["image"],
        command=tuple(container["command"]),
        environment=environment_of(container["environment"]),
        vcpus=wanted.vcpus_milli / 1000,
        memory_mib=wanted.memory_mib,
        gpus=wanted.gpus,
        user=container.get("user") or None,
        privileged=container.get("privileged", False),
        readonly_root=container.get("readonlyRootFilesystem", False),
        init=linux.get("initProcessEnabled", False),
        shm_mib=linux.get("sharedMemorySize"),
        max_swap_mib=linux.get("maxSwap"),
        swappiness=linux.get("swappiness"),
        tmpfs=tuple(
            Tmpfs(t["containerPath"], t["size"], tuple(t.get("mountOptions", ()))) for t in _of(linux, "tmpfs")
        ),
        devices=tuple(_device(d) for d in _of(linux, "devices")),
        ulimits=tuple(Ulimit(u["name"], u["softLimit"], u["hardLimit"]) for u in container["ulimits"]),
        mounts=_mounts(container),
        log=log,
        secrets=tuple((s["name"], s["valueFrom"]) for s in container["secrets"]),
    )


def _of(linux: Shape, member: str) -> list[Shape]:
    entries: list[Shape] = linux.get(member, [])
    return entries


def _device(device: Shape) -> Device:
    permissions = device.get("permissions") or _PERMISSIONS
    letters = "".join(_PERMISSIONS[permission] for permission in permissions)
    return Device(device["hostPath"], device.get("containerPath") or device["hostPath"], letters)


def _mounts(container: Shape) -> tuple[Mount, ...]:
    """An empty or missing `host` is an anonymous volume. [batch.md 2.3]"""
    if not container["mountPoints"]:
        return ()
    sources = {v["name"]: (v.get("host") or {}).get("sourcePath") or "" for v in container["volumes"]}
    return tuple(
        Mount(sources[m["sourceVolume"]], m["containerPath"], m.get("readOnly", False))
        for m in container["mountPoints"]
    )
