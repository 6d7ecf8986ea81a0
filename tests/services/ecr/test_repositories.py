from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from batchd.gateway.credentials import SessionIssuer
from tests.contexts import ACCOUNT, MASTER_KEY, NOW_MS, ROOT
from tests.services.direct import Direct

ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
WHERE = {"repositoryName": "team/app"}
REGISTRY = f"in the registry with id '{ACCOUNT}'"
OF_APP = f"for the repository with name 'team/app' {REGISTRY}"
MISSING = (
    "RepositoryNotFoundException",
    f"The repository with name 'team/app' does not exist {REGISTRY}",
)
POLICY = '{ "Version": "2008-10-17",  "Statement": [] }'
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 3},
                "action": {"type": "expire"},
            }
        ]
    },
    indent=2,
)


@pytest.fixture
def app(ecr: Direct) -> dict[str, Any]:
    made = ecr("create_repository", **WHERE, tags=[{"Key": "team", "Value": "night"}])
    return dict(made["repository"])


def test_a_new_repository_has_every_block_that_terraform_reads(ecr: Direct, app: dict[str, Any]) -> None:
    assert app == {
        "repositoryArn": ARN,
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "repositoryUri": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/team/app",
        "createdAt": NOW_MS / 1000,
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }
    assert ecr("describe_repositories", repositoryNames=["team/app"]) == {"repositories": [app]}


def test_a_repository_exists_once(ecr: Direct, app: dict[str, Any]) -> None:
    assert ecr.error("create_repository", **WHERE) == (
        "RepositoryAlreadyExistsException",
        f"The repository with name 'team/app' already exists {REGISTRY}",
    )


def test_a_deleted_repository_is_gone(ecr: Direct, app: dict[str, Any]) -> None:
    assert ecr("delete_repository", **WHERE)["repository"] == app
    assert ecr.error("delete_repository", **WHERE) == MISSING


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("describe_repositories", {"repositoryNames": ["team/app"]}),
        ("set_repository_policy", {**WHERE, "policyText": POLICY}),
        ("get_repository_policy", WHERE),
        ("delete_repository_policy", WHERE),
        ("put_lifecycle_policy", {**WHERE, "lifecyclePolicyText": LIFECYCLE}),
        ("get_lifecycle_policy", WHERE),
        ("put_image_tag_mutability", {**WHERE, "imageTagMutability": "IMMUTABLE"}),
        ("put_image_scanning_configuration", {**WHERE, "imageScanningConfiguration": {}}),
        ("tag_resource", {"resourceArn": ARN, "tags": []}),
        ("list_tags_for_resource", {"resourceArn": ARN}),
        ("describe_images", WHERE),
        ("list_images", WHERE),
        ("batch_get_image", {**WHERE, "imageIds": [{"imageTag": "t"}]}),
    ],
)
def test_a_missing_repository_is_missing_everywhere(ecr: Direct, operation: str, params: dict[str, Any]) -> None:
    assert ecr.error(operation, **params) == MISSING


def test_another_accounts_registry_has_nothing(ecr: Direct, app: dict[str, Any]) -> None:
    code, text = ecr.error("list_images", **WHERE, registryId="999999999999")

    assert code == "RepositoryNotFoundException"
    assert "999999999999" in text


def test_pages_of_repositories_together_are_all(ecr: Direct) -> None:
    for number in range(5):
        ecr("create_repository", repositoryName=f"r{number}")

    first = ecr("describe_repositories", maxResults=3)
    second = ecr("describe_repositories", maxResults=3, nextToken=first["nextToken"])

    names = [repository["repositoryName"] for repository in first["repositories"] + second["repositories"]]
    assert names == [f"r{number}" for number in range(5)]
    assert "nextToken" not in second


@pytest.mark.parametrize("token", ["!", "cjE=", "WzFd", "WyJhIiwiYiJd"])
def test_a_page_token_that_nobody_was_given_is_refused(ecr: Direct, token: str) -> None:
    assert ecr.error("describe_repositories", nextToken=token)[0] == "InvalidParameterException"


def test_settings_change_in_place(ecr: Direct, app: dict[str, Any]) -> None:
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    mutability = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": filters}
    answer = ecr("put_image_tag_mutability", **WHERE, **mutability)
    ecr("put_image_scanning_configuration", **WHERE, imageScanningConfiguration={"scanOnPush": True})

    assert answer == {"registryId": ACCOUNT, "repositoryName": "team/app", **mutability}
    (changed,) = ecr("describe_repositories")["repositories"]
    assert changed == {**app, **mutability, "imageScanningConfiguration": {"scanOnPush": True}}
    ecr("put_image_tag_mutability", **WHERE, imageTagMutability="MUTABLE")
    assert "imageTagMutabilityExclusionFilters" not in ecr("describe_repositories")["repositories"][0]


def test_scanning_is_told_for_many_repositories_at_once(ecr: Direct, app: dict[str, Any]) -> None:
    answer = ecr("batch_get_repository_scanning_configuration", repositoryNames=["team/app", "gone"])

    assert [(c["repositoryName"], c["scanFrequency"]) for c in answer["scanningConfigurations"]] == [
        ("team/app", "MANUAL")
    ]
    assert [failure["failureCode"] for failure in answer["failures"]] == ["REPOSITORY_NOT_FOUND"]


