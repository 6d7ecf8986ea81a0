"""AWS Batch: environments, queues, definitions and single-container jobs."""

from __future__ import annotations

from batchd.gateway.operation import Service, operations_of
from batchd.services.batch import control, definitions, environments, jobs, policies, queues, snapshot, submit, tags

# Terraform sends actions in lower case [batch.md 2.8]; Airflow sends empty tags; dependsOn has types beyond AWS's.
_RELAXED = frozenset({"RetryAction", "TagrisTagsMap", "ArrayJobDependency"})

SERVICE = Service(
    "batch",
    operations_of([environments, queues, policies, definitions, submit, jobs, control, snapshot, tags]),
    validation_code="ClientException",
    relaxed=_RELAXED,
)
