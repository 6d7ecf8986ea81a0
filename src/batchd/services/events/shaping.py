"""What a target receives of an event: all of it, a part, a constant, or a template filled in. [events.md 8]"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from batchd.errors import Undeliverable
from batchd.services.events.paths import MISSING, find
from batchd.store.store import Body

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.\-]+)>")
_TOKEN = re.compile(r'<(?P<name>[A-Za-z0-9_.\-]+)>|(?P<escape>\\.)|(?P<quote>")', re.DOTALL)
_EVENT = "aws.events.event"
_WHOLE = "aws.events.event.json"
RESERVED = (_EVENT, _WHOLE, "aws.events.event.ingestion-time", "aws.events.rule-arn", "aws.events.rule-name")
_PART = ("id", "account", "detail-type", "time", "source", "region", "resources", "version")


def shape(target: Body, event: Body, rule_arn: str, ingested: str) -> str:
    """The text that the target receives: JSON but for templates of text. Raises Undeliverable where a template that
    is JSON is none when filled in, or InputPath leads nowhere."""
    if target.get("Input"):
        return _json(orjson.loads(target["Input"]))
    if target.get("InputPath"):
        found = find(event, target["InputPath"])
        if found is MISSING:
            raise Undeliverable("INVALID_PARAMETER", f"InputPath {target['InputPath']} is not in the event")
        return _json(found)
    if "InputTransformer" in target:
        return _transform(target["InputTransformer"], event, rule_arn, ingested)
    return _json(event)


def placeholders(template: str) -> list[str]:
    return _PLACEHOLDER.findall(template)


def whole_path(value: Any, event: Body) -> Any:
    """A value that is nothing but a path becomes what stands there; in what is nested as well."""
    if isinstance(value, dict):
        return {name: whole_path(inner, event) for name, inner in value.items()}
    if isinstance(value, list):
        return [whole_path(inner, event) for inner in value]
    if not isinstance(value, str) or not value.startswith("$."):
        return value
    found = find(event, value)
    return value if found is MISSING else found if isinstance(found, str) else _json(found)


def _transform(transformer: Body, event: Body, rule_arn: str, ingested: str) -> str:
    template: str = transformer["InputTemplate"]
    values = {name: find(event, path) for name, path in transformer.get("InputPathsMap", {}).items()}
    part = {_camel(name): ingested if name == "time" else event.get(name) for name in _PART}
    values |= {
        _EVENT: part,
        _WHOLE: event,
        "aws.events.event.ingestion-time": ingested,
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rpartition("/")[2],
    }
    is_json = template.lstrip()[:1] in ("{", "[")
    text = "".join(_filled(template, values, is_json))
    if not is_json:
        return text
    try:
        return _json(orjson.loads(text))
    except orjson.JSONDecodeError:
        raise Undeliverable("INVALID_JSON", f"the InputTemplate is not JSON when filled in: {text[:200]}") from None


def _filled(template: str, values: dict[str, Any], is_json: bool) -> Iterator[str]:
    """The template's pieces. Between quotes a value is text, elsewhere JSON. Quotes of an object end those of a JSON
    template: AWS does not escape them."""
    position, is_quoted = 0, False
    for token in _TOKEN.finditer(template):
        yield template[position : token.start()]
        position = token.end()
        name = token["name"]
        if name is not None and name in values:
            value = "" if values[name] is MISSING else values[name]
            yield _quoted(value, is_json) if is_quoted else _json(value)
            continue
        yield token[0]
        is_quoted ^= token["quote"] is not None
    yield template[position:]


def _quoted(value: Any, is_json: bool) -> str:
    if isinstance(value, str):
        return value
    return _json(value) if is_json else _json(value).replace('"', "")


def _camel(name: str) -> str:
    return "detailType" if name == "detail-type" else name


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
