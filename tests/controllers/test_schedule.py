"""The scheduler is built again from what the services wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from batchd.clock import ManualClock
from batchd.controllers.schedule import CONSUMABLE_USE, Schedule
from batchd.scheduler.events import MachineSized, Resources, TimeLimit
from batchd.scheduler.state import PoolKind
from batchd.services.batch import SERVICE
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Key, Tx
from tests.contexts import context

ENVIRONMENT = "arn:aws:batch:us-east-1:123456789012:compute-environment/ce"
QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/night"
TOKEN = "arn:aws:batch:us-east-1:123456789012:consumable-resource/token"
LACKING = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"


def asked(operation: str, **params: Any) -> Callable[[Tx], Any]:
    """Of Batch."""
    return lambda tx: SERVICE.operations[operation].function(params, context(tx))


def test_queues_and_environments_come_back_with_all_their_limits() -> None:
    clock = ManualClock()
    store = open_sqlite(MEMORY, clock)
    resources = {
        "type": "EC2",
        "minvCpus": 0,
        "maxvCpus": 16,
        "subnets": ["subnet-1"],
        "instanceTypes": ["m5.large", "g5.xlarge"],
        "instanceRole": "ecsInstanceRole",
    }
    limit = {"reason": LACKING, "state": "RUNNABLE", "maxTimeSeconds": 900, "action": "CANCEL"}
    order = [{"order": 1, "computeEnvironment": "ce"}]
    store.transact(
        asked(
            "create_compute_environment",
            computeEnvironmentName="ce",
            type="MANAGED",
            state="DISABLED",
            computeResources=resources,
        )
    )
    store.transact(
        asked(
            "create_job_queue",
            jobQueueName="night",
            priority=7,
            computeEnvironmentOrder=order,
            jobStateTimeLimitActions=[limit],
        )
    )

    state = Schedule(store, clock, MachineSized(Resources(1000, 1000)), lambda commands: None).scheduler.state

    environment, queue = state.environments[ENVIRONMENT], state.queues[QUEUE]
    assert (environment.known, environment.available, environment.valid) == (True, False, True)
    assert environment.max_vcpus_milli == 16_000
    assert environment.largest == (Resources(4000, 15_942, 1),)
    assert (queue.priority, queue.environments) == (7, (ENVIRONMENT,))
    assert queue.limits == (TimeLimit(LACKING, 900),)


def test_documents_of_before_there_were_such_limits_are_read() -> None:
    clock = ManualClock()
    store = open_sqlite(MEMORY, clock)
    store.transact(_old_documents)

    state = Schedule(store, clock, MachineSized(Resources(1000, 1000)), lambda commands: None).scheduler.state

    assert (state.environments["ce"].largest, state.queues["q"].limits) == ((), ())


def _old_documents(tx: Tx) -> None:
    tx.resources.put(Key("batch.compute-environment", "us-east-1", "ce"), {"spec": {"arn": "ce", "available": True}})
    spec = {"arn": "q", "priority": 1, "environments": ["ce"]}
    tx.resources.put(Key("batch.job-queue", "us-east-1", "q"), {"spec": spec})


def test_counted_things_and_limits_come_back_as_they_were() -> None:
    clock = ManualClock()
    store = open_sqlite(MEMORY, clock)
    seat = {"consumableResourceName": "seat", "totalQuantity": 3}
    store.transact(asked("create_consumable_resource", **seat))
    token = {"consumableResourceName": "token", "totalQuantity": 9, "resourceType": "NON_REPLENISHABLE"}
    store.transact(asked("create_consumable_resource", **token))
    store.transact(lambda tx: tx.resources.put(Key(CONSUMABLE_USE, "us-east-1", "token"), {"arn": TOKEN, "used": 4}))
    container = {
        "image": "busybox",
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}],
    }
    definition = {"jobDefinitionName": "feed", "type": "container", "containerProperties": container}
    store.transact(asked("register_job_definition", **definition, tags={"batchd:max-concurrency": "2"}))
    store.transact(asked("register_job_definition", **definition))

    pools = Schedule(store, clock, MachineSized(Resources(1000, 1000)), lambda commands: None).scheduler.state.pools

    found = {name.rpartition(":")[2]: (pool.kind, pool.total, pool.used, pool.refills) for name, pool in pools.items()}
    assert found == {
        "consumable-resource/seat": (PoolKind.RESOURCE, 3, 0, True),
        "consumable-resource/token": (PoolKind.RESOURCE, 9, 4, False),
        "1": (PoolKind.DEFINITION, 2, 0, True),
    }
