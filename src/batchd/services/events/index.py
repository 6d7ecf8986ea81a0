"""The rules of a bus, so arranged that an event is held against few of them.

Each conjunction is filed under one field that it wants to have a literal value: the field by whose values it shares its
place with the fewest others. Only what is filed under a value that the event has is looked at.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from batchd.matching.patterns import Conjunction, Field, Fields, Pattern, literal_key

_Filed = list[tuple[int, Conjunction]]  # the rule's place, and one of its conjunctions


class PatternIndex:
    """`matching` gives the places, in the sequence it was made of, of the patterns that match."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        filed = [(place, one) for place, pattern in enumerate(patterns) for one in pattern.conjunctions]
        self._conjunctions = [one for _, one in filed]
        crowds = Counter(place for _, one in filed for place in _places(one))
        self._by_value: dict[str, dict[Any, _Filed]] = defaultdict(lambda: defaultdict(list))
        self._unfiled: _Filed = []
        for place, conjunction in filed:
            self._file(place, conjunction, crowds)

    def matching(self, event: Fields) -> list[int]:
        found: set[int] = set()
        for place, conjunction in self._unfiled:
            if conjunction.matches(event):
                found.add(place)
        for path, by_value in self._by_value.items():
            for value, _ in event.get(path, ()):
                for place, conjunction in by_value.get(literal_key(value), ()):
                    if place not in found and conjunction.matches(event):
                        found.add(place)
        return sorted(found)

    def may_match(self, known: Mapping[str, Any]) -> bool:
        """Whether an event of which only these values are known (by path) may match any of the patterns."""
        return any(
            all(field.fits(known[path]) for path, field in one.fields if path in known) for one in self._conjunctions
        )

    def _file(self, place: int, conjunction: Conjunction, crowds: Counter[tuple[str, Any]]) -> None:
        best: tuple[int, str, Field] | None = None
        for path, field in conjunction.fields:
            if field.is_literal:
                crowd = sum(crowds[path, value] for value in field.literals)
                if best is None or crowd < best[0]:
                    best = (crowd, path, field)
        if best is None:
            self._unfiled.append((place, conjunction))
            return
        _, path, field = best
        for value in field.literals:
            self._by_value[path][value].append((place, conjunction))


def _places(conjunction: Conjunction) -> list[tuple[str, Any]]:
    return [(path, value) for path, field in conjunction.fields if field.is_literal for value in field.literals]
