"""JSON values to params and back, compiled once per shape.

Readers check types and turn blobs into bytes, timestamps into datetimes, jsonvalue texts into values; members the
model does not name are kept as they are, nulls of structures are left out. Writers do the reverse: None members are
left out, members the model does not name are sent as they are.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from batchd.gateway.protocols.timestamps import read_timestamp, timestamp_form, write_timestamp
from batchd.gateway.request import Malformed
from batchd.gateway.shapes import Shape

Reader = Callable[[Any], Any]
Writer = Callable[[Any], Any]

MAX_DEPTH = 100
_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_RANGES = {"integer": (-(1 << 31), (1 << 31) - 1), "long": (-(1 << 63), (1 << 63) - 1)}
_JAVA_NAMES = {
    "string": "a String", "integer": "an Integer", "long": "a Long", "float": "a Float", "double": "a Double",
    "boolean": "a Boolean", "blob": "a Blob", "timestamp": "a Timestamp",
}  # fmt: skip


def parse_json(body: bytes) -> Any:
    """The JSON value of a body; empty bodies mean an empty object. Raises Malformed."""
    if not body:
        return {}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed("Unable to parse the request body as JSON") from error


def check_depth(value: Any) -> Any:
    """The value, which no model bounds, if it is not nested too deeply. Raises Malformed."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [item for parent in level if isinstance(parent, (dict, list)) for item in _items(parent)]
        if not level:
            return value
    raise _too_deep()


