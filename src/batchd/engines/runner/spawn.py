"""Start one child: fork, turn into what the task wants, exec. All in one road, so that every limit holds before
the first instruction of the task: the child joins its control group and sets its limits itself, then execs.

The parent does not wait. It gets the read end of a pipe that closes at the exec: empty means that the task runs,
anything else is the text of why it does not.
"""

# ruff: noqa: PTH  (pathlib would cost the runner a megabyte)
from __future__ import annotations

import errno
import os
import resource
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from batchd.engines.runner.users import User

_HANDLED = (signal.SIGCHLD, signal.SIGTERM)  # by the runner
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP)  # here, which an exec would keep
_LONGEST_REASON = 4000  # a write below PIPE_BUF never blocks on an empty pipe


class Plan:
    """All that a child needs to know, worked out before the fork."""

    __slots__ = ("argv", "directory", "env", "join", "log", "ulimits", "user")

    def __init__(self, argv: list[str], env: dict[str, str], directory: str) -> None:
        self.argv = argv
        self.env = env
        self.directory = directory
        self.log = os.devnull
        self.join: list[str] = []  # files of control groups that take the process that writes "0"
        self.ulimits: list[tuple[str, int, int]] = []
        self.user: User | None = None


def spawn(plan: Plan) -> tuple[int, int]:
    """The pid of the child and the read end of its pipe. Raises OSError when there is no process to be had."""
    read_end, write_end = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)  # the copy must not run the runner's handlers
    try:
        pid = os.fork()
    except OSError:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        os.close(read_end)
        os.close(write_end)
        raise
    if pid:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        os.close(write_end)
        return pid, read_end
    try:
        _become(plan)
    except BaseException as error:  # noqa: BLE001 (whatever it is, this copy of the runner must not live on)
        os.write(write_end, str(error).encode()[:_LONGEST_REASON])
    finally:
        os._exit(127)


def _become(plan: Plan) -> NoReturn:
    signal.set_wakeup_fd(-1)
    for number in _HANDLED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
    os.setsid()
    for path in plan.join:
        os.write(os.open(path, os.O_WRONLY), b"0")  # the exec closes the file
    os.chdir(plan.directory)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(plan.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if plan.user:
        os.fchown(log, plan.user.uid, plan.user.gid)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.umask(0o022)
    for name, soft, hard in plan.ulimits:
        _limit(name, soft, hard)
    if plan.user:
        plan.user.become()
    for number in _IGNORED:
        signal.signal(number, signal.SIG_DFL)
    _exec(plan.argv, plan.env)


def _limit(name: str, soft: int, hard: int) -> None:
    number = getattr(resource, f"RLIMIT_{name.upper()}", None)
    if number is None:
        raise ValueError(f"invalid ulimit type: {name}")
    try:
        resource.setrlimit(number, (soft, hard))
    except (ValueError, OSError) as error:
        raise ValueError(f"ulimit {name}={soft}:{hard}: {error}") from error


def _exec(argv: list[str], env: dict[str, str]) -> NoReturn:
    name = argv[0]
    if "/" in name:
        places = [name]
    else:
        places = [f"{directory or '.'}/{name}" for directory in env.get("PATH", os.defpath).split(":")]
    refused: OSError | None = None
    for place in places:
        try:
            os.execve(place, argv, env)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                refused = refused or error
    if refused:
        raise ValueError(f'exec: "{name}": {(refused.strerror or "").lower()}')
    if "/" in name:
        raise ValueError(f'exec: "{name}": stat {name}: no such file or directory')
    raise ValueError(f'exec: "{name}": executable file not found in $PATH')
