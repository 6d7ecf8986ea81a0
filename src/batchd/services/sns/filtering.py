"""Filter policies: which messages a subscription wants. [sns-sqs.md A6]

The language is that of event patterns. Asked of a message's attributes, or of its body where that is a JSON object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from batchd.matching.operators import BadPattern
from batchd.matching.patterns import Fields, compile_pattern, flatten
from batchd.services.sns.message_rules import number_of

OF_ATTRIBUTES, OF_BODY = "MessageAttributes", "MessageBody"
_MOST_KEYS = 5
_MOST_COMBINATIONS = 150


def filter_problem(text: str, scope: str) -> str | None:
    """What is wrong with a policy, in AWS's words; an empty one is none."""
    if is_empty(text):
        return None
    try:
        compile_pattern(text)
    except BadPattern as error:
        return f"FilterPolicy: {error}"
    document = orjson.loads(text)
    leaves = list(_leaves(document, 1))
    if scope == OF_ATTRIBUTES and any(depth > 1 for depth, _ in leaves):
        return "FilterPolicy: Filter policy scope MessageAttributes does not support nested filter policy"
    if len(leaves) > _MOST_KEYS:
        return f"FilterPolicy: Filter policy can not have more than {_MOST_KEYS} keys"
    combinations = 1
    for depth, values in leaves:
        combinations *= depth * values
    if combinations > _MOST_COMBINATIONS:
        return "FilterPolicy: Filter policy is too complex"
    return None


def is_empty(text: str) -> bool:
    """Whether it takes a policy away."""
    return text.replace(" ", "") in ("", "{}")


def wants(attributes: Mapping[str, str], text: str, given: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether a subscription with these attributes wants a message of this text and these attributes."""
    policy = attributes.get("FilterPolicy")
    if not policy:
        return True
    if attributes.get("FilterPolicyScope") == OF_BODY:
        fields = _of_body(text)
    else:
        fields = _of_attributes(given)
    return fields is not None and compile_pattern(policy).matches(fields)


def _of_body(text: str) -> Fields | None:
    """None for a body that is no JSON object: it fits nothing."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return flatten(document) if isinstance(document, dict) else None


def _of_attributes(given: Mapping[str, Mapping[str, str]]) -> Fields:
    """By type; binary ones cannot be asked for."""
    fields: dict[str, list[tuple[Any, tuple[()]]]] = {}
    for name, value in given.items():
        values = list(_values(value))
        if values:
            fields[name] = [(one, ()) for one in values]
    return fields


def _values(value: Mapping[str, str]) -> Iterator[Any]:
    kind, text = value["DataType"], value.get("StringValue", "")
    if kind.startswith("Number"):
        yield number_of(text)
    elif kind == "String.Array":
        yield from _elements(text)
    elif kind.startswith("String"):
        yield text


def _elements(text: str) -> list[Any]:
    """Scalars of a JSON array; a text that is none stands for itself."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return [text]
    elements = document if isinstance(document, list) else [document]
    return [element for element in elements if not isinstance(element, (list, dict))]


def _leaves(document: Any, depth: int) -> Iterator[tuple[int, int]]:
    """Of each key with values: how deep it lies, and how many values it has. `$or` is no key."""
    for name, value in document.items():
        if name == "$or" and isinstance(value, list):
            for branch in value:
                yield from _leaves(branch, depth)
        elif isinstance(value, dict):
            yield from _leaves(value, depth + 1)
        elif isinstance(value, list):
            yield depth, len(value)
