"""What rest-json and rest-xml share: members that travel in the path, the query string, headers and the status.

A protocol is told apart by its `BodyFormat`: how a body's bytes become the value of a shape, and back.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from batchd.gateway.protocols.json_values import compile_reader, read_base64, write_json_text
from batchd.gateway.protocols.protocol import Codec, Match, Params
from batchd.gateway.protocols.texts import text_reader, text_writer
from batchd.gateway.protocols.timestamps import timestamp_form
from batchd.gateway.request import HttpRequest, HttpResponse, Malformed
from batchd.gateway.shapes import Shape
from batchd.gateway.spec import OperationSpec

MAX_FIELDS = 10_000

_IN = frozenset({"uri", "querystring", "header", "headers"})
_OUT = frozenset({"statusCode", "header", "headers"})

Query = dict[str, list[str]]
TakeIn = Callable[[HttpRequest, Match, Query, Params], None]
GiveOut = Callable[[Any, list[tuple[bytes, bytes]]], None]


@dataclass(frozen=True, slots=True)
class BodyFormat:
    """`reader` and `writer` compile a shape; `name` is the outermost element's, where the format has one."""

    content_type: bytes
    reader: Callable[[Shape], Callable[[bytes], Any]]
    writer: Callable[[Shape, str], Callable[[Any], bytes]]


def rest_codec(operation: OperationSpec, body: BodyFormat) -> Codec:
    """The codec of an operation of a REST service."""
    return Codec(_parser(operation.input, body), _serializer(operation, body))


# -- requests


def _parser(shape: Shape | None, body: BodyFormat) -> Callable[[HttpRequest, Match], Params]:
    if shape is None:
        return lambda request, match: {}
    takers = [_taker(name, member) for name, member in shape.members.items() if member.location in _IN]
    wants_query = any(member.location == "querystring" for member in shape.members.values())
    read_body = _body_reader(shape, body)

    def parse(request: HttpRequest, match: Match) -> Params:
        params = read_body(request.body)
        query = parse_query(request.query) if wants_query and request.query else {}
        for take in takers:
            take(request, match, query, params)
        return params

    return parse


def _body_reader(shape: Shape, body: BodyFormat) -> Callable[[bytes], Params]:
    payload: str | None = shape.traits.get("payload")
    if payload is None:
        inner = shape.without(_IN)
        if not inner.members:
            return lambda content: {}
        read = body.reader(inner)
        return lambda content: read(content) if content else {}
    read_payload = _payload_reader(shape.members[payload], body)
    return lambda content: {payload: read_payload(content)} if content else {}


def _payload_reader(member: Shape, body: BodyFormat) -> Callable[[bytes], Any]:
    if member.type == "blob":
        return lambda content: content
    if member.type == "string":
        return _read_text
    return body.reader(member)


def _read_text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Malformed("The body is not UTF-8") from error


def parse_query(query: str) -> Query:
    """The values of each name. Raises Malformed."""
    values: Query = {}
    for name, value in parse_pairs(query):
        values.setdefault(name, []).append(value)
    return values


def parse_pairs(text: str) -> list[tuple[str, str]]:
    """The decoded pairs of a query string or a form. Raises Malformed."""
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise Malformed("The query string cannot be decoded") from error


def _taker(name: str, member: Shape) -> TakeIn:
    wire = member.wire_name or name
    if member.location == "uri":
        return _label_taker(name, wire, member)
    if member.location == "querystring":
        return _query_taker(name, wire, member)
    if member.location == "headers":
        return _prefix_taker(name, member.wire_name or "")
    return _header_taker(name, wire.lower(), member)


def _label_taker(name: str, wire: str, member: Shape) -> TakeIn:
    read = text_reader(member)

    def take(_request: HttpRequest, match: Match, _query: Query, params: Params) -> None:
        try:
            params[name] = read(unquote(match.labels[wire], errors="strict"))
        except UnicodeDecodeError as error:
            raise Malformed("The path cannot be decoded") from error

    return take


def _query_taker(name: str, wire: str, member: Shape) -> TakeIn:
    if member.type == "map":
        return _query_map_taker(name, member)
    read = text_reader(member.element if member.type == "list" else member)
    is_list = member.type == "list"

    def take(_request: HttpRequest, _match: Match, query: Query, params: Params) -> None:
        if values := query.get(wire):
            params[name] = [read(value) for value in values] if is_list else read(values[0])

    return take


def _query_map_taker(name: str, member: Shape) -> TakeIn:
    """All of the query string."""
    is_list = member.value.type == "list"

    def take(_request: HttpRequest, _match: Match, query: Query, params: Params) -> None:
        if query:
            params[name] = {key: values if is_list else values[0] for key, values in query.items()}

    return take


def _prefix_taker(name: str, prefix: str) -> TakeIn:
    prefix = prefix.lower()

    def take(request: HttpRequest, _match: Match, _query: Query, params: Params) -> None:
        found = {key[len(prefix) :]: value for key, value in request.headers.items() if key.startswith(prefix)}
        if found:
            params[name] = found

    return take


