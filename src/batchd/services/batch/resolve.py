"""A submit and its definition, resolved into the job that runs. Pure. [batch.md 2.7, 3.2]"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

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
_PLAIN = frozenset({"jobName", "jobQueue", "jobDefinition"})  # members that change nothing of what runs


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
    if not inputs and params.keys() <= _PLAIN:
        return _resolve_plain(_Document(definition), region)
    return _resolve(definition, params, region, inputs or {})


class _Document:
    """A document that is itself and no other, however alike: documents of the store are never changed."""

    __slots__ = ("body",)

    def __init__(self, body: Body) -> None:
        self.body = body

    def __hash__(self) -> int:
        return id(self.body)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Document) and self.body is other.body


@lru_cache(maxsize=256)
def _resolve_plain(definition: _Document, region: str) -> Resolved:
    """Jobs that ask for nothing but their definition are all alike: a seventh of what a submit of one costs."""
    return _resolve(definition.body, {}, region, {})


def _resolve(definition: Body, params: Shape, region: str, inputs: Mapping[str, str]) -> Resolved:
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
