"""What a compute environment may be. Pure. [batch.md 6.1, 6.5, 10.4]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchd.services.batch.faults import Invalid, client_exception, refuse_unsupported, unsupported
from batchd.services.batch.instance_types import validate_instance_types

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

FARGATE_TYPES = ("FARGATE", "FARGATE_SPOT")
_FARGATE_MEMBERS = {"type", "maxvCpus", "subnets", "securityGroupIds"}
_SCALING_MEMBERS = {"minvCpus", "maxvCpus", "desiredvCpus", "scalingPolicy"}
_MOST_SUBNETS = 16
_MOST_SECURITY_GROUPS = 5
_MOST_LAUNCH_TEMPLATE_OVERRIDES = 10


def is_fargate(resources: Shape) -> bool:
    return resources["type"] in FARGATE_TYPES


def validate_environment(params: Shape) -> None:
    """A CreateComputeEnvironment request, apart from its name and tags. Raises Invalid or ClientException."""
    resources = params.get("computeResources")
    if params["type"] == "UNMANAGED":
        if resources:
            raise Invalid("computeResources must not be provided for an UNMANAGED compute environment.")
        validate_unmanaged_vcpus(params.get("unmanagedvCpus"), unmanaged=True)
        return
    validate_unmanaged_vcpus(params.get("unmanagedvCpus"), unmanaged=False)
    if not resources:
        raise Invalid("computeResources must be provided for a MANAGED compute environment.")
    validate_resources(resources)


def validate_unmanaged_vcpus(vcpus: int | None, *, unmanaged: bool) -> None:
    if vcpus is None:
        return
    if not unmanaged:
        raise Invalid("unmanagedvCpus can only be specified for an UNMANAGED compute environment.")
    if vcpus < 0:
        raise Invalid("unmanagedvCpus must not be negative.")


def validate_resources(resources: Shape) -> None:
    """computeResources as a whole, at creation or as an update would leave them."""
    if resources["type"] == "ECS_MANAGED_INSTANCES":
        unsupported("computeResources.type ECS_MANAGED_INSTANCES")
    refuse_unsupported({"computeResources.managedInstancesProvider": resources.get("managedInstancesProvider")})
    if is_fargate(resources):
        _validate_fargate(resources)
    else:
        _validate_machines(resources)
    _validate_lists(resources)


def _validate_fargate(resources: Shape) -> None:
    for member, value in resources.items():
        if member not in _FARGATE_MEMBERS and value not in (None, "", [], {}):
            raise client_exception(f"{member} is not applicable for Fargate.")
    if resources["maxvCpus"] < 1:
        raise Invalid("maxvCpus must be at least 1.")
    if not resources.get("securityGroupIds"):
        raise Invalid("securityGroupIds are required for Fargate.")


def _validate_machines(resources: Shape) -> None:
    """EC2 and SPOT."""
    if not resources.get("instanceRole"):
        raise Invalid("Instance role is required.")
    if resources.get("minvCpus") is None:
        raise Invalid("Resource minvCpus is required.")
    if not resources.get("instanceTypes"):
        raise Invalid("instanceTypes are required.")
    if ":role/" in resources["instanceRole"]:
        raise client_exception("ECS Instance Role should be an ECS Instance Profile ARN")
    validate_instance_types(resources["instanceTypes"])
    _validate_vcpus(resources)
    _validate_scale_down(resources.get("scalingPolicy") or {})
    _validate_allocation(resources)
    _validate_launch_template(resources.get("launchTemplate") or {})


def _validate_vcpus(resources: Shape) -> None:
    least, most = resources["minvCpus"], resources["maxvCpus"]
    if least < 0:
        raise Invalid("minvCpus must not be negative.")
    if most < max(least, 1):
        raise Invalid("maxvCpus must be at least 1 and not less than minvCpus.")
    desired = resources.get("desiredvCpus")
    if desired is not None and not least <= desired <= most:
        raise Invalid("desiredvCpus must be between minvCpus and maxvCpus.")


def _validate_scale_down(policy: Shape) -> None:
    delay = policy.get("minScaleDownDelayMinutes") or 0
    if delay and not 20 <= delay <= 10080:
        raise Invalid("scalingPolicy.minScaleDownDelayMinutes must be 0 or between 20 and 10080.")


def _validate_allocation(resources: Shape) -> None:
    strategy = resources.get("allocationStrategy") or "BEST_FIT"
    spot = resources["type"] == "SPOT"
    if strategy.startswith("SPOT_") and not spot:
        raise Invalid(f"allocationStrategy {strategy} is only applicable for SPOT.")
    if spot and strategy == "BEST_FIT" and not resources.get("spotIamFleetRole"):
        raise Invalid("spotIamFleetRole is required for SPOT with allocationStrategy BEST_FIT.")
    if not 0 <= (resources.get("bidPercentage") or 0) <= 100:
        raise Invalid("bidPercentage must be between 0 and 100.")


def _validate_launch_template(template: Shape) -> None:
    overrides = template.get("overrides") or ()
    if len(overrides) > _MOST_LAUNCH_TEMPLATE_OVERRIDES:
        raise Invalid(f"launchTemplate.overrides must have at most {_MOST_LAUNCH_TEMPLATE_OVERRIDES} entries.")
    for one in (template, *overrides):
        if one.get("launchTemplateId") and one.get("launchTemplateName"):
            raise Invalid("launchTemplateId and launchTemplateName must not both be specified.")


def _validate_lists(resources: Shape) -> None:
    subnets = resources.get("subnets") or ()
    if not subnets:
        raise Invalid("subnets are required.")
    if is_fargate(resources) and len(subnets) > _MOST_SUBNETS:
        raise Invalid(f"subnets must have at most {_MOST_SUBNETS} entries.")
    if len(resources.get("securityGroupIds") or ()) > _MOST_SECURITY_GROUPS:
        raise Invalid(f"securityGroupIds must have at most {_MOST_SECURITY_GROUPS} entries.")


def validate_resources_update(current: Shape, changes: Shape, service_role: str) -> None:
    """What an update may ask of an environment's present computeResources, `desiredvCpus` as reported."""
    if not changes:
        raise client_exception("At least one compute-resources attribute must be specified")
    if is_fargate(current):
        _validate_fargate_update(current, changes)
        return
    if changes.get("type", current["type"]) in FARGATE_TYPES:
        raise Invalid(f"type can not be changed from {current['type']} to {changes['type']}.")
    if "desiredvCpus" in changes:
        _validate_desired_update(current, changes)
    if changes.keys() - _SCALING_MEMBERS:
        _validate_infrastructure_update(current, service_role)


