"""What runs a function's code: the task of a sandbox, by its runtime and the engine. [lambda.md 2, 3]"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from batchd.invocation import FunctionSpec
from batchd.sandboxes.code import Code
from batchd.task import ContainerSpec, LogDestination, Mount, TaskSpec

CONTAINER = "function"  # its name in the task
_BOOTSTRAPS = Path(__file__).parent / "bootstraps"
_ROOT, _LAYERS = "/var/task", "/opt"
_VCPU_MIB = 1769  # of memory give a function a whole CPU on AWS
_IMAGES = "public.ecr.aws/lambda"


class NoRuntime(Exception):
    """This machine has nothing that could run the function; the text says what is missing."""


def sandbox_task(task_id: str, function: FunctionSpec, code: Code, environment: dict[str, str]) -> TaskSpec:
    """As a process of this machine, where there are no containers. Raises NoRuntime."""
    if function.image is not None or code.root is None:
        raise NoRuntime("a function that is a container image needs the docker engine")
    places = {"LAMBDA_TASK_ROOT": str(code.root)} | ({"BATCHD_LAYERS": str(code.layers)} if code.layers else {})
    command = _command(function, code.root)
    return _task(task_id, function, ContainerSpec(CONTAINER, "", command, {**environment, **places}))


def contained_task(task_id: str, function: FunctionSpec, code: Code, environment: dict[str, str]) -> TaskSpec:
    """In a container of AWS's base image of the runtime, or of the function's own image."""
    if function.image is not None:
        image = function.image
        container = ContainerSpec(CONTAINER, image.uri, image.command, environment, entry_point=image.entry_point)
        return _task(task_id, function, container)
    mounts = [Mount(str(folder), path, read_only=True) for folder, path in _places(code)]
    name, version = _split(function.runtime)
    container = ContainerSpec(
        CONTAINER, f"{_IMAGES}/{name}:{version}", (function.handler,), environment, mounts=tuple(mounts)
    )
    return _task(task_id, function, container)


def _places(code: Code) -> list[tuple[Path, str]]:
    return [(folder, path) for folder, path in ((code.root, _ROOT), (code.layers, _LAYERS)) if folder is not None]


def _task(task_id: str, function: FunctionSpec, container: ContainerSpec) -> TaskSpec:
    """With the function's limits. A destination makes engines keep the output; `SandboxLog` reads it."""
    limited = replace(
        container,
        vcpus=max(round(function.memory_mib / _VCPU_MIB, 2), 0.1),
        memory_mib=function.memory_mib,
        log=LogDestination(function.region, function.log_group, ""),
    )
    return TaskSpec(task_id, (limited,), stop_timeout_s=0, labels={"function": function.arn})


def _split(runtime: str) -> tuple[str, str]:
    """`python3.12` is python 3.12, `nodejs20.x` nodejs 20, `provided.al2023` provided al2023."""
    name = "provided" if runtime.startswith("provided") else runtime.rstrip("0123456789.x")
    return name, runtime[len(name) :].removesuffix(".x").lstrip(".") or "al2"


def _command(function: FunctionSpec, root: Path) -> tuple[str, ...]:
    name, _ = _split(function.runtime)
    if name == "python":
        return (sys.executable, str(_BOOTSTRAPS / "python.py"))
    if name == "nodejs":
        node = shutil.which("node")
        if node is None:
            raise NoRuntime(f"the runtime {function.runtime} needs `node` on the server's PATH")
        return (node, str(_BOOTSTRAPS / "node.cjs"))
    if name == "provided":
        return (str(root / "bootstrap"),)
    raise NoRuntime(f"the runtime {function.runtime} cannot be had on this machine")
