"""Amazon EKS clusters, as far as compute environments name them: pods run on this machine like all other jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchd.arns import parse_arn
from batchd.gateway.operation import Context
from batchd.services.batch.eks_rules import validate_namespace
from batchd.services.batch.faults import Invalid
from batchd.services.batch.names import ENVIRONMENT, key_of
from batchd.store.store import Body

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model


def validate_cluster(params: Shape) -> None:
    """The eksConfiguration of a CreateComputeEnvironment, where it has one. [batch.md 2.6, 6.1]"""
    configuration = params.get("eksConfiguration")
    if not configuration:
        return
    arn = parse_arn(configuration["eksClusterArn"])
    if arn is None or arn.service != "eks" or arn.kind != "cluster":
        raise Invalid("eksConfiguration.eksClusterArn must be the ARN of an Amazon EKS cluster")
    validate_namespace(configuration["kubernetesNamespace"])
    if params["type"] == "UNMANAGED":
        raise Invalid("eksConfiguration can not be provided for an UNMANAGED compute environment.")
    resources = params.get("computeResources") or {}
    if resources.get("type") not in ("EC2", "SPOT"):
        raise Invalid("computeResources.type must be EC2 or SPOT for an Amazon EKS compute environment.")
    if resources.get("allocationStrategy") == "BEST_FIT":
        raise Invalid("allocationStrategy BEST_FIT is not applicable for Amazon EKS.")


def is_on_eks(environment: Shape) -> bool:
    return bool(environment.get("eksConfiguration"))


def clusters_of(ctx: Context, queue: Body) -> Body:
    """eksConfiguration by ARN of the queue's environments: what its jobs will say of where they ran."""
    clusters = {}
    for entry in queue["computeEnvironmentOrder"]:
        arn = entry["computeEnvironment"]
        body = ctx.tx.resources.get(key_of(ctx, ENVIRONMENT, arn))
        if body is not None and is_on_eks(body["aws"]):
            clusters[arn] = body["aws"]["eksConfiguration"]
    return clusters
