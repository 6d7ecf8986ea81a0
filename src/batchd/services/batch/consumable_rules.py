"""What may be said of consumable resources, and which of them a job needs. [batch.md 7.5]"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from batchd.gateway.operation import Context
from batchd.quotas import exceeds
from batchd.scheduler.events import Claim
from batchd.services.batch.faults import Invalid, client_exception
from batchd.services.batch.listing import existing_body
from batchd.services.batch.names import CONSUMABLE

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

REPLENISHABLE, NON_REPLENISHABLE = "REPLENISHABLE", "NON_REPLENISHABLE"
_MOST = 2**53  # units: what JSON's readers hold exactly


def validate_type(kind: str) -> None:
    if kind not in (REPLENISHABLE, NON_REPLENISHABLE):
        raise Invalid(f"resourceType must be {REPLENISHABLE} or {NON_REPLENISHABLE}")


def validate_quantity(member: str, quantity: int) -> None:
    """Raises Invalid."""
    if not 0 <= quantity <= _MOST:
        raise Invalid(f"{member} must be between 0 and {_MOST}")


def new_total(total: int, operation: str | None, quantity: int | None) -> int:
    """What an update makes of the total. Raises Invalid."""
    if quantity is None:
        raise Invalid("quantity is required")
    validate_quantity("quantity", quantity)
    match operation:
        case "SET":
            return quantity
        case "ADD":
            validate_quantity("totalQuantity", total + quantity)
            return total + quantity
        case "REMOVE":
            if quantity > total:
                raise Invalid(f"quantity must not be greater than the total quantity, which is {total}")
            return total - quantity
        case _:
            raise Invalid("operation must be SET, ADD or REMOVE")


def patterns_of(filters: Iterable[Shape]) -> list[str]:
    """The names asked for, in lower case. Raises ClientException."""
    found: list[str] = []
    for one in filters:
        if one.get("name") != "CONSUMABLE_RESOURCE_NAME":
            raise client_exception(f"filters.name {one.get('name')} is not a filter")
        found += [value.lower() for value in one.get("values", ())]
    return found


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether it is one of these names, or begins as one that ends in `*` does; no patterns do not restrict."""
    key = name.lower()
    return not patterns or any(
        key.startswith(pattern[:-1]) if pattern.endswith("*") else key == pattern for pattern in patterns
    )


def find_claims(ctx: Context, properties: Shape) -> tuple[Claim, ...]:
    """The units that an attempt needs according to consumableResourceProperties. Raises Invalid or ClientException."""
    wanted: Sequence[Shape] = properties.get("consumableResourceList", ())
    most = ctx.deployment.quotas.consumable_resources_per_job
    if exceeds(len(wanted), most):
        raise Invalid(f"consumableResourceList must have at most {most} entries")
    found: dict[str, Claim] = {}
    for one in wanted:
        claim = _claim(ctx, one)
        if claim.pool in found:
            raise Invalid(f"consumableResourceList must not repeat {one['consumableResource']}")
        found[claim.pool] = claim
    return tuple(found.values())


def add_claims(parts: Iterable[tuple[tuple[Claim, ...], int]]) -> tuple[Claim, ...]:
    """What several tasks need together that run at once: claims, and how many tasks have them."""
    units: dict[str, int] = {}
    for claims, times in parts:
        for claim in claims:
            units[claim.pool] = units.get(claim.pool, 0) + claim.quantity * times
    return tuple(Claim(pool, quantity) for pool, quantity in units.items())


def _claim(ctx: Context, wanted: Shape) -> Claim:
    text, quantity = wanted.get("consumableResource"), wanted.get("quantity")
    if not text:
        raise Invalid("consumableResourceList entries must have a consumableResource")
    if quantity is None or not 1 <= quantity <= _MOST:
        raise Invalid(f"consumableResourceList: quantity of {text} must be between 1 and {_MOST}")
    _, body = existing_body(ctx, CONSUMABLE, text)
    return Claim(body["spec"]["arn"], quantity)
