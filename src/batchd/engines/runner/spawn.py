"""Start one process of a task. Two roads, and on both every limit holds before the task's first instruction.

quick   `posix_spawn`, which copies nothing of the runner (0.4 ms). The runner steps into the task's control group
        for this moment, so the child is born in it, and out again.
careful `fork`, then the child sets itself up and execs (1.5 ms, the page tables' copies included). For what
        `posix_spawn` cannot do (another user, ulimits), and for memory limits so small that the exec itself may
        break them: the kernel must then find the child in the group to kill, and not the runner.
"""

# No pathlib here: it would cost the runner a megabyte.
from __future__ import annotations

import os
import resource
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from batchd.engines.runner.cgroups import Group
    from batchd.engines.runner.users import User

_HANDLED = (signal.SIGCHLD, signal.SIGTERM)  # by the runner
# An exec keeps what is ignored: by us, or by who began the server (a script's background has no Ctrl-C).
_DEFAULTED = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
_LONGEST_REASON = 4000  # a write below PIPE_BUF never blocks on an empty pipe
_ROOM_TO_EXEC_MIB = 16  # arguments and environment may take 6


class CannotExec(Exception):
    """The command cannot be run; the text says why, in the words of container runtimes."""


class Plan:
    """All that a process needs to know."""

    __slots__ = ("argv", "directory", "env", "group", "log", "memory_mib", "ulimits", "user")

    def __init__(self, argv: list[str], env: dict[str, str], directory: str) -> None:
        self.argv = argv
        self.env = env
        self.directory = directory
        self.log = os.devnull
        self.group: Group | None = None
        self.memory_mib = 0
        self.ulimits: list[tuple[str, int, int]] = []
        self.user: User | None = None

    @property
    def quick(self) -> bool:
        """Whether `spawn_quickly` may be used."""
        roomy = self.group is None or self.memory_mib >= _ROOM_TO_EXEC_MIB
        return roomy and not self.ulimits and self.user is None


def spawn_quickly(plan: Plan) -> int:
    """The pid of the running task. Raises CannotExec, OSError."""
    log = _open_log(plan)
    try:
        os.chdir(plan.directory)
        path = executable(plan)
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, log, 1),
            (os.POSIX_SPAWN_DUP2, log, 2),
        ]
        if plan.group:
            plan.group.enter()
        return os.posix_spawn(
            path, plan.argv, plan.env, file_actions=actions, setsid=True, setsigmask=[], setsigdef=_DEFAULTED
        )
    except OSError as error:
        raise _cannot_exec(plan, error) from error
    finally:
        os.close(log)
        os.chdir("/")
        if plan.group:
            plan.group.leave()


def spawn_carefully(plan: Plan) -> tuple[int, int]:
    """The pid, and the read end of a pipe that closes at the exec. Raises OSError.

    An empty pipe means that the task runs; anything else is the text of why it does not.
    """
    read_end, write_end = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)  # the copy must not run the runner's handlers
    try:
        pid = os.fork()
    except OSError:
        os.close(read_end)
        raise
    else:
        if pid:
            return pid, read_end
        _turn_into(plan, write_end)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        os.close(write_end)


def executable(plan: Plan) -> str:
    """The file to execute for the plan's command, found in the task's own PATH. Raises CannotExec."""
    name = plan.argv[0]
    if "/" in name:
        places = [name]
    else:
        places = [f"{directory or '.'}/{name}" for directory in plan.env.get("PATH", os.defpath).split(":")]
    for place in places:
        if os.access(place, os.X_OK) and os.path.isfile(place):
            return place
    if os.path.isdir(name) or any(map(os.path.isfile, places)):
        raise CannotExec(f'exec: "{name}": permission denied')
    if "/" in name:
        raise CannotExec(f'exec: "{name}": stat {name}: no such file or directory')
    raise CannotExec(f'exec: "{name}": executable file not found in $PATH')


def _turn_into(plan: Plan, write_end: int) -> NoReturn:
    """In the copy: become the task, or say why not and end."""
    try:
        _set_up(plan)
        os.execve(executable(plan), plan.argv, plan.env)
    except BaseException as error:  # noqa: BLE001 (whatever it is, this copy of the runner must not live on)
        text = str(_cannot_exec(plan, error) if isinstance(error, OSError) else error)
        os.write(write_end, text.encode()[:_LONGEST_REASON])
    finally:
        os._exit(127)


def _set_up(plan: Plan) -> None:
    signal.set_wakeup_fd(-1)
    for number in _DEFAULTED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.setsid()
    if plan.group:
        plan.group.enter()
    os.chdir(plan.directory)
    log = _open_log(plan)
    if plan.user:
        os.fchown(log, plan.user.uid, plan.user.gid)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for name, soft, hard in plan.ulimits:
        _limit(name, soft, hard)
    if plan.user:
        plan.user.become()


def _open_log(plan: Plan) -> int:
    return os.open(plan.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _limit(name: str, soft: int, hard: int) -> None:
    number = getattr(resource, f"RLIMIT_{name.upper()}", None)
    if number is None:
        raise CannotExec(f"invalid ulimit type: {name}")
    try:
        resource.setrlimit(number, (soft, hard))
    except (ValueError, OSError) as error:
        raise CannotExec(f"ulimit {name}={soft}:{hard}: {error}") from error


def _cannot_exec(plan: Plan, error: OSError) -> CannotExec:
    return CannotExec(f'exec: "{plan.argv[0]}": {(error.strerror or str(error)).lower()}')
