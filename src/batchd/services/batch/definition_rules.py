"""What a job definition may be. Pure. [batch.md 2]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchd.services.batch import container_rules, fargate
from batchd.services.batch.ecs_rules import validate_ecs
from batchd.services.batch.eks_rules import validate_eks
from batchd.services.batch.faults import Invalid, client_exception, refuse_unsupported, unsupported
from batchd.services.batch.requirements import known_total
from batchd.services.batch.retry import validate_retry_strategy, validate_timeout
from batchd.services.batch.substitute import Substitution

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

_UNSUPPORTED = ("nodeProperties",)
_KINDS = ("containerProperties", "ecsProperties", "eksProperties")


def validate_definition(params: Shape) -> None:
    """A RegisterJobDefinition request, apart from its name and tags. Raises Invalid or ClientException."""
    if params["type"] == "multinode":
        unsupported("type multinode")
    refuse_unsupported({member: params.get(member) for member in _UNSUPPORTED})
    if not 0 <= params.get("schedulingPriority", 0) <= 9999:
        raise Invalid("schedulingPriority must be between 0 and 9999")
    capabilities = params.get("platformCapabilities") or ("EC2",)
    if "MANAGED_INSTANCES" in capabilities:
        unsupported("platformCapabilities MANAGED_INSTANCES")
    if "retryStrategy" in params:
        validate_retry_strategy(params["retryStrategy"])
    validate_timeout(params.get("timeout", {}))
    _validate_properties(params, is_fargate="FARGATE" in capabilities)


def _validate_properties(params: Shape, *, is_fargate: bool) -> None:
    """Exactly one of the members that say what runs; as a submit without parameters would have it. [batch.md 2.2]"""
    given = [member for member in _KINDS if params.get(member)]
    if not given:
        raise client_exception("Container properties should not be empty")
    if len(given) > 1:
        raise Invalid(f"{given[0]} can not be combined with {given[1]}")
    properties = Substitution(params.get("parameters", {}), tolerant=True)(params[given[0]])
    if given == ["containerProperties"]:
        validate_container(properties, is_fargate=is_fargate)
    elif given == ["ecsProperties"]:
        validate_ecs(properties, is_fargate=is_fargate)
    else:
        for member in ("platformCapabilities", "propagateTags"):
            if params.get(member):
                raise Invalid(f"{member} can not be combined with eksProperties")
        validate_eks(properties)


def validate_container(container: Shape, *, is_fargate: bool) -> None:
    """containerProperties. Raises Invalid or ClientException."""
    refuse_unsupported({"containerProperties.instanceType": container.get("instanceType")})
    container_rules.validate_container(container)
    volumes = container_rules.validate_volumes(container.get("volumes", ()))
    container_rules.validate_mounts(container.get("mountPoints", ()), volumes)
    if is_fargate:
        fargate.validate_container(container)
    else:
        fargate.validate_no_fargate_members(container)
    wanted = known_total((container,), fractions=is_fargate)
    if is_fargate and wanted is not None:
        fargate.validate_size(wanted)
