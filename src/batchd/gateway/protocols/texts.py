"""Scalars as texts: in paths, query strings, forms, headers and XML."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from batchd.gateway.protocols.json_values import (
    read_base64,
    scalar_reader,
    write_base64,
    write_float,
    write_json_text,
)
from batchd.gateway.protocols.timestamps import read_timestamp, timestamp_form, write_timestamp
from batchd.gateway.request import Malformed
from batchd.gateway.shapes import Shape

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_FLOAT = re.compile(r"[+-]?([0-9]{1,320}\.?[0-9]{0,320}|\.[0-9]{1,320})([eE][+-]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "false": False}


def text_reader(shape: Shape) -> Callable[[str], Any]:
    """A reader of a scalar's text. It raises Malformed."""
    if shape.type in ("string", "blob"):
        return read_base64 if shape.type == "blob" else scalar_reader(shape)
    if shape.type == "timestamp":
        return read_timestamp
    if shape.type == "boolean":
        return _read_boolean
    read_number = scalar_reader(shape)
    if shape.type in ("integer", "long"):
        return lambda text: read_number(int(text) if _INTEGER.fullmatch(text) else text)
    return lambda text: read_number(float(text) if _FLOAT.fullmatch(text) else text)


def _read_boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise Malformed(f"Invalid boolean value: {text[:64]}")
    return value


def text_writer(shape: Shape, timestamps: str = "iso8601") -> Callable[[Any], str]:
    """A writer of a scalar's text; `timestamps` is the form of those that name none."""
    if shape.has("jsonvalue"):
        return write_json_text
    if shape.type == "timestamp":
        form = timestamp_form(shape.traits, timestamps)
        return lambda value: str(write_timestamp(value, form))
    if shape.type == "blob":
        return write_base64
    if shape.type == "boolean":
        return lambda value: "true" if value else "false"
    return lambda value: str(write_float(value))
