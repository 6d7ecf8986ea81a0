from __future__ import annotations

from pathlib import Path

from batchd.invocation import FunctionSpec, Invocation
from batchd.sandboxes.sandbox_log import Ran, SandboxLog, report_line

FUNCTION = FunctionSpec("arn", "f", "us-east-1", "$LATEST", "r", "python3.12", "a.b", "code", "role", "/aws/lambda/f")
FIRST, SECOND = (Invocation(FUNCTION, request_id, b"{}", "arn") for request_id in ("one", "two"))


def test_output_stands_between_the_lines_of_its_invocation_and_goes_out_once(tmp_path: Path) -> None:
    file = tmp_path / "log"
    log = SandboxLog(file, "stream", lambda: 7)
    log.initialised("python3.12")
    file.write_bytes(b"loading\n")
    log.began(FIRST)
    with file.open("ab") as more:
        more.write(b"hello\nno end of line")
    lines, tail = log.ended(FIRST, Ran(2.5, init_ms=100, peak_mib=36), "")
    assert [text for _, text in lines] == [
        "INIT_START Runtime Version: python3.12",
        "loading",
        "START RequestId: one Version: $LATEST",
        "hello",
        "no end of line",
        "END RequestId: one",
        report_line(FIRST, Ran(2.5, 100, 36)),
    ]
    assert {at for at, _ in lines} == {7}
    assert tail.startswith(b"INIT_START")
    log.began(SECOND)
    lines, _ = log.ended(SECOND, Ran(1.0), "it broke")
    assert [text for _, text in lines[:3]] == [
        "START RequestId: two Version: $LATEST",
        "it broke",
        "END RequestId: two",
    ]


def test_what_was_never_written_is_no_output(tmp_path: Path) -> None:
    log = SandboxLog(tmp_path / "none", "stream", lambda: 0)
    log.began(FIRST)
    lines, _ = log.ended(FIRST, Ran(1.0), "")
    assert len(lines) == 3


def test_the_tail_is_the_last_four_kilobytes(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"x" * 1_000_000 + b"\n")
    log = SandboxLog(file, "stream", lambda: 0)
    log.began(FIRST)
    lines, tail = log.ended(FIRST, Ran(1.0), "")
    assert len(tail) == 4096
    assert tail.endswith(b"\t\n")
    assert max(len(text) for _, text in lines) == 256 * 1024, "a longer line is several events"


def test_the_report_is_what_tools_read() -> None:
    assert report_line(FIRST, Ran(2.895, init_ms=110.1, peak_mib=36)) == (
        "REPORT RequestId: one\tDuration: 2.90 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\tInit Duration: 110.10 ms\t"
    )
    assert report_line(FIRST, Ran(0.0)) == (
        "REPORT RequestId: one\tDuration: 0.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\t"
    )
