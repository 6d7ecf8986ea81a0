"""What may be published. [sns-sqs.md A3]"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import orjson

from batchd.services.sns.faults import bad_value, invalid

Attributes = Mapping[str, Mapping[str, Any]]

MOST_BYTES = 262_144
_SUBJECT = re.compile(r"[\x20-\x7e]{1,99}")
_NAME = re.compile(r"[A-Za-z0-9_\-.]{1,256}")
_TOKEN = re.compile(r"[!-~]{1,128}")
_KINDS = ("String", "Number", "Binary")


def check_subject(subject: str | None) -> None:
    """InvalidParameter for what is no line of ASCII."""
    if subject is not None and not _SUBJECT.fullmatch(subject):
        raise invalid("Subject")


def texts_of(message: str, structure: str | None) -> dict[str, str]:
    """The text by protocol, under `default` for those that have none of their own. InvalidParameter."""
    if not message:
        raise invalid("Empty message")
    if structure is None:
        return {"default": message}
    if structure != "json":
        raise invalid("MessageStructure")
    try:
        document = orjson.loads(message)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise invalid("Message Structure - JSON message body failed to parse")
    if not isinstance(document.get("default"), str):
        raise invalid("Message Structure - No default entry in JSON message body")
    return {protocol: text for protocol, text in document.items() if isinstance(text, str)}


def check_attributes(attributes: Attributes) -> None:
    """ParameterValueInvalid."""
    for name, value in attributes.items():
        _check_attribute(name, value)


def check_size(message: str, subject: str | None, attributes: Attributes) -> None:
    """InvalidParameter for a message that is too long, with all that comes with it."""
    if size_of(message, subject, attributes) > MOST_BYTES:
        raise invalid("Message too long")


def size_of(message: str, subject: str | None, attributes: Attributes) -> int:
    """Bytes that count."""
    size = len(message.encode("utf-8", "replace")) + len(subject or "")
    for name, value in attributes.items():
        content = value.get("BinaryValue") or value.get("StringValue", "").encode("utf-8", "replace")
        size += len(name) + len(value["DataType"]) + len(content)
    return size


def check_token(value: str | None, parameter: str) -> None:
    """A group's or a deduplication id."""
    if value is not None and not _TOKEN.fullmatch(value):
        raise invalid(
            f"{parameter} Reason: {parameter} can only include alphanumeric and punctuation characters, "
            "1 to 128 in length"
        )


def stored(attributes: Attributes) -> dict[str, dict[str, str]]:
    """As JSON can hold them, which is as a queue takes them: binary values as base64."""
    return {
        name: {"DataType": value["DataType"], "BinaryValue": base64.b64encode(value["BinaryValue"]).decode()}
        if value["DataType"].startswith("Binary")
        else {"DataType": value["DataType"], "StringValue": value["StringValue"]}
        for name, value in attributes.items()
    }


def _check_attribute(name: str, value: Mapping[str, Any]) -> None:
    if not _NAME.fullmatch(name) or name.startswith(".") or name.endswith(".") or ".." in name:
        raise bad_value(f"Invalid message attribute name: {name}")
    kind = value["DataType"]
    prefix = kind.partition(".")[0]
    if prefix not in _KINDS:
        raise bad_value(
            f"The message attribute '{name}' has an invalid message attribute type, "
            "the set of supported type prefixes is Binary, Number, and String."
        )
    content = value.get("BinaryValue" if prefix == "Binary" else "StringValue")
    if not content:
        raise bad_value(
            f"The message attribute '{name}' must contain non-empty message attribute value "
            f"for message attribute type '{kind}'."
        )
    if prefix == "Number" and number_of(content) is None:
        raise bad_value(f"Could not cast message attribute '{name}' value to number.")


def number_of(text: str) -> float | int | None:
    """None for what is no number."""
    try:
        return int(text) if re.fullmatch(r"[+-]?\d{1,30}", text, re.ASCII) else _finite(float(text))
    except ValueError:
        return None


def _finite(number: float) -> float | None:
    return number if abs(number) != float("inf") and number == number else None