def _header_taker(name: str, wire: str, member: Shape) -> TakeIn:
    read = _header_reader(member)

    def take(request: HttpRequest, _match: Match, _query: Query, params: Params) -> None:
        value = request.headers.get(wire)
        if value is not None:
            params[name] = read(value)

    return take


def _header_reader(member: Shape) -> Callable[[str], Any]:
    if member.has("jsonvalue"):
        read_json = compile_reader(member)
        return lambda text: read_json(_read_text(read_base64(text)))
    if member.type != "list":
        return text_reader(member)
    read = text_reader(member.element)
    is_dates = member.element.type == "timestamp" and timestamp_form(member.element.traits, "rfc822") == "rfc822"
    return lambda text: [read(part) for part in split_header(text, is_dates)]


def split_header(text: str, is_dates: bool) -> list[str]:
    """The values of a header's list: HTTP dates hold a comma themselves, others may be quoted."""
    if not text:
        return []
    if is_dates:
        parts = [part.strip() for part in text.split(",")]
        return [", ".join(parts[i : i + 2]) for i in range(0, len(parts), 2)]
    values: list[str] = []
    current: list[str] = []
    in_quotes = is_escaped = False
    for char in text:
        if is_escaped or (in_quotes and char not in '"\\'):
            current.append(char)
            is_escaped = False
        elif char == "\\" and in_quotes:
            is_escaped = True
        elif char == '"':
            in_quotes = not in_quotes
        elif char == ",":
            values.append("".join(current).strip())
            current = []
        else:
            current.append(char)
    return [*values, "".join(current).strip()]


# -- answers


def _serializer(operation: OperationSpec, body: BodyFormat) -> Callable[[Params, str], HttpResponse]:
    shape = operation.output
    members = shape.members if shape else {}
    givers = {name: _giver(name, member) for name, member in members.items() if member.location in _OUT}
    status_member = next((name for name, member in members.items() if member.location == "statusCode"), None)
    content_type, write_body = _body_writer(operation, body)

    def serialize(result: Params, request_id: str) -> HttpResponse:
        headers = [(b"x-amzn-requestid", request_id.encode())]
        for name, give in givers.items():
            value = result.get(name)
            if value is not None:
                give(value, headers)
        if not any(name == b"content-type" for name, _ in headers):
            headers.append((b"content-type", content_type))
        status = (result.get(status_member) if status_member else None) or operation.status
        content = b"" if status == 204 else write_body(result)
        return HttpResponse(status, tuple(headers), content)

    return serialize


def _body_writer(operation: OperationSpec, body: BodyFormat) -> tuple[bytes, Callable[[Params], bytes]]:
    """The body's content type, and its writer."""
    shape = operation.output
    if shape is None:
        return body.content_type, lambda result: b"{}" if body.content_type == b"application/json" else b""
    payload: str | None = shape.traits.get("payload")
    if payload is None:
        inner = shape.without(_OUT)
        located = shape.members.keys() - inner.members.keys()
        write = body.writer(inner, shape.wire_name or f"{operation.name}Response")
        return body.content_type, lambda result: write(_without(result, located))
    member = shape.members[payload]
    if member.type == "blob":
        return b"application/octet-stream", lambda result: _octets(result.get(payload))
    if member.type == "string":
        return b"text/plain", lambda result: _octets(result.get(payload))
    write_payload = body.writer(member, member.wire_name or member.name)
    return body.content_type, lambda result: _optional(write_payload, result.get(payload))


def _without(result: Params, located: set[str]) -> Params:
    return {name: value for name, value in result.items() if name not in located} if located else result


def _optional(write: Callable[[Any], bytes], value: Any) -> bytes:
    return b"" if value is None else write(value)


def _octets(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def _giver(name: str, member: Shape) -> GiveOut:
    if member.location == "statusCode":
        return lambda value, headers: None
    if member.location == "headers":
        prefix = member.wire_name or ""
        return lambda value, headers: headers.extend(_header(prefix + key, text) for key, text in value.items())
    wire = member.wire_name or name
    write = _header_writer(member)
    return lambda value, headers: headers.append(_header(wire, write(value)))


def _header_writer(member: Shape) -> Callable[[Any], str]:
    if member.has("jsonvalue"):
        return lambda value: base64.b64encode(write_json_text(value).encode()).decode("ascii")
    if member.type != "list":
        return text_writer(member, "rfc822")
    write = text_writer(member.element, "rfc822")
    if member.element.type == "timestamp":
        return lambda value: ", ".join(write(item) for item in value)
    return lambda value: ", ".join(_quoted(write(item)) for item in value)


def _quoted(text: str) -> str:
    if '"' not in text and "," not in text:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _header(name: str, value: str) -> tuple[bytes, bytes]:
    """One header; a line break would start another."""
    safe = value.replace("\r", " ").replace("\n", " ")
    return name.lower().encode("latin-1", "replace"), safe.encode()
