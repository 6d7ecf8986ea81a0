"""What a submit comes to for the scheduler where a job has several nodes. [batch.md 7.5, 7.7]"""

from __future__ import annotations

from batchd.gateway.operation import Context
from batchd.scheduler.events import Claim, Gang
from batchd.services.batch.consumable_rules import add_claims, find_claims
from batchd.services.batch.faults import client_exception
from batchd.services.batch.kinds import CONSUMABLES
from batchd.services.batch.names import ENVIRONMENT, key_of
from batchd.services.batch.resolve import Resolved
from batchd.store.store import Body


def validate_gang(ctx: Context, queue: Body, size: int) -> None:
    """Raises ClientException where this queue cannot take one, or the submit wants an array of them."""
    if size:
        raise client_exception("arrayProperties is not applicable for multi-node parallel jobs")
    keys = (key_of(ctx, ENVIRONMENT, entry["computeEnvironment"]) for entry in queue["computeEnvironmentOrder"])
    kinds = [body["aws"]["type"] for key in keys if (body := ctx.tx.resources.get(key)) is not None]
    if kinds and all(kind == "UNMANAGED" for kind in kinds):
        raise client_exception("Multi-node parallel jobs can not run in UNMANAGED compute environments")


def gang_of(job: Resolved) -> Gang | None:
    """None for a job of one node; of several nodes each need is told once."""
    nodes = job.work.nodes
    if nodes is None:
        return None
    needs = dict.fromkeys(nodes.groups[group].wanted for group in nodes.members)
    return Gang(len(nodes.members), nodes.main, tuple(needs))


def claims_of(ctx: Context, job: Resolved) -> tuple[Claim, ...]:
    """The units of consumable resources that an attempt needs, of several nodes all together. Raises Invalid or
    ClientException."""
    nodes = job.work.nodes
    if nodes is None:
        return find_claims(ctx, job.shape.get(CONSUMABLES, {}))
    claims = (find_claims(ctx, group.shape.get(CONSUMABLES, {})) for group in nodes.groups)
    return add_claims((one, nodes.members.count(number)) for number, one in enumerate(claims))
