"""AWS Batch: environments, queues, definitions, jobs and service jobs."""

from __future__ import annotations

from batchd.gateway.operation import Service, operations_of
from batchd.services.batch import (
    consumable_jobs,
    consumables,
    control,
    definitions,
    environments,
    jobs,
    policies,
    queues,
    quota_shares,
    service_environments,
    service_jobs,
    service_submit,
    snapshot,
    submit,
    tags,
)

# Terraform sends actions in lower case [batch.md 2.8]; Airflow sends empty tags; dependsOn has types beyond AWS's.
_RELAXED = frozenset({"RetryAction", "ServiceJobRetryAction", "TagrisTagsMap", "ArrayJobDependency"})

SERVICE = Service(
    "batch",
    operations_of(
        [
            environments,
            service_environments,
            queues,
            quota_shares,
            policies,
            definitions,
            submit,
            service_submit,
            jobs,
            service_jobs,
            control,
            snapshot,
            tags,
            consumables,
            consumable_jobs,
        ]
    ),
    validation_code="ClientException",
    relaxed=_RELAXED,
)
