"""The texts AWS writes into `statusReason`; clients match on them, so they are exact. [batch.md 1.2, 5.4]"""

from __future__ import annotations

EXITED = "Essential container in task exited"
FAILED_TO_START = "Task failed to start"
TIMED_OUT = "Job attempt duration exceeded timeout"
DEPENDENCY_FAILED = "Dependent Job failed"
CHILD_FAILED = "Array Child Job failed"
MAIN_NODE_ENDED = "Main node exited"
QUEUE_DELETED = "JobQueue deleted"

ENVIRONMENTS_INVALID = "ACTION_REQUIRED - CE(s) associated with the job queue are invalid."
ENVIRONMENTS_TOO_SMALL = (
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - "
    "CE(s) associated with the job queue cannot meet the CPU requirement of the job."
)
RESOURCES_MISSING = (
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than "
    "that can be met by the CE(s) attached to the job queue."
)


def time_limit_passed(reason: str) -> str:
    """What a job says that was cancelled because it was blocked at the head of its queue for too long."""
    return f"Canceled by JobStateTimeLimit action due to reason: {reason}"


def host_lost(instance_id: str) -> str:
    """What an attempt says whose host vanished."""
    return f"Host EC2 (instance {instance_id}) terminated."
