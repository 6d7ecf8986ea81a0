"""Named queries."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import batchd.store.named as named
from batchd.errors import StoreError
from batchd.store.named import name_range, named_queries, prefix_range

FOLDER = Path(named.__file__).parent
NOUNS = sorted(path.stem for path in (FOLDER / "queries").glob("*.sql"))


@pytest.mark.parametrize("noun", NOUNS)
def test_every_query_has_a_sentence_and_is_used(noun: str) -> None:
    text = (FOLDER / "queries" / f"{noun}.sql").read_text()
    code = "".join(path.read_text() for path in FOLDER.glob("*.py"))
    parts = text.split("-- name: ")[1:]
    assert len(parts) == len(named_queries(noun))
    for part in parts:
        name, comment, *_ = part.splitlines()
        assert re.fullmatch(r"-- [A-Z].*\.", comment), name
        assert f'_SQL["{name}"]' in code, name


@pytest.mark.parametrize("noun", NOUNS)
def test_every_query_is_valid_against_the_schema(noun: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript((FOLDER / "schema.sql").read_text())
    for name, sql in named_queries(noun).items():
        statement = sql.format(index="jobs_by_time", conditions="") if "{" in sql else sql
        assert connection.execute(f"EXPLAIN {statement}", [None] * statement.count("?")).fetchall(), name
    connection.close()


def test_a_query_without_a_statement_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.sql").write_text("-- name: nothing\n-- Does nothing.\n")
    monkeypatch.setattr(named, "_FOLDER", tmp_path)
    with pytest.raises(StoreError, match="nothing"):
        named_queries("empty")


TEXTS = st.text(st.sampled_from("ab/0 Zé\uffff\U0001f600"), max_size=4)


@given(name=TEXTS, prefix=TEXTS, after=TEXTS)
def test_a_range_holds_the_names_with_the_prefix_after_the_one_given(name: str, prefix: str, after: str) -> None:
    lower, upper = name_range(prefix, after)
    assert (lower <= name < upper) == (name.startswith(prefix) and (not after or name > after))


@given(name=TEXTS, prefix=TEXTS)
def test_a_prefix_range_holds_what_begins_so(name: str, prefix: str) -> None:
    lower, upper = prefix_range(prefix)
    assert (lower <= name < upper) == name.startswith(prefix)
