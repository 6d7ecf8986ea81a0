"""A submit and its definition, resolved into the job that runs. Pure. [batch.md 2.7, 3.2]"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from batchd.scheduler.events import ExitRule
from batchd.services.batch.inputs import used_inputs
from batchd.services.batch.kinds import CONSUMABLES, NODES, consumables_of, kind_of
from batchd.services.batch.resolve_nodes import node_work
from batchd.services.batch.retry import exit_rules, retry_shape
from batchd.services.batch.substitute import Substitution, has_reference
from batchd.services.batch.work import Order, Shape, Work
from batchd.store.store import Body
from batchd.task import TaskSpec, encode_nodes, encode_task

_ONE_ATTEMPT: Shape = {"attempts": 1}


@dataclass(frozen=True, slots=True)
class Resolved:
    """`shape` is what DescribeJobs will answer of it whatever happens to the job, `work` what runs, and `task` the
    template of that."""

    shape: Body
    work: Work
    task: bytes
    attempts: int
    exit_rules: tuple[ExitRule, ...]
    timeout_s: int | None


def resolve_job(definition: Body, params: Shape, region: str, inputs: Mapping[str, str] | None = None) -> Resolved:
    """`definition` as described; `params` of SubmitJob, their ranges checked; `inputs` of find_inputs.

    Raises Invalid or ClientException."""
    inputs = inputs or {}
    parameters = {**definition["parameters"], **params.get("parameters", {})}
    fill = Substitution(parameters, inputs) if has_reference(definition, params) else None
    work = _work(Order(definition, params, region, fill))
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
        shape[CONSUMABLES] = consumables
    return Resolved(
        shape=shape,
        work=work,
        task=_template(work, inputs),
        attempts=retry["attempts"],
        exit_rules=exit_rules(retry),
        timeout_s=timeout.get("attemptDurationSeconds"),
    )


def _work(order: Order) -> Work:
    if NODES in order.definition:
        return node_work(order)
    return kind_of(order.definition, order.params).work(order)


def _template(work: Work, inputs: Mapping[str, str]) -> bytes:
    if work.nodes is None:
        return encode_task(_with_inputs(work.task, inputs))
    return encode_nodes([_with_inputs(group.task, inputs) for group in work.nodes.groups], work.nodes.members)


def _with_inputs(task: TaskSpec, inputs: Mapping[str, str]) -> TaskSpec:
    return replace(task, inputs=used_inputs(_texts(task), inputs) if inputs else {})


def _texts(task: TaskSpec) -> list[str]:
    """Where results may be referred to."""
    containers = task.containers
    return [text for one in containers for text in (*one.entry_point, *one.command, *one.environment.values())]
