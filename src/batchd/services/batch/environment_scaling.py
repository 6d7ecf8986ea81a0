"""How many vCPUs an environment has at the moment: what DescribeComputeEnvironments reports. [batch.md 6.3]

Machines are the operator's own and do not come and go. `desiredvCpus` is what the instances would add up to that the
jobs take: those that run, and those that ran within the scale-down delay.
"""

from __future__ import annotations

from batchd.gateway.operation import Context
from batchd.services.batch.allocation import BEST_FIT, vcpus_of_instances
from batchd.services.batch.environment_rules import is_fargate
from batchd.services.batch.instance_types import instances_of
from batchd.store.store import Body

_MINUTE_MS = 60_000
_IDLE_MS = 10 * _MINUTE_MS  # how long AWS keeps machines it was asked for by hand and that have nothing to do


def as_reported(ctx: Context, body: Body) -> Body:
    """The AWS shape of a stored environment, with `desiredvCpus` as it is now."""
    aws: Body = body["aws"]
    resources = aws.get("computeResources")
    if resources is None or is_fargate(resources):
        return aws
    desired = _desired_vcpus(ctx, aws["computeEnvironmentArn"], resources, body.get("desired_at", 0))
    return aws | {"computeResources": resources | {"desiredvCpus": desired}}


def _desired_vcpus(ctx: Context, arn: str, resources: Body, desired_at: int) -> int:
    delay_ms = _MINUTE_MS * (resources.get("scalingPolicy") or {}).get("minScaleDownDelayMinutes", 0)
    in_use = ctx.deployment.environment_vcpus(arn, ctx.now_ms - delay_ms)
    strategy = resources.get("allocationStrategy") or BEST_FIT
    desired = vcpus_of_instances(strategy, instances_of(resources["instanceTypes"]), in_use)
    if ctx.now_ms - desired_at < max(delay_ms, _IDLE_MS):
        desired = max(desired, resources["desiredvCpus"])
    least, most = int(resources["minvCpus"]), int(resources["maxvCpus"])
    return max(least, min(desired, most))
