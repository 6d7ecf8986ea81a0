from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.errors import ApiError
from batchd.services.iam.documents import check_identity_policy, check_trust_policy, size_of

GRANT = {"Effect": "Allow", "Action": "batch:SubmitJob", "Resource": "*"}
TRUST = {"Effect": "Allow", "Principal": {"Service": "batch.amazonaws.com"}, "Action": "sts:AssumeRole"}


def policy(*statements: Any, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


def refusal(check: Any, text: str) -> str:
    with pytest.raises(ApiError) as caught:
        check(text)
    assert (caught.value.code, caught.value.status) == ("MalformedPolicyDocument", 400)
    return caught.value.message


@pytest.mark.parametrize(
    "document",
    [
        policy(GRANT),
        json.dumps({"Statement": GRANT}),
        policy(GRANT, Version="2008-10-17"),
        policy({**GRANT, "Action": "*"}),
        policy({**GRANT, "Action": ["iam:Get*", "ecs:?ist*"]}),
        policy({"Effect": "Deny", "NotAction": "iam:*", "NotResource": "arn:aws:iam::*:role/${aws:username}"}),
        policy({**GRANT, "Sid": "A1"}, {**GRANT, "Sid": "A2"}),
        policy({**GRANT, "Condition": {"Bool": {"aws:SecureTransport": True}, "NumericLess": {"a": 1}}}),
    ],
)
def test_a_well_formed_policy_is_taken(document: str) -> None:
    check_identity_policy(document)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("{", "Syntax errors in policy."),
        ("[]", "Syntax errors in policy."),
        ("{}", "Syntax errors in policy."),
        (policy(), "Syntax errors in policy."),
        (policy("x"), "Syntax errors in policy."),
        (policy(GRANT, Extra=1), "Syntax errors in policy."),
        (policy({**GRANT, "Extra": 1}), "Syntax errors in policy."),
        (policy({**GRANT, "Effect": "Maybe"}), "Syntax errors in policy."),
        (policy({**GRANT, "Action": [1]}), "Syntax errors in policy."),
        (policy({**GRANT, "NotAction": "a:b"}), "Syntax errors in policy."),
        (policy({**GRANT, "Condition": []}), "Syntax errors in policy."),
        (policy({**GRANT, "Sid": 1}), "Syntax errors in policy."),
        (policy(GRANT, Version="2020-01-01"), "Policy document must be version 2012-10-17 or greater."),
        (policy({"Effect": "Allow", "Resource": "*"}), "Policy statement must contain actions."),
        (policy({**GRANT, "Action": []}), "Policy statement must contain actions."),
        (policy({"Effect": "Allow", "Action": "a:b"}), "Policy statement must contain resources."),
        (policy({**GRANT, "Resource": "bucket"}), 'Resource bucket must be in ARN format or "*".'),
        (
            policy({**GRANT, "Action": "SubmitJob"}),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            policy({**GRANT, "Sid": "A"}, {**GRANT, "Sid": "A"}),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (
            policy({**GRANT, "Sid": "A-B"}),
            "Statement IDs (SID) must be alpha-numeric. "
            "Check that your input satisfies the regular expression [0-9A-Za-z]*",
        ),
        (policy({**GRANT, "Principal": "*"}), "Has prohibited field Principal"),
    ],
)
def test_a_malformed_policy_is_refused_in_awss_words(document: str, text: str) -> None:
    assert refusal(check_identity_policy, document) == text


@pytest.mark.parametrize(
    ("document", "principals"),
    [
        (policy(TRUST), []),
        (policy({**TRUST, "Principal": "*"}), []),
        (policy({**TRUST, "Principal": {"AWS": "a"}}, {**TRUST, "Principal": {"AWS": ["b", "c"]}}), ["a", "b", "c"]),
        (policy({**TRUST, "Action": ["sts:AssumeRole", "sts:TagSession"]}), []),
    ],
)
def test_a_trust_policy_names_its_principals(document: str, principals: list[str]) -> None:
    assert check_trust_policy(document) == principals


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("no json", "This policy contains invalid Json"),
        (policy({**TRUST, "Resource": "*"}), "Has prohibited field Resource."),
        (policy({"Effect": "Allow", "Action": "sts:AssumeRole"}), "Missing required field Principal"),
        (policy({**TRUST, "Action": "iam:*"}), "AssumeRole policy may only specify STS AssumeRole actions."),
        (policy({**TRUST, "Principal": []}), "Syntax errors in policy."),
        (policy({**TRUST, "Principal": {"Friend": "a"}}), "Syntax errors in policy."),
        (policy({**TRUST, "Principal": {"AWS": [1]}}), "Syntax errors in policy."),
    ],
)
def test_a_malformed_trust_policy_is_refused(document: str, text: str) -> None:
    assert refusal(check_trust_policy, document) == text


def test_white_space_takes_no_room() -> None:
    assert size_of(' { "a" :\n\t1 } ') == len('{"a":1}')


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
members = st.sampled_from(["Sid", "Effect", "Action", "NotAction", "Resource", "Principal", "Condition"])
statements = st.dictionaries(members, json_values | st.sampled_from(["Allow", "a:b", "*", {"AWS": "x"}]), max_size=6)


@given(
    st.one_of(
        st.text(max_size=30), st.lists(statements, max_size=2).map(lambda s: policy(*s)), json_values.map(json.dumps)
    )
)
def test_no_document_does_more_than_be_refused(document: str) -> None:
    for check in (check_identity_policy, check_trust_policy):
        try:
            check(document)
        except ApiError as error:
            assert error.code == "MalformedPolicyDocument"
