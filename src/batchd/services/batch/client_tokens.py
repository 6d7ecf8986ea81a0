"""Requests that may be repeated: submits by the tag `batchd:client-token` (see docs/beyond-aws-batch.md),
SubmitServiceJob and UpdateConsumableResource by a clientToken of their own. [batch.md 7.5]

AWS's SubmitJob has no client token: who does not hear the answer, and asks again, gets a second job. A tag is the one
place where an unmodified client can put one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

import orjson

from batchd.gateway.operation import Context
from batchd.services.batch.faults import Invalid, client_exception
from batchd.store.store import Body, Key, Tx

TAG = "batchd:client-token"
KEPT_MS = 8 * 3_600_000
_TOKEN = "batch.client-token"
_BY_AGE = "batch.client-token-by-age"  # named `<ms it was used first, 15 digits>/<region>/<token>`
_AT_ONCE = 500  # tokens a unit of work forgets: a chore must not hold up anybody's answer


def once(ctx: Context, token: str, params: Mapping[str, Any], act: Callable[[], Body]) -> Body:
    """What the first request with this token was answered; `act` is called for the first one. Tokens are known by
    account and region for eight hours, in the very transaction that holds the job. Raises ClientException where the
    first request was another one."""
    if not token:
        raise Invalid(f"tag {TAG} must not be empty")
    request = blake2b(orjson.dumps(params, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
    known = find_use(ctx, token)
    if known is not None:
        if known["request"] != request:
            raise client_exception(
                "IdempotentParameterMismatch: The request uses the same client token as a previous, "
                f"but non-identical request: {token}"
            )
        first: Body = known["answer"]
        return first
    answer = act()
    remember_use(ctx, token, {"request": request, "answer": answer})
    return answer


def find_use(ctx: Context, token: str) -> Body | None:
    """What was remembered of the use of this token, if it was used within the last eight hours."""
    known = ctx.tx.resources.get(Key(_TOKEN, ctx.region, token))
    return known if known is not None and ctx.now_ms - known["at"] < KEPT_MS else None


def remember_use(ctx: Context, token: str, what: Body) -> None:
    """The token is used now."""
    ctx.tx.resources.put(Key(_TOKEN, ctx.region, token), {"at": ctx.now_ms, **what})
    ctx.tx.resources.put(Key(_BY_AGE, "", f"{ctx.now_ms:015d}/{ctx.region}/{token}"), {})


def forget_old_tokens(tx: Tx, now: int) -> int:
    """A chore: forget some of the tokens whose time is over, oldest first; how many."""
    gone = 0
    for name, _ in tx.resources.page(_BY_AGE, "", limit=_AT_ONCE):
        at, region, token = name.split("/", 2)
        if int(at) > now - KEPT_MS:
            break
        key = Key(_TOKEN, region, token)
        known = tx.resources.get(key)
        if known is not None and known["at"] == int(at):  # else it has been used again since
            tx.resources.delete(key)
        tx.resources.delete(Key(_BY_AGE, "", name))
        gone += 1
    return gone
