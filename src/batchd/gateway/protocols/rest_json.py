"""rest-json: the operation in method and path, the rest of the params as a JSON body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from batchd.gateway.protocols.json_values import compile_dumper, compile_reader, parse_json
from batchd.gateway.protocols.protocol import Codec
from batchd.gateway.protocols.rest import BodyFormat, rest_codec
from batchd.gateway.shapes import Shape
from batchd.gateway.spec import OperationSpec


def rest_json_codec(operation: OperationSpec) -> Codec:
    """The codec of an operation of a rest-json service."""
    return rest_codec(operation, BodyFormat(b"application/json", _reader, _writer))


def _reader(shape: Shape) -> Callable[[bytes], Any]:
    read = compile_reader(shape)
    return lambda content: read(parse_json(content))


def _writer(shape: Shape, _name: str) -> Callable[[Any], bytes]:
    return compile_dumper(shape)
