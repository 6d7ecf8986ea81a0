"""What a SubmitServiceJob may ask, apart from its payload. Pure. [batch.md 7.9]"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from batchd.quotas import Quotas, exceeds
from batchd.scheduler.events import ExitRule
from batchd.services.batch.faults import Invalid, client_exception
from batchd.services.batch.names import check_name
from batchd.store.store import Body

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

QUEUE_TYPE = "SAGEMAKER_TRAINING"
_HIGHEST_PRIORITY = 9999
_MOST_ATTEMPTS = 10
_MOST_RULES = 5
_SHORTEST_TIMEOUT_S = 60
_PATTERN = re.compile(r"[^\x00-\x1f\x7f]{1,512}")


def validate_submit(params: Shape, quotas: Quotas) -> None:
    """Names, ranges and sizes, which need nothing but the request. Raises Invalid."""
    check_name("Job name", params["jobName"])
    if exceeds(len(params["serviceRequestPayload"].encode()), quotas.service_payload_bytes):
        raise Invalid(f"serviceRequestPayload must not be larger than {quotas.service_payload_bytes} bytes")
    if exceeds(len(orjson.dumps(params)), quotas.submit_job_bytes):
        raise Invalid(f"Job must not be larger than {quotas.submit_job_bytes} bytes")
    if "schedulingPriority" in params:
        validate_priority(params["schedulingPriority"])
    if "retryStrategy" in params:
        _validate_retry_strategy(params["retryStrategy"])
    preemptions = params.get("preemptionConfiguration", {}).get("preemptionRetriesBeforeTermination", 0)
    if preemptions < 0:
        raise Invalid("preemptionConfiguration.preemptionRetriesBeforeTermination must not be negative")
    seconds = params.get("timeoutConfig", {}).get("attemptDurationSeconds")
    if seconds is not None and seconds < _SHORTEST_TIMEOUT_S:
        raise Invalid(f"timeoutConfig.attemptDurationSeconds must be at least {_SHORTEST_TIMEOUT_S}")


def validate_priority(priority: int) -> None:
    if not 0 <= priority <= _HIGHEST_PRIORITY:
        raise Invalid(f"schedulingPriority must be between 0 and {_HIGHEST_PRIORITY}")


def validate_queue(queue: Body) -> None:
    """Whether the queue (AWS shape) takes service jobs now."""
    name = queue["jobQueueName"]
    if queue["jobQueueType"] != QUEUE_TYPE:
        raise client_exception(f"JobQueue {name} is of type {queue['jobQueueType']} and takes no service jobs.")
    if queue["state"] != "ENABLED":
        raise client_exception(f"JobQueue {name} is in DISABLED state. Only ENABLED JobQueues accept jobs.")


def exit_rules(strategy: Shape) -> tuple[ExitRule, ...]:
    """The scheduler's form of a valid strategy's evaluateOnExit."""
    rules = strategy.get("evaluateOnExit", ())
    return tuple(ExitRule(rule.get("action", "RETRY").upper(), rule.get("onStatusReason")) for rule in rules)


def _validate_retry_strategy(strategy: Shape) -> None:
    if not 1 <= strategy["attempts"] <= _MOST_ATTEMPTS:
        raise Invalid(f"retryStrategy.attempts must be between 1 and {_MOST_ATTEMPTS}")
    rules = strategy.get("evaluateOnExit", ())
    if len(rules) > _MOST_RULES:
        raise Invalid(f"retryStrategy.evaluateOnExit must have at most {_MOST_RULES} entries")
    for rule in rules:
        if rule.get("action", "RETRY").upper() not in ("RETRY", "EXIT"):
            raise Invalid("retryStrategy.evaluateOnExit.action must be RETRY or EXIT")
        if not _PATTERN.fullmatch(rule.get("onStatusReason", "*")):
            raise Invalid("retryStrategy.evaluateOnExit.onStatusReason should match valid pattern")
