"""Submits that may be repeated: the tag `batchd:client-token`."""

from __future__ import annotations

from typing import Any

import pytest

from batchd.errors import ApiError
from batchd.services.batch.client_tokens import KEPT_MS, TAG, forget_old_tokens
from batchd.store.store import Body
from tests.services.batch.worlds import World

MISMATCH = (
    "IdempotentParameterMismatch: The request uses the same client token as a previous, but non-identical request"
)


def submit(world: World, token: str = "feed-1", **params: Any) -> Body:
    request = {"jobName": "run", "jobQueue": "night", "jobDefinition": "feed", "tags": {TAG: token}}
    return world.ask("submit_job", **request | params)


def forget(world: World) -> int:
    return world.store.transact(lambda tx: forget_old_tokens(tx, world.now_ms))


def test_a_repeated_submit_is_answered_as_the_first_and_makes_no_job(world: World) -> None:
    world.ready()
    first = submit(world)
    before = len(world.events())
    world.ask("update_job_queue", jobQueue="night", state="DISABLED")
    world.definition()
    assert submit(world) == first
    assert len(world.events()) == before + 1, "the queue was saved, and nothing else happened"
    assert world.job(first["jobId"])["tags"] == {TAG: "feed-1"}


def test_another_token_and_none_are_other_jobs(world: World) -> None:
    world.ready()
    assert len({submit(world)["jobId"], submit(world, "feed-2")["jobId"], world.submit(), world.submit()}) == 4


@pytest.mark.parametrize(
    "change", [{"jobName": "other"}, {"parameters": {"a": "1"}}, {"tags": {TAG: "feed-1", "a": "1"}}]
)
def test_the_same_token_with_another_request_is_refused(world: World, change: Body) -> None:
    world.ready()
    submit(world)
    request = {"jobName": "run", "jobQueue": "night", "jobDefinition": "feed", "tags": {TAG: "feed-1"}}
    assert world.refusal("submit_job", **request | change) == f"{MISMATCH}: feed-1"


def test_a_request_is_the_same_in_any_order_of_its_members(world: World) -> None:
    world.ready()
    first = submit(world, parameters={"a": "1", "b": "2"})
    assert submit(world, parameters={"b": "2", "a": "1"}) == first


def test_a_refused_submit_does_not_use_its_token_up(world: World) -> None:
    world.ready()
    with pytest.raises(ApiError):
        submit(world, jobQueue="never")
    assert submit(world)["jobName"] == "run"


def test_a_token_is_forgotten_after_eight_hours(world: World) -> None:
    world.ready()
    first = submit(world)
    world.now_ms += KEPT_MS - 1
    assert submit(world) == first
    assert forget(world) == 0
    world.now_ms += 1
    second = submit(world)
    assert second["jobId"] != first["jobId"]
    assert forget(world) == 1, "the first use"
    assert submit(world) == second, "and not the second"


def test_old_tokens_go_in_pieces_and_leave_nothing(world: World) -> None:
    world.ready()
    world.deployment = {}
    for number in range(501):
        submit(world, f"feed/{number}")
    world.now_ms += KEPT_MS
    assert [forget(world), forget(world), forget(world)] == [500, 1, 0]
    with world.store.read() as tx:
        assert tx.resources.every("batch.client-token") == []
        assert tx.resources.every("batch.client-token-by-age") == []


def test_tokens_are_known_in_their_region(world: World) -> None:
    world.ready()
    first = submit(world)
    world.region = "eu-west-1"
    world.ready()
    assert submit(world)["jobId"] != first["jobId"]


def test_an_empty_token_is_refused(world: World) -> None:
    world.ready()
    request = {"jobName": "run", "jobQueue": "night", "jobDefinition": "feed", "tags": {TAG: ""}}
    assert world.wrapped("submit_job", **request) == f"tag {TAG} must not be empty"
