"""Several containers as one task: which may start, when all must stop, and what the task's end is. Pure.

Every engine plays its tasks by this one score. [batch.md 2.5]
"""

# No dataclasses and no enum here: the process engine's runner imports this, and it must stay small.
from __future__ import annotations

START, COMPLETE, SUCCESS = "START", "COMPLETE", "SUCCESS"
_WAITING, _BEGUN, _UP, _OVER = range(4)
_CANNOT = "CannotStartContainerError: "
_NEVER = _CANNOT + "the containers that it waits for never start"
_UNMET = {START: "start", COMPLETE: "complete", SUCCESS: "succeed"}

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Part:
    """One container: what it waits for, and how far it has come. Only its ensemble changes it."""

    __slots__ = ("_blame", "_ran", "_state", "depends_on", "essential", "exit_code", "name", "reason")

    def __init__(self, name: str, essential: bool = True, depends_on: Iterable[tuple[str, str]] = ()) -> None:
        self.name = name
        self.essential = essential
        self.depends_on = tuple(depends_on)
        self.exit_code: int | None = None
        self.reason: str | None = None
        self._state = _WAITING
        self._ran = False
        self._blame: int | None = None  # its exit code, or that of the container for whose sake it never started

    @property
    def running(self) -> bool:
        """Whether it was begun and has not ended."""
        return self._state in (_BEGUN, _UP)

    @property
    def over(self) -> bool:
        return self._state == _OVER

    def met(self, condition: str) -> bool:
        """Whether those that wait for this of it may start."""
        if condition == START:
            return self._ran
        return self.over and (self.exit_code == 0 or (condition == COMPLETE and self.exit_code is not None))

    def hopeless(self, condition: str) -> bool:
        """Whether this will never be true of it."""
        return self.over and not self.met(condition)


class Ensemble:
    """A task's containers. Tell it what happens (`up`, `end`, `fail`, `stop`, `give_up`), then ask: `next_due`
    until there is none, whether it is `stopping` (then stop those that run), and whether it is `over`.
    """

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = {part.name: part for part in parts}
        self._waiting = list(self._parts.values())  # in the order of the task
        self._ended: list[Part] = []  # in the order of their ends
        self._decisive: Part | None = None
        self.stopping = False
        self.ran = False  # whether any of them was ever up

    @property
    def parts(self) -> list[Part]:
        return list(self._parts.values())

    @property
    def over(self) -> bool:
        return len(self._ended) == len(self._parts)

    def part(self, name: str) -> Part:
        return self._parts[name]

    def next_due(self) -> Part | None:
        """The next one to begin; it then counts as begun. In the order of the task, as far as they may."""
        for part in self._waiting:
            if all(name in self._parts and self._parts[name].met(wanted) for name, wanted in part.depends_on):
                part._state = _BEGUN
                self._waiting.remove(part)
                return part
        if self._waiting and not any(part.running for part in self._parts.values()):
            for part in list(self._waiting):  # for each other, or for containers that are not there
                self._close(part, _NEVER)
        return None

    def up(self, part: Part) -> None:
        """It runs."""
        part._ran = self.ran = True
        if part in self._waiting:  # it was begun before anybody looked
            self._waiting.remove(part)
        if not part.over:
            part._state = _UP

    def end(self, part: Part, exit_code: int | None, reason: str | None = None) -> None:
        """It has ended. Without a code nobody knows how."""
        part.exit_code = part._blame = exit_code
        self._close(part, reason)

    def fail(self, part: Part, reason: str) -> None:
        """It could not be started."""
        self._close(part, reason)

    def stop(self) -> None:
        """Whoever has not begun never will."""
        self.stopping = True
        for part in list(self._waiting):
            self._close(part, None)

    def give_up(self, part: Part, after_s: float) -> None:
        """It has taken too long: those that wait for it never start."""
        if part.over:
            return
        for waiting in list(self._waiting):
            for name, wanted in waiting.depends_on:
                if name == part.name and not part.met(wanted) and not waiting.over:
                    self._close(waiting, f"{_CANNOT}container {name} did not {_UNMET[wanted]} within {after_s:g} s")

    def is_awaited(self, part: Part) -> bool:
        """Whether somebody waits for more of it."""
        return any(
            name == part.name and not part.met(wanted) for other in self._waiting for name, wanted in other.depends_on
        )

    def verdict(self) -> tuple[int | None, str | None]:
        """Exit code and reason of the task that is over: those of the first essential container to end. Where none is
        essential, those of the first that failed, if one did."""
        decisive = self._decisive or self._first_failed()
        return (decisive._blame, decisive.reason) if decisive else (0, None)

    def exits(self) -> list[tuple[str, int | None, str | None]]:
        """(name, exit code, reason) of each container in the task's order; empty for one by itself."""
        if len(self._parts) < 2:
            return []
        return [(part.name, part.exit_code, part.reason) for part in self._parts.values()]

    def _first_failed(self) -> Part | None:
        failed = [part for part in self._ended if part.exit_code != 0]
        return next((part for part in failed if part._ran), failed[0] if failed else None)

    def _close(self, part: Part, reason: str | None) -> None:
        if part.over:
            return
        if part._state == _WAITING:
            self._waiting.remove(part)
        part._state = _OVER
        part.reason = reason
        self._ended.append(part)
        if part.essential and self._decisive is None:
            self._decisive = part
            if not self.stopping:
                self.stop()
        self._despair()

    def _despair(self) -> None:
        """End those for whom what they wait for can never be true."""
        for part in self._waiting:
            for name, wanted in part.depends_on:
                other = self._parts.get(name)
                if other is None or other.hopeless(wanted):
                    part._blame = other._blame if other else None
                    self._close(part, f"{_CANNOT}container {name} did not {_UNMET.get(wanted, wanted)}")
                    return
