"""How events reach API destinations: over HTTP, with tokens that are kept, and no faster than they allow."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from batchd.clock import Clock
from batchd.gateway.operation import Caller, Context
from batchd.services.events.principals import caller_of
from batchd.services.events.requesting import HttpCall, check_answer, plan_call, token_of, with_token
from batchd.store.store import Delivery, Store, Tx

_EARLY_S = 60  # so much before its end a token is no longer used
_MOST_TOKENS = 1_000


class Ask(Protocol):
    """Sends a request; the status and the body of the answer. Raises DeliveryError where there is none."""

    def __call__(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Awaitable[tuple[int, bytes]]: ...


@dataclass(slots=True)
class Destinations:
    """Makes deliveries to API destinations. What it keeps in memory may be lost at any time."""

    store: Store
    clock: Clock
    ask: Ask
    enter: Callable[[Tx, Caller, str], Context]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _tokens: dict[str, tuple[str, int]] = field(default_factory=dict)  # and the time (ms) until which they are good
    _free_at: dict[str, float] = field(default_factory=dict)  # by lane: when (ms) it has room for another call

    async def deliver(self, delivery: Delivery) -> None:
        """One attempt."""
        with self.store.read() as tx:
            plan = plan_call(self.enter(tx, caller_of(delivery.body), delivery.body["region"]), delivery)
        await self._wait_for_room(delivery.lane, plan.rate)
        call = plan.call
        if plan.token_from is not None:
            call = with_token(call, await self._token(plan.token_from))
        status, _ = await self.ask(call.method, call.url, call.headers, call.body)
        if status == 401 and plan.token_from is not None:
            self._tokens.pop(_name(plan.token_from), None)
        check_answer(status)

    async def _wait_for_room(self, lane: str, rate: int) -> None:
        """A second's worth of calls may come at once, what is more waits its turn."""
        now, pace = self.clock.now_ms(), 1000 / rate
        free_at = max(self._free_at.get(lane, 0.0), now - 1000 + pace)
        self._free_at[lane] = free_at + pace
        if free_at > now:
            await self.sleep((free_at - now) / 1000)

    async def _token(self, request: HttpCall) -> str:
        name, now = _name(request), self.clock.now_ms()
        token, good_until = self._tokens.get(name, ("", 0))
        if now >= good_until:
            status, body = await self.ask(request.method, request.url, request.headers, request.body)
            token, seconds = token_of(status, body)
            if len(self._tokens) >= _MOST_TOKENS:
                self._tokens.clear()
            self._tokens[name] = (token, now + max(0, seconds - _EARLY_S) * 1000)
        return token


def _name(request: HttpCall) -> str:
    """Of the token that this request asks for: another secret is another token."""
    return hashlib.sha256(f"{request.url}\n{request.headers}\n".encode() + request.body).hexdigest()
