"""The principals of a trust policy are kept by unique id: a namesake made later is not trusted. [iam.md 4]"""

from __future__ import annotations

import re

from batchd.arns import parse_arn
from batchd.gateway.operation import Context
from batchd.services.iam.documents import check_trust_policy
from batchd.services.iam.entities import ROLE, USER, Noun, arn_of, look_up
from batchd.services.iam.faults import malformed
from batchd.store.store import Body

_ACCOUNT = re.compile(r"[0-9]{12}")


def trusted_ids(ctx: Context, document: str) -> dict[str, str]:
    """The unique ids of the roles and users that a trust policy names, by ARN.

    Raises MalformedPolicyDocument: for the document's grammar, and for a principal that does not exist.
    """
    ids: dict[str, str] = {}
    for principal in check_trust_policy(document):
        if _is_free(ctx, principal):
            continue
        entity_id = _id_now(ctx, principal)
        if entity_id is None:
            raise malformed(f'Invalid principal in policy: "AWS":"{principal}"')
        ids[principal] = entity_id
    return ids


def shown_trust(ctx: Context, role: Body) -> str:
    """The document as stored, with the bare id in place of each principal that is gone."""
    document: str = role["trust"]
    for principal, entity_id in role["principals"].items():
        if _id_now(ctx, principal) != entity_id:
            document = document.replace(f'"{principal}"', f'"{entity_id}"')
    return document


def _is_free(ctx: Context, principal: str) -> bool:
    """Everybody, an account, or somebody of another account: nothing of ours to be kept by id."""
    if principal == "*" or _ACCOUNT.fullmatch(principal):
        return True
    arn = parse_arn(principal)
    return arn is not None and (arn.resource == "root" or arn.account not in ("", ctx.account))


def _id_now(ctx: Context, principal: str) -> str | None:
    """The unique id of the role or user that has this ARN now; a session's is its role's."""
    arn = parse_arn(principal)
    if arn is None:
        return None
    if arn.service == "sts" and arn.kind == "assumed-role":
        role = look_up(ctx, ROLE, arn.name.partition("/")[0])
        return None if role is None else role["id"]
    noun = {"role": ROLE, "user": USER}.get(arn.kind)
    return None if noun is None or arn.service != "iam" else _entity_id(ctx, noun, principal, arn.name)


def _entity_id(ctx: Context, noun: Noun, principal: str, path_and_name: str) -> str | None:
    entity = look_up(ctx, noun, path_and_name.rpartition("/")[2])
    return None if entity is None or arn_of(ctx, noun, entity) != principal else entity["id"]
