"""Tags of everything that has an EC2 id. Rules keep theirs within their group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.ec2.filters import select
from batchd.services.ec2.inventory import GROUP, NOUNS, everything, find, merged_tags, paged, save
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_ec2 import type_defs as t

_MOST_TAGS = 50
_FIELDS = {"key": "Key", "value": "Value", "resource-id": "ResourceId", "resource-type": "ResourceType"}

Tags = list[dict[str, str]]


@writes
def create_tags(params: t.ClientCreateTagsRequestTypeDef, ctx: Context) -> None:
    """Set tags on each resource; old values of the same keys go. The NotFound error of the resource's kind."""
    added: list[Any] = list(params["Tags"])
    for tag in added:
        if tag.get("Key", "").startswith("aws:"):
            raise ApiError("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
    for identifier in params["Resources"]:
        _change(ctx, identifier, lambda tags: _limited(merged_tags(tags, added)))


@writes
def delete_tags(params: t.ClientDeleteTagsRequestTypeDef, ctx: Context) -> None:
    """Remove these keys, where a value is given only with that value; all tags where none are named."""
    unwanted: list[Any] = list(params.get("Tags") or ())
    for identifier in params["Resources"]:
        _change(ctx, identifier, lambda tags: [tag for tag in tags if unwanted and not _named(tag, unwanted)])


@reads
def describe_tags(params: t.DescribeTagsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """One entry a tag."""
    found: list[Body] = []
    for noun in NOUNS:
        for body in everything(ctx, noun):
            found += _entries(body, noun.kind, body[noun.id_member])
            for rule in body.get("Rules", ()):
                found += _entries(rule, "security-group-rule", rule["SecurityGroupRuleId"])
    return paged("Tags", select(found, params.get("Filters", ()), _FIELDS), params)


def _change(ctx: Context, identifier: str, change: Callable[[Tags], Tags]) -> None:
    prefix = identifier.partition("-")[0]
    if prefix == "sgr":
        _change_rule(ctx, identifier, change)
        return
    noun = next((noun for noun in NOUNS if noun.prefix == prefix), None)
    if noun is None:
        raise ApiError("InvalidID", f"The ID '{identifier}' is not valid")
    body = find(ctx, noun, identifier)
    save(ctx, noun, {**body, "Tags": change(body["Tags"])})


def _change_rule(ctx: Context, identifier: str, change: Callable[[Tags], Tags]) -> None:
    for group in everything(ctx, GROUP):
        for place, rule in enumerate(group["Rules"]):
            if rule["SecurityGroupRuleId"] == identifier:
                rules = list(group["Rules"])
                rules[place] = {**rule, "Tags": change(rule["Tags"])}
                save(ctx, GROUP, {**group, "Rules": rules})
                return
    raise ApiError("InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{identifier}' does not exist")


def _limited(tags: Tags) -> Tags:
    if len(tags) > _MOST_TAGS:
        raise ApiError("TagLimitExceeded", "You have reached the maximum number of tags allowed for this resource.")
    return tags


def _named(tag: Mapping[str, str], unwanted: Sequence[Mapping[str, str]]) -> bool:
    return any(tag["Key"] == other.get("Key") and other.get("Value") in (None, tag["Value"]) for other in unwanted)


def _entries(body: Body, resource_type: str, identifier: str) -> list[Body]:
    return [{**tag, "ResourceType": resource_type, "ResourceId": identifier} for tag in body["Tags"]]
