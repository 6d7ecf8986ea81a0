"""The front door: a plain ASGI app that turns HTTP into operations and their answers into HTTP."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any, Protocol, TypeVar

from batchd.clock import Clock
from batchd.errors import ApiError, DuplicateKey, StoreError
from batchd.gateway.faults import (
    Fault,
    RequestFault,
    Wire,
    api_fault,
    auth_fault,
    fault_response,
    internal_failure,
    malformed_fault,
    throttled,
    too_large,
    too_many_headers,
    unavailable,
    violation_fault,
)
from batchd.gateway.invoke import Answer, Call, Endpoint, Operations, new_id
from batchd.gateway.operation import Again, Caller, Deployment, Later, Service
from batchd.gateway.protocols.protocol import Params
from batchd.gateway.request import AuthFailure, HttpRequest, HttpResponse, Identity, Malformed
from batchd.gateway.route import Router
from batchd.gateway.spec import OperationSpec, ServiceSpec
from batchd.gateway.throttle import Throttle
from batchd.gateway.waiting import ClientGone, Gone, Topics, Turn, never, unless_gone
from batchd.store.store import Store, Tx

log = logging.getLogger("batchd.gateway")

# ASGI's own types: messages are free-form by its specification.
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
T = TypeVar("T")

MAX_BODY = 70 * 1024 * 1024  # a function's zip as base64, AWS's largest request
MAX_HEADERS = 200


class Authenticator(Protocol):
    """Knows who signed a request."""

    def authenticate(self, request: HttpRequest) -> Identity:
        """The verified caller and the credential scope's region and service. Raises AuthFailure."""


class UnitWriter(Protocol):
    """Makes units of work durable."""

    async def write(self, work: Callable[[Tx], T]) -> T:
        """The unit's result, after its commit. Raises what the unit raised, or StoreError if the commit failed."""


def _unobserved(operation: OperationSpec | None, status: int, seconds: float) -> None:
    """Nobody looks."""


@dataclass(slots=True)
class _Reached:
    """How far a request has come, and the way to see that its client is gone."""

    gone: Gone
    operation: OperationSpec | None = None