def replaces_machines(current: Shape, changes: Shape) -> bool:
    """Whether the update is one of the infrastructure: running machines would not do for it. [batch.md 6.5]"""
    if is_fargate(current):
        return False
    if changes.get("updateToLatestImageVersion"):
        return True
    nothing: tuple[object, ...] = (None, "", [], {})
    return any(
        value != current.get(member) and not (value in nothing and current.get(member) in nothing)
        for member, value in changes.items()
        if member not in _SCALING_MEMBERS and member != "updateToLatestImageVersion"
    )


def _validate_desired_update(current: Shape, changes: Shape) -> None:
    """A user may raise it only, within the limits as they will be. [batch.md 6.3]"""
    if changes["desiredvCpus"] < current["desiredvCpus"]:
        raise Invalid(
            "Manually scaling down compute environment is not supported. "
            "Disconnecting job queues from compute environment will cause it to scale-down to minvCpus."
        )
    _validate_vcpus({**current, **changes})


def _validate_fargate_update(current: Shape, changes: Shape) -> None:
    if changes.get("type", current["type"]) not in FARGATE_TYPES:
        raise Invalid(f"type can not be changed from {current['type']} to {changes['type']}.")
    for member, value in changes.items():
        if member not in _FARGATE_MEMBERS and value not in (None, "", [], {}):
            raise client_exception(f"{member} is not applicable for Fargate.")


def _validate_infrastructure_update(current: Shape, service_role: str) -> None:
    """Replacing machines needs the service-linked role and a strategy other than BEST_FIT."""
    if current.get("allocationStrategy", "BEST_FIT") == "BEST_FIT":
        raise Invalid("Only scaling can be updated while allocationStrategy is BEST_FIT.")
    if not service_role.endswith("/AWSServiceRoleForBatch"):
        raise Invalid("Only scaling can be updated while serviceRole is not the AWSServiceRoleForBatch role.")
