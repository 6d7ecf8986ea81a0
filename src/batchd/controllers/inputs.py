"""What a task gets at its start and not before: secrets, and results of the jobs it waited for.

Neither is in the job's row or in the journal; the complete task is known only to the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from batchd.controllers.results import NoResult, substituted
from batchd.errors import BatchdError
from batchd.store.store import Tx
from batchd.task import ContainerSpec, TaskSpec

ReadSecret = Callable[[Tx, str, str], str]
_LONGEST_REASON = 255  # characters of `container.reason`


class Unresolved(BatchdError):
    """The task cannot be started; the text is the attempt's reason."""


class SecretMissing(BatchdError):
    """A secret cannot be had; the text says why, in the words of its service."""


def resolved(tx: Tx, spec: TaskSpec, region: str, read_secret: ReadSecret) -> TaskSpec:
    """The task with everything in its place; `inputs` are ids by now. Raises Unresolved."""
    if not spec.inputs and not any(container.secrets for container in spec.containers):
        return spec
    try:
        containers = tuple(_filled(tx, spec, container) for container in spec.containers)
        containers = tuple(_opened(tx, container, region, read_secret) for container in containers)
    except NoResult as error:
        raise _unresolved("ResultReferenceError", error) from None
    except SecretMissing as error:
        raise _unresolved("ResourceInitializationError: unable to pull secrets or registry auth", error) from None
    return replace(spec, containers=containers)


def _filled(tx: Tx, spec: TaskSpec, container: ContainerSpec) -> ContainerSpec:
    if not spec.inputs:
        return container
    values = substituted(container.environment.values(), spec.inputs, tx)
    return replace(
        container,
        entry_point=substituted(container.entry_point, spec.inputs, tx),
        command=substituted(container.command, spec.inputs, tx),
        environment=dict(zip(container.environment, values, strict=True)),
    )


def _opened(tx: Tx, container: ContainerSpec, region: str, read_secret: ReadSecret) -> ContainerSpec:
    """Secrets are variables like the others; the reserved ones stay as they are."""
    if not container.secrets:
        return container
    opened = {name: read_secret(tx, value_from, region) for name, value_from in container.secrets}
    reserved = {name: value for name, value in container.environment.items() if name.startswith("AWS_BATCH")}
    return replace(container, environment={**container.environment, **opened, **reserved}, secrets=())


def _unresolved(what: str, error: BatchdError) -> Unresolved:
    text = f"{what}: {error}"
    return Unresolved(text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1] + "…")