@dataclass(eq=False)
class Gateway:
    """Serves any AWS service that botocore has a model of, given functions for its operations.

    `observe` hears of each answer: the operation, if the request was for one, the status, and the seconds it took.
    """

    services: Sequence[Service]
    authenticator: Authenticator
    store: Store
    writer: UnitWriter
    clock: Clock
    deployment: Deployment
    max_body: int = MAX_BODY
    throttle: Throttle | None = None
    observe: Callable[[OperationSpec | None, int, float], None] = _unobserved
    topics: Topics | None = None

    def __post_init__(self) -> None:
        specs = [ServiceSpec(service) for service in self.services]
        former = [spec for spec in (spec.in_former_query() for spec in specs) if spec]
        self._router = Router([*specs, *former])
        self._operations = Operations(specs, self.clock, self.deployment)
        self._topics = self.topics or Topics(self.clock)
        self.store.listen(self._topics.tell)

    @property
    def operations(self) -> Operations:
        """The door for those who come from inside."""
        return self._operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            request_id = new_id(self.clock.now_ms())
            request = await self._receive(scope, receive)
            if request is None:
                return
            try:
                if isinstance(request, Fault):
                    response = fault_response(Wire("rest-json"), request, request_id)
                else:
                    response = await self.respond(request, request_id, partial(_disconnected, receive))
            except ClientGone:
                return
            await _send(response, send, scope["method"])

    async def respond(self, request: HttpRequest, request_id: str, gone: Gone = never) -> HttpResponse:
        """The answer to a request; it always has one, in its protocol's shape.

        Raises ClientGone if the client went away while it was waited."""
        began, reached = perf_counter(), _Reached(gone)
        response = await self._respond(request, request_id, reached)
        self.observe(reached.operation, response.status, perf_counter() - began)
        return response

    async def _respond(self, request: HttpRequest, request_id: str, reached: _Reached) -> HttpResponse:
        wire: Wire | None = None
        try:
            # Who comes first: a stranger learns nothing, not even which operations there are.
            identity = self._stranger(request) or self.authenticator.authenticate(request)
            route = self._router.route(request, identity.service)
            operation = reached.operation = route.operation
            endpoint = self._operations.endpoint(operation)
            wire = endpoint.wire
            if self.throttle is not None and not self.throttle.admits(operation.service.name, operation.name):
                return fault_response(wire, throttled(wire), request_id)
            params = endpoint.codec.parse(request, route.match)
            if endpoint.check is not None and (violations := endpoint.check(params)):
                return fault_response(wire, violation_fault(wire, violations), request_id)
            now = self.clock.now_ms()
            call = Call(identity.caller, identity.region, now, request_id, origin=request.origin)
            result = await self._run(endpoint, params, call, reached.gone)
            return endpoint.codec.serialize(result, request_id)
        except ClientGone:
            raise
        except RequestFault as error:
            return fault_response(error.wire, error.fault, request_id)
        except Exception as error:  # noqa: BLE001 - whatever happens, the client gets an answer
            wire = wire or self._router.wire_of(request)
            return fault_response(wire, _fault_of(error, wire, reached.operation, request_id), request_id)

    def _stranger(self, request: HttpRequest) -> Identity | None:
        """Who follows a link to an operation that is open to whoever has it."""
        service = self._router.open_service(request)
        if service is None:
            return None
        return Identity(Caller.anonymous(self.deployment.account), "", service.signing_name)

    async def _run(self, endpoint: Endpoint, params: Params, call: Call, gone: Gone) -> Params:
        """The operation's answer, however long it takes. Raises what the operation raises, and ClientGone."""
        turn = Turn(self._topics)
        try:
            answer = await self._try(endpoint, params, call, turn)
            while isinstance(answer, Again):
                if not await turn.wait(answer.until_ms, gone):
                    return answer.otherwise
                since = call.waiting_since_ms or call.now_ms
                call = replace(call, now_ms=self.clock.now_ms(), waiting_since_ms=since)
                answer = await self._try(endpoint, params, call, turn)
        finally:
            turn.leave()
        return await unless_gone(answer.answer(), gone) if isinstance(answer, Later) else answer

    async def _try(self, endpoint: Endpoint, params: Params, call: Call, turn: Turn) -> Answer:
        """Writes answer after their commit; reads see the last one and wait for nobody."""

        def work(tx: Tx) -> Answer:
            answer = self._operations.run(endpoint, params, call, tx)
            if isinstance(answer, Again):  # in line before anybody's commit can tell
                turn.enter(answer.topic)
            return answer

        if endpoint.operation.served.writes:
            return await self.writer.write(work)
        with self.store.read() as tx:
            return work(tx)

    async def _receive(self, scope: Scope, receive: Receive) -> HttpRequest | Fault | None:
        """The whole request; None if the client went away."""
        if len(scope["headers"]) > MAX_HEADERS:
            return too_many_headers()
        headers = _headers(scope["headers"])
        if int(_digits(headers.get("content-length", "0"))) > self.max_body:
            return too_large(self.max_body)
        message = await receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            chunks, size = [body], len(body)
            while message.get("more_body"):
                message = await receive()
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                if size > self.max_body:
                    return too_large(self.max_body)
            body = b"".join(chunks)
        if message["type"] == "http.disconnect":
            return None
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        path = raw_path.partition(b"?")[0].decode("latin-1")
        return HttpRequest(scope["method"], path, scope["query_string"].decode("latin-1"), headers, body)


def _fault_of(error: Exception, wire: Wire, operation: OperationSpec | None, request_id: str) -> Fault:
    """What an error means to the client; what is our own fault is logged, not told."""
    if isinstance(error, ApiError):
        return api_fault(wire, error)
    if isinstance(error, AuthFailure):
        return auth_fault(error, wire)
    if isinstance(error, Malformed):
        return malformed_fault(wire, str(error))
    name = f"{operation.service.name}.{operation.name}" if operation else "a request"
    log.error("%s failed, request %s", name, request_id, exc_info=error)
    if isinstance(error, StoreError) and not isinstance(error, DuplicateKey):
        return unavailable()
    return internal_failure(operation)


async def _disconnected(receive: Receive) -> None:
    """Until the client hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _headers(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def _digits(text: str) -> str:
    return text if text.isascii() and text.isdigit() and len(text) < 20 else "0"


async def _send(response: HttpResponse, send: Send, method: str) -> None:
    length = (b"content-length", str(len(response.body)).encode())
    headers = [*response.headers, length] if response.status != 204 else list(response.headers)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else response.body})


async def _live(receive: Receive, send: Send) -> None:
    """The server's start and stop, of which nothing is asked here."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
