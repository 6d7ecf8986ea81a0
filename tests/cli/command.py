"""The `batchd` command as a person runs it: another process, its output, its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.patience import LONG_S

PROGRAM = Path(sys.executable).with_name("batchd")
READY = "batchd ready on "


@dataclass(frozen=True)
class Batchd:
    """Commands about one data directory, in an environment without any AWS settings."""

    data: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run to the end. `more` is of subprocess.run: cwd, input."""
        return subprocess.run(
            [PROGRAM, *arguments],
            env=self._environ(),
            capture_output=True,
            text=True,
            timeout=LONG_S,
            check=False,
            **more,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Run beside the test, which ends it."""
        return subprocess.Popen(
            [PROGRAM, *arguments], env=self._environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    @property
    def endpoint(self) -> str:
        """Of the server that runs."""
        found: str = json.loads((self.data / "server.json").read_text())["endpoint"]
        return found

    def _environ(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BATCHD_"))}
        return {**plain, "BATCHD_DATA_DIR": str(self.data), "COLUMNS": "80", **self.environ}


@contextmanager
def serving(data: Path, *flags: str, port: int = 0) -> Iterator[Batchd]:
    """`batchd serve` on these data, ready; SIGTERM at the end, which must end it well."""
    batchd = Batchd(data)
    server = batchd.begin("serve", "--port", str(port), "--engine", "process", *flags)
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith(READY), server.communicate(timeout=LONG_S)[1]
        yield batchd
    finally:
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=LONG_S)
    assert server.returncode == 0, errors
    assert "Traceback" not in errors


def one_line(text: str) -> str:
    """The single line that an error is."""
    [line] = text.splitlines()
    assert line.startswith("batchd: ")
    return line.removeprefix("batchd: ")
