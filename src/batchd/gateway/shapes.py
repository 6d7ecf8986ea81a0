"""The shapes of a service model, resolved on demand: a shape is seen through the member that uses it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Raw = dict[str, Any]  # JSON of a service model, whose traits differ by protocol

SCALARS = frozenset({"string", "integer", "long", "float", "double", "boolean", "timestamp", "blob"})


class Shape:
    """A shape as one member sees it: the shape's own traits with the member's laid over them.

    `type` is structure, list, map or one of SCALARS. Children are resolved when asked for and then kept, so that
    recursive shapes are a finite graph with cycles. Identity is equality: one use of a shape is one object.
    """

    __slots__ = ("_children", "_table", "name", "traits", "type")

    def __init__(self, name: str, traits: Raw, table: ShapeTable) -> None:
        self.name = name
        self.type: str = traits["type"]
        self.traits = traits
        self._table = table
        self._children: dict[str, Shape] = {}

    @property
    def members(self) -> dict[str, Shape]:
        """The members of a structure by name."""
        if not self._children:
            self._children = {name: self._table.use(ref) for name, ref in self.traits.get("members", {}).items()}
        return self._children

    @property
    def element(self) -> Shape:
        """What a list holds."""
        return self._child("member")

    @property
    def key(self) -> Shape:
        return self._child("key")

    @property
    def value(self) -> Shape:
        """What a map holds."""
        return self._child("value")

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(self.traits.get("required", ()))

    @property
    def wire_name(self) -> str | None:
        """`locationName`: the name on the wire where it is not the member's."""
        name: str | None = self.traits.get("locationName")
        return name

    @property
    def location(self) -> str | None:
        """Where a member travels if not in the body: uri, querystring, header, headers or statusCode."""
        place: str | None = self.traits.get("location")
        return place

    @property
    def is_document(self) -> bool:
        """Any JSON value."""
        return bool(self.traits.get("document"))

    def has(self, trait: str) -> bool:
        """Whether a boolean trait is set."""
        return bool(self.traits.get(trait))

    def without(self, places: frozenset[str]) -> Shape:
        """The structure without the members that travel in these places."""
        refs = self.traits.get("members", {})
        kept = {name: ref for name, ref in refs.items() if self.members[name].location not in places}
        return Shape(self.name, {**self.traits, "members": kept}, self._table)

    def _child(self, kind: str) -> Shape:
        child = self._children.get(kind)
        if child is None:
            child = self._children[kind] = self._table.use(self.traits[kind])
        return child


class ShapeTable:
    """The raw shapes by name."""

    def __init__(self, raw: dict[str, Raw]) -> None:
        self._raw = raw
        self._used: dict[int, Shape] = {}

    def use(self, ref: Raw) -> Shape:
        """The shape that a reference (`{"shape": name, …traits}`) means; the same object for the same reference."""
        shape = self._used.get(id(ref))
        if shape is None:
            name = ref["shape"]
            shape = self._used[id(ref)] = Shape(name, {**self._raw[name], **ref}, self)
        return shape

    def named(self, name: str) -> Shape:
        return Shape(name, self._raw[name], self)


def reachable(raw: dict[str, Raw], roots: Iterable[str]) -> dict[str, Raw]:
    """The part of a model's shapes that these shapes need, without the documentation."""
    found: dict[str, Raw] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _undocumented(raw[name])
            waiting.extend(ref["shape"] for ref in _references(raw[name]))
    return found


def _references(shape: Raw) -> list[Raw]:
    refs: list[Raw] = list(shape.get("members", {}).values())
    refs.extend(shape[kind] for kind in ("member", "key", "value") if kind in shape)
    return refs


def _undocumented(shape: Raw) -> Raw:
    for ref in (shape, *_references(shape)):
        ref.pop("documentation", None)
    return shape
