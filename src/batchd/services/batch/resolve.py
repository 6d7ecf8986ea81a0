"""A submit and its definition, resolved into the job that runs. Pure. [batch.md 2.7, 3.2]"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from batchd.scheduler.events import ExitRule, Resources
from batchd.services.batch.faults import client_exception
from batchd.services.batch.inputs import used_inputs
from batchd.services.batch.resolve_container import container_work
from batchd.services.batch.resolve_pod import pod_work
from batchd.services.batch.resolve_task import task_work
from batchd.services.batch.retry import exit_rules, retry_shape
from batchd.services.batch.substitute import Substitution, has_reference
from batchd.services.batch.work import Order, Shape, Work
from batchd.store.store import Body
from batchd.task import LogDestination, TaskSpec, encode_task

_ONE_ATTEMPT: Shape = {"attempts": 1}


@dataclass(frozen=True, slots=True)
class _Kind:
    """One way to say what runs: the definition's member, and the submit's that overrides it."""

    member: str
    override: str
    work: Callable[[Order], Work]


_KINDS = (
    _Kind("containerProperties", "containerOverrides", container_work),
    _Kind("ecsProperties", "ecsPropertiesOverride", task_work),
    _Kind("eksProperties", "eksPropertiesOverride", pod_work),
)


@dataclass(frozen=True, slots=True)
class Resolved:
    """`shape` is what DescribeJobs will answer of it whatever happens to the job; `logs` are where the containers'
    output goes, by name: the streams lack the task id."""

    shape: Body
    wanted: Resources
    task: bytes
    logs: dict[str, LogDestination]
    attempts: int
    exit_rules: tuple[ExitRule, ...]
    timeout_s: int | None


def resolve_job(definition: Body, params: Shape, region: str, inputs: Mapping[str, str] | None = None) -> Resolved:
    """`definition` as described; `params` of SubmitJob, their ranges checked; `inputs` of find_inputs.

    Raises Invalid or ClientException."""
    inputs = inputs or {}
    parameters = {**definition["parameters"], **params.get("parameters", {})}
    fill = Substitution(parameters, inputs) if has_reference(definition, params) else None
    work = _kind(definition, params).work(Order(definition, params, region, fill))
    retry = params.get("retryStrategy") or definition.get("retryStrategy") or _ONE_ATTEMPT
    timeout = params.get("timeout") or definition.get("timeout") or {}
    shape = {
        "retryStrategy": retry_shape(retry),
        "dependsOn": list(params.get("dependsOn", ())),
        "parameters": parameters,
        **work.shape,
        "propagateTags": params.get("propagateTags", definition.get("propagateTags", False)),
        "platformCapabilities": definition.get("platformCapabilities", []),
    }
    if timeout:
        shape["timeout"] = timeout
    if consumables := consumables_of(definition, params):
        shape["consumableResourceProperties"] = consumables
    return Resolved(
        shape=shape,
        wanted=work.wanted,
        task=encode_task(replace(work.task, inputs=used_inputs(_texts(work.task), inputs) if inputs else {})),
        logs={container.name: container.log for container in work.task.containers if container.log},
        attempts=retry["attempts"],
        exit_rules=exit_rules(retry),
        timeout_s=timeout.get("attemptDurationSeconds"),
    )


def consumables_of(definition: Body, params: Shape) -> Shape:
    """The consumableResourceProperties of a job: a list in the override replaces the definition's."""
    override: Shape = params.get("consumableResourcePropertiesOverride", {})
    return override if "consumableResourceList" in override else definition.get("consumableResourceProperties", {})


def _kind(definition: Body, params: Shape) -> _Kind:
    """Raises ClientException where another kind is overridden; empty overrides ask for nothing."""
    kind = next(kind for kind in _KINDS if kind.member in definition)
    for other in _KINDS:
        if other is not kind and params.get(other.override):
            raise client_exception(f"{other.override} can not override a job definition with {kind.member}")
    return kind


def _texts(task: TaskSpec) -> list[str]:
    """Where results may be referred to."""
    containers = task.containers
    return [text for one in containers for text in (*one.entry_point, *one.command, *one.environment.values())]
