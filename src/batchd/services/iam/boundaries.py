"""Permissions boundaries of roles and users: one managed policy each, counted on the policy's side."""

from __future__ import annotations

from batchd.gateway.operation import Context
from batchd.services.iam.entities import Noun, change
from batchd.services.iam.faults import missing
from batchd.services.iam.links import BOUNDARY, tie, untie
from batchd.services.iam.managed import look_up_policy
from batchd.store.store import Body


def find_boundary(ctx: Context, arn: str | None) -> str | None:
    """The ARN, if there is a policy to it. Raises NoSuchEntity."""
    if arn is not None and look_up_policy(ctx, arn) is None:
        raise missing(f"Scope ARN: {arn} does not exist or is not attachable.")
    return arn


def replace_boundary(ctx: Context, noun: Noun, entity: Body, arn: str | None) -> None:
    """Set, change or (None) take away the boundary."""
    if entity["boundary"] is not None:
        untie(ctx, BOUNDARY, entity["boundary"], noun, entity)
    change(ctx, noun, entity, boundary=arn)
    if arn is not None:
        tie(ctx, BOUNDARY, arn, noun, entity)
