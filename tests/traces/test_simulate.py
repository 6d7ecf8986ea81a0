"""`batchd simulate`, as typed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from batchd.cli.main import main
from batchd.traces.swf import open_swf

Typed = Callable[..., tuple[str, str]]
SAMPLE = Path(__file__).parents[2] / "examples" / "traces" / "lublin.swf"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Typed:
    """Run the command line; what it printed, and what it complained of."""

    def run(*words: str) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["batchd", "simulate", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, _ = capfd.readouterr()
        return out, "" if ended.value.code in (None, 0) else str(ended.value.code)

    return run


def test_a_model_is_replayed_without_a_file(typed: Typed) -> None:
    out, complaint = typed("--model", "lublin", "--jobs", "50", "--vcpus", "64", "--load", "0.5")
    assert complaint == ""
    assert "utilisation of 64 vCPUs" in out
    assert "replayed in" in out


def test_a_trace_is_written_and_replayed_as_the_model_itself(typed: Typed, tmp_path: Path) -> None:
    path = str(tmp_path / "sample.swf")
    model = ("--model", "lublin", "--jobs", "50", "--seed", "3")
    assert typed(*model, "--write", path) == (f"50 jobs in {path}\n", "")
    assert typed(path, "--json") == typed(*model, "--json")


def test_the_sample_is_what_its_header_says(typed: Typed, tmp_path: Path) -> None:
    path = tmp_path / "sample.swf"
    with open_swf(SAMPLE) as reader:
        words = (reader.header.text("Note") or "").removeprefix("made by batchd simulate ").split()
    assert typed(*words, "--write", str(path))[1] == ""
    assert path.read_text() == SAMPLE.read_text()


def test_the_report_comes_as_json(typed: Typed) -> None:
    out, _ = typed(str(SAMPLE), "--json", "--queues", "none", "--weight", "1=2.5")
    figures = json.loads(out)
    assert (figures["vcpus"], figures["jobs"]) == (256, 1500)
    assert figures["jobs"] == figures["succeeded"] + figures["failed"] + figures["never_ran"]
    assert {share["name"]: share["weight"] for share in figures["shares"]}["1"] == 2.5


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "give a trace in the Standard Workload Format, or --model lublin"),
        (["--model", "zipf"], "there is no model zipf, only lublin"),
        ([str(SAMPLE), "--model", "lublin"], "give a trace or a model, not both"),
        ([str(SAMPLE), "--shares", "age"], "jobs have no age, only queue, user, group, partition, none"),
        ([str(SAMPLE), "--priority", "1"], "--priority 1: not NAME=NUMBER"),
        (["nowhere.swf"], "cannot read nowhere.swf"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(typed: Typed, words: list[str], complaint: str) -> None:
    _, told = typed(*words)
    assert told.startswith(f"batchd: {complaint}")
    assert "\n" not in told
