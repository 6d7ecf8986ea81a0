"""serviceRequestPayload: the CreateTrainingJob request that a service job carries. Pure. [batch.md 7.9]

Read are the members that decide what runs; the others are kept with the job and mean nothing here. What is malformed
is refused at the submit; what is well formed and cannot be run by this server makes the job fail, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from batchd.instances import Instance, catalogue
from batchd.services.batch.faults import Invalid

Json = Mapping[str, Any]  # Any: a client's JSON, whose shape is being found out

_DEFAULT_RUNTIME_S = 86_400  # SageMaker's, where StoppingCondition does not say
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,511}")
_TRAIN = ("train",)  # what SageMaker gives to an image's own entry point


@dataclass(frozen=True, slots=True)
class Training:
    """A training job. `instance` None: its type is not in the catalogue.

    `entry_point` empty is the image's own; `command` is what that gets.
    """

    name: str | None
    image: str
    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    environment: dict[str, str]
    hyper_parameters: dict[str, str]
    instance_type: str
    instance_count: int
    instance: Instance | None
    runtime_s: int
    role: str
    unservable: tuple[str, ...] = field(default=())  # members this server cannot honour


def read_payload(text: str) -> Training:
    """Raises Invalid for what is no CreateTrainingJob request."""
    request = _parsed(text)
    environment = _texts(request, "Environment")
    for variable in environment:
        if not VARIABLE.fullmatch(variable):
            raise Invalid(f"serviceRequestPayload: Environment can not have a variable {variable}")
    algorithm = _object(request, "AlgorithmSpecification")
    resources = _object(request, "ResourceConfig")
    stopping = _object(request, "StoppingCondition")
    entry_point = _words(algorithm, "ContainerEntrypoint")
    instance_type = _text(resources, "InstanceType")
    if not instance_type:
        raise Invalid("serviceRequestPayload: ResourceConfig.InstanceType is required")
    return Training(
        name=_name(request),
        image=_text(algorithm, "TrainingImage"),
        entry_point=entry_point,
        command=_words(algorithm, "ContainerArguments") or (() if entry_point else _TRAIN),
        environment=environment,
        hyper_parameters=_texts(request, "HyperParameters"),
        instance_type=instance_type,
        instance_count=_number(resources, "InstanceCount", 1),
        instance=catalogue().get(instance_type.removeprefix("ml.")),
        runtime_s=_number(stopping, "MaxRuntimeInSeconds", _DEFAULT_RUNTIME_S),
        role=_text(request, "RoleArn"),
        unservable=tuple(_unservable(request, algorithm)),
    )


def fault_of(training: Training) -> str | None:
    """Why the job can never run here, in the words of SageMaker's refusals; None for one that may."""
    if training.unservable:
        return f"ValidationException: this server can not provide {training.unservable[0]}"
    if training.instance_count > 1:
        return f"ValidationException: this server runs a training job on one instance, not {training.instance_count}"
    if training.instance is None:
        return f"ValidationException: this server does not know the instance type {training.instance_type}"
    if not training.image and not training.entry_point:
        return "ValidationException: there is neither a TrainingImage nor a ContainerEntrypoint to run"
    return None


def _unservable(request: Json, algorithm: Json) -> list[str]:
    found = []
    channels = request.get("InputDataConfig") or []
    if not isinstance(channels, list):
        raise Invalid("serviceRequestPayload: InputDataConfig must be a list")
    if channels:
        found.append("InputDataConfig: it has no S3 and no file systems of AWS")
    if algorithm.get("AlgorithmName"):
        found.append("AlgorithmSpecification.AlgorithmName: it has no algorithms of its own")
    return found


def _parsed(text: str) -> Json:
    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Invalid("serviceRequestPayload must be JSON") from None
    if not isinstance(request, dict):
        raise Invalid("serviceRequestPayload must be a JSON object")
    if "\\u0000" in text:  # which ends a string of the operating system
        raise Invalid("serviceRequestPayload must not contain the character NUL")
    return request


def _name(request: Json) -> str | None:
    name = _text(request, "TrainingJobName")
    if name and not _NAME.fullmatch(name):
        raise Invalid("serviceRequestPayload: TrainingJobName should match valid pattern")
    return name or None


def _object(within: Json, member: str) -> Json:
    found = within.get(member) or {}
    if not isinstance(found, dict):
        raise Invalid(f"serviceRequestPayload: {member} must be an object")
    return found


def _text(within: Json, member: str) -> str:
    found = within.get(member) or ""
    if not isinstance(found, str):
        raise Invalid(f"serviceRequestPayload: {member} must be a string")
    return found


def _words(within: Json, member: str) -> tuple[str, ...]:
    found = within.get(member) or []
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise Invalid(f"serviceRequestPayload: {member} must be a list of strings")
    return tuple(found)


def _texts(within: Json, member: str) -> dict[str, str]:
    found = within.get(member) or {}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Invalid(f"serviceRequestPayload: {member} must be an object of strings")
    return found


def _number(within: Json, member: str, default: int) -> int:
    found = within.get(member, default)
    if not isinstance(found, int) or isinstance(found, bool) or not 1 <= found < 2**31:
        raise Invalid(f"serviceRequestPayload: {member} must be a positive number")
    return found
