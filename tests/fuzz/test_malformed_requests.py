"""Over ten thousand requests for the operations that are served: nonsense in, AWS's errors out, the store sound."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

import orjson
import pytest
from botocore.model import OperationModel
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from batchd.gateway.inside import CREDENTIALS
from batchd.gateway.request import HttpRequest, HttpResponse
from tests.fuzz.inhabitants import MORE, Call
from tests.fuzz.nonsense import requests
from tests.fuzz.town import Plan, Town, must
from tests.fuzz.wire import CLIENTS, FORMS, OPERATIONS, read_answer

EACH = 11_000 // len(OPERATIONS)  # requests an operation: more than ten thousand in all
STORMS, IN_A_STORM = 10, 25

hail = settings(
    max_examples=EACH,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return Plan(tmp_path_factory.mktemp("town"))


@pytest.fixture
def town(plan: Plan) -> Iterator[Town]:
    made = plan.build()
    yield made
    made.close()


def ident(operation: OperationModel) -> str:
    return f"{operation.service_model.service_name}-{operation.name}"


@pytest.mark.parametrize("operation", OPERATIONS, ids=ident)
def test_whatever_is_asked_of_an_operation_is_answered_as_aws_would(
    plan: Plan, town: Town, operation: OperationModel
) -> None:
    @given(requests_for(plan, operation))
    @hail
    def ask(request: HttpRequest) -> None:
        response = town.ask(request)
        assert town.problems.take() == []
        assert_sound(operation, request, response)

    ask()
    town.check()


@pytest.mark.parametrize("service", CLIENTS)
def test_a_storm_of_requests_leaves_the_store_sound(plan: Plan, service: str) -> None:
    operations = [operation for operation in OPERATIONS if operation.service_model.service_name == service]
    some = st.sampled_from(operations).flatmap(lambda o: requests_for(plan, o).map(lambda r: (o, r)))

    @given(st.lists(some, min_size=1, max_size=IN_A_STORM))
    @settings(hail, max_examples=STORMS)
    def storm(asked: list[tuple[OperationModel, HttpRequest]]) -> None:
        town = plan.build()
        try:
            for operation, request in asked:
                response = town.ask(request)
                assert town.problems.take() == []
                assert_sound(operation, request, response)
            town.check()
        finally:
            town.close()

    storm()


@pytest.mark.parametrize("call", MORE, ids=lambda call: f"{call[0]}-{call[1]}")
def test_what_nonsense_is_made_from_succeeds_as_it_stands(plan: Plan, town: Town, call: Call) -> None:
    service, operation, params = call
    must(town, service, operation, plan.filled(params))
    town.check()


RAW = st.one_of(st.binary(max_size=40), st.sampled_from((b"", b"\xff", b"\x00", b"%zz", b"/v1/submitjob", b"a" * 9000)))
RAW_HEADERS = st.tuples(
    st.sampled_from((b"Authorization", b"content-type", b"content-length", b"x-amz-target", b"x-amz-date", b"host"))
    | st.binary(max_size=10),
    st.sampled_from(
        (b"application/x-www-form-urlencoded", b"99999999999999999999", b"-1", b"Logs_20140328.PutLogEvents")
    )
    | RAW,
)


@given(
    st.sampled_from(("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "\u0660")),
    st.sampled_from((b"/_batchd/credentials", b"/_batchd/health", b"/_batchd", b"/", b"/v1/tags/")).flatmap(
        lambda path: st.sampled_from((path, path + b"%FF", path + b"\xff", b"/" + path))
    ),
    RAW,
    st.lists(RAW_HEADERS, max_size=6),
    RAW,
)
@settings(hail, max_examples=600, suppress_health_check=[*HealthCheck])
def test_whatever_comes_over_the_wire_is_answered(
    town: Town, method: str, path: bytes, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    scope = {"method": method, "path": unquote(path.decode("latin-1")), "raw_path": path, "query_string": query}
    response = town.ask_raw({**scope, "headers": headers}, body)

    assert town.problems.take() == []
    assert response.status < 500 or response.status == 501, response
    if method != "HEAD" and not path.startswith(b"/_batchd"):
        assert_shaped(response)


@given(st.text(max_size=60) | st.sampled_from(("a.b", ".", "e30.", "e30.e30", "\udcff.", "A" * 9000)))
@settings(hail, max_examples=300, suppress_health_check=[*HealthCheck])
def test_a_token_that_nobody_was_given_gets_no_credentials(town: Town, token: str) -> None:
    headers = [(b"authorization", token.encode("utf-8", "surrogatepass"))]
    response = town.ask_raw({"method": "GET", "path": CREDENTIALS, "query_string": b"", "headers": headers}, b"")

    assert response.status == 403
    assert orjson.loads(response.body)["code"] == "AccessDenied"


def requests_for(plan: Plan, operation: OperationModel) -> SearchStrategy[HttpRequest]:
    examples = plan.examples.get((operation.service_model.service_name, operation.name), ())
    return requests(operation, plan.names, examples)


def assert_sound(operation: OperationModel, request: HttpRequest, response: HttpResponse) -> None:
    """A success that botocore can read, or an error of the protocol with code, message and request id."""
    assert response.status < 500 or response.status == 501, (request, response)
    if not is_for(operation, request):
        assert_shaped(response)
        return
    answer = read_answer(operation, response)
    assert answer["ResponseMetadata"]["RequestId"], response
    if response.status >= 300:
        assert answer["Error"]["Code"], response
        assert answer["Error"]["Message"], response


def is_for(operation: OperationModel, request: HttpRequest) -> bool:
    """Whether the request still says which service and operation it is for, so that the answer must be theirs."""
    service = operation.service_model
    if f"/{service.signing_name}/aws4_request" not in request.headers["authorization"]:
        return False
    said = parse_qs(request.body.decode("latin-1"), keep_blank_values=True).get("Action")
    return service.resolved_protocol not in FORMS or said == [operation.name]


def assert_shaped(response: HttpResponse) -> None:
    """An error in some protocol's shape."""
    if dict(response.headers)[b"content-type"] == b"text/xml":
        root = ElementTree.fromstring(response.body)
        found = {element.tag.rpartition("}")[2].lower() for element in root.iter()}
        assert found >= {"code", "message", "requestid"} or response.status == 200
    elif response.status >= 300:
        body = orjson.loads(response.body)
        assert body.get("__type") or dict(response.headers)[b"x-amzn-errortype"]
        assert body.get("message") or body.get("Message")
