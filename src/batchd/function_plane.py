"""How functions come to run: sandboxes made of the server's parts, and the queue of events for them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from batchd.clock import Clock
from batchd.controllers.deliver import Handler
from batchd.errors import ApiError, DeliveryError, NotYet, Undeliverable
from batchd.gateway.credentials import SessionCredentials, SessionIssuer
from batchd.gateway.invoke import Operations
from batchd.gateway.operation import Caller, Context
from batchd.invocation import Outcome, Throttled
from batchd.sandboxes.functions import Functions
from batchd.services.lambda_.events import Verdict, invocation_of, tell_verdict
from batchd.store.store import Delivery, Failure, Store, Tx

log = logging.getLogger(__name__)
_FIRST_RETRY_MS, _RETRY_MS = 60_000, 120_000  # [lambda.md 6]
_THROTTLED_MS = 1_000


def credentials_of(issuer: SessionIssuer, clock: Clock) -> Callable[[str, str, int], SessionCredentials]:
    """What sandboxes act with: credentials of (role ARN, session name, seconds)."""

    def credentials(role: str, session: str, seconds: int) -> SessionCredentials:
        role_id = "AROA" + hashlib.sha256(role.encode()).hexdigest()[:17].upper()
        return issuer.issue(role, role_id, session, seconds, clock.now_ms())

    return credentials


@dataclass(slots=True)
class Events:
    """Runs what is queued for functions. What came of an attempt is kept until the delivery's end is written."""

    store: Store
    functions: Functions
    operations: Operations
    account: str
    clock: Clock
    _outcomes: dict[int, Outcome] = field(default_factory=dict)

    def handler(self) -> Handler:
        return Handler(outside=self._run, done=self._done, dead=self._dead, pause=_pause)

    async def _run(self, delivery: Delivery) -> None:
        """Raises DeliveryError if the function failed: it is tried again."""
        try:
            with self.store.read() as tx:
                invocation = invocation_of(self._context(tx, delivery), delivery.body)
        except ApiError as error:
            raise Undeliverable("NO_RESOURCE", error.message) from None
        try:
            outcome = await self.functions.invoke(invocation)
        except Throttled:
            raise NotYet(self.clock.now_ms() + _THROTTLED_MS) from None
        self._outcomes[delivery.number] = outcome
        if outcome.error:
            raise DeliveryError("FUNCTION_ERROR", outcome.payload.decode(errors="replace")[:1024])

    def _done(self, tx: Tx, delivery: Delivery) -> None:
        self._tell(tx, delivery, "Success", delivery.attempts + 1)

    def _dead(self, tx: Tx, delivery: Delivery, failure: Failure) -> bool:
        """Kept for somebody to look at, whoever else is told."""
        aged = failure.exhausted == "MaximumEventAgeInSeconds"
        self._tell(tx, delivery, "EventAgeExceeded" if aged else "RetriesExhausted", failure.attempts)
        return False

    def _tell(self, tx: Tx, delivery: Delivery, condition: str, attempts: int) -> None:
        verdict = Verdict(condition, attempts, self._outcomes.pop(delivery.number, None))
        try:
            tell_verdict(self._context(tx, delivery), delivery.body, verdict)
        except ApiError as error:  # the destination is gone: the event's end is recorded all the same
            log.warning("nobody hears of the end of an event for %s: %s", delivery.lane, error)

    def _context(self, tx: Tx, delivery: Delivery) -> Context:
        return self.operations.inside(tx, lambda_itself(self.account), delivery.body["region"])


def lambda_itself(account: str) -> Caller:
    """Whom others see when a function's events and queues are served."""
    return Caller.service(account, "lambda.amazonaws.com")


def _pause(_: Delivery, attempts: int, chance: Callable[[], float]) -> int:
    return _FIRST_RETRY_MS if attempts == 1 else _RETRY_MS
