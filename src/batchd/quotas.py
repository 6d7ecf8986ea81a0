"""How many there may be of things: AWS's quotas, which an operator may change. 0 is without limit. [batch.md 0.5]"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Quotas:
    """Each with AWS's number, but for the size of overrides: there AWS accepts the job, and then fails it.

    Resources are counted per region."""

    job_queues: int = 50
    compute_environments: int = 50
    scheduling_policies: int = 500
    environments_per_queue: int = 3
    service_environments: int = 50
    quota_shares_per_queue: int = 20
    consumable_resources: int = 50_000
    consumable_resources_per_job: int = 5
    dependencies_per_job: int = 20
    array_size: int = 10_000
    nodes_per_job: int = 1_000
    node_groups_per_job: int = 5
    tags_per_resource: int = 50
    shares_per_queue: int = 500
    submit_job_bytes: int = 30 * 1024
    container_overrides_bytes: int = 0  # 8192 on AWS
    service_payload_bytes: int = 10 * 1024
    job_definition_bytes: int = 24 * 1024


NAMES = tuple(field.name for field in fields(Quotas))


def exceeds(number: int, quota: int) -> bool:
    """Whether there are more than the quota allows."""
    return 0 < quota < number
