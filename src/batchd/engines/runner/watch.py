"""Files to wait for, each with what to do when it is ready."""

from __future__ import annotations

import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Watch:
    """An epoll set with a callback per file descriptor."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._calls: dict[int, Callable[[], None]] = {}

    def add(self, fd: int, call: Callable[[], None]) -> None:
        self._calls[fd] = call
        self._epoll.register(fd, select.EPOLLIN)

    def want_room(self, fd: int, wanted: bool) -> None:
        """Whether to call also when the descriptor takes output again."""
        self._epoll.modify(fd, select.EPOLLIN | (select.EPOLLOUT if wanted else 0))

    def remove(self, fd: int) -> None:
        del self._calls[fd]
        self._epoll.unregister(fd)

    def wait(self, timeout_s: float | None) -> None:
        """Wait for something to be ready, and make its calls; None waits without limit."""
        for fd, _ in self._epoll.poll(-1 if timeout_s is None else timeout_s):
            call = self._calls.get(fd)
            if call:  # an earlier call of this round may have closed it
                call()
