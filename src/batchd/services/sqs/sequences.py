"""Sequence numbers of FIFO queues: twenty digits, ascending."""

from __future__ import annotations

_BEFORE_THE_FIRST = 10**19


def sequence_number(number: int) -> str:
    """Of the message that came in as this one."""
    return str(_BEFORE_THE_FIRST + number)
