from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contexts import ACCOUNT
from tests.services.wired import refused

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
KINDS = ["role", "user", "group"]


class Entity:
    """A role, a user or a group, and the operations that all three have."""

    def __init__(self, client: Any, kind: str, trust: str) -> None:
        self._client = client
        self.kind = kind
        self.named = {f"{kind.capitalize()}Name": "w"}
        more = {"AssumeRolePolicyDocument": trust} if kind == "role" else {}
        getattr(client, f"create_{kind}")(**self.named, **more)

    def method(self, pattern: str) -> Any:
        return getattr(self._client, pattern.format(self.kind))

    def call(self, pattern: str, **params: Any) -> Any:
        return self.method(pattern)(**self.named, **params)

    def refused(self, pattern: str, **params: Any) -> tuple[str, str, int]:
        return refused(self.method(pattern), **self.named, **params)


@pytest.fixture(params=KINDS)
def entity(request: pytest.FixtureRequest, client: Any, trust: str) -> Entity:
    return Entity(client, request.param, trust)


class TestManaged:
    def test_attaching_twice_is_attaching_once(self, client: Any, entity: Entity) -> None:
        entity.call("attach_{}_policy", PolicyArn=READ_ONLY)
        entity.call("attach_{}_policy", PolicyArn=READ_ONLY)
        attached = entity.call("list_attached_{}_policies")
        assert attached["AttachedPolicies"] == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
        assert not attached["IsTruncated"]
        assert client.get_policy(PolicyArn=READ_ONLY)["Policy"]["AttachmentCount"] == 1

    def test_detached_is_gone(self, client: Any, entity: Entity) -> None:
        entity.call("attach_{}_policy", PolicyArn=READ_ONLY)
        entity.call("detach_{}_policy", PolicyArn=READ_ONLY)
        assert entity.call("list_attached_{}_policies")["AttachedPolicies"] == []
        assert client.get_policy(PolicyArn=READ_ONLY)["Policy"]["AttachmentCount"] == 0
        answer = entity.refused("detach_{}_policy", PolicyArn=READ_ONLY)
        assert answer == ("NoSuchEntity", f"Policy {READ_ONLY} was not found.", 404)

    def test_a_policy_that_does_not_exist_is_named(self, entity: Entity) -> None:
        arn = f"arn:aws:iam::{ACCOUNT}:policy/none"
        answer = entity.refused("attach_{}_policy", PolicyArn=arn)
        assert answer == ("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)

    def test_what_is_no_arn_is_refused(self, entity: Entity) -> None:
        for pattern in ("attach_{}_policy", "detach_{}_policy"):
            answer = entity.refused(pattern, PolicyArn="longer than twenty letters")
            assert answer == ("ValidationError", "Invalid ARN:  Could not be parsed!", 400)

    def test_twenty_are_enough_and_come_in_pages(self, entity: Entity) -> None:
        for number in range(20):
            entity.call("attach_{}_policy", PolicyArn=f"arn:aws:iam::aws:policy/p{number:02}")
        answer = entity.refused("attach_{}_policy", PolicyArn=READ_ONLY)
        assert answer[:2] == ("LimitExceeded", f"Cannot exceed quota for PoliciesPer{entity.kind.capitalize()}: 20")
        first = entity.call("list_attached_{}_policies", MaxItems=15)
        rest = entity.call("list_attached_{}_policies", Marker=first["Marker"])
        names = [each["PolicyName"] for page in (first, rest) for each in page["AttachedPolicies"]]
        assert names == [f"p{number:02}" for number in range(20)]

    def test_a_path_narrows_the_list(self, entity: Entity) -> None:
        entity.call("attach_{}_policy", PolicyArn=READ_ONLY)
        service = "arn:aws:iam::aws:policy/service-role/AWSBatchServiceRole"
        entity.call("attach_{}_policy", PolicyArn=service)
        found = entity.call("list_attached_{}_policies", PathPrefix="/service-role/")["AttachedPolicies"]
        assert [each["PolicyArn"] for each in found] == [service]


class TestInline:
    def test_one_is_put_read_and_deleted(self, entity: Entity, grant: str) -> None:
        entity.call("put_{}_policy", PolicyName="p", PolicyDocument=grant)
        found = entity.call("get_{}_policy", PolicyName="p")
        assert found["PolicyDocument"] == json.loads(grant)
        assert {**entity.named, "PolicyName": "p"}.items() <= found.items()
        assert entity.call("list_{}_policies")["PolicyNames"] == ["p"]
        entity.call("delete_{}_policy", PolicyName="p")
        assert entity.call("list_{}_policies")["PolicyNames"] == []

    def test_putting_again_overwrites(self, entity: Entity, grant: str) -> None:
        other = grant.replace("SubmitJob", "CancelJob")
        entity.call("put_{}_policy", PolicyName="p", PolicyDocument=grant)
        entity.call("put_{}_policy", PolicyName="p", PolicyDocument=other)
        assert entity.call("get_{}_policy", PolicyName="p")["PolicyDocument"] == json.loads(other)

    def test_a_missing_one_is_named(self, entity: Entity) -> None:
        for pattern in ("get_{}_policy", "delete_{}_policy"):
            answer = entity.refused(pattern, PolicyName="p")
            assert answer == ("NoSuchEntity", f"The {entity.kind} policy with name p cannot be found.", 404)

    def test_all_together_have_a_size(self, entity: Entity) -> None:
        resource = "arn:aws:s3:::" + "x" * 900
        statement = {"Effect": "Allow", "Action": "s3:Get*", "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        taken = 0
        while taken < 20:
            try:
                entity.call("put_{}_policy", PolicyName=f"p{taken}", PolicyDocument=document)
            except Exception:  # noqa: BLE001 - botocore makes its exception classes per client
                break
            taken += 1
        assert taken == {"role": 10, "user": 2, "group": 5}[entity.kind]
        code, text, _ = entity.refused("put_{}_policy", PolicyName="more", PolicyDocument=document)
        assert (code, text.startswith("Maximum policy size of ")) == ("LimitExceeded", True)

    def test_a_malformed_one_is_refused(self, entity: Entity) -> None:
        assert entity.refused("put_{}_policy", PolicyName="p", PolicyDocument="{")[0] == "MalformedPolicyDocument"


def test_who_uses_a_policy_is_told_by_sort(client: Any, trust: str) -> None:
    entities = {kind: Entity(client, kind, trust) for kind in KINDS}
    for entity in entities.values():
        entity.call("attach_{}_policy", PolicyArn=READ_ONLY)
    client.create_role(RoleName="bound", AssumeRolePolicyDocument=trust, PermissionsBoundary=READ_ONLY)
    found = client.list_entities_for_policy(PolicyArn=READ_ONLY)
    assert [role["RoleName"] for role in found["PolicyRoles"]] == ["bound", "w"]
    assert [user["UserName"] for user in found["PolicyUsers"]] == ["w"]
    assert [group["GroupName"] for group in found["PolicyGroups"]] == ["w"]
    roles = client.list_entities_for_policy(
        PolicyArn=READ_ONLY, EntityFilter="Role", PolicyUsageFilter="PermissionsPolicy"
    )
    assert [role["RoleName"] for role in roles["PolicyRoles"]] == ["w"]
    assert roles["PolicyUsers"] == roles["PolicyGroups"] == []
