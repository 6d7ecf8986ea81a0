"""Request rates, as AWS limits them: a token bucket for each operation."""

from __future__ import annotations

from batchd.clock import Clock


class Throttle:
    """Lets `per_second` requests of each operation through, and as many at once after a second's rest."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._per_ms = per_second / 1000
        self._size = max(per_second, 1.0)
        self._clock = clock
        self._buckets: dict[tuple[str, str], tuple[int, float]] = {}  # (when last looked at, tokens left then)

    def admits(self, service: str, operation: str) -> bool:
        """Whether the request may go on; if so it is counted."""
        now = self._clock.now_ms()
        at, left = self._buckets.get((service, operation), (now, self._size))
        left = min(self._size, left + max(now - at, 0) * self._per_ms)
        admitted = left >= 1
        self._buckets[service, operation] = (now, left - 1 if admitted else left)
        return admitted
