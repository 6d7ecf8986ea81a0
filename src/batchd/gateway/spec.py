"""Service models: found in botocore's data (or a folder of ours), read when first needed, cut down to what is served.

botocore's own loader is not used: importing it costs 16 MB and 0.1 s, and it keeps whole models (ec2: 23 MB).
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import botocore
import orjson

from batchd.errors import ConfigError
from batchd.gateway.operation import FormerQuery, Operation, Service
from batchd.gateway.shapes import Raw, Shape, ShapeTable, reachable

_PREFERRED = ("json", "rest-json", "rest-xml", "query", "ec2")
_METADATA = re.compile(rb'"metadata"\s*:\s*')
_HEAD_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class ErrorSpec:
    """What the model says of an error code. `query_code` is the code of the service's former query protocol."""

    code: str
    status: int
    is_sender: bool
    query_code: str | None
    message_member: str
    has_type: bool


@dataclass(frozen=True, slots=True, eq=False)
class OperationSpec:
    """One served operation of a model, and the function that answers it."""

    name: str
    method: str
    uri: str
    status: int
    input: Shape | None
    output: Shape | None
    result_wrapper: str | None
    server_error: str | None
    served: Operation
    service: ServiceSpec


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model: what is served, and the method and URI of every operation it knows."""

    operations: dict[str, OperationSpec]
    known: dict[str, tuple[str, str]]
    errors: dict[str, ErrorSpec]


class ServiceSpec:
    """A service on the wire. Only the model's metadata is read until the first request needs `model`."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.name = service.name
        self._path = _model_path(service)
        metadata = _read_metadata(self._path)
        self.protocol = _protocol(metadata)
        self.api_version: str = metadata["apiVersion"]
        self.signing_name: str = metadata.get("signingName") or metadata["endpointPrefix"]
        self.target_prefix: str | None = metadata.get("targetPrefix")
        self.json_version: str = metadata.get("jsonVersion") or "1.0"
        self.namespace: str | None = metadata.get("xmlNamespace")
        self.is_query_compatible = "awsQueryCompatible" in metadata
        self.former_query: FormerQuery | None = None

    def in_former_query(self) -> ServiceSpec | None:
        """The same service as it speaks to older SDKs, if it does."""
        former = self.service.former_query
        if former is None:
            return None
        spec = ServiceSpec(self.service)
        spec.protocol, spec.namespace, spec.former_query = "query", former.namespace, former
        return spec

    @cached_property
    def model(self) -> Model:
        raw = orjson.loads(_read(self._path))
        return load_model(raw, self)


def load_model(raw: Raw, spec: ServiceSpec) -> Model:
    """Cut the model down to the operations the service serves, and the errors."""
    served = _served(raw, spec.service)
    known = {name: (op["http"]["method"], op["http"]["requestUri"]) for name, op in raw["operations"].items()}
    _complete(raw, spec)
    errors = _errors(raw["shapes"])
    roots = [op[side]["shape"] for op, _ in served.values() for side in ("input", "output") if side in op]
    table = ShapeTable(_relax(reachable(raw["shapes"], roots), spec.service.relaxed))
    operations = {name: _operation(op, function, table, spec, errors) for name, (op, function) in served.items()}
    return Model(operations, known, errors)


def _complete(raw: Raw, spec: ServiceSpec) -> None:
    """Say in the model what it leaves to its service."""
    shapes = raw["shapes"]
    for name, (code, status) in spec.service.errors.items():
        error = {"code": code, "httpStatusCode": status, "senderFault": status < 500}
        shapes[name] = {"type": "structure", "members": {}, **shapes.get(name, {}), "exception": True, "error": error}
    if spec.former_query is None:
        return
    for name, names in spec.former_query.names.items():
        if shapes[name]["type"] == "list":
            shapes[name]["member"]["locationName"] = names[0]
        else:
            shapes[name]["locationName"], *inner = names
            for part, wire in zip(("key", "value"), inner, strict=True):
                shapes[name][part]["locationName"] = wire
    for name, operation in raw["operations"].items():
        if "output" in operation:
            operation["output"]["resultWrapper"] = f"{name}Result"


