"""Parameters as they are stored.

A parameter is one document by its name: type, version (the newest), oldest (of those kept), tier, data_type, tags,
labels (label to version), and, where set, key_id, description, allowed_pattern. Each version is a document of its own
with what it was put with, and its value, sealed.
"""

from __future__ import annotations

from typing import Any

from batchd.arns import parse_arn
from batchd.gateway.operation import Context
from batchd.gateway.vault import Vault
from batchd.services.ssm.faults import not_found, version_not_found
from batchd.store.store import Body, Key, Tx

KIND = "ssm.parameter"
VERSION = "ssm.version"
SECURE = "SecureString"


def existing(ctx: Context, text: str) -> tuple[str, Body]:
    """Name and document of what has this name or ARN. ParameterNotFound."""
    found = find_parameter(ctx.tx, ctx.region, text)
    if found is None:
        raise not_found(text)
    return found


def find_parameter(tx: Tx, region: str, text: str) -> tuple[str, Body] | None:
    """None: there is no such parameter. An ARN does not say whether the name begins with a slash."""
    arn = parse_arn(text)
    names = [text]
    if arn is not None and arn.service == "ssm" and arn.kind == "parameter":
        names = [f"/{arn.name}", arn.name]
    for name in names:
        body = tx.resources.get(Key(KIND, region, name))
        if body is not None:
            return name, body
    return None


def version_key(region: str, name: str, version: int) -> Key:
    """Ten digits keep the order of versions; `:` is in no name."""
    return Key(VERSION, region, f"{name}:{version:010}")


def get_version(tx: Tx, region: str, name: str, selector: tuple[Body, str]) -> Body:
    """`selector` is the parameter's document and a version, a label, or nothing for the newest.

    ParameterVersionNotFound."""
    body, wanted = selector
    version = body["version"] if not wanted else _number(body, wanted)
    row = tx.resources.get(version_key(region, name, version)) if version else None
    if row is None:
        raise version_not_found(name, wanted)
    return row


def shown(ctx: Context, name: str, row: Body, decrypt: bool) -> dict[str, Any]:
    """A Parameter of the answers."""
    return {
        "Name": name,
        "Type": row["type"],
        "Value": visible_value(ctx, name, row, decrypt),
        "Version": row["version"],
        "LastModifiedDate": row["modified_at"] / 1000,
        "ARN": parameter_arn(ctx, name),
        "DataType": row["data_type"],
    }


def metadata(ctx: Context, name: str, row: Body) -> dict[str, Any]:
    """All but the value, of a version."""
    answer = {
        "Name": name,
        "Type": row["type"],
        "LastModifiedDate": row["modified_at"] / 1000,
        "LastModifiedUser": row["modified_by"],
        "Version": row["version"],
        "Tier": row["tier"],
        "Policies": [],
        "DataType": row["data_type"],
    }
    members = (("key_id", "KeyId"), ("description", "Description"), ("allowed_pattern", "AllowedPattern"))
    return answer | {shape: row[member] for member, shape in members if member in row}


def value_of(vault: Vault, region: str, name: str, row: Body) -> str:
    return vault.unseal(version_key(region, name, row["version"]), row["sealed"]).decode()


def visible_value(ctx: Context, name: str, row: Body, decrypt: bool) -> str:
    """The value; of a SecureString that is not decrypted, what is stored of it."""
    if decrypt or row["type"] != SECURE:
        return value_of(ctx.deployment.vault, ctx.region, name, row)
    sealed: str = row["sealed"]
    return sealed


def parameter_arn(ctx: Context, name: str) -> str:
    return ctx.arn("ssm", f"parameter/{name.removeprefix('/')}")


def _number(body: Body, wanted: str) -> int | None:
    """The version that a selector means: its number, or the label it has."""
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= 10:
        return int(wanted)
    number: int | None = body["labels"].get(wanted)
    return number


def split_selector(text: str) -> tuple[str, str]:
    """`name:3`, `name:label` or an ARN with either: the name or ARN, and the selector ("" without one)."""
    head, colon, tail = text.rpartition(":")
    if not colon or (text.startswith("arn:") and text.count(":") == 5):
        return text, ""
    return head, tail
