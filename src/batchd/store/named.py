"""Named queries: `queries/NOUN.sql` holds every statement about a noun under a name and a sentence."""

from __future__ import annotations

from pathlib import Path

from batchd.errors import StoreError

_FOLDER = Path(__file__).parent / "queries"
_MARK = "-- name: "
_LAST = "\U0010ffff"
_FIRST = "\x01"


def named_queries(noun: str) -> dict[str, str]:
    """Every statement of `queries/{noun}.sql` by its name, without comments."""
    text = (_FOLDER / f"{noun}.sql").read_text(encoding="utf-8")
    return dict(_query(part) for part in text.split(_MARK)[1:])


def _query(part: str) -> tuple[str, str]:
    name, _, rest = part.partition("\n")
    lines = [line for line in rest.splitlines() if not line.startswith("--")]
    statement = "\n".join(lines).strip().removesuffix(";")
    if not statement:
        raise StoreError(f"query {name} has no statement")
    return name.strip(), statement


def name_range(prefix: str, after: str) -> tuple[str, str]:
    """The bounds of names that begin with `prefix` and are greater than `after`: lower included, upper not."""
    lower, upper = prefix_range(prefix)
    return max(lower, after + _FIRST if after else ""), upper


def prefix_range(prefix: str) -> tuple[str, str]:
    """The bounds of texts that begin with `prefix`: lower included, upper not."""
    return prefix, prefix + _LAST
