"""Tables for a terminal of any width, and for `grep`: one line a row, columns in full where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Collection

from rich.console import Console
from rich.table import Table
from rich.text import Text

_COLOURS = {"SUCCEEDED": "green", "FAILED": "red", "RUNNING": "cyan", "STARTING": "cyan"}
_ENDLESS = 10_000


def console() -> Console:
    """Standard output; as wide as the terminal, or endless where it goes to a file or a pipe."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _ENDLESS)


def table(*columns: str, right: Collection[str] = (), cut: Collection[str] = ()) -> Table:
    """Without a frame. Columns named in `cut` give way where the terminal is too narrow: their cells are `cut`."""
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", no_wrap=column not in cut)
    return made


def cut(text: str) -> Text:
    """A cell that ends in an ellipsis rather than go on below."""
    return Text(text, no_wrap=True, overflow="ellipsis")


def status(text: str) -> Text:
    return Text(text, _COLOURS.get(text, "yellow"))
