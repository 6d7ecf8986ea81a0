"""Ids of what operations create, and the door for those who come from inside."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.clock import ManualClock
from batchd.errors import ApiError
from batchd.gateway.invoke import Operations, new_id
from batchd.gateway.operation import Caller
from batchd.gateway.spec import ServiceSpec
from batchd.services import ec2, logs
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Tx
from tests.contexts import ACCOUNT, deployment

TIMES = st.integers(0, 2**48 - 1)


@given(TIMES)
def test_an_id_has_the_form_of_a_uuid_of_version_4(now_ms: int) -> None:
    text = new_id(now_ms)
    found = uuid.UUID(text)

    assert str(found) == text
    assert (found.version, found.variant) == (4, uuid.RFC_4122)
    assert found.int >> 80 == now_ms


@given(TIMES, TIMES)
def test_a_later_id_is_greater(one: int, other: int) -> None:
    if one != other:
        assert (new_id(one) < new_id(other)) == (one < other)


def test_ids_of_one_moment_differ_in_every_random_bit() -> None:
    ids = {new_id(1_700_000_000_000) for _ in range(10_000)}
    numbers = [uuid.UUID(found).int for found in ids]

    assert len(ids) == 10_000
    varying = 0
    for number in numbers:
        varying |= number ^ numbers[0]
    assert varying.bit_count() == 74


@given(st.integers(-(2**60), 2**60))
def test_a_clock_far_off_still_makes_ids(now_ms: int) -> None:
    assert len(new_id(now_ms)) == 36


def test_a_controller_comes_to_operations_as_a_service_or_in_a_role() -> None:
    clock = ManualClock()
    operations = Operations([ServiceSpec(logs.SERVICE), ServiceSpec(ec2.SERVICE)], clock, deployment())
    store = open_sqlite(MEMORY, clock)
    somebody = Caller.role(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/service/runner", "events")

    def work(tx: Tx) -> tuple[int, str]:
        ctx = operations.inside(tx, Caller.service(ACCOUNT, "events.amazonaws.com"), "eu-west-1")
        assert (ctx.caller.arn, ctx.region) == ("events.amazonaws.com", "eu-west-1")
        ctx.call("logs", "CreateLogGroup", {"logGroupName": "feed"})
        data = {"LaunchTemplateName": "small", "LaunchTemplateData": {"InstanceType": "m5.large"}}
        made = operations.inside(tx, somebody, "eu-west-1").call("ec2", "CreateLaunchTemplate", data)
        groups = ctx.call("logs", "DescribeLogGroups", {})["logGroups"]
        return len(groups), made["LaunchTemplate"]["CreatedBy"]

    assert store.transact(work) == (1, f"arn:aws:sts::{ACCOUNT}:assumed-role/runner/events")
    store.close()


def test_an_operation_that_is_not_served_says_so_to_those_inside() -> None:
    clock = ManualClock()
    operations = Operations([ServiceSpec(logs.SERVICE)], clock, deployment())
    store = open_sqlite(MEMORY, clock)
    with store.read() as tx, pytest.raises(ApiError) as refused:
        operations.inside(tx, Caller.service(ACCOUNT, "events.amazonaws.com"), "us-east-1").call("ecs", "RunTask", {})
    assert (refused.value.code, refused.value.status) == ("UnknownOperationException", 501)
    store.close()
