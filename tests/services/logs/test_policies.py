from __future__ import annotations

from tests.contexts import NOW_MS
from tests.services.direct import Direct

DOCUMENT = '{ "Version": "2012-10-17",\n "Statement": [] }'


def test_a_policy_is_given_back_word_for_word(logs: Direct) -> None:
    logs("put_resource_policy", policyName="p", policyDocument=DOCUMENT)

    expected = {"policyName": "p", "policyDocument": DOCUMENT, "lastUpdatedTime": NOW_MS, "policyScope": "ACCOUNT"}
    assert logs("describe_resource_policies") == {"resourcePolicies": [expected]}


def test_an_account_has_ten_policies_at_most_but_may_change_them(logs: Direct) -> None:
    for number in range(10):
        logs("put_resource_policy", policyName=f"p{number}", policyDocument=DOCUMENT)

    logs("put_resource_policy", policyName="p3", policyDocument="{}")
    assert logs.error("put_resource_policy", policyName="eleventh", policyDocument=DOCUMENT) == (
        "LimitExceededException",
        "Resource limit exceeded.",
    )
    first = logs("describe_resource_policies", limit=6)
    second = logs("describe_resource_policies", limit=6, nextToken=first["nextToken"])
    assert len(first["resourcePolicies"] + second["resourcePolicies"]) == 10


def test_a_deleted_policy_is_gone(logs: Direct) -> None:
    logs("put_resource_policy", policyName="p", policyDocument=DOCUMENT)

    logs("delete_resource_policy", policyName="p")

    assert logs.error("delete_resource_policy", policyName="p") == (
        "ResourceNotFoundException",
        "Policy with name [p] does not exist.",
    )


def test_a_policy_must_be_json(logs: Direct) -> None:
    assert logs.error("put_resource_policy", policyName="p", policyDocument="nope")[0] == "InvalidParameterException"
