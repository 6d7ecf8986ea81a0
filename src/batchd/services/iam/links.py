"""Which entities use a managed policy, from the policy's side: an entity holds its own list, this is the way back."""

from __future__ import annotations

from batchd.gateway.operation import Context
from batchd.services.iam.entities import NOUNS, Noun, look_up
from batchd.store.store import Body, Key

ATTACHMENT = "iam.attachment"
BOUNDARY = "iam.boundary"


def uses_of(usage_filter: str | None) -> list[str]:
    """What PolicyUsageFilter asks for; both if it is not given."""
    return {"PermissionsPolicy": [ATTACHMENT], "PermissionsBoundary": [BOUNDARY]}.get(
        usage_filter or "", [ATTACHMENT, BOUNDARY]
    )


def tie(ctx: Context, use: str, policy_arn: str, noun: Noun, entity: Body) -> None:
    """Note that the entity uses the policy: `use` is ATTACHMENT or BOUNDARY."""
    ctx.tx.resources.put(_key(use, policy_arn, noun, entity), {"noun": noun.word, "name": entity["name"]})


def untie(ctx: Context, use: str, policy_arn: str, noun: Noun, entity: Body) -> None:
    ctx.tx.resources.delete(_key(use, policy_arn, noun, entity))


def count_of(ctx: Context, use: str, policy_arn: str) -> int:
    return len(ctx.tx.resources.page(use, "", prefix=f"{policy_arn} "))


def users_of(ctx: Context, use: str, policy_arn: str) -> list[tuple[Noun, Body]]:
    """The entities that use the policy, by sort and name."""
    found: list[tuple[Noun, Body]] = []
    for _, link in ctx.tx.resources.page(use, "", prefix=f"{policy_arn} "):
        noun = NOUNS[link["noun"]]
        entity = look_up(ctx, noun, link["name"])
        if entity is not None:
            found.append((noun, entity))
    return found


def _key(use: str, policy_arn: str, noun: Noun, entity: Body) -> Key:
    return Key(use, "", f"{policy_arn} {noun.word} {entity['name'].lower()}")
