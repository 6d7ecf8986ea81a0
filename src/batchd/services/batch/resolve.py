"""A submit and its definition, resolved into the job that runs. Pure. [batch.md 2.7, 3.2]"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from batchd.scheduler.events import ExitRule, Resources
from batchd.services.batch import fargate
from batchd.services.batch.definition_shapes import is_fargate
from batchd.services.batch.faults import unsupported
from batchd.services.batch.inputs import used_inputs
from batchd.services.batch.merge import merge_container
from batchd.services.batch.requirements import resources_of
from batchd.services.batch.retry import exit_rules, retry_shape
from batchd.services.batch.substitute import has_reference, substitute
from batchd.services.batch.task_template import log_destination, task_template
from batchd.store.store import Body
from batchd.task import LogDestination, encode_task

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

_ONE_ATTEMPT: Shape = {"attempts": 1}


@dataclass(frozen=True, slots=True)
class Resolved:
    """`shape` is what DescribeJobs will answer of it whatever happens to the job; `log.stream` lacks the task id."""

    shape: Body
    wanted: Resources
    task: bytes
    log: LogDestination
    attempts: int
    exit_rules: tuple[ExitRule, ...]
    timeout_s: int | None


def resolve_job(definition: Body, params: Shape, region: str, inputs: Mapping[str, str] | None = None) -> Resolved:
    """`definition` as described; `params` of SubmitJob, their ranges checked; `inputs` of find_inputs.

    Raises Invalid or ClientException."""
    inputs = inputs or {}
    parameters = {**definition["parameters"], **params.get("parameters", {})}
    container = _container(definition["containerProperties"], params, parameters, inputs)
    wanted = resources_of(container, fractions=is_fargate(definition))
    if is_fargate(definition):
        fargate.validate_size(wanted)
    retry = params.get("retryStrategy") or definition.get("retryStrategy") or _ONE_ATTEMPT
    timeout = params.get("timeout") or definition.get("timeout") or {}
    log = log_destination(container, definition["jobDefinitionName"], region)
    shape = {
        "retryStrategy": retry_shape(retry),
        "dependsOn": list(params.get("dependsOn", ())),
        "parameters": parameters,
        "container": container,
        "propagateTags": params.get("propagateTags", definition.get("propagateTags", False)),
        "platformCapabilities": definition.get("platformCapabilities", []),
    }
    if timeout:
        shape["timeout"] = timeout
    return Resolved(
        shape=shape,
        wanted=wanted,
        task=encode_task(
            replace(task_template(container, wanted, log), inputs=used_inputs(container["command"], inputs))
        ),
        log=log,
        attempts=retry["attempts"],
        exit_rules=exit_rules(retry),
        timeout_s=timeout.get("attemptDurationSeconds"),
    )


def _container(properties: Body, params: Shape, parameters: dict[str, str], inputs: Mapping[str, str]) -> Body:
    """The container as DescribeJobs shows it: merged, with every placeholder replaced."""
    _refuse_unservable(properties)
    container = merge_container(properties, params.get("containerOverrides", {}))
    if has_reference(container["command"]):
        container["command"] = substitute(container["command"], parameters, inputs)
    container["networkInterfaces"] = []
    return container


def _refuse_unservable(properties: Body) -> None:
    """Members that no engine here can honour: running the job without them would be wrong."""
    for volume in properties["volumes"]:
        for member in ("efsVolumeConfiguration", "s3filesVolumeConfiguration"):
            if volume.get(member):
                unsupported(f"containerProperties.volumes.{member}")
