"""What happened on the event buses, and what could not be delivered: listed, tried again, forgotten."""

from __future__ import annotations

from typing import Any

import orjson

from batchd.gateway.operation import Context, reads, writes

_PAGE = 100


@reads
def list_bus_records(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Those of the region after a number; `last` is where to go on, also where there are none."""
    after = params.get("after")
    limit = params.get("maxResults", _PAGE)
    last = ctx.tx.bus_records.last()
    if after is None:
        after = max(0, last - limit)
    found = ctx.tx.bus_records.read(ctx.region, after, limit)
    records = [
        {"number": number, "at": one.at, "bus": one.bus, "kind": one.kind, "body": orjson.dumps(one.body).decode()}
        for number, one in found
    ]
    return {"records": records, "last": found[-1][0] if len(found) == limit else max(after, last)}


@reads
def list_dead_deliveries(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """By number, after one."""
    found = ctx.tx.deliveries.dead(params.get("after", 0), params.get("maxResults", _PAGE))
    return {
        "deliveries": [
            {
                "number": one.number,
                "target": one.lane,
                "kind": one.body.get("kind", ""),
                "attempts": one.attempts,
                "since": one.first_due_at,
                "problem": one.problem,
                "body": orjson.dumps(one.body).decode(),
            }
            for one in found
        ]
    }


@writes
def redrive_deliveries(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Numbers that are not dead are left alone."""
    return {"numbers": [number for number in params["numbers"] if ctx.tx.deliveries.revive(number, ctx.now_ms)]}


@writes
def discard_deliveries(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Numbers that are not dead are left alone."""
    return {"numbers": [number for number in params["numbers"] if _discard(ctx, number)]}


def _discard(ctx: Context, number: int) -> bool:
    found = ctx.tx.deliveries.get(number)
    return found is not None and found.due_at is None and ctx.tx.deliveries.remove(number)
