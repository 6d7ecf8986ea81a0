"""How much of a machine a pod asks for, in Kubernetes quantities. Pure. [batch.md 2.6]"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from batchd.scheduler.events import Resources
from batchd.services.batch.faults import Invalid
from batchd.services.batch.requirements import total

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

_GPU = "nvidia.com/gpu"
_KINDS = ("cpu", "memory", _GPU)
_SMALLEST_MEMORY_MIB = 4
_MEMORY = re.compile(r"([0-9]{1,9})Mi")
_CPU = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")
_WHOLE = re.compile(r"[0-9]{1,6}")


def pod_resources(pod: Shape) -> Resources:
    """What must be free for the pod: its containers together, or its largest initContainer if that asks for more.

    Raises Invalid."""
    together = total(container_resources(container) for container in pod["containers"])
    asked = [together, *filter(None, map(init_resources, pod.get("initContainers", ())))]
    return Resources(
        max(one.vcpus_milli for one in asked), max(one.memory_mib for one in asked), max(one.gpus for one in asked)
    )


def container_resources(container: Shape) -> Resources:
    """Its requests; what has none is its limit. CPU and memory must be there. Raises Invalid."""
    resources = container.get("resources") or {}
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for kind in {*limits, *requests}:
        if kind not in _KINDS:
            raise Invalid(f"resources {kind} is not one of {', '.join(_KINDS)}")
    memory_mib = _memory(_either("memory", limits, requests))
    cpu = _cpu(_either("cpu", limits, requests))
    if "cpu" in limits and "cpu" in requests and _cpu(requests["cpu"]) > _cpu(limits["cpu"]):
        raise Invalid("resources.requests cpu must not be greater than resources.limits cpu")
    return Resources(cpu, memory_mib, _gpus(limits, requests))


def init_resources(container: Shape) -> Resources | None:
    """The same of an initContainer, which may say nothing: None."""
    resources = container.get("resources") or {}
    return container_resources(container) if resources.get("limits") or resources.get("requests") else None


def _either(kind: str, limits: Shape, requests: Shape) -> str:
    """The request, else the limit."""
    if kind == "memory" and kind in limits and kind in requests and limits[kind] != requests[kind]:
        raise Invalid("resources.limits memory and resources.requests memory must be equal")
    text: str | None = requests.get(kind, limits.get(kind))
    if text is None:
        raise Invalid(f"resources must have {kind} in limits or requests")
    return text


def _memory(text: str) -> int:
    match = _MEMORY.fullmatch(text)
    if match is None:
        raise Invalid(f"memory value {text} is not a whole number with the suffix Mi")
    if int(match[1]) < _SMALLEST_MEMORY_MIB:
        raise Invalid(f"memory must be at least {_SMALLEST_MEMORY_MIB}Mi")
    return int(match[1])


def _cpu(text: str) -> int:
    """Thousandths."""
    milli = round(float(text) * 1000) if _CPU.fullmatch(text) else 0
    if milli <= 0 or milli % 250:
        raise Invalid(f"cpu value {text} is not a multiple of 0.25")
    return milli


def _gpus(limits: Shape, requests: Shape) -> int:
    if _GPU in limits and _GPU in requests and limits[_GPU] != requests[_GPU]:
        raise Invalid(f"resources.limits {_GPU} and resources.requests {_GPU} must be equal")
    text: str = requests.get(_GPU, limits.get(_GPU, "0"))
    if not _WHOLE.fullmatch(text):
        raise Invalid(f"{_GPU} value {text} is not a whole number")
    return int(text)
