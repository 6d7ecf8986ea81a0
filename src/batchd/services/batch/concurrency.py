"""Concurrency limits: how many jobs run at a time, said in tags. See docs/beyond-aws-batch.md.

AWS has none. A tag is the one place where an unmodified client can put one: on a job queue, on a job definition, on an
array, or on jobs that name a key.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchd.gateway.operation import Context
from batchd.scheduler.events import Claim, DefinitionLimited
from batchd.services.batch.faults import client_exception
from batchd.services.batch.names import DEFINITION_LIMIT, revision_key
from batchd.store.store import Body, Key

LIMIT = "batchd:max-concurrency"
KEY = "batchd:concurrency-key"
_MOST = 1_000_000


def limit_of(tags: Mapping[str, str]) -> int | None:
    """How many jobs of a queue or definition with these tags may be under way; 0 holds all, None is without limit.

    Raises ClientException."""
    if KEY in tags:
        raise client_exception(f"tag {KEY} is for jobs only")
    return _number(tags[LIMIT], 0) if LIMIT in tags else None


def claims_of(ctx: Context, job_id: str, size: int, tags: Mapping[str, str]) -> tuple[Claim, ...]:
    """The pool to which a job's tags limit it: of its key, or of the children of the array. Raises ClientException."""
    if KEY not in tags and LIMIT not in tags:
        return ()
    most = _number(tags.get(LIMIT, "1"), 1)
    if KEY not in tags:
        if not size:
            raise client_exception(f"tag {LIMIT} of a job that is no array needs the tag {KEY}")
        return (Claim(job_id, limit=most),)
    if not tags[KEY]:
        raise client_exception(f"tag {KEY} must not be empty")
    return (Claim(ctx.arn("batch", f"concurrency-key/{tags[KEY]}"), limit=most),)


def validate_kept(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """A job is held to what it was submitted with. Raises ClientException."""
    for tag in (KEY, LIMIT):
        if before.get(tag) != after.get(tag):
            raise client_exception(f"tag {tag} of a job can not be changed after its submit")


def save_definition_limit(ctx: Context, aws: Body) -> None:
    """Tell the scheduler what the tags of this job definition say now, if they say something new."""
    most = limit_of(aws["tags"])
    key = Key(DEFINITION_LIMIT, ctx.region, revision_key(ctx.region, aws["jobDefinitionName"], aws["revision"]).name)
    known = ctx.tx.resources.get(key)
    if most == (known["max_concurrency"] if known is not None else None):
        return
    if most is None:
        ctx.tx.resources.delete(key)
    else:
        ctx.tx.resources.put(key, {"definition": aws["jobDefinitionArn"], "max_concurrency": most})
    ctx.tx.journal.append(DefinitionLimited(aws["jobDefinitionArn"], most))


def _number(text: str, least: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(_MOST)) else -1
    if not least <= number <= _MOST:
        raise client_exception(f"tag {LIMIT} must be a whole number between {least} and {_MOST}, not {text}")
    return number
