"""A training job as a task template: what controllers/launch completes and engines run. Pure. [batch.md 7.9]"""

from __future__ import annotations

from typing import Any

import orjson

from batchd.instances import Instance
from batchd.scheduler.events import Resources
from batchd.services.batch.service_payload import VARIABLE, Training
from batchd.task import TASK_ID, ContainerSpec, LogDestination, TaskSpec

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_HOST = "algo-1"  # SageMaker's name of the first host
_LONGEST_NAME = 63
_TASK_ID_LENGTH = 32


def training_job_name(name: str, attempt: str) -> str:
    """What SageMaker knows an attempt by: `AWSBatch<name><32 hex>`, in at most 63 characters."""
    prefix = f"AWSBatch{name}"
    return prefix[: _LONGEST_NAME - _TASK_ID_LENGTH] + attempt


def wanted_of(instance: Instance | None) -> Resources:
    """All of the instance that the job names."""
    if instance is None:
        return Resources(0, 0)
    return Resources(1000 * instance.vcpus, instance.memory_mib, instance.gpus)


def task_template(training: Training, name: str, region: str, now_ms: int) -> TaskSpec:
    """With the log stream that SageMaker would write to: `<training job>/algo-1-<seconds>`."""
    wanted = wanted_of(training.instance)
    stream = f"{training_job_name(name, TASK_ID)}/{_HOST}-{now_ms // 1000}"
    container = ContainerSpec(
        name="default",
        image=training.image,
        entry_point=training.entry_point,
        command=training.command,
        environment={**_variables(training, wanted), **training.environment},
        vcpus=wanted.vcpus_milli / 1000,
        memory_mib=wanted.memory_mib,
        gpus=wanted.gpus,
        log=LogDestination(region, LOG_GROUP, stream),
    )
    return TaskSpec("", (container,), labels={"job_role": training.role} if training.role else {})


def _variables(training: Training, wanted: Resources) -> dict[str, str]:
    """Those of SageMaker's training toolkit that mean something on this machine."""
    values: dict[str, Any] = {
        "SM_HOSTS": [_HOST],
        "SM_CURRENT_HOST": _HOST,
        "SM_CURRENT_INSTANCE_TYPE": training.instance_type,
        "SM_NUM_CPUS": wanted.vcpus_milli // 1000,
        "SM_NUM_GPUS": wanted.gpus,
        "SM_CHANNELS": [],
        "SM_HPS": training.hyper_parameters,
    }
    values |= {
        variable: value
        for name, value in training.hyper_parameters.items()
        if VARIABLE.fullmatch(variable := f"SM_HP_{name.upper().replace('-', '_')}")
    }
    return {name: value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in values.items()}
