"""How much of a machine a container asks for. [batch.md 2.3]"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from batchd.scheduler.events import Resources
from batchd.services.batch.faults import Invalid
from batchd.services.batch.substitute import is_open

_SMALLEST_MEMORY_MIB = 4
_WHOLE = re.compile(r"[0-9]{1,9}")
_DECIMAL = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")


def resources_of(container: Mapping[str, Any], *, fractions: bool) -> Resources:
    """The container's vCPUs, memory and GPUs, from `resourceRequirements` or the deprecated members.

    `fractions`: Fargate's vCPUs may be less than one. Raises Invalid for a value that is missing or no number.
    """
    required = {r["type"]: r["value"] for r in container.get("resourceRequirements", ())}
    vcpus_milli = _vcpus(required.get("VCPU") or _deprecated(container, "vcpus", "VCPU"), fractions)
    memory_mib = _whole("MEMORY", required.get("MEMORY") or _deprecated(container, "memory", "MEMORY"))
    if memory_mib < _SMALLEST_MEMORY_MIB:
        raise Invalid(f"MEMORY must be at least {_SMALLEST_MEMORY_MIB} MiB")
    return Resources(vcpus_milli, memory_mib, _whole("GPU", required.get("GPU", "0")))


def known_total(containers: Iterable[Mapping[str, Any]], *, fractions: bool) -> Resources | None:
    """What these containers of a definition ask for together; None where a placeholder leaves that open."""
    known = list(containers)
    if any(is_open(r["value"]) for container in known for r in container.get("resourceRequirements", ())):
        return None
    return total(resources_of(container, fractions=fractions) for container in known)


def total(parts: Iterable[Resources]) -> Resources:
    """What containers that run together ask for."""
    wanted = list(parts)
    return Resources(
        sum(one.vcpus_milli for one in wanted), sum(one.memory_mib for one in wanted), sum(one.gpus for one in wanted)
    )


def validate_given_once(container: Mapping[str, Any]) -> None:
    """Raises Invalid where a type is listed twice, or beside its deprecated member."""
    types = [r["type"] for r in container.get("resourceRequirements", ())]
    types += [kind for member, kind in (("vcpus", "VCPU"), ("memory", "MEMORY")) if container.get(member)]
    for kind in types:
        if types.count(kind) > 1:
            raise Invalid(f"{kind} must be given only once")


def _deprecated(container: Mapping[str, Any], member: str, kind: str) -> str:
    value = container.get(member)
    if not value:
        raise Invalid(f"resourceRequirements must have a {kind}")
    return str(value)


def _vcpus(text: str, fractions: bool) -> int:
    if not fractions:
        vcpus = _whole("VCPU", text)
        if vcpus < 1:
            raise Invalid("VCPU must be at least 1")
        return vcpus * 1000
    if not _DECIMAL.fullmatch(text):
        raise Invalid(f"VCPU value {text} is not a number")
    return round(float(text) * 1000)


def _whole(kind: str, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise Invalid(f"{kind} value {text} is not a whole number")
    return int(text)
