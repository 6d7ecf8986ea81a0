"""From a task to what the Docker Engine API is asked for, and back from labels. Pure.

Names: container `batchd-<task id>-<container>`; everything else hangs on labels, so that a restarted server finds its
containers and two servers on one daemon leave each other's alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchd.engines.engine import RESULT_VARIABLE
from batchd.engines.names import safe_name
from batchd.task import ContainerSpec, Mount, TaskSpec, Tmpfs

TASK = "batchd.task"
CONTAINER = "batchd.container"
INSTANCE = "batchd.instance"
_ESSENTIAL = "batchd.essential"
_CONTAINERS = "batchd.containers"
_STOP_TIMEOUT = "batchd.stop-timeout"
_LOGGED = "batchd.logged"
_DEPENDS_ON = "batchd.depends-on"
_START_TIMEOUT = "batchd.start-timeout"
_OWN_STOP_TIMEOUT = "batchd.own-stop-timeout"
SHARING = "batchd.sharing"  # on containers whose task has volumes to be removed with it

_MIB = 1024 * 1024
_LEAST_MEMORY = 6 * _MIB  # Docker refuses less
_RESULT = "/batchd-output.json"
_LEAST_SHARES, _MOST_SHARES = 2, 262144  # the kernel's bounds

Json = dict[str, Any]  # the daemon's JSON: checked where it is read


@dataclass(frozen=True, slots=True)
class Tag:
    """What a container's labels say of its task: all that adoption needs."""

    task_id: str
    container: str
    essential: bool
    containers: int  # how many the task has
    stop_timeout_s: float
    logged: bool
    depends_on: tuple[tuple[str, str], ...] = ()
    start_timeout_s: float | None = None
    own_stop_timeout_s: float | None = None


def container_name(task_id: str, container: str) -> str:
    return f"batchd-{task_id}-{safe_name(container)}"


def labels_of(task: TaskSpec, container: ContainerSpec, instance: str) -> dict[str, str]:
    """The task's own labels and ours, which win."""
    return {
        **task.labels,
        TASK: task.task_id,
        CONTAINER: container.name,
        INSTANCE: instance,
        _ESSENTIAL: "1" if container.essential else "0",
        _CONTAINERS: str(len(task.containers)),
        _STOP_TIMEOUT: str(task.stop_timeout_s),
        _LOGGED: "0" if container.log is None else "1",
        **_order_labels(container),
    }


def _order_labels(container: ContainerSpec) -> dict[str, str]:
    """Of what a container by itself has not."""
    labels = {SHARING: "1"} if any(m.volume for m in container.mounts) else {}
    if container.depends_on:
        labels[_DEPENDS_ON] = json.dumps(container.depends_on)
    if container.start_timeout_s is not None:
        labels[_START_TIMEOUT] = str(container.start_timeout_s)
    if container.stop_timeout_s is not None:
        labels[_OWN_STOP_TIMEOUT] = str(container.stop_timeout_s)
    return labels


def tag_of(labels: Mapping[str, str]) -> Tag | None:
    """What `labels_of` wrote; None for labels that somebody else made."""
    try:
        return Tag(
            task_id=labels[TASK],
            container=labels[CONTAINER],
            essential=labels[_ESSENTIAL] == "1",
            containers=int(labels[_CONTAINERS]),
            stop_timeout_s=float(labels[_STOP_TIMEOUT]),
            logged=labels[_LOGGED] == "1",
            depends_on=tuple((str(name), str(wanted)) for name, wanted in json.loads(labels.get(_DEPENDS_ON, "[]"))),
            start_timeout_s=_seconds(labels.get(_START_TIMEOUT)),
            own_stop_timeout_s=_seconds(labels.get(_OWN_STOP_TIMEOUT)),
        )
    except (KeyError, ValueError, TypeError):
        return None


def _seconds(text: str | None) -> float | None:
    return None if text is None else float(text)


