"""The task: the one thing that runs. An attempt of a Batch job is one; so will ECS tasks and Kubernetes pods be.

Services write a task template beside the job's document, `controllers/launch` completes it, engines run it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

POD = "pod"  # label of a task that its job calls a pod
TASK_ID = "*"  # no stream has a star in its name


@dataclass(frozen=True, slots=True)
class Mount:
    """`source` is a path of the host; empty means a volume that lives as long as the task.

    Such a volume is the container's own, unless it has a name: then it is shared with the task's containers that mount
    the same `volume`.
    """

    source: str
    path: str
    read_only: bool = False
    volume: str = ""


@dataclass(frozen=True, slots=True)
class Tmpfs:
    path: str
    size_mib: int
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    host_path: str
    path: str
    permissions: str = "rwm"


@dataclass(frozen=True, slots=True)
class Ulimit:
    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class LogDestination:
    """Where output lines go: a CloudWatch Logs stream of our own Logs service.

    In a template `stream` lacks the task's id: it belongs where TASK_ID stands, else behind it.
    """

    region: str
    group: str
    stream: str

    def of_task(self, task_id: str) -> LogDestination:
        """The template's stream for this task."""
        if TASK_ID in self.stream:
            return LogDestination(self.region, self.group, self.stream.replace(TASK_ID, task_id))
        return LogDestination(self.region, self.group, self.stream + task_id)


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One container, or one command of the host where the engine has no containers.

    `vcpus` is a share weight (fractions allowed), `memory_mib` a hard limit. `user` is AWS's string
    (`uid`, `name`, `uid:gid`). `log` None means the output is dropped. `secrets` are (variable, where its value is
    found): only a template has them, controllers/launch turns them into environment.

    `command` is what the image's entry point gets, `entry_point` what replaces that. In a template that `expands` they
    may refer to variables as `$(NAME)`. `host_pid` and `host_ipc` share the host's process numbers and memory segments.

    When an essential container ends, the others of its task are stopped. `depends_on` are (container, START |
    COMPLETE | SUCCESS): what must be true of others before this one starts. Those that wait for this one to end give up
    after its `start_timeout_s`; `stop_timeout_s` is its own, where it is not the task's. [batch.md 2.5]
    """

    name: str
    image: str
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    vcpus: float = 1.0
    memory_mib: int = 512
    gpus: int = 0
    essential: bool = True
    user: str | None = None
    privileged: bool = False
    readonly_root: bool = False
    init: bool = False
    shm_mib: int | None = None
    max_swap_mib: int | None = None
    swappiness: int | None = None
    tmpfs: tuple[Tmpfs, ...] = ()
    devices: tuple[Device, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    mounts: tuple[Mount, ...] = ()
    log: LogDestination | None = None
    secrets: tuple[tuple[str, str], ...] = ()
    entry_point: tuple[str, ...] = ()
    expands: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    depends_on: tuple[tuple[str, str], ...] = ()
    start_timeout_s: float | None = None
    stop_timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What an engine is asked to run. `task_id` is 32 hex digits, decided before the start is committed.

    `inputs` are the jobs whose results commands refer to as `Ref::<job name>.<field>`: job name to job id, in a
    template with `*` for the index of an array's child. `needs` is what the task counts for on the machine (thousandths
    of a vCPU, MiB), for engines that take tasks ahead of the room for them; None: nothing. No template has it.
    """

    task_id: str
    containers: tuple[ContainerSpec, ...]
    stop_timeout_s: float = 30.0
    labels: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    needs: tuple[int, int] | None = None


def encode_task(spec: TaskSpec) -> bytes:
    """JSON of a task or a template (a task whose `task_id` is still empty)."""
    return orjson.dumps(spec)


def encode_nodes(groups: Sequence[TaskSpec], members: Sequence[int]) -> bytes:
    """JSON of the templates of a job of several nodes: one for each group of nodes, and of which group each node is."""
    return orjson.dumps({"groups": list(groups), "members": list(members)})


def decode_tasks(text: bytes) -> list[TaskSpec]:
    """Every template there is of a job, whether of one node or of several."""
    raw = orjson.loads(text)
    return [decode_task(orjson.dumps(group)) for group in raw["groups"]] if "groups" in raw else [decode_task(text)]


def decode_node(text: bytes, index: int) -> TaskSpec:
    """The template of one node, of those that `encode_nodes` wrote."""
    raw = orjson.loads(text)
    return decode_task(orjson.dumps(raw["groups"][raw["members"][index]]))


@lru_cache(maxsize=1024)
def decode_task(text: bytes | str) -> TaskSpec:
    """The task that `encode_task` wrote, read only: jobs of one definition often share one template."""
    raw: dict[str, Any] = orjson.loads(text)
    containers = tuple(_container(c) for c in raw["containers"])
    return TaskSpec(raw["task_id"], containers, raw["stop_timeout_s"], raw["labels"], raw.get("inputs", {}))


def _container(raw: dict[str, Any]) -> ContainerSpec:
    return ContainerSpec(
        **{
            **raw,
            "command": tuple(raw["command"]),
            "tmpfs": tuple(Tmpfs(t["path"], t["size_mib"], tuple(t["options"])) for t in raw["tmpfs"]),
            "devices": tuple(Device(**d) for d in raw["devices"]),
            "ulimits": tuple(Ulimit(**u) for u in raw["ulimits"]),
            "mounts": tuple(Mount(**m) for m in raw["mounts"]),
            "log": LogDestination(**raw["log"]) if raw["log"] else None,
            "secrets": tuple((name, value_from) for name, value_from in raw.get("secrets", ())),
            "entry_point": tuple(raw.get("entry_point", ())),
            "depends_on": tuple((container, condition) for container, condition in raw.get("depends_on", ())),
        }
    )
