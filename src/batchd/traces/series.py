"""What a level was over time, in a bounded number of equal bins: means, however long the time and often the change."""

from __future__ import annotations

from array import array

BINS = 512
_FIRST_WIDTH = 1000  # ms


class Series:
    """A level that holds until it is set anew, from time 0 (ms). Bins become twice as wide when room ends."""

    __slots__ = ("_end", "_since", "_sums", "level", "most", "width")

    def __init__(self) -> None:
        self.width = _FIRST_WIDTH
        self.level: float = 0
        self.most: float = 0
        self._since = 0
        self._sums = array("d", bytes(8 * BINS))  # level times ms
        self._end = self.width * BINS

    def set(self, at: int, level: float) -> None:
        """From now on. `at` never goes back."""
        if self.level and at > self._since:
            self._hold(at)
        self._since = at
        self.level = level
        if level > self.most:
            self.most = level

    def add(self, at: int, more: float) -> None:
        self.set(at, self.level + more)

    def means(self, width: int, until: int) -> list[float]:
        """The mean level in each bin of this width (a `width` of a series of ours, at least this one's), the last of
        which ends early: with `until`."""
        self.set(until, self.level)
        while self.width < width:
            self._widen()
        bins = -(-until // width)
        spans = [width] * (bins - 1) + [until - width * (bins - 1)] if bins else []
        return [held / span for held, span in zip(self._sums, spans, strict=False)]

    def mean(self, until: int) -> float:
        """Over all the time."""
        self.set(until, self.level)
        return sum(self._sums) / until if until else 0.0

    def _hold(self, at: int) -> None:
        """The level held from the last change until `at`."""
        while at > self._end:
            self._widen()
        sums, width, level = self._sums, self.width, self.level
        first, last = self._since // width, at // width
        if first == last:
            sums[first] += level * (at - self._since)
            return
        sums[first] += level * ((first + 1) * width - self._since)
        for number in range(first + 1, last):
            sums[number] += level * width
        if last < BINS:
            sums[last] += level * (at - last * width)

    def _widen(self) -> None:
        sums = self._sums
        half = BINS // 2
        for number in range(half):
            sums[number] = sums[2 * number] + sums[2 * number + 1]
        sums[half:] = array("d", bytes(8 * half))
        self.width *= 2
        self._end *= 2


def common_width(until: int) -> int:
    """The width that a series has which was set until then."""
    width = _FIRST_WIDTH
    while width * BINS < until:
        width *= 2
    return width
