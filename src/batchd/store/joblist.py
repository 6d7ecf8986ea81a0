"""How a filtered list of a queue's jobs is found: which conditions, and which index answers them.

A page takes milliseconds of a million jobs: every index ends in (created_at, job_id), so an equality is answered in
order. A prefix is not: few matches are sorted, many are met soon enough on the way from the newest job back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from batchd.store.named import named_queries, prefix_range
from batchd.store.session import Session, Value
from batchd.store.store import JobFilter

_SQL = named_queries("jobs")
_MANY = 50_000  # to sort so many index entries takes about 10 ms


@dataclass(frozen=True, slots=True)
class Plan:
    """`conditions` stand after `WHERE queue = ?`; `params` are theirs."""

    index: str
    conditions: str
    params: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class _Condition:
    """One restriction; `index` None means that no index is better for it than the order of time."""

    sql: str
    params: tuple[Value, ...]
    index: str | None = None


def name_key(name: str) -> str:
    """Names are compared without case. [batch.md 9.1]"""
    return name.lower()


def definition_key(definition: str) -> str:
    """`name:revision` of a job definition's ARN: one queue's jobs share all that stands before it."""
    return definition.rpartition("job-definition/")[2]


def plan_of(session: Session, queue: str, wanted: JobFilter, after: tuple[int, str] | None) -> Plan:
    """Conditions, and the index of the most telling one."""
    conditions = list(_conditions(session, queue, wanted, after))
    index = next((condition.index for condition in conditions if condition.index), "jobs_by_time")
    sql = "".join(f" AND {condition.sql}" for condition in conditions)
    return Plan(index, sql, tuple(value for condition in conditions for value in condition.params))


def _conditions(session: Session, queue: str, wanted: JobFilter, after: tuple[int, str] | None) -> Iterator[_Condition]:
    """The most telling first."""
    if wanted.name is not None:
        yield _by_name(session, queue, wanted.name)
    if wanted.definition is not None:
        yield _by_definition(session, queue, wanted.definition)
    if wanted.share is not None:
        index = "jobs_by_share" if wanted.status is None else "jobs_by_share_and_status"
        yield _Condition("share = ?", (wanted.share,), index)
    if wanted.status is not None:
        yield _Condition("status = ?", (wanted.status.value,), "jobs_by_status")
    if wanted.created_before is not None:
        yield _Condition("created_at < ?", (wanted.created_before,))
    if wanted.created_after is not None:
        yield _Condition("created_at > ?", (wanted.created_after,))
    if after is not None:
        yield _Condition("(created_at, job_id) < (?, ?)", after)


def _by_name(session: Session, queue: str, name: str) -> _Condition:
    key = name_key(name)
    if not key.endswith("*"):
        return _Condition("name_key = ?", (key,), "jobs_by_name")
    bounds = prefix_range(key[:-1])
    few = _are_few(session, _SQL["probe_names"], queue, bounds)
    return _Condition("name_key >= ? AND name_key < ?", bounds, "jobs_by_name" if few else None)


def _by_definition(session: Session, queue: str, definition: str) -> _Condition:
    """An ARN means one revision, a name all of its revisions, a trailing star a prefix. [batch.md 9.1]"""
    if definition.startswith("arn:"):
        params = (definition_key(definition), definition)
        return _Condition("definition_key = ? AND definition = ?", params, "jobs_by_definition")
    bounds = prefix_range(definition[:-1] if definition.endswith("*") else f"{definition}:")
    few = _are_few(session, _SQL["probe_definitions"], queue, bounds)
    index = "jobs_by_definition" if few else None
    return _Condition("definition_key >= ? AND definition_key < ?", bounds, index)


def _are_few(session: Session, probe: str, queue: str, bounds: tuple[str, str]) -> bool:
    row = session.row(probe, (queue, *bounds, _MANY))
    return row is not None and row[0] < _MANY
