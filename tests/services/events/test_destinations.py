"""API destinations: their connections, what is sent to them, and what their answers mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from batchd.clock import ManualClock
from batchd.destination_plane import Destinations
from batchd.errors import ApiError, DeliveryError, Undeliverable
from batchd.gateway.invoke import Operations
from batchd.gateway.spec import ServiceSpec
from batchd.services import events, secretsmanager
from batchd.services.events.requesting import check_answer
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Store
from tests.contexts import ACCOUNT, ROOT, deployment

ROLE = f"arn:aws:iam::{ACCOUNT}:role/events"
URL = "https://shop.example.org/orders/*?from=batchd"
BASIC = {"BasicAuthParameters": {"Username": "ann", "Password": "secret"}}
OAUTH = {
    "OAuthParameters": {
        "ClientParameters": {"ClientID": "batchd", "ClientSecret": "hush"},
        "AuthorizationEndpoint": "https://login.example.org/token",
        "HttpMethod": "POST",
        "OAuthHttpParameters": {
            "BodyParameters": [{"Key": "scope", "Value": "orders"}],
            "HeaderParameters": [{"Key": "X-Tenant", "Value": "t"}],
        },
    }
}


@dataclass
class World:
    """EventBridge and Secrets Manager over a store, and a world that answers what it is told to."""

    store: Store
    clock: ManualClock
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        services = [ServiceSpec(service) for service in (events.SERVICE, secretsmanager.SERVICE)]
        self.operations = Operations(services, self.clock, deployment())
        self.destinations = Destinations(self.store, self.clock, self.ask, self.operations.inside, self.sleep)

    def __call__(self, operation: str, service: str = "events", **params: Any) -> Any:
        return self.store.transact(
            lambda tx: self.operations.inside(tx, ROOT, "us-east-1").call(service, operation, params)
        )

    def refusal(self, operation: str, **params: Any) -> tuple[str, str]:
        with pytest.raises(ApiError) as refused:
            self(operation, **params)
        return refused.value.code, refused.value.message

    async def ask(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.asked.append((method, url, headers, body))
        return self.answers.pop(0) if self.answers else (200, b"")

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def connect(self, kind: str, auth: dict[str, Any], name: str = "shop") -> str:
        answer = self("CreateConnection", Name=name, AuthorizationType=kind, AuthParameters=auth)
        assert answer["ConnectionState"] == "AUTHORIZED"
        arn: str = answer["ConnectionArn"]
        return arn

    def open(self, connection: str, target: dict[str, Any] | None = None, **more: Any) -> str:
        """A destination, and a rule that sends it what my.app says."""
        given = {"Name": "orders", "InvocationEndpoint": URL, "HttpMethod": "POST", **more}
        arn: str = self("CreateApiDestination", ConnectionArn=connection, **given)["ApiDestinationArn"]
        self("PutRule", Name="orders", EventPattern='{"source":["my.app"]}')
        self("PutTargets", Rule="orders", Targets=[{"Id": "t", "Arn": arn, "RoleArn": ROLE, **(target or {})}])
        return arn

    async def send(self, detail: str = '{"n":1,"id":"o 1/2"}') -> None:
        """One event, and the attempt to deliver it."""
        self("PutEvents", Entries=[{"Source": "my.app", "DetailType": "Order", "Detail": detail}])
        with self.store.read() as tx:
            (lane,) = tx.deliveries.lanes()
            (delivery,) = tx.deliveries.due(lane, 2**62, 10)
        self.store.transact(lambda tx: tx.deliveries.remove(delivery.number))
        assert delivery.body["kind"] == "events.call"
        await self.destinations.deliver(delivery)


@pytest.fixture
def world() -> Iterator[World]:
    clock = ManualClock()
    store = open_sqlite(MEMORY, clock)
    yield World(store, clock)
    store.close()


def test_a_connection_shows_all_but_its_secrets(world: World) -> None:
    more = {
        "HeaderParameters": [
            {"Key": "X-Open", "Value": "a", "IsValueSecret": False},
            {"Key": "X-Secret", "Value": "b", "IsValueSecret": True},
        ]
    }
    arn = world.connect("BASIC", {**BASIC, "InvocationHttpParameters": more})
    found = world("DescribeConnection", Name="shop")
    assert found["ConnectionArn"] == arn
    assert found["AuthParameters"] == {
        "BasicAuthParameters": {"Username": "ann"},
        "InvocationHttpParameters": {
            "HeaderParameters": [
                {"Key": "X-Open", "Value": "a", "IsValueSecret": False},
                {"Key": "X-Secret", "IsValueSecret": True},
            ]
        },
    }
    secret = world("GetSecretValue", "secretsmanager", SecretId=found["SecretArn"])
    assert json.loads(secret["SecretString"])["BasicAuthParameters"]["Password"] == "secret"
    assert [one["Name"] for one in world("ListConnections")["Connections"]] == ["shop"]
    assert world("DeleteConnection", Name="shop")["ConnectionState"] == "DELETING"
    assert world.refusal("DescribeConnection", Name="shop")[0] == "ResourceNotFoundException"
    with pytest.raises(ApiError):
        world("GetSecretValue", "secretsmanager", SecretId=found["SecretArn"])


async def test_a_call_carries_what_connection_and_target_say(world: World) -> None:
    common = {
        "HeaderParameters": [{"Key": "X-Shop", "Value": "connection"}],
        "QueryStringParameters": [{"Key": "tenant", "Value": "a b"}],
        "BodyParameters": [{"Key": "token", "Value": "t"}],
    }
    target = {
        "HttpParameters": {
            "PathParameterValues": ["$.detail.id"],
            "HeaderParameters": {"X-Shop": "target", "X-Type": "$.detail-type"},
            "QueryStringParameters": {"n": "$.detail.n"},
        },
        "InputPath": "$.detail",
    }
    world.open(world.connect("BASIC", {**BASIC, "InvocationHttpParameters": common}), target)
    await world.send()

    ((method, url, headers, body),) = world.asked
    assert (method, url) == ("POST", "https://shop.example.org/orders/o%201%2F2?from=batchd&n=1&tenant=a+b")
    assert headers == {
        "User-Agent": "Amazon/EventBridge/ApiDestinations",
        "Content-Type": "application/json; charset=utf-8",
        "X-Shop": "connection",
        "X-Type": "Order",
        "Authorization": "Basic YW5uOnNlY3JldA==",
    }
    assert json.loads(body) == {"n": 1, "id": "o 1/2", "token": "t"}


async def test_a_key_is_sent_in_its_header_and_a_get_has_no_body(world: World) -> None:
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Api-Key", "ApiKeyValue": "k"}}
    world.open(world.connect("API_KEY", key), HttpMethod="GET")
    await world.send()
    ((method, _, headers, body),) = world.asked
    assert (method, headers["X-Api-Key"], body) == ("GET", "k", b"")


async def test_a_token_is_asked_for_once_and_again_when_it_is_old_or_refused(world: World) -> None:
    token = b'{"access_token": "%s", "expires_in": 3600}'
    world.open(world.connect("OAUTH_CLIENT_CREDENTIALS", OAUTH))
    world.answers = [(200, token % b"one"), (200, b""), (200, b"")]
    await world.send()
    await world.send()
    method, url, headers, body = world.asked[0]
    assert (method, url, headers["X-Tenant"]) == ("POST", "https://login.example.org/token", "t")
    assert body == b"grant_type=client_credentials&client_id=batchd&client_secret=hush&scope=orders"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert [call[2].get("Authorization") for call in world.asked[1:]] == ["Bearer one", "Bearer one"]

    world.clock.advance(3600)
    world.answers = [(200, token % b"two"), (401, b"")]
    with pytest.raises(DeliveryError):
        await world.send()
    world.answers = [(200, token % b"three"), (200, b"")]
    await world.send()
    assert world.asked[-1][2]["Authorization"] == "Bearer three"


@pytest.mark.parametrize("answer", [(400, b""), (200, b"no json"), (200, b"{}"), (200, b"[]")])
async def test_who_gives_no_token_is_asked_again_later(world: World, answer: tuple[int, bytes]) -> None:
    oauth = {"OAuthParameters": {**OAUTH["OAuthParameters"], "HttpMethod": "GET"}}
    world.open(world.connect("OAUTH_CLIENT_CREDENTIALS", oauth))
    world.answers = [answer]
    with pytest.raises(DeliveryError) as refused:
        await world.send()
    assert (refused.value.code, isinstance(refused.value, Undeliverable)) == ("NO_PERMISSIONS", False)
    assert world.asked[0][1].startswith("https://login.example.org/token?grant_type=client_credentials&client_id=")


async def test_calls_beyond_the_rate_wait_their_turn(world: World) -> None:
    world.open(world.connect("BASIC", BASIC), InvocationRateLimitPerSecond=2)
    for _ in range(5):
        await world.send()
    assert world.slept == [0.5, 1.0, 1.5]
    world.clock.advance(10)
    await world.send()
    assert len(world.slept) == 3


@pytest.mark.parametrize(("status", "may_pass"), [(401, True), (409, True), (429, True), (500, True), (503, True)])
def test_some_refusals_pass(status: int, may_pass: bool) -> None:
    with pytest.raises(DeliveryError) as refused:
        check_answer(status)
    assert isinstance(refused.value, Undeliverable) is not may_pass


@pytest.mark.parametrize("status", [301, 400, 403, 404])
def test_others_are_final(status: int) -> None:
    with pytest.raises(Undeliverable):
        check_answer(status)
    check_answer(204)


async def test_a_destination_whose_connection_is_gone_or_deauthorized_is_not_called(world: World) -> None:
    world.open(world.connect("BASIC", BASIC))
    world("DeauthorizeConnection", Name="shop")
    with pytest.raises(ApiError, match="DEAUTHORIZED"):
        await world.send()
    world("UpdateConnection", Name="shop", AuthParameters=BASIC)
    await world.send()
    world("DeleteConnection", Name="shop")
    with pytest.raises(ApiError, match="does not exist"):
        await world.send()
    assert len(world.asked) == 1


async def test_an_update_changes_what_it_names(world: World) -> None:
    world.open(world.connect("BASIC", BASIC))
    changed = {"BasicAuthParameters": {"Username": "bob"}}
    world("UpdateConnection", Name="shop", AuthParameters=changed, Description="of bob")
    world("UpdateApiDestination", Name="orders", HttpMethod="PUT", InvocationEndpoint="http://127.0.0.1:9/x")
    await world.send()
    ((method, url, headers, _),) = world.asked
    assert (method, url, headers["Authorization"]) == ("PUT", "http://127.0.0.1:9/x", "Basic Ym9iOnNlY3JldA==")
    assert world("DescribeConnection", Name="shop")["Description"] == "of bob"


def test_what_cannot_work_is_refused(world: World) -> None:
    connection = world.connect("BASIC", BASIC)
    arn = world.open(connection)
    given = {"Name": "x", "ConnectionArn": connection, "HttpMethod": "POST", "InvocationEndpoint": URL}
    assert world.refusal("CreateApiDestination", **{**given, "Name": "orders"})[0] == "ResourceAlreadyExistsException"
    none = connection.replace("/shop/", "/none/")
    assert world.refusal("CreateApiDestination", **{**given, "ConnectionArn": none}) == (
        "ResourceNotFoundException",
        "Connection none does not exist.",
    )
    for url in ("http://shop.example.org/", "ftp://shop.example.org/", "shop"):
        assert world.refusal("CreateApiDestination", **{**given, "InvocationEndpoint": url})[0] == "ValidationException"
    auth = {"Name": "y", "AuthorizationType": "API_KEY", "AuthParameters": BASIC}
    assert world.refusal("CreateConnection", **auth)[0] == "ValidationException"
    both = {**BASIC, "ApiKeyAuthParameters": {"ApiKeyName": "a", "ApiKeyValue": "b"}}
    assert world.refusal("CreateConnection", **{**auth, "AuthParameters": both})[0] == "ValidationException"
    assert world.refusal("CreateConnection", **{**auth, "Name": "shop"})[0] == "ResourceAlreadyExistsException"
    assert [one["ApiDestinationArn"] for one in world("ListApiDestinations")["ApiDestinations"]] == [arn]
    world("DeleteApiDestination", Name="orders")
    assert world.refusal("DescribeApiDestination", Name="orders")[0] == "ResourceNotFoundException"
