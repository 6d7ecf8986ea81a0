"""What roles, users, groups, policies and instance profiles have in common: a name, a path, a unique id, an ARN.

Names are unique ignoring case and are found ignoring case; they keep the case they were given. [iam.md 3]
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from batchd.errors import DuplicateKey
from batchd.gateway.operation import Context
from batchd.services.iam.faults import conflict, exists, missing
from batchd.services.iam.paging import Params, cut, start_of
from batchd.store.store import Body, Key


@dataclass(frozen=True, slots=True)
class Noun:
    """One sort of entity. `word` is its word in ARNs; the two texts have `{}` for the name as it was asked for."""

    word: str
    id_prefix: str
    missing: str
    exists: str

    @property
    def kind(self) -> str:
        return f"iam.{self.word}"


ROLE = Noun("role", "AROA", "The role with name {} cannot be found.", "Role with name {} already exists.")
USER = Noun("user", "AIDA", "The user with name {} cannot be found.", "User with name {} already exists.")
GROUP = Noun("group", "AGPA", "The group with name {} cannot be found.", "Group with name {} already exists.")
PROFILE = Noun(
    "instance-profile", "AIPA", "Instance Profile {} cannot be found.", "Instance Profile {} already exists."
)
POLICY = Noun(
    "policy",
    "ANPA",
    "Policy {} was not found.",
    "A policy called {} already exists. Duplicate names are not allowed.",
)
_GUARDS = (
    ("profiles", "must remove roles from instance profile first."),
    ("roles", "must remove roles from instance profile first."),
    ("keys", "must delete access keys first."),
    ("groups", "must remove users from group first."),
    ("members", "must remove users from group first."),
    ("attached", "must detach all policies first."),
    ("inline", "must delete policies first."),
)
NOUNS = {noun.word: noun for noun in (ROLE, USER, GROUP, PROFILE, POLICY)}


def find(ctx: Context, noun: Noun, name: str) -> Body:
    """Raises NoSuchEntity."""
    body = ctx.tx.resources.get(_key(noun, name))
    if body is None:
        raise missing(noun.missing.format(name))
    return body


def look_up(ctx: Context, noun: Noun, name: str) -> Body | None:
    """`find` for those to whom a missing entity is no error."""
    return ctx.tx.resources.get(_key(noun, name))


def create(ctx: Context, noun: Noun, params: Params, name: str, parts: dict[str, Any]) -> Body:
    """Store a new entity: `parts` and what all have. Raises EntityAlreadyExists."""
    body = {
        "name": name,
        "path": params.get("Path", "/"),
        "id": unique_id(noun.id_prefix, ctx.new_id()),
        "created_at": ctx.now_ms,
        **parts,
    }
    try:
        ctx.tx.resources.insert(_key(noun, name), body)
    except DuplicateKey:
        raise exists(noun.exists.format(name)) from None
    return body


def change(ctx: Context, noun: Noun, body: Body, **parts: Any) -> Body:  # Any: JSON
    """Store the entity with these parts replaced; what was handed out is left alone."""
    changed = {**body, **parts}
    ctx.tx.resources.put(_key(noun, body["name"]), changed)
    return changed


def check_unused(body: Body) -> None:
    """Raises DeleteConflict while the entity still has parts that must go first. [iam.md 4]"""
    for part, rest in _GUARDS:
        if body.get(part):
            raise conflict(f"Cannot delete entity, {rest}")


def remove(ctx: Context, noun: Noun, body: Body) -> None:
    ctx.tx.resources.delete(_key(noun, body["name"]))


def listed(ctx: Context, noun: Noun, params: Params) -> tuple[list[Body], dict[str, Any]]:
    """One page of the entities under PathPrefix, by name, and the members that say whether there are more."""
    after, limit = start_of(params)
    prefix = params.get("PathPrefix", "/")
    found: list[tuple[str, Body]] = []
    while len(found) <= limit:
        chunk = ctx.tx.resources.page(noun.kind, "", after=after, limit=limit + 1)
        found += [(name, body) for name, body in chunk if body["path"].startswith(prefix)]
        if len(chunk) <= limit:
            break
        after = chunk[-1][0]
    return cut(found, limit)


def arn_of(ctx: Context, noun: Noun, body: Body) -> str:
    """ARNs carry the path. [iam.md 3]"""
    return f"arn:aws:iam::{ctx.account}:{noun.word}{body['path']}{body['name']}"


def unique_id(prefix: str, seed: str) -> str:
    """Twenty-one characters that no other seed gives: `AROA` and seventeen more. [iam.md 3]"""
    digest = hashlib.sha256(f"{prefix} {seed}".encode()).digest()
    return prefix + base64.b32encode(digest).decode()[:17]


def _key(noun: Noun, name: str) -> Key:
    return Key(noun.kind, "", name.lower())
