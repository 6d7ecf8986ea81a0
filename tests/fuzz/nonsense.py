"""Requests that no sound client sends, and some that it might: from the model's shapes, and then broken on the wire."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import OperationModel, Shape
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from batchd.gateway.request import HttpRequest
from tests.fuzz.wire import FORMS, form, plain_request, signed_for

Names = Mapping[str, Sequence[str]]  # what is there, by the (lower-case) members that carry it
Examples = Sequence[dict[str, Any]]  # params with which an operation succeeds

_DEEPEST = 5
_POLICIES = (
    '{"Version":"2012-10-17","Statement":[]}',
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["sts:AssumeRole"],"Principal":{"AWS":"*"}}}',
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotAction":"*","NotResource":["*"],"Condition":{"a":1}}]}',
    '{"Version":2012,"Statement":"x"}',
    '{"Version":"2012-10-17","Statement":[null,[],{"Effect":{}}]}',
    '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any"},"action":{"type":"expire"}}]}',
    "[" * 500,
    "null",
    "1e999",
    '"\\ud800"',
)
_PATTERNS = (
    "ERROR -line",
    '"a" ?b',
    "{ $.a = 1 }",
    "{ ($.a[0] > 1e5) && !($.b = x) }",
    "[a, b=1*, ...]",
    "[,",
    "{ $",
    '"',
)
_ARNS = (
    "arn:aws:batch:us-east-1:123456789012:job-queue/none",
    "arn:aws:batch:us-east-1:123456789012:job/",
    "arn:aws:batch:eu-west-1:999999999999:job-definition/feed:1",
    "arn:aws:iam::123456789012:role/none",
    "arn:aws:iam::aws:policy/AdministratorAccess",
    "arn:aws:logs:us-east-1:123456789012:log-group:own-group:*",
    "arn:::::",
    "arn:aws:batch:us-east-1:123456789012:job-definition/feed:99999999999999999999",
)
_PLAIN = (
    "none",
    "",
    "a",
    "a" * 130,
    "é",
    "\u0660",
    "\u00b2",
    "9" * 5000,
    "a b",
    "-1",
    "0",
    "1",
    "10.0.0.0/8",
    "10.0.0.0/33",
    "::/0",
    "us-east-1",
)
_WEIRD = (
    "\x00",
    "a\x00b",
    "\U0001f638",
    "\u2028",
    "\uffff",
    "x" * 70_000,
    "%00",
    "%",
    "../..",
    "*",
    "'",
    '&<>"',
    "{}",
    "[",
)
_TEXTS = (*_PLAIN, *_PLAIN, *_ARNS, *_POLICIES, *_PATTERNS, *_WEIRD)
TEXTS: SearchStrategy[str] = st.sampled_from(_TEXTS)
NUMBERS = st.sampled_from(
    (0, 1, 2, 60, 100, 1000, -1, 2**31 - 1, 2**31, -(2**31) - 1, 2**53, 2**63 - 1, 2**63, -(2**63), 1_700_000_000_000)
)
JUNK: SearchStrategy[Any] = st.sampled_from(
    (None, True, 0, -1, 1.5, 2**64, 10**400, float("nan"), float("inf"), 1e308, "", "x", "\ud800", "\x00", [], {},
     [None], [[]], {"": {}}, {"a": [1, {"b": None}]}, [0] * 300, "9" * 5000, json.loads("[" * 200 + "]" * 200))
)  # fmt: skip


def requests(operation: OperationModel, names: Names, examples: Examples) -> SearchStrategy[HttpRequest]:
    """Requests for one operation: sound in form and nonsense in content, or broken in one of many ways."""
    sound = _sound(operation, names, examples)
    broken = (_broken_values(sound, operation), _broken_values(sound, operation), _broken_bytes(sound), _lost(sound))
    return st.sampled_from((*[sound] * 5, *broken)).flatmap(lambda kind: kind)


@st.composite
def _sound(draw: DrawFn, operation: OperationModel, names: Names, examples: Examples) -> HttpRequest:
    """Written by botocore: either an example with some members changed, or made up."""
    shape = operation.input_shape
    if shape is None:
        return plain_request(operation, {})
    like = draw(st.sampled_from((None, *examples, *examples)))
    params = draw(_structure(shape, names, 0)) if like is None else _varied(draw, shape, names, like)
    return plain_request(operation, params)


# -- from the model's shapes


def _varied(draw: DrawFn, shape: Any, names: Names, like: dict[str, Any]) -> dict[str, Any]:
    """The example with a member here and there made up, left out or added."""
    varied = {}
    for name, value in like.items():
        if name not in shape.members:
            varied[name] = value
            continue
        member = shape.members[name]
        how = draw(st.integers(0, 20))
        if how == 0 and not _in_path(shape, name):
            continue
        if how <= 2:
            varied[name] = draw(_value(member, name, names, 1))
        elif member.type_name == "structure":
            varied[name] = _varied(draw, member, names, value)
        elif member.type_name == "list" and member.member.type_name == "structure":
            varied[name] = [_varied(draw, member.member, names, item) for item in value]
        else:
            varied[name] = value
    if shape.members and draw(st.integers(0, 3)) == 0:
        added = draw(st.sampled_from(list(shape.members)))
        varied[added] = draw(_value(shape.members[added], added, names, 1))
    return varied


@st.composite
def _structure(draw: DrawFn, shape: Any, names: Names, depth: int) -> dict[str, Any]:
    """What is required (almost always) and a few of the other members."""
    required = [name for name in shape.required_members if draw(st.integers(0, 40)) != 40 or _in_path(shape, name)]
    others = [name for name in shape.members if name not in shape.required_members]
    some = draw(st.lists(st.sampled_from(others), max_size=4, unique=True)) if others and depth < _DEEPEST else []
    return {name: draw(_value(shape.members[name], name, names, depth + 1)) for name in (*required, *some)}


def _in_path(shape: Any, name: str) -> bool:
    """botocore writes no path without it."""
    return "location" in shape.members[name].serialization


def _value(shape: Any, name: str, names: Names, depth: int) -> SearchStrategy[Any]:
    if shape.type_name == "structure":
        return _structure(shape, names, depth)
    if shape.type_name == "list":
        return st.lists(_value(shape.member, name, names, depth + 1), max_size=0 if depth > _DEEPEST else 3)
    if shape.type_name == "map":
        keys = st.sampled_from(("team", "none", "", "aws:x", "awslogs-group", "awslogs-region", "k" * 130))
        return st.dictionaries(keys, _value(shape.value, name, names, depth + 1), max_size=3)
    return _scalar(shape, name, names)


def _scalar(shape: Shape, name: str, names: Names) -> SearchStrategy[Any]:
    if shape.type_name == "string":
        known = [*getattr(shape, "enum", ()), *_known(name, names)]
        return st.sampled_from((*known * (1 + 5 * len(_TEXTS) // len(known)), *_TEXTS)) if known else TEXTS
    if shape.type_name == "boolean":
        return st.booleans()
    if shape.type_name == "blob":
        return st.binary(max_size=20)
    if shape.type_name == "timestamp":
        return st.sampled_from([datetime(year, 1, 1, tzinfo=UTC) for year in (1970, 2023, 2026, 9999)])
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    return st.one_of(NUMBERS, st.sampled_from([n for n in (1, least, most) if n is not None]))


def _known(name: str, names: Names) -> list[str]:
    """Names that stand under members called like this one: `jobQueue` may be a jobQueueName or a jobQueueArn."""
    wanted = name.lower().removesuffix("s")
    exact = [text for other in (wanted, name.lower()) for text in names.get(other, ())]
    if wanted.endswith(("arn", "resource", "resourceid", "identifier")):
        near = [text for texts in names.values() for text in texts if text.startswith(("arn:", "vpc-", "lt-"))]
    else:
        near = [
            t for other, texts in names.items() if other.startswith(wanted) or wanted.endswith(other) for t in texts
        ]
    return [*exact * (1 + len(near) // max(1, len(exact))), *near]


# -- broken on the wire


@st.composite
def _broken_values(draw: DrawFn, sound: SearchStrategy[HttpRequest], operation: OperationModel) -> HttpRequest:
    """Wrong types, missing and unknown members, at any depth."""
    request = draw(sound)
    if operation.service_model.resolved_protocol in FORMS:
        return replace(request, body=draw(_broken_form(request.body)))
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:  # bytes that travel as they are
        return replace(request, body=draw(st.binary(max_size=64)))
    for _ in range(draw(st.integers(1, 2))):
        body = _break(draw, body)
    return replace(request, body=json.dumps(body).encode())


def _break(draw: DrawFn, value: Any) -> Any:
    """The value with one part of it replaced, removed, doubled or renamed."""
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        name = draw(st.sampled_from(list(value)))
        rest = {key: item for key, item in value.items() if key != name}
        how = draw(st.integers(0, 6))
        if how == 0:
            return rest
        if how == 1:
            return {**rest, draw(st.sampled_from(("", "x", "__type", name.upper(), "\x00"))): value[name]}
        return {**value, name: _break(draw, value[name])}
    if isinstance(value, list) and value and draw(st.integers(0, 5)):
        index = draw(st.integers(0, len(value) - 1))
        return [*value, *value] if draw(st.integers(0, 6)) == 0 else [*value[:index], _break(draw, value[index])]
    return draw(JUNK)


@st.composite
def _broken_form(draw: DrawFn, body: bytes) -> bytes:
    """Names that contradict each other, numbers out of order, values of the wrong kind."""
    pairs = parse_qsl(body.decode(), keep_blank_values=True)
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(pairs)))
        name = pairs[index][0] if index < len(pairs) else "x"
        part = draw(
            st.sampled_from((".1", ".member.1", ".member.0", ".member.x", ".-1", ".99999", ".", ".Key", "", ".entry.1"))
        )
        value = draw(st.one_of(TEXTS, NUMBERS, st.just("\ud800"), st.just("9" * 5000)))
        how = draw(st.integers(0, 3))
        changed = [(name if how < 2 else name + part, str(value))] if how else []
        pairs[index : index + 1] = [*pairs[index : index + 1], *changed] if how == 3 else changed
    return form(pairs)


@st.composite
def _broken_bytes(draw: DrawFn, sound: SearchStrategy[HttpRequest]) -> HttpRequest:
    """Cut, spoilt or wrapped text."""
    request = draw(sound)
    body = request.body
    at = draw(st.integers(0, len(body)))
    spoil: Callable[[bytes], bytes] = draw(
        st.sampled_from(
            (
                lambda noise: body[:at],
                lambda noise: body[:at] + noise + body[at:],
                lambda noise: body[:at] + noise + body[at + 1 :],
                lambda noise: noise + body,
                lambda noise: b"[" + body + b"]",
                lambda noise: body + body,
                lambda noise: noise,
            )
        )
    )
    noise = st.one_of(
        st.binary(max_size=6),
        st.sampled_from((b"\xff", b"\xed\xa0\x80", b"%ED%A0%80", b"%zz", b"\x00", b"&=&", b"{", b"<x>")),
    )
    return replace(request, body=spoil(draw(noise)))


_HEADERS: tuple[dict[str, str], ...] = (
    {"content-type": ""},
    {"content-type": "application/x-www-form-urlencoded"},
    {"content-type": "multipart/form-data; boundary=x"},
    {"content-type": "application/cbor"},
    {"x-amz-target": ""},
    {"x-amz-target": "."},
    {"x-amz-target": "Logs_20140328.NoSuchOperation"},
    {"x-amz-target": "\xff" * 1000},
    {"content-encoding": "gzip"},
    {"x-amz-content-sha256": "x"},
    {"authorization": ""},
    {"authorization": "Bearer x"},
    {"authorization": "AWS4-HMAC-SHA256 Credential=////"},
    *(signed_for(scope) for scope in ("batch", "logs", "ec2", "iam", "sqs", "", "%00")),
)


@st.composite
def _lost(draw: DrawFn, sound: SearchStrategy[HttpRequest]) -> HttpRequest:
    """Another method, path, query or header than the operation's."""
    request = draw(sound)
    how = draw(st.integers(0, 3))
    if how == 0:
        return replace(request, method=draw(st.sampled_from(("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "x", ""))))
    if how == 1:
        path = st.sampled_from(
            ("", "/", "//", "/v1", "/v1/tags/", "/v1/tags/%FF", "/v1/tags/%00", "/v1/tags/a%2Fb", "*", "/%")
        )
        return replace(request, path=draw(path))
    if how == 2:
        query = st.sampled_from(
            ("Action=", "Action=x&Action=y", "%ff=%00", "&&=", "tagKeys", "tagKeys=a&tagKeys=%ED%A0%80", "=" * 3000)
        )
        return replace(request, query=draw(query))
    return replace(request, headers={**request.headers, **draw(st.sampled_from(_HEADERS))})
