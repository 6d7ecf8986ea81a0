"""Who may begin: tasks that were given ahead of the room for them wait in their order, and not for long. Pure."""

# No dataclasses here: the runner would pay for them with a megabyte.
from __future__ import annotations

PATIENCE_MS = 100  # when nothing has made room for so long, those that wait are returned
NEVER_BEGUN = "CannotStartContainerError: the task was stopped before it ran"
AHEAD = 40  # tasks at hand: enough for all that end while the server decides about the next ones

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Amount = tuple[int, int]  # thousandths of a vCPU, MiB


class Gate:
    """Counts what tasks inside need. `room` None lets everybody in. Times are ms, all of the same clock."""

    def __init__(self, room: Amount | None = None) -> None:
        self.room = room
        self._inside: dict[str, Amount] = {}
        self._used = (0, 0)
        self._waiting: dict[str, Amount] = {}
        self._until = 0  # when those that wait have waited too long

    def __iter__(self) -> Iterator[str]:
        """Those that wait, next one first."""
        return iter(list(self._waiting))

    def enter(self, task_id: str, needs: Amount | None, now: int) -> bool:
        """Whether the task may begin; else it waits. One without needs counts for nothing."""
        if needs is None or self.room is None or task_id in self._inside:
            return True
        if self._waiting or not self._fits(needs):
            self._until = self._until if self._waiting else now + PATIENCE_MS
            self._waiting[task_id] = needs
            return False
        self._let_in(task_id, needs)
        return True

    def leave(self, task_id: str) -> None:
        """The task is over, or shall not begin."""
        self._waiting.pop(task_id, None)
        needs = self._inside.pop(task_id, None)
        if needs is not None:
            self._used = (self._used[0] - needs[0], self._used[1] - needs[1])

    def admit(self, now: int) -> list[str]:
        """Those that waited and may begin now."""
        entered: list[str] = []
        while self._waiting:
            task_id = next(iter(self._waiting))
            if not self._fits(self._waiting[task_id]):
                break
            self._let_in(task_id, self._waiting.pop(task_id))
            self._until = now + PATIENCE_MS
            entered.append(task_id)
        return entered

    def next_at(self) -> int | None:
        """When those that wait have waited too long."""
        return self._until if self._waiting else None

    def give_up(self, now: int) -> list[str]:
        """Those that have waited too long, and do not wait any more."""
        if not self._waiting or now < self._until:
            return []
        late = list(self._waiting)
        self._waiting.clear()
        return late

    def _fits(self, needs: Amount) -> bool:
        """What needs more than there is goes in alone."""
        if self.room is None or not self._inside:
            return True
        return self._used[0] + needs[0] <= self.room[0] and self._used[1] + needs[1] <= self.room[1]

    def _let_in(self, task_id: str, needs: Amount) -> None:
        self._inside[task_id] = needs
        self._used = (self._used[0] + needs[0], self._used[1] + needs[1])
