"""Managed policies by ARN: the customer's from the store, AWS's own from the catalogue."""

from __future__ import annotations

import re

from batchd.gateway.operation import Context
from batchd.services.iam.catalogue import aws_policy
from batchd.services.iam.entities import POLICY, arn_of, look_up
from batchd.services.iam.faults import denied, missing, validation
from batchd.store.store import Body

_ARN = re.compile(r"arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy/(?:[\x21-\x7e]+/)?([\w+=,.@-]{1,128})", re.ASCII)


def look_up_policy(ctx: Context, arn: str) -> Body | None:
    """The policy with exactly this ARN, or None. Raises ValidationError if it is no policy's ARN."""
    parts = _ARN.fullmatch(arn)
    if parts is None:
        raise validation("Invalid ARN:  Could not be parsed!")
    if parts[1] == "aws":
        return aws_policy(arn)
    policy = look_up(ctx, POLICY, parts[2])
    return policy if policy is not None and arn_of(ctx, POLICY, policy) == arn else None


def sort_key(arn: str, policy: Body) -> str:
    """Where a policy stands in lists: by name, and AWS's own after a namesake of the customer's."""
    return f"{policy['name'].lower()} {'aws' if is_aws(arn) else ''}"


def is_aws(arn: str) -> bool:
    """AWS's own policies belong to no account."""
    return ":iam::aws:" in arn


def find_policy(ctx: Context, arn: str) -> Body:
    """Raises NoSuchEntity."""
    policy = look_up_policy(ctx, arn)
    if policy is None:
        raise missing(f"Policy {arn} was not found.")
    return policy


def find_attachable(ctx: Context, arn: str) -> Body:
    """`find_policy` with the text of an attachment."""
    policy = look_up_policy(ctx, arn)
    if policy is None:
        raise missing(f"Policy {arn} does not exist or is not attachable.")
    return policy


def find_own_policy(ctx: Context, arn: str, action: str) -> Body:
    """A policy of the customer's, to be changed. Raises AccessDenied for AWS's own."""
    policy = find_policy(ctx, arn)
    if is_aws(arn):
        raise denied(f"User: {ctx.caller.arn} is not authorized to perform: iam:{action} on resource: policy {arn}")
    return policy
