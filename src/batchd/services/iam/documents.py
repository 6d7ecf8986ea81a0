"""Policy documents: what is refused when one is stored. [iam.md 4, 6]

The caller's text is kept as it is; this only reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from batchd.services.iam.faults import malformed

Statement = dict[str, Any]  # Any: JSON

EMPTY = '{"Version":"2012-10-17","Statement":[]}'
VERSIONS = ("2008-10-17", "2012-10-17")

_SYNTAX = "Syntax errors in policy."
_DOCUMENT_KEYS = {"Version", "Id", "Statement"}
_STATEMENT_KEYS = {
    *("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource"),
    *("Principal", "NotPrincipal", "Condition"),
}
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9*?-]+")
_SID = re.compile(r"[A-Za-z0-9]*")


def check_identity_policy(text: str) -> None:
    """A policy that says what its holder may do. Raises MalformedPolicyDocument."""
    for statement in _statements(text, _SYNTAX):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise malformed("Has prohibited field Principal")
        _check_resources(statement)


def check_trust_policy(text: str) -> list[str]:
    """A policy that says who may assume a role; the AWS principals it names. Raises MalformedPolicyDocument."""
    named: list[str] = []
    for statement in _statements(text, "This policy contains invalid Json"):
        if "Resource" in statement or "NotResource" in statement:
            raise malformed("Has prohibited field Resource.")
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise malformed("Missing required field Principal")
        if not all(action.lower().startswith("sts:") for action in _texts(statement, "Action")):
            raise malformed("AssumeRole policy may only specify STS AssumeRole actions.")
        named += _aws_principals(statement)
    return named


def size_of(text: str) -> int:
    """White space is not counted. [iam.md 3]"""
    return len("".join(text.split()))


def _statements(text: str, not_json: str) -> Iterator[Statement]:
    """Each statement, its own grammar checked."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise malformed(not_json) from None
    if not isinstance(document, dict) or not _DOCUMENT_KEYS.issuperset(document):
        raise malformed(_SYNTAX)
    if document.get("Version", VERSIONS[0]) not in VERSIONS:
        raise malformed("Policy document must be version 2012-10-17 or greater.")
    statements = document.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        raise malformed(_SYNTAX)
    _check_sids(statements)
    for statement in statements:
        _check_statement(statement)
        yield statement


def _check_sids(statements: list[Any]) -> None:
    sids = [statement["Sid"] for statement in statements if isinstance(statement, dict) and "Sid" in statement]
    for sid in sids:
        if not isinstance(sid, str):
            raise malformed(_SYNTAX)
        if not _SID.fullmatch(sid):
            raise malformed(
                "Statement IDs (SID) must be alpha-numeric. "
                "Check that your input satisfies the regular expression [0-9A-Za-z]*"
            )
    if len(set(sids)) < len(sids):
        raise malformed("Statement IDs (SID) in a single policy must be unique.")


def _check_statement(statement: Any) -> None:  # Any: JSON of the caller
    if not isinstance(statement, dict) or not _STATEMENT_KEYS.issuperset(statement):
        raise malformed(_SYNTAX)
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise malformed(_SYNTAX)
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")):
        if one in statement and other in statement:
            raise malformed(_SYNTAX)
    _check_actions(statement)
    conditions = statement.get("Condition", {})
    if not isinstance(conditions, dict) or not all(isinstance(value, dict) for value in conditions.values()):
        raise malformed(_SYNTAX)


def _check_actions(statement: Statement) -> None:
    actions = _texts(statement, "Action")
    if not actions:
        raise malformed("Policy statement must contain actions.")
    if not all(action == "*" or _ACTION.fullmatch(action) for action in actions):
        raise malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")


def _check_resources(statement: Statement) -> None:
    resources = _texts(statement, "Resource")
    if not resources:
        raise malformed("Policy statement must contain resources.")
    for resource in resources:
        if resource != "*" and not resource.startswith("arn:") and not resource.startswith("*"):
            raise malformed(f'Resource {resource} must be in ARN format or "*".')


def _texts(statement: Statement, member: str) -> list[str]:
    """The member or its Not-form, one text or many, as a list."""
    value = statement.get(member, statement.get(f"Not{member}", []))
    values: list[Any] = value if isinstance(value, list) else [value]  # Any: JSON of the caller
    if not all(isinstance(text, str) for text in values):
        raise malformed(_SYNTAX)
    return values


def _aws_principals(statement: Statement) -> list[str]:
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    if principal == "*":
        return []
    if not isinstance(principal, dict):
        raise malformed(_SYNTAX)
    for sort in principal:
        if sort not in ("AWS", "Service", "Federated", "CanonicalUser"):
            raise malformed(_SYNTAX)
        _texts(principal, sort)
    return _texts(principal, "AWS")
