"""A resolved container as part of a task template: what controllers/launch completes and engines run. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from batchd.scheduler.events import Resources
from batchd.services.batch.merge import environment_of
from batchd.task import ContainerSpec, Device, LogDestination, Mount, Tmpfs, Ulimit

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

CONTAINER = "default"  # the middle part of a log stream's name, where a job has but one
DEFAULT_GROUP = "/aws/batch/job"
_LONGEST_NAME = 200
_PERMISSIONS = {"READ": "r", "WRITE": "w", "MKNOD": "m"}


def log_destination(container: Shape, definition_name: str, region: str, name: str) -> LogDestination:
    """Where output goes; the task id is still to be added. Drivers other than awslogs have no place here: their lines
    go where the default's do."""
    configuration = container.get("logConfiguration", {})
    options = configuration.get("options", {}) if configuration.get("logDriver") == "awslogs" else {}
    prefix = options.get("awslogs-stream-prefix") or definition_name[:_LONGEST_NAME]
    group = options.get("awslogs-group") or DEFAULT_GROUP
    return LogDestination(options.get("awslogs-region") or region, group, f"{prefix}/{name}/")


def sources_of(volumes: Iterable[Shape], *, shared: bool = False) -> dict[str, Mount]:
    """What each volume is, without a path in the container. One without a path of the host lives as long as the task;
    it is the container's own, or `shared` with others of its task. [batch.md 2.3]"""
    return {
        volume["name"]: Mount(source, "", volume="" if source or not shared else volume["name"])
        for volume in volumes
        for source in [(volume.get("host") or {}).get("sourcePath") or ""]
    }


def container_spec(
    name: str, container: Shape, wanted: Resources, log: LogDestination, volumes: Mapping[str, Mount]
) -> ContainerSpec:
    """One container of an ECS job, resolved."""
    linux = container.get("linuxParameters", {})
    return ContainerSpec(
        name=name,
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
        mounts=tuple(_mount(m, volumes) for m in container["mountPoints"]),
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


def _mount(mount: Shape, volumes: Mapping[str, Mount]) -> Mount:
    volume = volumes[mount["sourceVolume"]]
    return Mount(volume.source, mount["containerPath"], mount.get("readOnly", False), volume.volume)
