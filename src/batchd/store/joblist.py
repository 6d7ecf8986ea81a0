"""Which conditions, and so which index, answer a filtered list of a queue's jobs."""

from __future__ import annotations

from batchd.store.session import Session, Value
from batchd.store.store import JobFilter

_LAST = "\U0010ffff"
_Conditions = tuple[str, list[Value]]


def name_key(name: str) -> str:
    """Names are compared without case. [batch.md 9]"""
    return name.lower()


def definition_key(definition: str) -> str:
    """`name:revision` of a job definition's ARN: one queue's jobs share all that stands before it."""
    return definition.rpartition("job-definition/")[2]


def conditions_of(session: Session, queue: str, wanted: JobFilter, after: tuple[int, str] | None) -> _Conditions:
    """SQL to stand after `WHERE queue = ?`, and its parameters."""
    parts: list[_Conditions] = []
    if wanted.status is not None:
        parts.append(("status = ?", [wanted.status.value]))
    if wanted.name is not None:
        parts.append(_by_name(wanted.name))
    if wanted.definition is not None:
        parts.append(_by_definition(wanted.definition))
    if wanted.created_before is not None:
        parts.append(("created_at < ?", [wanted.created_before]))
    if wanted.created_after is not None:
        parts.append(("created_at > ?", [wanted.created_after]))
    if after is not None:
        parts.append(("(created_at, job_id) < (?, ?)", [*after]))
    sql = "".join(f" AND {condition}" for condition, _ in parts)
    return sql, [value for _, values in parts for value in values]


def _by_name(name: str) -> _Conditions:
    key = name_key(name)
    return _prefixed("name_key", key[:-1]) if key.endswith("*") else ("name_key = ?", [key])


def _by_definition(definition: str) -> _Conditions:
    """An ARN means one revision, a name all of its revisions. [batch.md 9]"""
    if definition.startswith("arn:"):
        return "definition_key = ? AND definition = ?", [definition_key(definition), definition]
    if definition.endswith("*"):
        return _prefixed("definition_key", definition[:-1])
    return _prefixed("definition_key", f"{definition}:")


def _prefixed(column: str, prefix: str) -> _Conditions:
    return f"{column} >= ? AND {column} < ?", [prefix, prefix + _LAST]
