"""targetNodes: which nodes of a multi-node parallel job are meant. Pure. [batch.md 7.7]"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from batchd.services.batch.faults import Invalid

_RANGE = re.compile(r"([0-9]{0,6})(:?)([0-9]{0,6})")


@dataclass(frozen=True, slots=True)
class NodeRange:
    """From `first` to `last`, both included; None: to the last node there is."""

    first: int
    last: int | None

    def end(self, size: int) -> int:
        """One after the last node of a job of this size."""
        return size if self.last is None else self.last + 1


def parse_range(text: str) -> NodeRange:
    """`n:m`, `:m`, `n:`, `:` or `n`. Raises Invalid."""
    match = _RANGE.fullmatch(text)
    if match is None or text == "":
        raise Invalid(f"targetNodes {text} should match valid pattern")
    first, colon, last = match.groups()
    found = NodeRange(int(first or 0), int(last) if last else None if colon else int(first))
    if found.last is not None and found.last < found.first:
        raise Invalid(f"targetNodes {text} must not end before it begins")
    return found


def validate_ranges(texts: Sequence[str], size: int) -> None:
    """Of a definition with so many nodes: each node is in one of them, and of two one is inside the other or they have
    no node in common. Raises Invalid."""
    ranges = [parse_range(text) for text in texts]
    for text, one in zip(texts, ranges, strict=True):
        if one.first >= size or one.end(size) > size:
            raise Invalid(f"targetNodes {text} is beyond the last node, there are {size}")
    for (text, one), (other_text, other) in combinations(zip(texts, ranges, strict=True), 2):
        if not (_is_apart(one, other, size) or _is_inside(one, other, size) or _is_inside(other, one, size)):
            raise Invalid(f"targetNodes {text} and {other_text} must not overlap, unless one is inside the other")
    group_of(ranges, size)


def group_of(ranges: Sequence[NodeRange], size: int) -> tuple[int, ...]:
    """For each node the number of the innermost range it is in. Raises Invalid for one that is in none."""
    found = []
    for node in range(size):
        around = [number for number, one in enumerate(ranges) if one.first <= node < one.end(size)]
        if not around:
            raise Invalid(f"nodeRangeProperties must account for all nodes, node {node} is in no range")
        found.append(min(around, key=lambda number: ranges[number].end(size) - ranges[number].first))
    return tuple(found)


def _is_apart(one: NodeRange, other: NodeRange, size: int) -> bool:
    return one.end(size) <= other.first or other.end(size) <= one.first


def _is_inside(one: NodeRange, other: NodeRange, size: int) -> bool:
    """Smaller than the other, too: of two equal ones neither would be the inner."""
    inside = other.first <= one.first and one.end(size) <= other.end(size)
    return inside and one.end(size) - one.first < other.end(size) - other.first
