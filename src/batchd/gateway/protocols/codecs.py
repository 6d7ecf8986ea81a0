"""The codec of an operation, by its service's protocol."""

from __future__ import annotations

from collections.abc import Callable

from batchd.gateway.protocols.json_rpc import json_codec
from batchd.gateway.protocols.protocol import Codec
from batchd.gateway.protocols.query import ec2_codec, query_codec
from batchd.gateway.protocols.rest_json import rest_json_codec
from batchd.gateway.protocols.rest_xml import rest_xml_codec
from batchd.gateway.spec import OperationSpec

_CODECS: dict[str, Callable[[OperationSpec], Codec]] = {
    "json": json_codec,
    "rest-json": rest_json_codec,
    "query": query_codec,
    "ec2": ec2_codec,
    "rest-xml": rest_xml_codec,
}


def codec_of(operation: OperationSpec) -> Codec:
    """Compile the operation's codec."""
    return _CODECS[operation.service.protocol](operation)
