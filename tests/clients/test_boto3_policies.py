"""Scheduling policies through boto3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.refusals import refused
from tests.clients.worlds import fresh

FAIR = {
    "shareDecaySeconds": 600,
    "computeReservation": 10,
    "shareDistribution": [{"shareIdentifier": "blue*", "weightFactor": 0.5}],
}


@pytest.fixture
def batch(server: Any) -> Any:
    return server.client("batch")


def test_a_policy_lives_from_create_to_delete(batch: Any) -> None:
    name = fresh("policy")
    arn = batch.create_scheduling_policy(name=name, fairsharePolicy=FAIR, tags={"team": "blue"})["arn"]
    assert arn.endswith(f":scheduling-policy/{name}")
    [made] = batch.describe_scheduling_policies(arns=[arn])["schedulingPolicies"]
    assert (made["name"], made["fairsharePolicy"], made["tags"]) == (name, FAIR, {"team": "blue"})
    batch.update_scheduling_policy(arn=arn, fairsharePolicy={"computeReservation": 20})
    [changed] = batch.describe_scheduling_policies(arns=[arn])["schedulingPolicies"]
    assert changed["fairsharePolicy"] == {"shareDecaySeconds": 0, "computeReservation": 20, "shareDistribution": []}
    batch.tag_resource(resourceArn=arn, tags={"a": "1"})
    batch.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert batch.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "1"}
    batch.delete_scheduling_policy(arn=arn)
    assert batch.describe_scheduling_policies(arns=[arn])["schedulingPolicies"] == []


def test_the_pages_of_all_policies_hold_each_once(batch: Any) -> None:
    made = {batch.create_scheduling_policy(name=fresh("policy"))["arn"] for _ in range(5)}
    pages = batch.get_paginator("list_scheduling_policies").paginate(PaginationConfig={"PageSize": 2})
    arns = [policy["arn"] for page in pages for policy in page["schedulingPolicies"]]
    assert made <= set(arns)
    assert len(arns) == len(set(arns))


def test_a_policy_that_cannot_be_is_refused(batch: Any) -> None:
    name = fresh("policy")
    batch.create_scheduling_policy(name=name)
    with refused("Object already exists"):
        batch.create_scheduling_policy(name=name)
    with refused("computeReservation must be between 0 and 99"):
        batch.create_scheduling_policy(name=fresh("policy"), fairsharePolicy={"computeReservation": 100})
    overlapping = [{"shareIdentifier": "blue*"}, {"shareIdentifier": "blue1"}]
    with refused("overlaps"):
        batch.create_scheduling_policy(name=fresh("policy"), fairsharePolicy={"shareDistribution": overlapping})


def test_an_unknown_policy_cannot_be_changed_or_deleted(batch: Any) -> None:
    arn = "arn:aws:batch:us-east-1:123456789012:scheduling-policy/nobody"
    with refused("does not exist"):
        batch.update_scheduling_policy(arn=arn, fairsharePolicy={})
    with refused("does not exist"):
        batch.delete_scheduling_policy(arn=arn)
