"""How long a test waits for what others do in their own time. It costs nothing where all is well."""

from __future__ import annotations

import time

PATIENCE_S = 60.0
LONG_S = 300.0  # by a clock that goes on while the machine stalls
_STALL_S = 1.0


class Patience:
    """Runs out after so many seconds of looking again and again. A stall of the machine counts as one of them: nobody
    could do anything meanwhile."""

    def __init__(self, seconds: float = PATIENCE_S) -> None:
        self._left_s = seconds
        self._seen_at = time.monotonic()

    def ran_out(self) -> bool:
        """To be asked after each look."""
        now = time.monotonic()
        self._left_s -= min(now - self._seen_at, _STALL_S)
        self._seen_at = now
        return self._left_s < 0
