"""Runs a page's commands one after the other in one shell, and compares what they print with what the page shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from tests.docs.pages import Block, blocks

_TIMEOUT_S = 900
_PORT = "29500"  # that jobs of a page listen on
_MARK = "@@ next block @@"


@dataclass(frozen=True)
class Step:
    """A block of commands, and the lines that it should print; `…` in them stands for anything."""

    commands: str
    printed: str
    expected: tuple[str, ...]

    def missing(self) -> list[str]:
        """Expected lines that did not come, in this order."""
        lines = [_plain(line) for line in self.printed.splitlines()]
        missing = []
        for line in self.expected:
            pattern = ".*".join(re.escape(part.strip()) for part in _plain(line).split("…"))
            found = next((n for n, printed in enumerate(lines) if re.search(pattern, printed)), None)
            if found is None:
                missing.append(line)
            else:
                del lines[: found + 1]
        return missing


def walk(page: Path, folder: Path, environ: dict[str, str], port: int) -> list[Step]:
    """Every `sh` block of the page, but those that start a server, in `folder`, with this port for the page's.

    A `python` block whose first line is a comment with a file's name becomes that file.
    """
    commands, expected = [], []
    found = [replace(block, text=block.text.replace(_PORT, str(port))) for block in blocks(page)]
    for block, after in zip(found, [*found[1:], Block("", "")], strict=True):
        if block.language == "sh" and "batchd serve" not in block.text:
            commands.append(block.text)
            shown = after.text if after.language == "text" else ""
            expected.append(tuple(line for line in shown.splitlines() if line))
        elif block.language == "python" and (name := re.match(r"# (\w+\.py)\n", block.text)):
            (folder / name[1]).write_text(block.text)
    outputs = _run(commands, folder, environ)
    return [Step(*step) for step in zip(commands, outputs, expected, strict=True)]


def _run(commands: list[str], folder: Path, environ: dict[str, str]) -> list[str]:
    script = f"\necho '{_MARK}'\n".join(commands)
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BATCHD_"))}
    path = f"{Path(sys.executable).parent}:{own['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**own, "PATH": path, "AWS_PAGER": "", **environ},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    outputs = done.stdout.split(f"{_MARK}\n")
    assert done.returncode == 0, f"{commands[len(outputs) - 1]}\n{outputs[-1]}\n{done.stderr}"
    return outputs


def _plain(line: str) -> str:
    """Without the differences that nobody sees: runs of blanks, the comma of a JSON list."""
    return " ".join(line.split()).rstrip(",")
