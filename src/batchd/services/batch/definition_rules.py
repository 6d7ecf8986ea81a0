"""What a job definition may be. Pure. [batch.md 2]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchd.quotas import Quotas
from batchd.services.batch.container_rules import validate_lone_container
from batchd.services.batch.ecs_rules import validate_ecs
from batchd.services.batch.eks_rules import validate_eks
from batchd.services.batch.faults import Invalid, client_exception, refuse_unsupported, unsupported
from batchd.services.batch.node_rules import validate_nodes
from batchd.services.batch.retry import validate_retry_strategy, validate_timeout
from batchd.services.batch.substitute import Substitution

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

_KINDS = ("containerProperties", "ecsProperties", "eksProperties")


def validate_definition(params: Shape, quotas: Quotas) -> None:
    """A RegisterJobDefinition request, apart from its name and tags. Raises Invalid or ClientException."""
    if not 0 <= params.get("schedulingPriority", 0) <= 9999:
        raise Invalid("schedulingPriority must be between 0 and 9999")
    capabilities = params.get("platformCapabilities") or ("EC2",)
    if "MANAGED_INSTANCES" in capabilities:
        unsupported("platformCapabilities MANAGED_INSTANCES")
    if "retryStrategy" in params:
        validate_retry_strategy(params["retryStrategy"])
    validate_timeout(params.get("timeout", {}))
    if params["type"] == "multinode":
        _validate_nodes(params, quotas)
    else:
        _validate_properties(params, is_fargate="FARGATE" in capabilities)


def _validate_properties(params: Shape, *, is_fargate: bool) -> None:
    """Exactly one of the members that say what runs; as a submit without parameters would have it. [batch.md 2.2]"""
    if params.get("nodeProperties"):
        raise Invalid("nodeProperties can not be combined with type container")
    given = [member for member in _KINDS if params.get(member)]
    if not given:
        raise client_exception("Container properties should not be empty")
    if len(given) > 1:
        raise Invalid(f"{given[0]} can not be combined with {given[1]}")
    properties = Substitution(params.get("parameters", {}), tolerant=True)(params[given[0]])
    if given == ["containerProperties"]:
        refuse_unsupported({"containerProperties.instanceType": properties.get("instanceType")})
        validate_lone_container(properties, is_fargate=is_fargate)
    elif given == ["ecsProperties"]:
        validate_ecs(properties, is_fargate=is_fargate)
    else:
        _refuse_beside_eks(params)
        validate_eks(properties)


def _validate_nodes(params: Shape, quotas: Quotas) -> None:
    """Of type multinode. [batch.md 2.2]"""
    if not params.get("nodeProperties"):
        raise client_exception("Node properties should not be empty")
    for member in (*_KINDS, "consumableResourceProperties"):
        if params.get(member):
            raise Invalid(f"{member} can not be combined with type multinode")
    if "FARGATE" in (params.get("platformCapabilities") or ()):
        raise Invalid("type multinode is not applicable for Fargate.")
    validate_nodes(Substitution(params.get("parameters", {}), tolerant=True)(params["nodeProperties"]), quotas)
    if params["nodeProperties"]["nodeRangeProperties"][0].get("eksProperties"):
        _refuse_beside_eks(params)


def _refuse_beside_eks(params: Shape) -> None:
    for member in ("platformCapabilities", "propagateTags"):
        if params.get(member):
            raise Invalid(f"{member} can not be combined with eksProperties")
