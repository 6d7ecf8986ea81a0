"""Hypothesis strategies of any value a stored dataclass may have."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**53), 2**53),
    str: st.text(max_size=20),
    bytes: st.binary(max_size=20),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    NoneType: st.none(),
}


def values_of(hint: Any, leave_out: Collection[str] = ()) -> st.SearchStrategy[Any]:
    """Whatever a field with this type hint may hold, whole numbers kept to what JSON holds.

    The fields of a dataclass that are left out have their defaults."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if get_origin(hint) in (tuple, list):
        items = st.lists(values_of(get_args(hint)[0]), max_size=3)
        return items.map(tuple) if get_origin(hint) is tuple else items
    if get_origin(hint) is dict:
        return st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)
    if get_args(hint):
        return st.one_of([values_of(arm) for arm in get_args(hint)])
    if issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    assert is_dataclass(hint)
    hints = get_type_hints(hint)
    return st.builds(
        hint, **{field.name: values_of(hints[field.name]) for field in fields(hint) if field.name not in leave_out}
    )
