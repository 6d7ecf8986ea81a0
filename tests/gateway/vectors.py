"""botocore's protocol vectors, one by one, and those that do not hold for a server."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.botocore_sdist import sdist_tests

PROTOCOLS = ("ec2", "json", "json_1_0", "json_1_0-query-compatible", "query", "rest-json", "rest-xml")
LEGACY = ("ec2", "json", "query", "rest-json", "rest-xml")


@dataclass(frozen=True)
class Vector:
    """One case: a model with one operation, params or a result, and the HTTP they stand for."""

    name: str
    metadata: dict[str, Any]
    shapes: dict[str, Any]
    operation: dict[str, Any]
    case: dict[str, Any]


def vectors(direction: str) -> Iterator[Vector]:
    """All vectors of `input` or `output`."""
    root = sdist_tests() / "protocols"
    for protocol in PROTOCOLS:
        yield from _of_file(root / direction / f"{protocol}.json", protocol)
    for protocol in LEGACY:
        yield from _of_file(root / "legacy" / direction / f"{protocol}.json", f"legacy-{protocol}")


def _of_file(path: Path, prefix: str) -> Iterator[Vector]:
    for number, suite in enumerate(json.loads(path.read_text())):
        for index, case in enumerate(suite["cases"]):
            name = case.get("id") or f"{number}-{index} {suite['description']}"
            given = copy.deepcopy(case["given"])
            given.setdefault("name", "OperationName")
            yield Vector(f"{prefix}: {name}", suite["metadata"], suite["shapes"], given, case)
