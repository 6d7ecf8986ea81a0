"""JSON 1.0 and 1.1: the operation in X-Amz-Target, the params in the body."""

from __future__ import annotations

from batchd.gateway.protocols.json_values import compile_dumper, compile_reader, parse_json
from batchd.gateway.protocols.protocol import Codec, Match, Params
from batchd.gateway.request import HttpRequest, HttpResponse, Malformed
from batchd.gateway.spec import OperationSpec


def json_codec(operation: OperationSpec) -> Codec:
    """The codec of an operation of a JSON service."""
    read = compile_reader(operation.input) if operation.input else None
    dump = compile_dumper(operation.output)
    content_type = json_content_type(operation.service.json_version)

    def parse(request: HttpRequest, _match: Match) -> Params:
        value = parse_json(request.body)
        if type(value) is not dict:
            raise Malformed("Unexpected value type in payload")
        params: Params = read(value) if read else {}
        return params

    def serialize(result: Params, request_id: str) -> HttpResponse:
        return HttpResponse(200, (content_type, (b"x-amzn-requestid", request_id.encode())), dump(result))

    return Codec(parse, serialize)


def json_content_type(version: str) -> tuple[bytes, bytes]:
    return (b"content-type", f"application/x-amz-json-{version}".encode())