def test_a_repository_policy_is_kept_word_for_word(ecr: Direct, app: dict[str, Any]) -> None:
    missing = ("RepositoryPolicyNotFoundException", f"Repository policy does not exist {OF_APP}")
    assert ecr.error("get_repository_policy", **WHERE) == missing

    ecr("set_repository_policy", **WHERE, policyText=POLICY)
    assert ecr("get_repository_policy", **WHERE)["policyText"] == POLICY
    assert ecr("delete_repository_policy", **WHERE)["policyText"] == POLICY
    assert ecr.error("delete_repository_policy", **WHERE) == missing


def test_a_lifecycle_policy_is_kept_word_for_word(ecr: Direct, app: dict[str, Any]) -> None:
    missing = ("LifecyclePolicyNotFoundException", f"Lifecycle policy does not exist {OF_APP}")
    assert ecr.error("get_lifecycle_policy", **WHERE) == missing

    ecr("put_lifecycle_policy", **WHERE, lifecyclePolicyText=LIFECYCLE)
    found = ecr("get_lifecycle_policy", **WHERE)
    assert (found["lifecyclePolicyText"], found["lastEvaluatedAt"]) == (LIFECYCLE, NOW_MS / 1000)
    ecr("delete_lifecycle_policy", **WHERE)
    assert ecr.error("get_lifecycle_policy", **WHERE) == missing


def test_the_registry_has_a_policy_of_its_own(ecr: Direct) -> None:
    missing = ("RegistryPolicyNotFoundException", f"Registry policy does not exist {REGISTRY}")
    assert ecr.error("get_registry_policy") == missing

    ecr("put_registry_policy", policyText=POLICY)
    assert ecr("get_registry_policy") == {"registryId": ACCOUNT, "policyText": POLICY}
    ecr("delete_registry_policy")
    assert ecr.error("get_registry_policy") == missing
    assert ecr("describe_registry")["registryId"] == ACCOUNT
    assert ecr("get_registry_scanning_configuration")["scanningConfiguration"]["scanType"] == "BASIC"


@pytest.mark.parametrize("text", ["", "[]", "{}", "nope", '{"Statement": 1}'])
def test_a_policy_must_be_one(ecr: Direct, app: dict[str, Any], text: str) -> None:
    assert ecr.error("set_repository_policy", **WHERE, policyText=text) == (
        "InvalidParameterException",
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
    )


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"rules": []},
        {"rules": [1]},
        {"rules": [{"rulePriority": 1}]},
        {"rules": [{"rulePriority": 1, "selection": {}, "action": {"type": "burn"}}]},
        {"rules": [{"rulePriority": 1, "selection": {}, "action": {"type": "expire"}}] * 2},
    ],
)
def test_a_lifecycle_policy_must_have_rules(ecr: Direct, app: dict[str, Any], document: Any) -> None:
    refused = ecr.error("put_lifecycle_policy", **WHERE, lifecyclePolicyText=json.dumps(document))

    assert refused[0] == "InvalidParameterException"
    assert "LifecyclePolicyText" in refused[1]


def test_tags_are_added_replaced_and_removed(ecr: Direct, app: dict[str, Any]) -> None:
    ecr("tag_resource", resourceArn=ARN, tags=[{"Key": "team", "Value": "day"}, {"Key": "b", "Value": "2"}])
    ecr("untag_resource", resourceArn=ARN, tagKeys=["b", "never"])

    assert ecr("list_tags_for_resource", resourceArn=ARN) == {"tags": [{"Key": "team", "Value": "day"}]}
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert ecr.error("tag_resource", resourceArn=ARN, tags=many)[0] == "TooManyTagsException"
    assert ecr.error("tag_resource", resourceArn="x", tags=many)[0] == "InvalidParameterException"


def test_an_empty_repository_says_so(ecr: Direct, app: dict[str, Any]) -> None:
    image = {"imageTag": "latest"}

    assert ecr("list_images", **WHERE) == {"imageIds": []}
    assert ecr("describe_images", **WHERE) == {"imageDetails": []}
    assert ecr.error("describe_images", **WHERE, imageIds=[image]) == (
        "ImageNotFoundException",
        "The image with imageId {imageTag:'latest'} does not exist within the repository with name 'team/app' "
        f"{REGISTRY}",
    )
    failure = {"imageId": image, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
    assert ecr("batch_get_image", **WHERE, imageIds=[image]) == {"images": [], "failures": [failure]}
    assert ecr("batch_delete_image", **WHERE, imageIds=[image, {}])["failures"][1]["failureCode"] == (
        "MissingDigestAndTag"
    )
    layers = ecr("batch_check_layer_availability", **WHERE, layerDigests=["sha256:00"])["layers"]
    assert layers == [{"layerDigest": "sha256:00", "layerAvailability": "UNAVAILABLE"}]


def test_the_token_is_a_password_that_can_be_verified(ecr: Direct) -> None:
    (entry,) = ecr("get_authorization_token")["authorizationData"]
    user, password = base64.b64decode(entry["authorizationToken"]).decode().split(":")
    claims = json.loads(base64.urlsafe_b64decode(password))

    verified = SessionIssuer(MASTER_KEY).verify(claims["accessKey"], claims["token"], NOW_MS)

    assert user == "AWS"
    assert verified.arn == ROOT.arn
    assert entry["expiresAt"] == NOW_MS / 1000 + 12 * 3600
    assert entry["proxyEndpoint"] == f"https://{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize("token", ["\u00e9", "x", "/w=="])
def test_a_token_that_nobody_was_given_is_refused(ecr: Direct, token: str) -> None:
    assert ecr.error("describe_repositories", nextToken=token)[0] == "InvalidParameterException"
