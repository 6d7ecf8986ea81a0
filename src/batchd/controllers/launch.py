"""Hands the scheduler's commands to the engine, completing each task from its template. At least once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from uuid import NAMESPACE_URL, uuid5

from batchd.arns import parse_arn
from batchd.controllers.expansion import expanded
from batchd.controllers.inputs import ReadSecret, SecretMissing, Unresolved, resolved
from batchd.engines.engine import Engine
from batchd.scheduler.commands import Command, StartTask, StopTask
from batchd.store.store import Store, Tx
from batchd.task import POD, ContainerSpec, LogDestination, TaskSpec, decode_node, decode_task

log = logging.getLogger(__name__)
METADATA_GRACE_S = 30.0  # AWS's SIGTERM-to-SIGKILL time where the task sets none [batch.md 1.6]
_LONGEST_REASON = 255  # characters of `container.reason`


def _no_secrets(tx: Tx, value_from: str, region: str) -> str:
    raise SecretMissing(f"this server keeps no secrets ({value_from})")


def _unheard(task_id: str, reason: str) -> None:
    raise AssertionError(f"task {task_id} cannot be started and nobody listens: {reason}")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a job is told of the server it runs under.

    `task_token` makes the secret that the job's SDK shows to `<endpoint>/_batchd/credentials` for the credentials of
    (job id, task id, role ARN). `read_secret` gives the value that a container's `valueFrom` names, in a region.
    `node_address` is the address of this machine at which nodes of a job find each other.
    """

    endpoint: str
    account: str
    task_token: Callable[[str, str, str], str]
    read_secret: ReadSecret = _no_secrets
    node_address: str = "127.0.0.1"


class Launch:
    """Turns StartTask and StopTask into calls of the engine; remembers where each live task's output goes.

    `refuse` hears of tasks (id, reason) that cannot be completed or handed over: for the job that is a failed start.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        surroundings: Surroundings,
        refuse: Callable[[str, str], None] = _unheard,
    ) -> None:
        self._store = store
        self._engine = engine
        self._surroundings = surroundings
        self._refuse = refuse
        self.logs: dict[str, list[tuple[str, LogDestination]]] = {}  # task id -> (container, destination)
        self._stop_timeouts: dict[str, float] = {}

    def perform(self, commands: Iterable[Command]) -> None:
        """Repeat as often as you like: engines are idempotent by task id. Raises StoreError where nothing can be read;
        what goes wrong with one task is that task's failed start and does not keep the others from theirs."""
        with self._store.read() as tx:
            for command in commands:
                if isinstance(command, StopTask):
                    self._stop(command)
                else:
                    self._start(tx, command)

    def expect(self, commands: Iterable[StartTask]) -> None:
        """Before the engine is opened after a restart: learn the destinations of tasks that may run already."""
        with self._store.read() as tx:
            for command in commands:
                if (found := tx.jobs.task_of(command.job_id)) and (spec := self._complete(command, found)):
                    self._remember(spec)

    def withdraw(self, task_id: str) -> None:
        """The engine returned the task: nothing of it runs, and it may be started again at any time."""
        self.logs.pop(task_id, None)
        self._stop_timeouts.pop(task_id, None)

    def forget(self, task_id: str) -> None:
        """The task's end is recorded and its output read."""
        self.withdraw(task_id)
        self._engine.forget(task_id)

    def _start(self, tx: Tx, command: StartTask) -> None:
        found = tx.jobs.task_of(command.job_id)
        if found is None:  # purged while its start was on the way: nothing to run any more
            return
        spec = self._complete(command, found)
        if spec is None:
            self._refuse(command.task_id, "CannotStartContainerError: the job cannot be read")
            return
        self._remember(spec)
        try:
            self._hand_over(resolved(tx, spec, found[1], self._surroundings.read_secret))
        except Unresolved as error:
            self._refuse(spec.task_id, str(error))
        except Exception as error:  # our mistake with one job; the reason says nothing that may be secret
            log.error("task %s cannot be completed", spec.task_id, exc_info=error)
            self._refuse(spec.task_id, "CannotStartContainerError: the job cannot be completed")

    def _hand_over(self, spec: TaskSpec) -> None:
        try:
            self._engine.start(spec)
        except Exception as error:  # an engine must not raise; where it does, this job fails, not all
            log.error("task %s cannot be started", spec.task_id, exc_info=error)
            self._refuse(spec.task_id, f"CannotStartContainerError: {error}"[:_LONGEST_REASON])

    def _stop(self, command: StopTask) -> None:
        try:
            self._engine.stop(command.task_id, self._stop_timeouts.get(command.task_id, METADATA_GRACE_S))
        except Exception as error:  # as above; the stop is repeated after a restart
            log.error("task %s cannot be stopped", command.task_id, exc_info=error)

    def _remember(self, spec: TaskSpec) -> None:
        destinations = [(c.name, c.log) for c in spec.containers if c.log is not None]
        if destinations:
            self.logs[spec.task_id] = destinations
        self._stop_timeouts[spec.task_id] = spec.stop_timeout_s

    def _complete(self, command: StartTask, found: tuple[bytes, str, str]) -> TaskSpec | None:
        """The task, but for what it gets only at its start; None for a template that this version cannot read."""
        template, region, queue = found
        try:
            spec = _decoded(template) if command.main is None else _decoded_node(template, command.index or 0)
        except (LookupError, TypeError, ValueError) as error:
            log.error("the template of job %s cannot be read", command.job_id, exc_info=error)
            return None
        environment = self._environment(command, region, queue, spec.labels.get("job_role", ""))
        if POD in spec.labels:
            environment["AWS_BATCH_JOB_KUBERNETES_NODE_UID"] = _node_uid(command.environment)
        containers = tuple(_complete_container(c, command.task_id, environment) for c in spec.containers)
        inputs = {name: job_id.replace("*", str(command.index)) for name, job_id in spec.inputs.items()}
        counted = command.resources
        needs = None if counted is None else (counted.vcpus_milli, counted.memory_mib)
        return TaskSpec(command.task_id, containers, spec.stop_timeout_s, spec.labels, inputs, needs)

    def _environment(self, command: StartTask, region: str, queue: str, role: str) -> dict[str, str]:
        """The variables Batch sets, and those that lead an AWS SDK in the job back here. [batch.md 4, iam.md 12]"""
        here = self._surroundings
        return {
            "AWS_BATCH_JOB_ID": command.job_id,
            "AWS_BATCH_JOB_ATTEMPT": str(command.attempt),
            **_part_variables(command, here.node_address),
            "AWS_BATCH_JQ_NAME": _name(queue),
            "AWS_BATCH_CE_NAME": _name(command.environment),
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": here.endpoint,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{here.endpoint}/_batchd/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": here.task_token(command.job_id, command.task_id, role),
            "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
        }


