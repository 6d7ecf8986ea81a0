"""Invocations of a Python function without boto3: warm, and in a new sandbox."""

from __future__ import annotations

import io
import statistics
import time
import zipfile
from dataclasses import replace
from typing import Any

import served
import signed

NAME = "bench"
CODE = "def handler(event, context):\n    return event\n"
WARM, COLD = 500, 15


def invoked(signer: signed.Signer) -> tuple[list[float], list[float]]:
    """Seconds from sending Invoke to its answer: warm, and cold (each after a change of the function)."""
    functions = served.client(signer, "lambda")
    functions.create_function(**_function())
    connection = signed.Connection(replace(signer, service="lambda"))
    cold = []
    for number in range(COLD):
        functions.update_function_configuration(FunctionName=NAME, Description=str(number))
        cold.append(_call(connection))
    warm = [_call(connection) for _ in range(WARM)]
    connection.close()
    return warm, cold


def quantile(times: list[float], part: float) -> float:
    return sorted(times)[min(int(len(times) * part), len(times) - 1)]


def _call(connection: signed.Connection) -> float:
    began = time.perf_counter()
    connection.post(f"/2015-03-31/functions/{NAME}/invocations", {"a": 1})
    return time.perf_counter() - began


def _function() -> dict[str, Any]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", CODE)
    return {
        "FunctionName": NAME,
        "Runtime": "python3.11",
        "Role": "arn:aws:iam::123456789012:role/bench",
        "Handler": "app.handler",
        "MemorySize": 256,
        "Code": {"ZipFile": buffer.getvalue()},
    }


def told(warm: list[list[float]], cold: list[list[float]]) -> str:
    """Medians over the rounds, in milliseconds."""

    def ms(rounds: list[list[float]], part: float) -> str:
        return f"{statistics.median(quantile(times, part) for times in rounds) * 1000:.1f}"

    return f"Invoke: warm p50 {ms(warm, 0.5)} ms, p99 {ms(warm, 0.99)} ms; cold p50 {ms(cold, 0.5)} ms"
