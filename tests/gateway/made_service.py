"""Services made for a test: a model as a dict, or botocore's, with functions that do what the test says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import botocore

from batchd.gateway.operation import Context, Operation, Service
from batchd.gateway.spec import OperationSpec, ServiceSpec

Function = Callable[[dict[str, Any], Context], Any]


def answer_nothing(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    return {}


def service_of(name: str, operations: Iterable[str], function: Function = answer_nothing, **options: Any) -> Service:
    """A service that serves these operations (API names) by one function."""
    served = {botocore.xform_name(operation): Operation(function, writes=False) for operation in operations}
    return Service(name, served, **options)


def written_model(
    folder: Path, metadata: dict[str, Any], operations: list[dict[str, Any]], shapes: dict[str, Any]
) -> str:
    """Write a model where `Service.models` can find it under the name `made`."""
    for operation in operations:
        operation["http"] = {"method": "POST", "requestUri": "/", **operation.get("http", {})}
    model = {
        "version": "2.0",
        "metadata": {"apiVersion": "2014-01-01", "endpointPrefix": "made", "signingName": "made", **metadata},
        "operations": {operation["name"]: operation for operation in operations},
        "shapes": shapes,
    }
    path = folder / "made" / "2014-01-01"
    path.mkdir(parents=True, exist_ok=True)
    (path / "service-2.json").write_text(json.dumps(model))
    return str(folder)


def made_operation(
    folder: Path, metadata: dict[str, Any], operation: dict[str, Any], shapes: dict[str, Any]
) -> OperationSpec:
    """The one operation of a made model."""
    models = written_model(folder, metadata, [operation], shapes)
    spec = ServiceSpec(service_of("made", [operation["name"]], models=models))
    return spec.model.operations[operation["name"]]
