"""The documentation as data: pages, links, blocks of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block. `language` is `sh` and `python` for what is to be run, `text` for what it prints."""

    language: str
    text: str


def links(page: Path) -> Iterator[str]:
    """Targets within the repository, without their anchors; code is no link."""
    prose = re.sub(r"`[^`\n]*`", "", _BLOCK.sub("", page.read_text()))
    for target in _LINK.findall(prose):
        if not re.match(r"[a-z]+:|#", target):
            yield target.partition("#")[0]


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in _BLOCK.findall(page.read_text())]
