"""Results that a job refers to: `Ref::<name of a job it depends on>.<field>`. See docs/beyond-aws-batch.md.

AWS has placeholders for parameters only; a parameter of the same name is stronger, so nothing of AWS's changes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

import orjson

from batchd.gateway.operation import Context
from batchd.scheduler.events import Dependency
from batchd.services.batch.faults import client_exception

_REFERENCE = re.compile(r"Ref::([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]")


def find_inputs(ctx: Context, depends_on: Collection[Dependency], *shapes: object) -> dict[str, str]:
    """The jobs whose results these shapes refer to: name to id, with `*` for the index of an N_TO_N child.

    Raises ClientException where two of them have a name that is referred to."""
    if not depends_on:
        return {}
    wanted = {match[1] for match in _REFERENCE.finditer(orjson.dumps(shapes).decode())}
    found: dict[str, str] = {}
    for dependency in depends_on if wanted else ():
        job = ctx.tx.jobs.get(dependency.job_id)
        if job is None or job.name not in wanted:
            continue
        if job.name in found:
            raise client_exception(f"Ref::{job.name} is ambiguous: two jobs of dependsOn have this name")
        found[job.name] = f"{job.job_id}:*" if dependency.each else job.job_id
    return found


def used_inputs(texts: Iterable[str], inputs: Mapping[str, str]) -> dict[str, str]:
    """Those of the inputs that the texts, their parameters substituted, refer to."""
    names = {match[1] for text in texts for match in _REFERENCE.finditer(text)}
    return {name: job_id for name, job_id in inputs.items() if name in names}
