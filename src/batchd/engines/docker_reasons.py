"""Why a container did not start or how it ended, in AWS's words. Pure. [batch.md 1.2]"""

from __future__ import annotations

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
STOPPED_EARLY = "The task was stopped before its container started"
NO_TRACE = "Docker has no container of this task"
VANISHED = "ContainerVanishedError: The container was removed while it was running"
HOST_LOST = "The host was restarted while the container was running"

_LONGEST = 255  # characters of `container.reason`


class StartFailure(Exception):
    """The task cannot be brought up; the text is AWS's reason."""


def cannot_pull(message: str) -> str:
    """The image is not to be had; `message` is the daemon's."""
    return _fit(f"CannotPullContainerError: Error response from daemon: {message}")


def cannot_start(message: str) -> str:
    """The daemon refused to create or to start the container."""
    return _fit(f"CannotStartContainerError: Error response from daemon: {message}")


def timed_out(state: str, after_s: float) -> str:
    """The daemon did not bring the container to `state` (`pulled`, `created`, `started`) in time."""
    return f"DockerTimeoutError: Could not transition to {state}; timed out after waiting {go_duration(after_s)}"


def end_reason(oom_killed: bool, error: str) -> str | None:
    """What an ended container has to say beside its exit code; None for a plain exit, whatever the code."""
    if oom_killed:
        return OUT_OF_MEMORY
    return _fit(f"DockerStateError: {error}") if error else None


def died_with_host(started_at: int, finished_at: int, booted_at: int) -> bool:
    """The host booted between these two: the daemon wrote down an end (and a code, 255) that nobody saw. Ms."""
    return started_at < booted_at <= finished_at


def go_duration(seconds: float) -> str:
    """Whole seconds as Go prints a duration: `4m0s`, `1h0m5s`, `45s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _fit(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _LONGEST else one_line[: _LONGEST - 1] + "…"
