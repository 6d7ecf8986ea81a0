"""Running operations: the one door for HTTP and for services that call each other."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from batchd.clock import Clock
from batchd.errors import ApiError
from batchd.gateway.faults import Wire, malformed_fault, violation_fault
from batchd.gateway.operation import Again, Caller, Context, Deployment, Later
from batchd.gateway.protocols.codecs import codec_of
from batchd.gateway.protocols.json_values import Reader, compile_reader
from batchd.gateway.protocols.protocol import Codec, Params
from batchd.gateway.request import Malformed
from batchd.gateway.spec import OperationSpec, ServiceSpec
from batchd.gateway.validate import Check, compile_check
from batchd.store.store import Tx

_48_BITS = 2**48 - 1
_62_BITS = 2**62 - 1


Answer = Params | Again | Later


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way: who, where, when, since when it waits (0 if it does not), and to what address it came."""

    caller: Caller
    region: str
    now_ms: int
    request_id: str
    waiting_since_ms: int = 0
    origin: str = ""


class Endpoint:
    """A served operation, compiled."""

    __slots__ = ("_reader", "check", "codec", "operation", "wire")

    def __init__(self, operation: OperationSpec) -> None:
        self.operation = operation
        self.wire = Wire(operation.service.protocol, operation.service)
        self.codec: Codec = codec_of(operation)
        self.check: Check | None = compile_check(operation.input) if operation.input else None
        self._reader: Reader | None = None

    def read_plain(self, params: Params) -> Params:
        """The params of a call from inside, types checked. Raises Malformed."""
        if self.operation.input is None:
            return {}
        if self._reader is None:
            self._reader = compile_reader(self.operation.input, by_wire_name=False)
        read: Params = self._reader(params)
        return read


class Operations:
    """Every served operation, compiled when first called."""

    def __init__(self, services: Sequence[ServiceSpec], clock: Clock, deployment: Deployment) -> None:
        self._services = {service.name: service for service in services}
        self._clock = clock
        self._deployment = deployment
        self._endpoints: dict[OperationSpec, Endpoint] = {}

    @property
    def account(self) -> str:
        return self._deployment.account

    def endpoint(self, operation: OperationSpec) -> Endpoint:
        endpoint = self._endpoints.get(operation)
        if endpoint is None:
            endpoint = self._endpoints[operation] = Endpoint(operation)
        return endpoint

    def run(self, endpoint: Endpoint, params: Params, call: Call, tx: Tx) -> Answer:
        """The operation's answer to params that have passed the model. Raises what the operation raises."""
        answer: Answer | None = endpoint.operation.served.function(params, self._context(call, tx))
        return answer if answer is not None else {}

    def inside(self, tx: Tx, caller: Caller, region: str) -> Context:
        """The surroundings of work that no request asked for: how a controller comes to operations."""
        now = self._clock.now_ms()
        return self._context(Call(caller, region, now, new_id(now)), tx)

    def _context(self, call: Call, tx: Tx) -> Context:
        def call_inside(service: str, operation: str, params: Params) -> Params:
            return self._run_inside(service, operation, params, call, tx)

        return Context(
            tx=tx,
            caller=call.caller,
            region=call.region,
            now_ms=call.now_ms,
            request_id=call.request_id,
            new_id=partial(new_id, call.now_ms),
            deployment=self._deployment,
            call=call_inside,
            waiting_since_ms=call.waiting_since_ms,
            origin=call.origin,
        )

    def _run_inside(self, service: str, operation: str, params: dict[str, Any], call: Call, tx: Tx) -> Params:
        """Another service's operation (by its API name) for the same caller in the same transaction.

        Raises ApiError as a client would see it."""
        spec = self._services.get(service)
        found = spec.model.operations.get(operation) if spec else None
        if found is None:
            raise ApiError("UnknownOperationException", f"{service}:{operation} is not available on this server", 501)
        endpoint = self.endpoint(found)
        return _at_once(self.run(endpoint, _checked(endpoint, params), call, tx), f"{service}:{operation}")


def _at_once(answer: Answer, name: str) -> Params:
    """Who calls from inside a transaction cannot wait."""
    if isinstance(answer, Again):
        return answer.otherwise
    if isinstance(answer, Later):
        raise ApiError("UnsupportedOperation", f"{name} takes time to answer and cannot be called from inside", 501)
    return answer


def _checked(endpoint: Endpoint, params: Params) -> Params:
    try:
        params = endpoint.read_plain(params)
    except Malformed as error:
        fault = malformed_fault(endpoint.wire, str(error))
        raise ApiError(fault.code, fault.message, fault.status) from error
    if endpoint.check and (violations := endpoint.check(params)):
        fault = violation_fault(endpoint.wire, violations)
        raise ApiError(fault.code, fault.message, fault.status)
    return params


def new_id(now_ms: int) -> str:
    """A fresh lower-case UUID of version 4 by its form: 48 bits of time, and 74 random ones.

    Ids of one time stand together in a table's index. Were they random through and through, each would be written to
    a page of its own, which is half of what a large commit costs."""
    chance = secrets.randbits(74)
    number = (now_ms & _48_BITS) << 80 | 0x4 << 76 | (chance >> 62) << 64 | 0x2 << 62 | chance & _62_BITS
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
