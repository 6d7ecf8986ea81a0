"""What is sent to an API destination, and what its answer means. Pure.

Parameters come from the connection and from the target; where both name one, the connection's wins.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from batchd.errors import DeliveryError, Undeliverable
from batchd.gateway.operation import Context
from batchd.services.events.connections import auth_of, connection_of, unavailable
from batchd.services.events.destinations import destination_of
from batchd.services.events.putting import aws_time
from batchd.services.events.shaping import shape, whole_path
from batchd.store.store import Body, Delivery

_WITHOUT_BODY = ("GET", "HEAD")
_PASSING = (401, 407, 409, 429)  # what else is below 500 will be no better the next time
_HEADERS = {"User-Agent": "Amazon/EventBridge/ApiDestinations", "Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A request to the world."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send. With `token_from`, that is to be sent before, and its answer has the token for this one."""

    call: HttpCall
    rate: int  # calls a second
    token_from: HttpCall | None = None


def plan_call(ctx: Context, delivery: Delivery) -> Plan:
    """Raises Undeliverable, or ApiError where destination or connection are gone."""
    body, target = delivery.body, delivery.body["target"]
    destination = destination_of(ctx, target["Arn"])
    connection = connection_of(ctx, destination["ConnectionArn"])
    if refusal := unavailable(connection):
        raise refusal
    auth = auth_of(ctx, connection)
    payload = shape(target, body["event"], body["rule"], aws_time(body["at"]))
    given = whole_path(target.get("HttpParameters", {}), body["event"])
    call = _request(destination, auth, given, payload)
    token_from = _token_request(auth["OAuthParameters"]) if "OAuthParameters" in auth else None
    return Plan(call, destination["InvocationRateLimitPerSecond"], token_from)


def with_token(call: HttpCall, token: str) -> HttpCall:
    return replace(call, headers={**call.headers, "Authorization": f"Bearer {token}"})


def check_answer(status: int) -> None:
    """Raises DeliveryError for what may yet be taken, Undeliverable for what never will."""
    if 200 <= status < 300:
        return
    message = f"the endpoint answered {status}"
    if status >= 500 or status in _PASSING:
        raise DeliveryError("THROTTLING" if status == 429 else "ERROR_FROM_TARGET", message)
    raise Undeliverable("ERROR_FROM_TARGET", message)


def token_of(status: int, body: bytes) -> tuple[str, int]:
    """The token in the answer of an authorization endpoint, and for how many seconds it is good."""
    if status != 200:
        raise DeliveryError("NO_PERMISSIONS", f"the authorization endpoint answered {status}")
    try:
        answer = orjson.loads(body)
        return str(answer["access_token"]), int(answer.get("expires_in", 3600))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise DeliveryError("NO_PERMISSIONS", "the authorization endpoint's answer has no access_token") from None


def _request(destination: Body, auth: Body, given: Body, payload: str) -> HttpCall:
    common = auth.get("InvocationHttpParameters", {})
    method: str = destination["HttpMethod"]
    query = {**given.get("QueryStringParameters", {}), **_pairs(common, "QueryStringParameters")}
    headers = {**_HEADERS, **given.get("HeaderParameters", {}), **_pairs(common, "HeaderParameters"), **_proof(auth)}
    url = _with_query(_with_path(destination["InvocationEndpoint"], given.get("PathParameterValues", [])), query)
    body = b"" if method in _WITHOUT_BODY else _with_members(payload, _pairs(common, "BodyParameters"))
    return HttpCall(method, url, headers, body)


def _token_request(oauth: Body) -> HttpCall:
    """Client credentials, in the query of a GET and in the form of all else."""
    more, client = oauth.get("OAuthHttpParameters", {}), oauth["ClientParameters"]
    form = {
        "grant_type": "client_credentials",
        "client_id": client["ClientID"],
        "client_secret": client["ClientSecret"],
        **_pairs(more, "BodyParameters"),
    }
    headers = {"User-Agent": _HEADERS["User-Agent"], **_pairs(more, "HeaderParameters")}
    url = _with_query(oauth["AuthorizationEndpoint"], _pairs(more, "QueryStringParameters"))
    if oauth["HttpMethod"] == "GET":
        return HttpCall("GET", _with_query(url, form), headers)
    headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return HttpCall(oauth["HttpMethod"], url, headers, urlencode(form).encode())


def _proof(auth: Body) -> dict[str, str]:
    """The header that says who calls; of OAuth it comes later."""
    if basic := auth.get("BasicAuthParameters"):
        text = base64.b64encode(f"{basic['Username']}:{basic['Password']}".encode()).decode()
        return {"Authorization": f"Basic {text}"}
    if key := auth.get("ApiKeyAuthParameters"):
        return {key["ApiKeyName"]: key["ApiKeyValue"]}
    return {}


def _pairs(parameters: Body, member: str) -> dict[str, str]:
    return {one["Key"]: one.get("Value", "") for one in parameters.get(member, ()) if one.get("Key")}


def _with_path(endpoint: str, values: list[str]) -> str:
    """Each `*` is one of the values, in order."""
    for value in values:
        endpoint = endpoint.replace("*", quote(value, safe=""), 1)
    return endpoint


def _with_query(url: str, query: dict[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}" if query else url


def _with_members(payload: str, members: dict[str, str]) -> bytes:
    """The connection's members are added to a JSON object; other bodies have no place for them."""
    if not members:
        return payload.encode()
    document: Any = orjson.loads(payload) if payload[:1] == "{" else None
    return orjson.dumps({**document, **members}) if isinstance(document, dict) else payload.encode()
