"""The texts AWS writes into `statusReason`; clients match on them, so they are exact. [batch.md 1.2, 5.4]"""

from __future__ import annotations

EXITED = "Essential container in task exited"
FAILED_TO_START = "Task failed to start"
NEVER_BEGUN = "CannotStartContainerError: the task was stopped before it ran"
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
SHARE_DELETED = "QuotaShare deleted"
PREEMPTED_FOR_OWNER = "Preempted by Batch: the quota share that lent this capacity needs it"
PREEMPTED_FOR_PRIORITY = "Preempted by Batch: a job of higher priority in the same quota share needs this capacity"
PREEMPTIONS = (PREEMPTED_FOR_OWNER, PREEMPTED_FOR_PRIORITY)
_QUOTA = "MISCONFIGURATION:QUOTA_MANAGEMENT_LIMIT_EXCEEDED - Job"
SHARE_TOO_SMALL = f"{_QUOTA} requirements exceed quota share capacity limits."
BORROWING_TOO_SMALL = f"{_QUOTA} requirements exceed quota share capacity limits and borrow limits."
LENDING_TOO_SMALL = f"{_QUOTA} requires borrowing that exceeds all configured borrowable capacity."
SERVICE_ENVIRONMENTS_TOO_SMALL = (
    "MISCONFIGURATION:SERVICE_ENVIRONMENT_MAX_RESOURCE - Service environment(s) associated with the job queue cannot "
    "meet the capacity requirement of the job."
)


def time_limit_passed(reason: str, *, is_service: bool = False) -> str:
    """What a job says that was cancelled because it was blocked at the head of its queue for too long; a service job is
    terminated."""
    done = "Terminated" if is_service else "Canceled"
    return f"{done} by JobStateTimeLimit action due to reason: {reason}"


def of_sagemaker(text: str) -> str:
    """What a service job says whose end is SageMaker's doing, and not Batch's."""
    return f"Received status from SageMaker: {text}"


def host_lost(instance_id: str) -> str:
    """What an attempt says whose host vanished."""
    return f"Host EC2 (instance {instance_id}) terminated."