def _relax(shapes: Raw, relaxed: frozenset[str]) -> Raw:
    """The shapes, without the constraints that AWS's own endpoint does not hold callers to."""
    held = ("enum", "min", "max", "pattern")
    loose = {name: {k: v for k, v in shapes[name].items() if k not in held} for name in relaxed if name in shapes}
    return {**shapes, **loose}


def _served(raw: Raw, service: Service) -> dict[str, tuple[Raw, Operation]]:
    names = {botocore.xform_name(name): name for name in raw["operations"]}
    if strange := service.operations.keys() - names.keys():
        raise ConfigError(f"{service.name}: the model has no operation {', '.join(sorted(strange))}")
    return {names[key]: (raw["operations"][names[key]], function) for key, function in service.operations.items()}


def _operation(
    raw: Raw, function: Operation, table: ShapeTable, spec: ServiceSpec, errors: dict[str, ErrorSpec]
) -> OperationSpec:
    output = raw.get("output")
    return OperationSpec(
        name=raw["name"],
        method=raw["http"]["method"],
        uri=raw["http"]["requestUri"],
        status=raw["http"].get("responseCode", 200),
        input=table.use(raw["input"]) if "input" in raw else None,
        output=table.use(output) if output else None,
        result_wrapper=output.get("resultWrapper") if output else None,
        server_error=_server_error(raw, errors),
        served=function,
        service=spec,
    )


def _server_error(raw: Raw, errors: dict[str, ErrorSpec]) -> str | None:
    """The error this operation declares for a fault of the server's."""
    for ref in raw.get("errors", ()):
        declared = errors.get(ref["shape"])
        if declared and declared.status == 500:
            return declared.code
    return None


def _errors(shapes: dict[str, Raw]) -> dict[str, ErrorSpec]:
    """By code and by shape name: services may raise either."""
    found: dict[str, ErrorSpec] = {}
    for name, shape in shapes.items():
        if shape.get("exception") or shape.get("error"):
            spec = _error(name, shape)
            found[name] = spec
            found.setdefault(spec.query_code or spec.code, spec)
    return found


def _error(name: str, shape: Raw) -> ErrorSpec:
    error = shape.get("error", {})
    is_server = bool(shape.get("fault")) or error.get("senderFault") is False
    members = shape.get("members", {})
    message = next((ref.get("locationName", m) for m, ref in members.items() if m.lower() == "message"), "message")
    return ErrorSpec(
        code=name,
        status=error.get("httpStatusCode", 500 if is_server else 400),
        is_sender=not is_server,
        query_code=error.get("code"),
        message_member=message,
        has_type="Type" in members,
    )


def _model_path(service: Service) -> Path:
    root = Path(service.models) if service.models else Path(botocore.__file__).parent / "data"
    found = sorted((root / service.name).glob("*/service-2.json*"))
    models = [path for path in found if path.name in ("service-2.json", "service-2.json.gz")]
    if not models:
        raise ConfigError(f"no service model for {service.name} in {root}")
    return models[-1]  # folders are dates: the last is the newest


def _read(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def _read_metadata(path: Path) -> Raw:
    """The model's metadata from its first bytes where it stands there, as it does in almost every model."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if path.suffix == ".gz":
        head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, _HEAD_BYTES)
    found = _METADATA.search(head)
    if found:
        try:
            metadata, _ = json.JSONDecoder().raw_decode(head[found.end() :].decode("utf-8", "ignore"))
        except json.JSONDecodeError:
            metadata = None
        if isinstance(metadata, dict):
            return metadata
    whole: Raw = orjson.loads(_read(path))["metadata"]
    return whole


def _protocol(metadata: Raw) -> str:
    offered = metadata.get("protocols") or [metadata["protocol"]]
    for protocol in _PREFERRED:
        if protocol in offered:
            return protocol
    raise ConfigError(f"{metadata.get('serviceId')}: none of the protocols {offered} is spoken here")
