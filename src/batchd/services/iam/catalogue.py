"""AWS-managed policies: a catalogue that ships with us, and an empty policy for every other name. [iam.md 11]"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import orjson

from batchd.services.iam.documents import EMPTY
from batchd.services.iam.entities import unique_id
from batchd.store.store import Body

_ARN = re.compile(r"arn:aws:iam::aws:policy(/(?:[\x21-\x7e]+/)?)([\w+=,.@-]{1,128})", re.ASCII)
_SINCE_MS = 1_423_155_600_000  # 2015-02-05: the day most of AWS's own were made


def aws_policy(arn: str) -> Body | None:
    """The policy in the form of a customer's, or None if the ARN is not of an AWS-managed policy.

    A name that the catalogue lacks grants nothing, but can be attached.
    """
    known = _catalogue().get(arn)
    if known is not None:
        return known
    parts = _ARN.fullmatch(arn)
    return None if parts is None else _body(arn, parts[2], parts[1], EMPTY)


def aws_policies() -> list[tuple[str, Body]]:
    """(ARN, policy) of all in the catalogue."""
    return list(_catalogue().items())


@cache
def _catalogue() -> dict[str, Body]:
    raw = orjson.loads(files("batchd.services.iam").joinpath("catalogue.json").read_bytes())
    found: dict[str, Body] = {}
    for path, policies in raw.items():
        for name, statements in policies.items():
            arn = f"arn:aws:iam::aws:policy{path}{name}"
            document = orjson.dumps({"Version": "2012-10-17", "Statement": statements}).decode()
            found[arn] = _body(arn, name, path, document)
    return found


def _body(arn: str, name: str, path: str, document: str) -> Body:
    return {
        "name": name,
        "path": path,
        "id": unique_id("ANPA", arn),
        "created_at": _SINCE_MS,
        "updated_at": _SINCE_MS,
        "description": "",
        "default": "v1",
        "last_version": 1,
        "versions": {"v1": {"document": document, "created_at": _SINCE_MS}},
        "tags": [],
    }
