"""Explanations in the members of `batchdWhy`: why a job waits, for programs. See docs/beyond-aws-batch.md."""

from __future__ import annotations

from typing import TypedDict

from batchd.scheduler.explain import Explanation
from batchd.scheduler.fronts import Standing


class Obstacle(TypedDict, total=False):
    """Without `subject` it is the machine."""

    kind: str
    subject: str
    reason: str


class Share(TypedDict):
    shareIdentifier: str
    turn: int
    shares: int
    usageVcpuSeconds: float
    vcpus: float
    weight: float


class Why(TypedDict, total=False):
    """What does not apply is left out."""

    status: str
    gist: str
    reasons: list[str]
    waitsFor: list[str]
    ahead: int
    aheadAtLeast: int
    head: str
    obstacles: list[Obstacle]
    share: Share
    expectedStartAt: int
    stopsAt: int


def members(found: Explanation) -> Why:
    why: Why = {"status": found.status.value, "gist": found.gist, "reasons": found.sentences}
    if found.waits_for:
        why["waitsFor"] = list(found.waits_for)
    if found.head is not None:
        why["aheadAtLeast" if found.is_far else "ahead"] = found.ahead
        why["head"] = found.head
    if found.obstacles:
        why["obstacles"] = [
            {"kind": one.hurdle.value, "reason": one.sentence, **({"subject": one.subject} if one.subject else {})}
            for one in found.obstacles
        ]
    if found.share is not None:
        why["share"] = _share(found.share)
    if found.starts_at is not None:
        why["expectedStartAt"] = found.starts_at
    if found.stops_at is not None:
        why["stopsAt"] = found.stops_at
    return why


def _share(standing: Standing) -> Share:
    return {
        "shareIdentifier": standing.name,
        "turn": standing.turn,
        "shares": standing.shares,
        "usageVcpuSeconds": round(standing.used, 3),
        "vcpus": standing.held,
        "weight": standing.weight,
    }