def create_body(
    task: TaskSpec, container: ContainerSpec, instance: str, network: str, result: Path | None = None
) -> Json:
    """The body of `POST /containers/create`. [batch.md 2.3]

    The image's working directory stays, and its entry point unless another is given; `command` replaces its CMD where
    there is one. `result` is the file of the host that BATCHD_OUTPUT shall lead to.
    """
    body: Json = {
        "Image": container.image,
        "Env": [f"{name}={value}" for name, value in container.environment.items()],
        "Labels": labels_of(task, container, instance),
        "HostConfig": _host_config(container, network),
    }
    body["HostConfig"]["Mounts"] = [_volume(m, task.task_id, instance) for m in container.mounts if not m.source]
    if result is not None and ":" not in str(result):  # which would be read as the end of the path
        body["Env"].append(f"{RESULT_VARIABLE}={_RESULT}")
        body["HostConfig"]["Binds"].append(f"{result}:{_RESULT}")
    if container.entry_point:
        body["Entrypoint"] = list(container.entry_point)
    if container.command:
        body["Cmd"] = list(container.command)
    if container.user:
        body["User"] = container.user
    return body


def _host_config(container: ContainerSpec, network: str) -> Json:
    host: Json = {
        "NetworkMode": network,
        "LogConfig": _log_config(container),
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,
        "CpuShares": _cpu_shares(container.vcpus),
        "Privileged": container.privileged,
        "ReadonlyRootfs": container.readonly_root,
        "Binds": [_bind(m) for m in container.mounts if m.source],
        "Tmpfs": {t.path: _tmpfs(t) for t in container.tmpfs},
        "Devices": [
            {"PathOnHost": d.host_path, "PathInContainer": d.path, "CgroupPermissions": d.permissions}
            for d in container.devices
        ],
        "Ulimits": [{"Name": u.name, "Soft": u.soft, "Hard": u.hard} for u in container.ulimits],
        **_memory(container),
    }
    if container.init:
        host["Init"] = True
    if container.host_pid:
        host["PidMode"] = "host"
    if container.host_ipc:
        host["IpcMode"] = "host"
    if container.shm_mib is not None:
        host["ShmSize"] = container.shm_mib * _MIB
    if container.gpus:
        host["DeviceRequests"] = [{"Driver": "", "Count": container.gpus, "Capabilities": [["gpu"]]}]
    return host


def _log_config(container: ContainerSpec) -> Json:
    """Without rotation: lines that were rotated away could not be read again after a restart."""
    return {"Type": "none" if container.log is None else "json-file", "Config": {}}


def _memory(container: ContainerSpec) -> Json:
    """A hard limit. Swap is as the daemon has it until `max_swap_mib` is set; swappiness needs that. [batch.md 2.3]"""
    limit = max(container.memory_mib * _MIB, _LEAST_MEMORY)
    memory: Json = {"Memory": limit}
    if container.max_swap_mib is not None:
        memory["MemorySwap"] = limit + container.max_swap_mib * _MIB
        if container.swappiness is not None:
            memory["MemorySwappiness"] = container.swappiness
    return memory


def _cpu_shares(vcpus: float) -> int:
    """1 vCPU = 1024 shares: a weight, so idle CPU beyond it may be used."""
    return min(max(int(vcpus * 1024), _LEAST_SHARES), _MOST_SHARES)


def _bind(mount: Mount) -> str:
    """As a bind and not as a mount: only so does the daemon create a missing path of the host."""
    return f"{mount.source}:{mount.path}" + (":ro" if mount.read_only else "")


def _volume(mount: Mount, task_id: str, instance: str) -> Json:
    """Anonymous, or by a name that the task's containers share."""
    volume = {"Type": "volume", "Target": mount.path, "ReadOnly": mount.read_only}
    if not mount.volume:
        return volume
    labels = {INSTANCE: instance, TASK: task_id}
    return volume | {"Source": container_name(task_id, mount.volume), "VolumeOptions": {"Labels": labels}}


def _tmpfs(tmpfs: Tmpfs) -> str:
    return ",".join((f"size={tmpfs.size_mib}m", *tmpfs.options))
