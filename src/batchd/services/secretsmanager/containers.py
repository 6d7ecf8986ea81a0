"""What a container's `valueFrom` gets of Secrets Manager. [batch.md 2.3]"""

from __future__ import annotations

from typing import Any

import orjson

from batchd.arns import parse_arn
from batchd.gateway.vault import Vault
from batchd.services.secretsmanager.documents import CURRENT, find_secret, value_key, version_at
from batchd.services.secretsmanager.faults import (
    invalid_parameter,
    invalid_request,
    marked_for_deletion,
    no_value,
    not_found,
)
from batchd.services.secretsmanager.versions import read_value
from batchd.store.store import Body, Tx


def container_value(tx: Tx, vault: Vault, value_from: str, now: int) -> str:
    """The value behind `SECRET-ARN[:json-key[:version-stage[:version-id]]]`, each of which may be empty.

    Raises ApiError or BrokenSeal.
    """
    arn = parse_arn(value_from)
    if arn is None or not arn.resource.startswith("secret:"):
        raise not_found()
    _, name, *rest = arn.resource.split(":")
    json_key, stage, version, *more = [*rest, "", "", ""]
    if any(more):
        raise invalid_request("valueFrom has more parts than a secret's ARN, a key, a stage and a version.")
    whole = value_from.removesuffix(":".join(["", *rest])) if rest else value_from
    found = find_secret(tx, arn.region, whole, now)
    if found is None:
        raise not_found()
    name, body = found
    if "deleted_at" in body:
        raise marked_for_deletion()
    text = _text(read_value(tx, vault, value_key(arn.region, name, _version(body, stage, version))))
    return _member(text, json_key) if json_key else text


def _version(body: Body, stage: str, version: str) -> str:
    if not version:
        found = version_at(body, stage or CURRENT)
        if found is None:
            raise no_value(f"staging label: {stage or CURRENT}")
        return found
    if version not in body["versions"] or (stage and stage not in body["versions"][version]["stages"]):
        raise no_value(f"VersionId: {version}")
    return version


def _text(value: dict[str, Any]) -> str:
    if "SecretString" not in value:
        raise invalid_request("A binary secret cannot be a variable of a container.")
    text: str = value["SecretString"]
    return text


def _member(text: str, key: str) -> str:
    """A member of a secret that is a JSON object; what is no text comes as JSON."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict) or key not in document:
        raise invalid_parameter(f"retrieved secret from Secrets Manager did not contain json key {key}")
    return document[key] if isinstance(document[key], str) else orjson.dumps(document[key]).decode()
