"""What a submit says of its place in a queue: share and scheduling priority. [batch.md 3.6]"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchd.gateway.operation import Context
from batchd.scheduler.shares import LEAST_WINDOW_S
from batchd.services.batch.faults import Invalid, client_exception
from batchd.store.store import Body

_SHARE = re.compile(r"[0-9A-Za-z]{1,255}\*?")
_HIGHEST = 9999
_NO_POLICY = (
    "Job with shareIdentifier or schedulingPriority can onlybe submitted to job queue "
    "with fair share scheduling policy."
)
_NO_SHARE = "Job submitted to job queue with fair share scheduling policy must have a shareIdentifier."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job stands; first come, first served knows but one."""

    share: str = ""
    priority: int = 0

    @property
    def shape(self) -> Body:
        """The members of DescribeJobs."""
        return {"shareIdentifier": self.share, "schedulingPriority": self.priority} if self.share else {}


def validate_place(params: Mapping[str, Any]) -> None:
    """What needs nothing but the request. Raises Invalid."""
    if params.get("shareIdentifier") and not _SHARE.fullmatch(params["shareIdentifier"]):
        raise Invalid("shareIdentifier should match valid pattern")
    if not 0 <= params.get("schedulingPriorityOverride", 0) <= _HIGHEST:
        raise Invalid(f"schedulingPriorityOverride must be between 0 and {_HIGHEST}")


def find_place(ctx: Context, queue: Body, definition: Body, params: Mapping[str, Any]) -> Place:
    """In this queue (its stored document), of a job of this definition. Raises ClientException: a share is for queues
    with a policy, which must have one, and no more than the quota are active at a time."""
    share, policy = params.get("shareIdentifier"), queue["spec"].get("fair_share")
    if policy is None:
        if share or "schedulingPriorityOverride" in params:
            raise client_exception(_NO_POLICY)
        return Place()
    if not share:
        raise client_exception(_NO_SHARE)
    quota = ctx.deployment.quotas.shares_per_queue
    active_since = ctx.now_ms - 1000 * max(LEAST_WINDOW_S, policy["decay_s"])
    if not ctx.tx.shares.join(queue["aws"]["jobQueueArn"], share, ctx.now_ms, active_since, quota):
        raise client_exception(f"At most {quota} active share identifiers are allowed in a job queue")
    return Place(share, params.get("schedulingPriorityOverride", definition.get("schedulingPriority", 0)))
