"""Ports that a server of the test's will listen on, more than once or later than now."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port(host: str = "127.0.0.1") -> Iterator[int]:
    """A port that nobody is given by chance until the end: it stays bound, and who asks for it by its number and with
    SO_REUSEADDR, as servers do, gets it all the same."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((host, 0))
        yield holder.getsockname()[1]
