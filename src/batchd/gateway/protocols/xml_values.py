"""XML elements to params and back, along a shape.

Lists are wrapped (`<Name><member>…`) unless flattened, maps likewise (`<Name><entry><key>…<value>…`); member and entry
names, attributes and namespaces are the model's.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from batchd.gateway.protocols.json_values import MAX_DEPTH
from batchd.gateway.protocols.texts import text_reader, text_writer
from batchd.gateway.request import Malformed
from batchd.gateway.shapes import Shape

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {"\r": "&#xD;", '"': "&quot;"}


# -- writing


def write_members(out: list[str], shape: Shape, value: dict[str, Any]) -> None:
    """Append the elements of a structure's members; what the model does not name is left out."""
    for name, member in shape.members.items():
        item = value.get(name)
        if item is not None and not member.has("xmlAttribute"):
            write_element(out, _element_name(name, member), member, item)


def write_element(out: list[str], name: str, shape: Shape, value: Any) -> None:
    """Append the element of a value: one, or one per item where it is flattened."""
    if shape.type == "structure":
        out.append(f"<{name}{_namespace(shape)}{_attributes(shape, value)}>")
        write_members(out, shape, value)
    elif shape.type in ("list", "map"):
        _write_many(out, name, shape, value)
        return
    else:
        out.append(f"<{name}{_namespace(shape)}>{escape_xml(text_writer(shape)(value))}")
    out.append(f"</{name}>")


def escape_xml(text: str) -> str:
    """Text for an element or an attribute; characters that XML cannot carry become U+FFFD."""
    return escape(_FORBIDDEN.sub("\ufffd", text), _ESCAPES)


def _write_many(out: list[str], name: str, shape: Shape, value: Any) -> None:
    if shape.has("flattened"):
        _write_items(out, name, shape, value)
        return
    inner = (shape.element.wire_name or "member") if shape.type == "list" else "entry"
    out.append(f"<{name}{_namespace(shape)}>")
    _write_items(out, inner, shape, value)
    out.append(f"</{name}>")


def _write_items(out: list[str], name: str, shape: Shape, value: Any) -> None:
    if shape.type == "list":
        for item in value:
            if item is not None:
                write_element(out, name, shape.element, item)
        return
    for key, item in value.items():
        if item is not None:
            out.append(f"<{name}>")
            write_element(out, shape.key.wire_name or "key", shape.key, key)
            write_element(out, shape.value.wire_name or "value", shape.value, item)
            out.append(f"</{name}>")


def _element_name(name: str, member: Shape) -> str:
    """Clients look for a flattened list under its items' name."""
    if member.type == "list" and member.has("flattened") and member.element.wire_name:
        return member.element.wire_name
    return member.wire_name or name


def _namespace(shape: Shape) -> str:
    namespace = shape.traits.get("xmlNamespace")
    if not namespace:
        return ""
    if isinstance(namespace, str):
        return f' xmlns="{escape_xml(namespace)}"'
    prefix = f":{namespace['prefix']}" if namespace.get("prefix") else ""
    return f' xmlns{prefix}="{escape_xml(namespace["uri"])}"'


def _attributes(shape: Shape, value: dict[str, Any]) -> str:
    return "".join(
        f' {member.wire_name or name}="{escape_xml(text_writer(member)(value[name]))}"'
        for name, member in shape.members.items()
        if member.has("xmlAttribute") and value.get(name) is not None
    )


# -- reading


def parse_xml(body: bytes) -> ElementTree.Element:
    """The root of a document. Raises Malformed, also for documents that define entities or nest too deeply."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise Malformed("Document type declarations are not accepted")
    try:
        root = ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise Malformed("The XML cannot be parsed") from error
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in parent]
    if level:
        raise Malformed("The request is nested too deeply")
    return root


def read_element(shape: Shape, element: ElementTree.Element) -> Any:
    """The value of an element. Raises Malformed."""
    if shape.type == "structure":
        return _read_structure(shape, element)
    if shape.type == "list":
        return [read_element(shape.element, child) for child in element]
    if shape.type == "map":
        return _read_entries(shape, list(element))
    return text_reader(shape)(element.text or "")


def _read_structure(shape: Shape, element: ElementTree.Element) -> dict[str, Any]:
    children: dict[str, list[ElementTree.Element]] = {}
    for child in element:
        children.setdefault(_local(child.tag), []).append(child)
    attributes = {_local(name): text for name, text in element.attrib.items()}
    params: dict[str, Any] = {}
    for name, member in shape.members.items():
        wire = member.wire_name or name
        if member.has("xmlAttribute"):
            if (text := attributes.get(wire.partition(":")[2] or wire)) is not None:
                params[name] = text_reader(member)(text)
        elif found := children.get(wire) or children.get(_element_name(name, member)):
            params[name] = _read_many(member, found)
    return params


def _read_many(member: Shape, found: list[ElementTree.Element]) -> Any:
    if not member.has("flattened"):
        return read_element(member, found[0])
    if member.type == "list":
        return [read_element(member.element, child) for child in found]
    return _read_entries(member, found)


def _read_entries(shape: Shape, entries: list[ElementTree.Element]) -> dict[str, Any]:
    key_name, value_name = shape.key.wire_name or "key", shape.value.wire_name or "value"
    values: dict[str, Any] = {}
    for entry in entries:
        parts = {_local(child.tag): child for child in entry}
        if key_name not in parts or value_name not in parts:
            raise Malformed("A map's entry lacks its key or its value")
        values[read_element(shape.key, parts[key_name])] = read_element(shape.value, parts[value_name])
    return values


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
