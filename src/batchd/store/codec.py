"""Frozen dataclasses to JSON and exactly back, guided by their type hints.

Values may be numbers, strings, booleans, None, string enums, dataclasses, tuples of these and plain dicts.
A member that is missing takes the field's default: rows written before the field existed stay readable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

from batchd.errors import StoreError

T = TypeVar("T")
_Decode = Callable[[Any], Any]  # JSON values: any shape until the hint has been followed
_KNOWN: dict[type[Any], _Decode] = {}  # decoders are made once a dataclass


def encode(value: object) -> str:
    """Compact JSON of a dataclass, or of a list of them."""
    return orjson.dumps(value).decode()


def decode(kind: type[T], text: str) -> T:
    """The dataclass that `encode` wrote. Raises StoreError where the JSON is not of this kind."""
    try:
        value: T = _decoder(kind)(orjson.loads(text))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"cannot read a stored {kind.__name__}: {error}") from error
    return value


def decode_list(kind: type[T], text: str) -> list[T]:
    """The dataclasses that `encode` wrote of a list."""
    if text == "[]":
        return []
    try:
        one = _decoder(kind)
        return [one(value) for value in orjson.loads(text)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"cannot read a stored list of {kind.__name__}: {error}") from error


def _decoder(kind: type[Any]) -> _Decode:  # any dataclass
    decoder = _KNOWN.get(kind)
    if decoder is None:
        decoder = _KNOWN[kind] = _dataclass_decoder(kind)
    return decoder


def _find_decoder(hint: Any) -> _Decode | None:  # a type hint: class, union or generic alias
    """None where the JSON value is the value itself."""
    origin = get_origin(hint)
    if origin is tuple:
        return _tuple_decoder(get_args(hint)[0])
    if origin in (Union, UnionType):
        return _optional_decoder([arm for arm in get_args(hint) if arm is not NoneType])
    if isinstance(hint, type) and is_dataclass(hint):
        return _dataclass_decoder(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    return None


def _tuple_decoder(item_hint: Any) -> _Decode:  # a type hint
    item = _find_decoder(item_hint)
    return tuple if item is None else lambda values: tuple([item(value) for value in values])


def _optional_decoder(arms: list[Any]) -> _Decode | None:  # type hints
    if len(arms) > 1:
        if any(_find_decoder(arm) for arm in arms):
            raise StoreError(f"a stored union of {arms} cannot be told apart")
        return None
    inner = _find_decoder(arms[0])
    return None if inner is None else lambda value: None if value is None else inner(value)


def _dataclass_decoder(kind: type[Any]) -> _Decode:  # any dataclass
    hints = get_type_hints(kind)
    known = {field.name: _find_decoder(hints[field.name]) for field in fields(kind)}
    special = [(name, decoder) for name, decoder in known.items() if decoder is not None]

    def decode_one(raw: dict[str, Any]) -> Any:  # an instance of `kind`
        for name, decoder in special:
            if name in raw:
                raw[name] = decoder(raw[name])
        return kind(**raw)

    return decode_one
