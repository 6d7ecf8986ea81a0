"""query and ec2: the params as a form whose names spell out paths (`Filter.1.Value.2`), the answer as XML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from batchd.gateway.protocols.json_values import MAX_DEPTH
from batchd.gateway.protocols.protocol import Codec, Match, Params
from batchd.gateway.protocols.rest import parse_pairs
from batchd.gateway.protocols.texts import text_reader
from batchd.gateway.protocols.xml_values import escape_xml, write_members
from batchd.gateway.request import HttpRequest, HttpResponse, Malformed
from batchd.gateway.shapes import Shape
from batchd.gateway.spec import OperationSpec

FORM_TYPE = "application/x-www-form-urlencoded"
XML_TYPE = (b"content-type", b"text/xml")

Names = Callable[[str, Shape], tuple[str, ...]]  # under which names a member may come


def query_codec(operation: OperationSpec) -> Codec:
    """The codec of an operation of a query service."""
    return Codec(_parser(operation, _FormReader(_query_names, is_flat=False)), _query_serializer(operation))


def ec2_codec(operation: OperationSpec) -> Codec:
    """The codec of an operation of an EC2 service."""
    return Codec(_parser(operation, _FormReader(_ec2_names, is_flat=True)), _ec2_serializer(operation))


# -- requests


def read_form(request: HttpRequest) -> dict[str, str]:
    """The form in the query string (GET, presigned) and in the body. Raises Malformed."""
    form = dict(parse_pairs(request.query)) if request.query else {}
    if request.body and request.method != "GET":
        try:
            form.update(parse_pairs(request.body.decode("ascii")))
        except UnicodeDecodeError as error:
            raise Malformed("The form cannot be decoded") from error
    return form


def _parser(operation: OperationSpec, reader: _FormReader) -> Callable[[HttpRequest, Match], Params]:
    shape = operation.input
    if shape is None:
        return lambda request, match: {}
    former = operation.service.former_query
    member = former.path_member if former and former.path_member in shape.members else None

    def parse(request: HttpRequest, match: Match) -> Params:
        params = reader.structure(shape, _tree(match.form))
        if member and request.path != "/":
            params.setdefault(member, request.path)
        return params

    return parse


class _Node:
    """A place in a form: its own text, and what its name goes on with."""

    __slots__ = ("children", "text")

    def __init__(self) -> None:
        self.text: str | None = None
        self.children: dict[str, _Node] = {}


def _tree(form: Mapping[str, str]) -> _Node:
    root = _Node()
    for name, value in form.items():
        parts = name.split(".", MAX_DEPTH)
        if len(parts) > MAX_DEPTH:
            raise Malformed("The request is nested too deeply")
        node = root
        for part in parts:
            child = node.children.get(part)
            if child is None:
                child = node.children[part] = _Node()
            node = child
        node.text = value
    return root


def _query_names(name: str, member: Shape) -> tuple[str, ...]:
    wire = member.wire_name or name
    if member.type == "list" and member.has("flattened") and member.element.wire_name:
        return wire, member.element.wire_name
    return (wire,)


def _ec2_names(name: str, member: Shape) -> tuple[str, ...]:
    query_name: str | None = member.traits.get("queryName")
    if query_name:
        return (query_name,)
    wire = member.wire_name or name
    return wire[0].upper() + wire[1:], name


class _FormReader:
    """Reads the tree of a form along a shape. `is_flat`: lists have no inner name."""

    def __init__(self, names: Names, is_flat: bool) -> None:
        self._names = names
        self._is_flat = is_flat

    def structure(self, shape: Shape, node: _Node) -> Params:
        params: Params = {}
        for name, member in shape.members.items():
            for wire in self._names(name, member):
                if wire in node.children:
                    params[name] = self._read(member, node.children[wire])
                    break
        return params

    def _read(self, shape: Shape, node: _Node) -> Any:
        if shape.type == "structure":
            return self.structure(shape, node)
        if shape.type == "list":
            inner = None if self._is_flat or shape.has("flattened") else shape.element.wire_name or "member"
            return [self._read(shape.element, item) for item in _in_order(node, inner)]
        if shape.type == "map":
            return self._map(shape, _in_order(node, None if shape.has("flattened") else "entry"))
        if node.text is None:
            raise Malformed("Start of structure or map found where not expected.")
        return text_reader(shape)(node.text)

    def _map(self, shape: Shape, entries: list[_Node]) -> dict[str, Any]:
        key_name, value_name = shape.key.wire_name or "key", shape.value.wire_name or "value"
        values: dict[str, Any] = {}
        for entry in entries:
            parts = entry.children
            if key_name not in parts or value_name not in parts:
                raise Malformed("A map's entry lacks its key or its value")
            values[self._read(shape.key, parts[key_name])] = self._read(shape.value, parts[value_name])
        return values


def _in_order(node: _Node, inner: str | None) -> list[_Node]:
    """The items of a list or map by number, under an inner name where it has one; none for a text alone."""
    if inner is not None:
        found = node.children.get(inner)
        if found is None:
            return []
        node = found
    if not all(key.isascii() and key.isdigit() and len(key) < 10 for key in node.children):
        raise Malformed("A list's items are named by numbers")
    return [node.children[key] for key in sorted(node.children, key=int)]


# -- answers


def _query_serializer(operation: OperationSpec) -> Callable[[Params, str], HttpResponse]:
    name = f"{operation.name}Response"
    namespace = operation.service.namespace
    start = f'<{name} xmlns="{escape_xml(namespace)}">' if namespace else f"<{name}>"
    wrapper = operation.result_wrapper

    def serialize(result: Params, request_id: str) -> HttpResponse:
        out = [start]
        if wrapper:
            out.append(f"<{wrapper}>")
        if operation.output:
            write_members(out, operation.output, result)
        if wrapper:
            out.append(f"</{wrapper}>")
        out.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}>")
        return xml_response(200, "".join(out), request_id)

    return serialize


def _ec2_serializer(operation: OperationSpec) -> Callable[[Params, str], HttpResponse]:
    name = f"{operation.name}Response"
    namespace = (operation.service.namespace or "").rstrip("/") + "/"  # the model lacks the slash [iam.md 1]

    def serialize(result: Params, request_id: str) -> HttpResponse:
        out = [f'<{name} xmlns="{escape_xml(namespace)}"><requestId>{request_id}</requestId>']
        if operation.output:
            write_members(out, operation.output, result)
        out.append(f"</{name}>")
        return xml_response(200, "".join(out), request_id)

    return serialize


def xml_response(status: int, text: str, request_id: str) -> HttpResponse:
    """A document with its declaration."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return HttpResponse(status, (XML_TYPE, (b"x-amzn-requestid", request_id.encode())), body)
