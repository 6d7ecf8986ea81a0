"""Whatever arrives, the answer is AWS-shaped and never blames the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.clock import ManualClock
from batchd.gateway.protocols.codecs import codec_of
from batchd.gateway.protocols.protocol import Match
from batchd.gateway.request import HttpRequest, HttpResponse, Malformed
from batchd.store.sqlite import open_sqlite
from batchd.store.writer import Writer
from tests.gateway.front_door import front_door, make_gateway
from tests.gateway.made_service import made_operation, service_of

ID = "6b5d7f6e-9a2f-4f5c-8f6b-1f3f5d0c2a11"
SERVICES = [
    service_of("batch", ["SubmitJob", "RegisterJobDefinition", "TagResource", "UntagResource"]),
    service_of("logs", ["PutLogEvents", "GetLogEvents"]),
    service_of("iam", ["CreateRole", "ListRoles"]),
    service_of("ec2", ["DescribeVpcs", "CreateSecurityGroup"]),
    service_of("route53", ["CreateHostedZone", "ChangeTagsForResource"]),
    service_of("lambda", ["CreateFunction", "Invoke", "ListFunctions"]),
]
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = st.sampled_from(
    ["jobName", "jobQueue", "jobDefinition", "tags", "arrayProperties", "containerOverrides", "dependsOn", "timeout",
     "type", "parameters", "containerProperties", "nodeProperties", "logGroupName", "logStreamName", "logEvents"]
)  # fmt: skip
BODIES = st.dictionaries(MEMBERS | st.text(max_size=10), JSON, max_size=8).map(
    lambda value: orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS) if _fits(value) else b"{}"
)
FORM_NAMES = st.lists(
    st.sampled_from(["RoleName", "Tags", "member", "1", "2", "Key", "Value", "Filter", "VpcId", "", "entry", "x"]),
    min_size=1,
    max_size=5,
).map(".".join)
FORMS = st.lists(st.tuples(FORM_NAMES, st.text(st.characters(codec="utf-8"), max_size=10)), max_size=8)
XML = st.text("<>/ab&;!['\"]= \x00\n", max_size=40)


def _fits(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def request(method: str, uri: str, body: bytes, scope: str, headers: dict[str, str] | None = None) -> HttpRequest:
    credential = f"AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/{scope}/aws4_request, Signature=0"
    path, _, query = uri.partition("?")
    return HttpRequest(method, path, query, {**(headers or {}), "authorization": credential}, body)


def assert_shaped(response: HttpResponse) -> None:
    """An answer, or an error a client can read."""
    assert response.status < 500 or response.status == 501, response
    headers = dict(response.headers)
    if headers[b"content-type"] in (b"text/xml", b"application/xml"):
        root = ElementTree.fromstring(response.body) if response.body else None
        if response.status >= 400:
            assert root is not None and root.tag.rpartition("}")[2] in ("ErrorResponse", "Response")
    elif response.status >= 400:
        body = orjson.loads(response.body)
        assert body.get("__type") or headers[b"x-amzn-errortype"]
        assert "message" in body or "Message" in body


Ask = Callable[[HttpRequest], HttpResponse]


async def answers(*requests: HttpRequest) -> list[HttpResponse]:
    async with front_door(SERVICES) as door:
        return [await door.gateway.respond(request, ID) for request in requests]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """A gateway whose operations only read and answer nothing: no event loop is needed."""
    store = open_sqlite(":memory:", ManualClock())
    gateway = make_gateway(SERVICES, store, Writer(store))

    def drive(request: HttpRequest) -> HttpResponse:
        try:
            gateway.respond(request, ID).send(None)
        except StopIteration as done:
            response: HttpResponse = done.value
            return response
        raise AssertionError("a read waited")

    yield drive
    store.close()


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"]),
    st.text("/v1tagsubmitjob%2F.{}+~é \x00", max_size=30),
    st.text("Action=&Version%XYZ20\xff+;", max_size=30),
    st.binary(max_size=60),
    st.sampled_from(["batch", "logs", "iam", "ec2", "route53", "lambda", "s3", "nobody", ""]),
    st.dictionaries(
        st.sampled_from(["content-type", "x-amz-target", "content-encoding", "x-amz-log-type"]),
        st.sampled_from([FORM["content-type"], "Logs_20140328.PutLogEvents", "..", "", "Logs_20140328.", "\xff"]),
    ),
)
def test_any_request_gets_a_shaped_answer(
    ask: Ask, method: str, path: str, query: str, body: bytes, scope: str, headers: dict[str, str]
) -> None:
    assert_shaped(ask(request(method, f"/{path}?{query}", body, scope, headers)))


@given(st.sampled_from(["/v1/submitjob", "/v1/registerjobdefinition"]), BODIES | JSON.filter(_fits).map(orjson.dumps))
@settings(max_examples=200)
def test_any_json_to_a_rest_service_gets_a_shaped_answer(ask: Ask, path: str, body: bytes) -> None:
    assert_shaped(ask(request("POST", path, body, "batch")))


@given(BODIES | JSON.filter(_fits).map(orjson.dumps) | st.binary(max_size=30))
def test_any_body_to_a_json_service_gets_a_shaped_answer(ask: Ask, body: bytes) -> None:
    assert_shaped(ask(request("POST", "/", body, "logs", {"x-amz-target": "Logs_20140328.PutLogEvents"})))


@given(st.sampled_from([("iam", "CreateRole"), ("ec2", "DescribeVpcs"), ("ec2", "CreateSecurityGroup")]), FORMS)
@settings(max_examples=200)
def test_any_form_gets_a_shaped_answer(ask: Ask, operation: tuple[str, str], form: list[tuple[str, str]]) -> None:
    scope, action = operation
    assert_shaped(ask(request("POST", "/", urlencode([("Action", action), *form]).encode(), scope, FORM)))


@given(XML)
def test_any_text_to_an_xml_service_gets_a_shaped_answer(ask: Ask, text: str) -> None:
    for body in (text, f"<CreateHostedZoneRequest>{text}</CreateHostedZoneRequest>"):
        assert_shaped(ask(request("POST", "/2013-04-01/hostedzone", body.encode(), "route53")))


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), st.binary(max_size=8))
def test_any_label_gets_a_shaped_answer(ask: Ask, label: str, raw: bytes) -> None:
    assert_shaped(ask(request("POST", f"/v1/tags/{quote(label, safe='')}", b'{"tags":{}}', "batch")))
    assert_shaped(ask(request("POST", f"/v1/tags/%{raw.hex()}", b'{"tags":{}}', "batch")))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b'"\\ud800"',
        b"NaN",
        b"[]",
        b"1",
        b"null",
        b'{"jobName": NaN}',
        b'{"jobName": 1e999}',
        b'{"jobName": "\\ud800"}',
        b'{"jobName": "x", "jobQueue": "q", "jobDefinition": "d", "timeout": {"attemptDurationSeconds": 1e30}}',
        b'{"jobName": "x", "jobQueue": "q", "jobDefinition": "d", "timeout": {"attemptDurationSeconds": 2147483648}}',
        b'{"jobName": "x", "jobQueue": "q", "jobDefinition": "d", "propagateTags": "true"}',
        b'{"jobName": ["x"], "jobQueue": "q", "jobDefinition": "d"}',
        b'{"new": ' + b"[" * 200 + b"]" * 200 + b"}",
        b"[" * 100_000,
    ],
)
async def test_json_that_is_wrong_is_refused(body: bytes) -> None:
    (response,) = await answers(request("POST", "/v1/submitjob", body, "batch"))

    assert response.status == 400
    assert dict(response.headers)[b"x-amzn-errortype"] == b"ValidationException"


async def test_the_words_for_a_wrong_json_type_are_awss() -> None:
    target = {"x-amz-target": "Logs_20140328.GetLogEvents"}
    bodies = [b'{"logStreamName": 1}', b'{"logStreamName": {}}', b'{"limit": "many"}', b'{"logStreamName": true}']

    responses = await answers(*(request("POST", "/", body, "logs", target) for body in bodies))

    assert [orjson.loads(response.body) for response in responses] == [
        {"__type": "SerializationException", "message": "NUMBER_VALUE can not be converted to a String"},
        {
            "__type": "SerializationException",
            "message": "Start of structure or map found where not expected.",
        },
        {"__type": "SerializationException", "message": "STRING_VALUE can not be converted to an Integer"},
        {"__type": "SerializationException", "message": "TRUE_VALUE can not be converted to a String"},
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"Action=CreateRole&RoleName=%FF",
        b"Action=CreateRole&RoleName.x=y",
        b"Action=CreateRole&Tags.member.x.Key=y",
        b"Action=CreateRole&Tags.member.1=y",
        b"Action=CreateRole&MaxSessionDuration=abc",
        b"Action=CreateRole&" + b"a.b" * 1000 + b"=1",
        b"Action=CreateRole&" + b"a=1&" * 20_000,
        b"\xff\xfe",
    ],
)
async def test_a_form_that_is_wrong_is_refused(body: bytes) -> None:
    (response,) = await answers(request("POST", "/", body, "iam", FORM))

    assert response.status == 400
    assert_shaped(response)


@pytest.mark.parametrize(
    "body",
    [
        b"<a>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"<CreateHostedZoneRequest>" + b"<a>" * 500 + b"</a>" * 500 + b"</CreateHostedZoneRequest>",
    ],
)
async def test_xml_that_is_wrong_is_refused(body: bytes) -> None:
    (response,) = await answers(request("POST", "/2013-04-01/hostedzone", body, "route53"))

    assert (response.status, b"<Code>MalformedXML</Code>" in response.body) == (400, True)


def test_a_recursive_shape_may_only_nest_so_deep(tmp_path: Path) -> None:
    shapes = {
        "In": {"type": "structure", "members": {"Tree": {"shape": "In"}, "Any": {"shape": "Any"}}},
        "Any": {"type": "structure", "members": {}, "document": True},
    }
    operation = made_operation(tmp_path, {"protocol": "json"}, {"name": "Do", "input": {"shape": "In"}}, shapes)
    parse = codec_of(operation).parse

    def body(prefix: bytes, depth: int) -> HttpRequest:
        return HttpRequest("POST", "/", "", {}, prefix * depth + b"{}" + b"}" * depth)

    assert parse(body(b'{"Tree":', 90), Match())
    assert parse(body(b'{"Any":', 1), Match()) == {"Any": {}}
    with pytest.raises(Malformed):
        parse(body(b'{"Tree":', 200), Match())
    with pytest.raises(Malformed):
        parse(HttpRequest("POST", "/", "", {}, b'{"Any":' + b"[" * 300 + b"]" * 300 + b"}"), Match())
