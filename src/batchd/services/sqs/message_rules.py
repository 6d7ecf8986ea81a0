"""What a message may hold, and the digests by which SDKs see that it came through unharmed. [sns-sqs.md B2]"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from collections.abc import Mapping
from typing import Any

from batchd.errors import ApiError
from batchd.services.sqs.faults import invalid, missing

Attributes = Mapping[str, Mapping[str, Any]]

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"[A-Za-z0-9_\-.]{1,256}")
_NUMBER = re.compile(r"[+-]?(\d{1,38}\.?\d{0,38}|\.\d{1,38})([eE][+-]?\d{1,3})?")
_TRACE = "AWSTraceHeader"
_MOST_ATTRIBUTES = 10


def check_body(text: str) -> None:
    """MissingParameter for an empty one, InvalidMessageContents for characters that XML cannot carry."""
    if not text:
        raise missing("MessageBody")
    if _FORBIDDEN.search(text):
        raise ApiError(
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are "
            "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.",
        )


def check_attributes(attributes: Attributes) -> None:
    """InvalidParameterValue for an attribute that SQS would not take."""
    if len(attributes) > _MOST_ATTRIBUTES:
        raise invalid(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{_MOST_ATTRIBUTES}]."
        )
    for name, value in attributes.items():
        _check_name(name)
        _check_value(name, value)


def check_system_attributes(attributes: Attributes) -> None:
    """Only a trace header may be given."""
    for name, value in attributes.items():
        if name != _TRACE:
            raise invalid(f"Message system attribute name '{name}' is invalid.")
        if value["DataType"] != "String" or not value.get("StringValue"):
            raise invalid(f"The message system attribute '{name}' must be a String.")


def trace_of(attributes: Attributes) -> str | None:
    header = attributes.get(_TRACE)
    return header["StringValue"] if header else None


def size_of(text: str, attributes: Attributes) -> int:
    """Bytes that count: body, and names, types and values of attributes."""
    size = len(text.encode())
    for name, value in attributes.items():
        size += len(name.encode()) + len(value["DataType"].encode()) + len(_octets(value))
    return size


def md5_of_body(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Attributes) -> str:
    """Of names, types and values with their lengths, by name. [SQS-DG: message metadata]"""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        value = attributes[name]
        for part in (name.encode(), value["DataType"].encode()):
            digest.update(struct.pack(">I", len(part)) + part)
        octets = _octets(value)
        digest.update((b"\2" if _is_binary(value) else b"\1") + struct.pack(">I", len(octets)) + octets)
    return digest.hexdigest()


def stored(attributes: Attributes) -> dict[str, dict[str, str]]:
    """As JSON can hold them: binary values as base64."""
    return {name: _stored(value) for name, value in attributes.items()}


def restored(attributes: Attributes) -> dict[str, dict[str, Any]]:
    """As they were given."""
    return {
        name: {**value, "BinaryValue": base64.b64decode(value["BinaryValue"])}
        if "BinaryValue" in value
        else dict(value)
        for name, value in attributes.items()
    }


def _stored(value: Mapping[str, Any]) -> dict[str, str]:
    kept = {"DataType": value["DataType"]}
    if _is_binary(value):
        return {**kept, "BinaryValue": base64.b64encode(value["BinaryValue"]).decode()}
    return {**kept, "StringValue": value["StringValue"]}


def _check_name(name: str) -> None:
    lower = name.lower()
    if not _NAME.fullmatch(name) or ".." in name or name.startswith(".") or name.endswith("."):
        raise invalid(
            f"The message attribute name '{name}' is invalid. "
            "Attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.)."
        )
    if lower.startswith(("aws.", "amazon.")):
        raise invalid("You can't use message attribute names beginning with 'AWS.' or 'Amazon.'.")


def _check_value(name: str, value: Mapping[str, Any]) -> None:
    kind = value["DataType"]
    prefix = kind.partition(".")[0]
    if prefix not in ("String", "Number", "Binary") or len(kind) > 256:
        raise invalid(
            f"The message attribute '{name}' has an invalid message attribute type, "
            "the set of supported type prefixes is Binary, Number, and String."
        )
    given = value.get("BinaryValue" if prefix == "Binary" else "StringValue")
    if not given:
        raise invalid(
            f"The message attribute '{name}' must contain non-empty message attribute value "
            f"for message attribute type '{kind}'."
        )
    if prefix == "Number" and not _NUMBER.fullmatch(given):
        raise invalid(f"Can't cast the value of message (user) attribute '{name}' to a number.")
    if prefix != "Binary" and _FORBIDDEN.search(given):
        raise invalid(f"The message attribute '{name}' has characters that are not allowed.")


def _is_binary(value: Mapping[str, Any]) -> bool:
    return str(value["DataType"]).startswith("Binary")


def _octets(value: Mapping[str, Any]) -> bytes:
    octets: bytes = value["BinaryValue"] if _is_binary(value) else value["StringValue"].encode()
    return octets
