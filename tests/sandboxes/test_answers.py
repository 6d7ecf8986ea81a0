from __future__ import annotations

import json

import pytest

from batchd.sandboxes.answers import exited, not_started, timed_out, too_large


@pytest.mark.parametrize(
    ("exit_code", "reason", "error_type", "text"),
    [
        (0, None, "Runtime.ExitError", "Runtime exited without providing a reason"),
        (3, None, "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        (137, None, "Runtime.ExitError", "Runtime exited with error: signal: killed"),
        (139, None, "Runtime.ExitError", "Runtime exited with error: signal: segmentation fault"),
        (137, "OutOfMemoryError: …", "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"),
    ],
)
def test_how_a_runtime_ended_is_told_in_awss_words(
    exit_code: int, reason: str | None, error_type: str, text: str
) -> None:
    answer = exited("id", exit_code, reason)
    assert json.loads(answer.payload) == {"errorType": error_type, "errorMessage": f"RequestId: id Error: {text}"}
    assert (answer.failed, answer.fatal) == (True, True)
    assert answer.note == f"RequestId: id Error: {text}\n{error_type}"


def test_a_time_out_is_an_error_and_a_line_of_the_log() -> None:
    answer = timed_out("id", 1, 1_700_000_000.25)
    assert json.loads(answer.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: id Error: Task timed out after 1.00 seconds",
    }
    assert answer.note == "2023-11-14T22:13:20.250Z id Task timed out after 1.00 seconds"


def test_too_large_an_answer_does_not_cost_the_sandbox() -> None:
    answer = too_large(6_291_556)
    assert (answer.failed, answer.fatal) == (True, False)
    assert json.loads(answer.payload)["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_sandbox_that_cannot_be_started_says_why() -> None:
    assert "no such image" in json.loads(not_started("id", "no such image").payload)["errorMessage"]