def _complete_container(container: ContainerSpec, task_id: str, environment: dict[str, str]) -> ContainerSpec:
    """AWS_BATCH_* always wins; what leads the SDK here may be overridden by the job's own environment."""
    reserved = {name: value for name, value in environment.items() if name.startswith("AWS_BATCH")}
    to = container.log and container.log.of_task(task_id)
    completed = replace(container, environment={**environment, **container.environment, **reserved}, log=to)
    return expanded(completed, container.environment) if container.expands else completed


def _part_variables(command: StartTask, main_address: str) -> dict[str, str]:
    """What the child of an array, or the node of a job, is told of its place. [batch.md 4.1]"""
    if command.index is None:
        return {}
    if command.main is None:
        return {"AWS_BATCH_JOB_ARRAY_INDEX": str(command.index), "AWS_BATCH_JOB_ARRAY_SIZE": str(command.size)}
    place = {
        "AWS_BATCH_JOB_NODE_INDEX": str(command.index),
        "AWS_BATCH_JOB_NUM_NODES": str(command.size),
        "AWS_BATCH_JOB_MAIN_NODE_INDEX": str(command.main),
    }
    if command.index != command.main:
        place["AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS"] = main_address
    return place


@lru_cache(maxsize=1024)
def _node_uid(environment: str) -> str:
    """Of the one machine that serves the environment. [batch.md 4.1]"""
    return str(uuid5(NAMESPACE_URL, f"{environment}#node"))


@lru_cache(maxsize=128)
def _decoded(template: bytes) -> TaskSpec:
    """Children of an array, and many jobs of one definition, have the same."""
    return decode_task(template)


@lru_cache(maxsize=1024)
def _decoded_node(template: bytes, index: int) -> TaskSpec:
    return decode_node(template, index)


@lru_cache(maxsize=1024)
def _name(arn: str) -> str:
    parsed = parse_arn(arn)
    return parsed.name if parsed else arn
