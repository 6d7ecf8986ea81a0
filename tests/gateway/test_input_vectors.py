"""What botocore's clients send must be read as what their callers meant."""

from __future__ import annotations

import math
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from batchd.gateway.protocols.codecs import codec_of
from batchd.gateway.request import HttpRequest
from batchd.gateway.route import Router
from batchd.gateway.shapes import Shape
from tests.gateway.made_service import made_operation
from tests.gateway.vectors import Vector, vectors

SKIPPED = {
    "IdempotencyTokenAutoFill$": "the client makes the value up",
    "Idempotency token auto fill": "the client makes the value up",
    "SDKAppliedContentEncoding|SDKAppend(s|ed)Gzip": "the vector shows no body",
    "EmptyQueryLists$|OmitsEmptyListQueryValues|26-1 List in header": "nothing is sent for an empty list",
    "QueryEmptyQueryMaps|PrefixHeadersAreNotPresent": "nothing is sent for an empty map",
    "HttpWithEmptyStructurePayload|HttpWithHeadersButNoPayload": "no payload and an empty one look alike",
    "legacy-rest-json: (13-1 Structure payload|25-[24] )": "no payload and an empty one look alike",
    "legacy-rest-json: 25-7 ": "the client makes the content type up, which is a member here",
    "jsonvalue_trait|MediaTypeHeaderInputBase64": "the params hold the JSON value, the vector its text",
    "HostWithPath": "the base URL is not the root: the proxy's business",
    "rest-xml: BodyWithXmlName": "a structure's own name is not its members': botocore does not hold to it either",
}


def skip_reason(name: str, table: dict[str, str]) -> str | None:
    return next((reason for pattern, reason in table.items() if re.search(pattern, name)), None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    found = [vector for vector in vectors("input") if skip_reason(vector.name, SKIPPED) is None]
    metafunc.parametrize("vector", found, ids=[vector.name for vector in found])


def test_the_request_of_a_vector_gives_the_params_of_the_vector(vector: Vector, tmp_path: Path) -> None:
    operation = made_operation(tmp_path, vector.metadata, vector.operation, vector.shapes)
    request = request_of(vector)

    route = Router([operation.service]).route(request, "made")
    params = codec_of(route.operation).parse(request, route.match)

    assert route.operation is operation
    expected = vector.case.get("params", {})
    if operation.input is not None:
        _drop_client_view_of_query_maps(operation.input, params, expected)
    assert plain(params) == plain(expected)


def request_of(vector: Vector) -> HttpRequest:
    """The HTTP request that the vector describes."""
    wanted = vector.case["serialized"]
    path, _, query = wanted["uri"].partition("?")
    headers = {name.lower(): value for name, value in wanted.get("headers", {}).items()}
    body = (wanted.get("body") or "").encode()
    protocol = vector.metadata["protocol"]
    if protocol in ("query", "ec2"):
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
    if protocol == "json":
        headers.setdefault("x-amz-target", f"{vector.metadata['targetPrefix']}.{vector.operation['name']}")
    return HttpRequest(wanted.get("method") or vector.operation["http"]["method"], path, query, headers, body)


def _drop_client_view_of_query_maps(shape: Shape, params: dict[str, Any], expected: dict[str, Any]) -> None:
    """A server's map of query params holds all of them, a client's those without a member of their own."""
    for name, member in shape.members.items():
        if member.location == "querystring" and member.type == "map":
            assert expected.pop(name, {}).keys() <= params.pop(name, {}).keys()


def plain(value: Any) -> Any:
    """Values as the vectors write them: times in seconds, bytes as text, special floats by name."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
