"""rest-xml: the operation in method and path, the rest of the params as an XML body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from batchd.gateway.protocols.protocol import Codec
from batchd.gateway.protocols.rest import BodyFormat, rest_codec
from batchd.gateway.protocols.xml_values import parse_xml, read_element, write_element
from batchd.gateway.shapes import Shape
from batchd.gateway.spec import OperationSpec


def rest_xml_codec(operation: OperationSpec) -> Codec:
    """The codec of an operation of a rest-xml service."""
    return rest_codec(operation, BodyFormat(b"application/xml", _reader, _writer))


def _reader(shape: Shape) -> Callable[[bytes], Any]:
    return lambda content: read_element(shape, parse_xml(content))


def _writer(shape: Shape, name: str) -> Callable[[Any], bytes]:
    def write(value: Any) -> bytes:
        out: list[str] = []
        write_element(out, name, shape, value)
        return "".join(out).encode()

    return write
