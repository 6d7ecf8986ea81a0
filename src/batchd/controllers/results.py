"""Results: what a task wrote to the file named in BATCHD_OUTPUT, and what later jobs get of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import orjson

from batchd.engines.engine import RESULT_BYTES, RESULT_VARIABLE
from batchd.errors import BatchdError
from batchd.store.reruns import origin_of
from batchd.store.store import Result, Tx

_REFERENCE = re.compile(r"Ref::([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


class NoResult(BatchdError):
    """A job refers to something that the job before it did not leave; the text says what."""


def result_of(output: bytes) -> Result | None:
    """JSON, or why it is none; None where nothing was written."""
    if not output.strip():
        return None
    if len(output) > RESULT_BYTES:
        return Result(None, f"The result is larger than {RESULT_BYTES} bytes.")
    try:
        value = orjson.loads(output)
    except orjson.JSONDecodeError as error:
        return Result(None, f"The result is not JSON: {error}")
    return Result(orjson.dumps(value).decode())


def substituted(texts: Iterable[str], inputs: Mapping[str, str], tx: Tx) -> tuple[str, ...]:
    """The texts with each `Ref::<job name>.<field>` replaced by that field of the job's result.

    `inputs` are the ids of the jobs by name; names that are not among them stay. Texts come as they are, everything
    else as JSON. Raises NoResult.
    """

    def value(match: re.Match[str]) -> str:
        name, field = match.groups()
        return _field(tx, inputs[name], name, field) if name in inputs else match[0]

    return tuple(_REFERENCE.sub(value, text) if "Ref::" in text else text for text in texts)


def _field(tx: Tx, job_id: str, name: str, field: str) -> str:
    result = last_result(tx, job_id)
    refers = f"Ref::{name}.{field} refers to job {job_id}"
    if result is None:
        raise NoResult(f"{refers}, which wrote nothing to {RESULT_VARIABLE}")
    if result.text is None:
        raise NoResult(f"{refers}, whose result cannot be used: {result.problem}")
    found = orjson.loads(result.text)
    if not isinstance(found, dict) or field not in found:
        raise NoResult(f"{refers}, whose result has no {field}")
    return found[field] if isinstance(found[field], str) else orjson.dumps(found[field]).decode()


def last_result(tx: Tx, job_id: str) -> Result | None:
    """Of the job's last attempt; None: it left none, or the job is not known any more."""
    job = origin_of(tx.jobs, tx.jobs.get(job_id))
    return tx.results.get(job.attempts[-1].task_id) if job is not None and job.attempts else None
