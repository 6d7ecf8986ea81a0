"""How containerOverrides meet the definition's containerProperties. [batch.md 3.2]"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from batchd.services.batch.faults import Invalid, unsupported

_RESERVED = "AWS_BATCH"
_DEPRECATED = {"vcpus": "VCPU", "memory": "MEMORY"}


def environment_of(entries: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Name to value; the later of two entries with one name wins."""
    return {entry["name"]: entry.get("value", "") for entry in entries}


def validate_environment(entries: Iterable[Mapping[str, Any]]) -> None:
    """Raises Invalid for an entry without a name or with one that Batch keeps for itself."""
    for entry in entries:
        name = entry.get("name")
        if not name:
            raise Invalid("environment entries must have a name")
        if name.startswith(_RESERVED):
            raise Invalid(f"environment variable {name} is not allowed, names starting with {_RESERVED} are reserved")


def validate_overrides(overrides: Mapping[str, Any]) -> None:
    """Raises Invalid or ClientException for what no definition allows to be overridden so."""
    if overrides.get("instanceType"):
        unsupported("containerOverrides.instanceType")  # multi-node jobs only
    if "" in overrides.get("command", ()):
        raise Invalid("containerOverrides.command must not contain an empty string")
    validate_environment(overrides.get("environment", ()))


def merge_container(container: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The container that runs. `container` and its parts stay as they are.

    Deprecated overrides reach deprecated values only: a resource requirement is stronger, wherever it was made.
    """
    merged = dict(container)
    if overrides.get("command"):
        merged["command"] = list(overrides["command"])
    if overrides.get("environment"):
        both = environment_of(container["environment"]) | environment_of(overrides["environment"])
        merged["environment"] = [{"name": name, "value": value} for name, value in both.items()]
    if overrides.get("resourceRequirements"):
        _merge_requirements(merged, overrides["resourceRequirements"])
    for member, kind in _DEPRECATED.items():
        if overrides.get(member) and not _requires(merged, kind):
            merged[member] = overrides[member]
    return merged


def _merge_requirements(merged: dict[str, Any], overriding: Iterable[Mapping[str, Any]]) -> None:
    """By type; a deprecated member gives way to the requirement that overrides it."""
    by_type = {r["type"]: r["value"] for r in merged["resourceRequirements"]}
    by_type |= {r["type"]: r["value"] for r in overriding}
    merged["resourceRequirements"] = [{"type": kind, "value": value} for kind, value in by_type.items()]
    for member, kind in _DEPRECATED.items():
        if kind in by_type:
            merged.pop(member, None)


def _requires(container: Mapping[str, Any], kind: str) -> bool:
    return any(r["type"] == kind for r in container["resourceRequirements"])
