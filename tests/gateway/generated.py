"""Values made up for a shape: the same for the same seed, whole in every member that matters to the wire."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from batchd.gateway.shapes import Shape

_PLAIN = "abc XYZ 019_-.:/@=+,&?#%'\"<>é✓\U0001f638\n"
_HEADER = "abcXYZ019_-.:/@=+"
_DEPTH = 5


class Maker:
    """Makes values; structures hold what is required and most of the rest."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def structure(self, shape: Shape, depth: int = 0) -> dict[str, Any]:
        members = shape.members
        if shape.has("union"):
            name = self._random.choice(list(members))
            members = {name: members[name]}
        needed = (*shape.required, shape.traits.get("payload"))  # no payload and an empty one look alike
        value: dict[str, Any] = {}
        for name, member in members.items():
            if shape.has("union") or name in needed or member.location == "statusCode" or self._wants(member, depth):
                made = self.value(member, depth + 1)
                if made not in (None, {}, []):
                    value[name] = made
        return value

    def value(self, shape: Shape, depth: int) -> Any:
        if shape.is_document:
            return {"any": ["thing", 1, True, {"deep": None}]}
        if shape.type == "structure":
            return self.structure(shape, depth)
        if shape.type == "list":
            made = [self.value(shape.element, depth + 1) for _ in range(self._random.randint(1, 3))]
            return [item for item in made if item not in (None, {}, [])]
        if shape.type == "map":
            keys = [self.value(shape.key, depth) for _ in range(self._random.randint(1, 2))]
            made_map = {key: self.value(shape.value, depth + 1) for key in keys}
            return {key: item for key, item in made_map.items() if item not in (None, {}, [])}
        return self._scalar(shape)

    def _wants(self, member: Shape, depth: int) -> bool:
        if member.has("eventstream") or member.has("jsonvalue"):
            return False
        if depth >= _DEPTH and member.type in ("structure", "list", "map"):
            return False
        return self._random.random() < (0.8 if depth < 2 else 0.4)

    def _scalar(self, shape: Shape) -> Any:
        chance = self._random
        if shape.type == "string":
            values = shape.traits.get("enum")
            return chance.choice(values) if values else self._text(_HEADER if shape.location else _PLAIN)
        if shape.type == "boolean":
            return chance.random() < 0.5
        if shape.type in ("integer", "long"):
            return 202 if shape.location == "statusCode" else chance.randint(-(2**31), 2**31 - 1)
        if shape.type in ("float", "double"):
            return round(chance.uniform(-1e6, 1e6), chance.randint(0, 6))
        if shape.type == "blob":
            return chance.randbytes(chance.randint(1, 12))
        return datetime(2001, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randint(0, 10**9))

    def _text(self, letters: str) -> str:
        chance = self._random
        first, last = chance.choices(_HEADER, k=2)  # headers are trimmed
        return first + "".join(chance.choices(letters, k=chance.randint(0, 12))) + last
