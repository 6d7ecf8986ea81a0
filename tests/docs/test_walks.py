"""Every command of these pages really works, on a fresh server, in the order of the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import serving
from tests.docs.pages import ROOT
from tests.docs.walk import walk
from tests.ports import reserved_port


@pytest.mark.parametrize(
    "page", ["tutorial.md", "how-to/aws-cli.md", "how-to/messages.md", "how-to/events.md", "how-to/several-nodes.md"]
)
def test_the_commands_of_the_page_print_what_it_shows(page: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with reserved_port("") as port, serving(tmp_path / "data", "--vcpus", "8", "--memory-mib", "8192") as batchd:
        steps = walk(ROOT / "docs" / page, folder, {"BATCHD_DATA_DIR": str(batchd.data)}, port)
    assert len(steps) > 5
    for step in steps:
        assert step.missing() == [], f"{step.commands}\nprinted\n{step.printed}"
