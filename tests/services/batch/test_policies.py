from __future__ import annotations

import pytest

from batchd.store.store import Body, Key, Tx
from tests.services.batch.worlds import World

ARN = "arn:aws:batch:us-east-1:123456789012:scheduling-policy/fair"


def described(world: World) -> Body:
    (found,) = world.ask("describe_scheduling_policies", arns=[ARN])["schedulingPolicies"]
    policy: Body = found
    return policy


def test_a_policy_lives_from_create_to_delete(world: World) -> None:
    fair = {
        "shareDecaySeconds": 3600,
        "computeReservation": 50,
        "shareDistribution": [{"shareIdentifier": "A*", "weightFactor": 0.1}, {"shareIdentifier": "B"}],
    }
    created = world.ask("create_scheduling_policy", name="fair", fairsharePolicy=fair, tags={"team": "risk"})
    assert created == {"name": "fair", "arn": ARN}
    assert described(world) == {"name": "fair", "arn": ARN, "fairsharePolicy": fair, "tags": {"team": "risk"}}
    assert world.ask("list_scheduling_policies") == {"schedulingPolicies": [{"arn": ARN}]}

    world.ask("update_scheduling_policy", arn=ARN, fairsharePolicy={"computeReservation": 1})
    assert described(world)["fairsharePolicy"] == {
        "shareDecaySeconds": 0,
        "computeReservation": 1,
        "shareDistribution": [],
    }
    assert described(world)["tags"] == {"team": "risk"}

    world.ask("delete_scheduling_policy", arn=ARN)
    assert world.ask("list_scheduling_policies") == {"schedulingPolicies": []}


def test_a_policy_without_rules_gets_the_defaults(world: World) -> None:
    world.ask("create_scheduling_policy", name="fair")

    empty = {"shareDecaySeconds": 0, "computeReservation": 0, "shareDistribution": []}
    assert described(world)["fairsharePolicy"] == empty
    world.ask("update_scheduling_policy", arn=ARN)
    assert described(world)["fairsharePolicy"] == empty


@pytest.mark.parametrize(
    ("fair", "text"),
    [
        ({"shareDecaySeconds": 604801}, "shareDecaySeconds must be between 0 and 604800"),
        ({"computeReservation": 100}, "computeReservation must be between 0 and 99"),
        ({"shareDistribution": [{"shareIdentifier": "a-b"}]}, "shareIdentifier should match valid pattern"),
        (
            {"shareDistribution": [{"shareIdentifier": "a", "weightFactor": 0.0}]},
            "weightFactor must be between 0.0001 and 999.9999",
        ),
        (
            {"shareDistribution": [{"shareIdentifier": "UserA1"}, {"shareIdentifier": "UserA*"}]},
            "shareIdentifier UserA1 overlaps with UserA*",
        ),
        (
            {"shareDistribution": [{"shareIdentifier": "a"}, {"shareIdentifier": "a"}]},
            "shareIdentifier a overlaps with a",
        ),
    ],
)
def test_rules_that_cannot_be_are_refused(world: World, fair: Body, text: str) -> None:
    assert world.wrapped("create_scheduling_policy", name="fair", fairsharePolicy=fair) == text


def test_identifiers_that_do_not_meet_are_accepted(world: World) -> None:
    shares = [{"shareIdentifier": "UserA*"}, {"shareIdentifier": "UserB*"}, {"shareIdentifier": "User"}]
    world.ask("create_scheduling_policy", name="fair", fairsharePolicy={"shareDistribution": shares})

    assert described(world)["fairsharePolicy"]["shareDistribution"] == shares


def test_names_are_unique_and_well_formed(world: World) -> None:
    world.ask("create_scheduling_policy", name="fair")

    assert world.refusal("create_scheduling_policy", name="fair") == "Object already exists"
    assert world.wrapped("create_scheduling_policy", name="_") == "Scheduling policy name should match valid pattern"


def test_an_account_has_at_most_five_hundred_policies(world: World) -> None:
    def fill(tx: Tx) -> None:
        for number in range(500):
            tx.resources.put(Key("batch.scheduling-policy", world.region, f"p{number}"), {"aws": {}})

    world.store.transact(fill)

    text = world.refusal("create_scheduling_policy", name="fair")
    assert text == "At most 500 scheduling policies are allowed"


def test_an_unknown_policy_does_not_exist(world: World) -> None:
    for operation in ("update_scheduling_policy", "delete_scheduling_policy"):
        assert world.refusal(operation, arn=ARN) == "SchedulingPolicy fair does not exist"
    assert world.ask("describe_scheduling_policies", arns=[ARN]) == {"schedulingPolicies": []}


def test_policies_are_listed_in_pages(world: World) -> None:
    for name in ("a", "b", "c"):
        world.ask("create_scheduling_policy", name=name)

    first = world.ask("list_scheduling_policies", maxResults=2)
    rest = world.ask("list_scheduling_policies", maxResults=2, nextToken=first["nextToken"])

    names = [[policy["arn"].rpartition("/")[2] for policy in page["schedulingPolicies"]] for page in (first, rest)]
    assert names == [["a", "b"], ["c"]]
    assert "nextToken" not in rest