def _items(parent: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return parent.values() if isinstance(parent, dict) else parent


def _too_deep() -> Malformed:
    return Malformed("The request is nested too deeply")


Dumper = Callable[[dict[str, Any]], bytes]


def compile_dumper(shape: Shape | None) -> Dumper:
    """Writes a result as JSON text.

    Where all values of the shape are JSON as they stand, the result is dumped in one go; only if a null came out (a
    None member, NaN) or something was not JSON, the writer walks it.
    """
    write = compile_writer(shape) if shape else write_anything
    if shape is not None and not is_plain(shape):
        return lambda value: _dump(write(value))

    def dump(value: dict[str, Any]) -> bytes:
        try:
            body = orjson.dumps(value)
        except TypeError:
            return _dump(write(value))
        return _dump(write(value)) if b"null" in body else body

    return dump


def _dump(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # integers of more than 64 bits, lone surrogates: the standard library writes both
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def is_plain(shape: Shape) -> bool:
    """Whether every value of the shape is JSON as it stands."""
    return _is_plain(shape, set())


def _is_plain(shape: Shape, seen: set[Shape]) -> bool:
    if shape in seen or shape.is_document:
        return True
    seen.add(shape)
    if shape.type == "structure":
        names = all(member.wire_name in (None, name) for name, member in shape.members.items())
        return names and all(_is_plain(member, seen) for member in shape.members.values())
    if shape.type == "list":
        return _is_plain(shape.element, seen)
    if shape.type == "map":
        return _is_plain(shape.value, seen)
    return shape.type not in ("blob", "timestamp") and not shape.has("jsonvalue")


# -- reading


def compile_reader(shape: Shape, by_wire_name: bool = True) -> Reader:
    """A reader of a JSON value, whose structures are keyed by the names on the wire or by the members' own."""
    return _Readers(by_wire_name).reader_of(shape)


class _Readers:
    def __init__(self, by_wire_name: bool) -> None:
        self._by_wire_name = by_wire_name
        self._readers: dict[Shape, Reader] = {}
        self._open: set[Shape] = set()
        self._depth = 0

    def reader_of(self, shape: Shape) -> Reader:
        if shape in self._open:
            return lambda value: self._read_again(shape, value)
        if shape not in self._readers:
            self._open.add(shape)
            self._readers[shape] = self._compile(shape)
            self._open.discard(shape)
        return self._readers[shape]

    def _read_again(self, shape: Shape, value: Any) -> Any:
        """Read a shape inside itself, which only the request bounds."""
        if self._depth >= MAX_DEPTH:
            raise _too_deep()
        self._depth += 1
        try:
            return self._readers[shape](value)
        finally:
            self._depth -= 1

    def _compile(self, shape: Shape) -> Reader:
        if shape.is_document:
            return check_depth
        if shape.type == "structure":
            return self._structure(shape)
        if shape.type == "list":
            return _list_reader(self.reader_of(shape.element))
        if shape.type == "map":
            return _map_reader(self.reader_of(shape.value))
        return scalar_reader(shape)

    def _structure(self, shape: Shape) -> Reader:
        names = {(m.wire_name if self._by_wire_name else None) or name: name for name, m in shape.members.items()}
        find = {wire: (name, self.reader_of(shape.members[name])) for wire, name in names.items()}.get
        ignored = None if "__type" in names else "__type"

        def read(value: Any) -> Any:
            if type(value) is not dict:
                raise _wrong(value, "structure")
            params = {}
            for key, item in value.items():
                if item is None or key == ignored:
                    continue
                member = find(key)
                if member is None:
                    params[key] = check_depth(item)
                else:
                    params[member[0]] = member[1](item)
            return params

        return read


def _list_reader(read_item: Reader) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not list:
            raise _wrong(value, "list")
        return [None if item is None else read_item(item) for item in value]

    return read


def _map_reader(read_item: Reader) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise _wrong(value, "map")
        return {key: None if item is None else read_item(item) for key, item in value.items()}

    return read


def scalar_reader(shape: Shape) -> Reader:
    """A reader of one JSON scalar."""
    if shape.type == "string":
        return _read_json_text if shape.has("jsonvalue") else _read_string
    if shape.type in _RANGES:
        return _integer_reader(shape.type)
    return {
        "boolean": _read_boolean,
        "float": _read_float,
        "double": _read_float,
        "blob": _read_blob,
        "timestamp": read_timestamp,
    }[shape.type]


def _read_string(value: Any) -> Any:
    if isinstance(value, str):
        return value
    raise _wrong(value, "string")


def _read_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    raise _wrong(value, "boolean")


def _integer_reader(kind: str) -> Reader:
    least, most = _RANGES[kind]

    def read(value: Any) -> Any:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is not int:
            raise _wrong(value, kind)
        if not least <= value <= most:
            raise Malformed(f"Value {value} is out of range for {_JAVA_NAMES[kind]}")
        return value

    return read


def _read_float(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _FLOATS:
        return _FLOATS[value]
    raise _wrong(value, "double")


def _read_blob(value: Any) -> Any:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise _wrong(value, "blob")
    return read_base64(value)


def read_base64(text: str) -> bytes:
    """The bytes of a base64 text. Raises Malformed."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("Invalid base64 data") from error


def _read_json_text(value: Any) -> Any:
    if not isinstance(value, str):
        return check_depth(value)
    return check_depth(parse_json(value.encode("utf-8", "surrogatepass")))


def _wrong(value: Any, wanted: str) -> Malformed:
    """In the words of AWS's JSON reader. [known]"""
    if isinstance(value, dict):
        return Malformed("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return Malformed("Start of list found where not expected")
    if wanted not in _JAVA_NAMES:
        return Malformed("Unexpected value type in payload")
    if isinstance(value, bool):
        return Malformed(f"{str(value).upper()}_VALUE can not be converted to {_JAVA_NAMES[wanted]}")
    kind = "STRING" if isinstance(value, str) else "NUMBER" if isinstance(value, (int, float)) else "UNKNOWN"
    return Malformed(f"{kind}_VALUE can not be converted to {_JAVA_NAMES[wanted]}")


# -- writing


def compile_writer(shape: Shape) -> Writer:
    """A writer to JSON values; structures are keyed by the names on the wire."""
    return _Writers().writer_of(shape)


class _Writers:
    def __init__(self) -> None:
        self._writers: dict[Shape, Writer] = {}
        self._open: set[Shape] = set()

    def writer_of(self, shape: Shape) -> Writer:
        if shape in self._open:
            return lambda value: self._writers[shape](value)
        if shape not in self._writers:
            self._open.add(shape)
            self._writers[shape] = self._compile(shape)
            self._open.discard(shape)
        return self._writers[shape]

    def _compile(self, shape: Shape) -> Writer:
        if shape.is_document:
            return lambda value: value
        if shape.type == "structure":
            return self._structure(shape)
        if shape.type == "list":
            return _list_writer(self.writer_of(shape.element), shape.has("sparse"))
        if shape.type == "map":
            return _map_writer(self.writer_of(shape.value), shape.has("sparse"))
        return _scalar_writer(shape)

    def _structure(self, shape: Shape) -> Writer:
        find = {name: (m.wire_name or name, self.writer_of(m)) for name, m in shape.members.items()}.get

        def write(value: Any) -> Any:
            written = {}
            for name, item in value.items():
                if item is None:
                    continue
                member = find(name)
                if member is None:
                    written[name] = write_anything(item)
                else:
                    written[member[0]] = member[1](item)
            return written

        return write


def _list_writer(write_item: Writer, is_sparse: bool) -> Writer:
    def write(value: Any) -> Any:
        return [None if item is None else write_item(item) for item in value if is_sparse or item is not None]

    return write


def _map_writer(write_item: Writer, is_sparse: bool) -> Writer:
    def write(value: Any) -> Any:
        return {
            str(key): None if item is None else write_item(item)
            for key, item in value.items()
            if is_sparse or item is not None
        }

    return write


def _scalar_writer(shape: Shape) -> Writer:
    if shape.has("jsonvalue"):
        return write_json_text
    if shape.type == "timestamp":
        form = timestamp_form(shape.traits, "unixTimestamp")
        return lambda value: write_timestamp(value, form)
    if shape.type == "blob":
        return write_base64
    if shape.type in ("float", "double"):
        return write_float
    return lambda value: value


def write_json_text(value: Any) -> str:
    """The text of a jsonvalue member."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def write_base64(value: bytes | str) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode("ascii")


def write_float(value: Any) -> Any:
    """NaN and the infinities as texts: JSON has no numbers for them."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value


def write_anything(value: Any) -> Any:
    """What no model describes, without its None members."""
    if isinstance(value, dict):
        return {str(key): write_anything(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [write_anything(item) for item in value]
    return write_float(value)
