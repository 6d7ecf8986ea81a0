"""Where EC2's documents are: the region's default network, and over it what was created, changed or deleted.

Every document is what Describe shows. A default one is stored from the first change on; a deleted default one stays as
a mark that it is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context
from batchd.gateway.tokens import BadToken, decode_position, encode_token
from batchd.services.ec2.network import default_network
from batchd.store.store import Body, Key

_GONE: Body = {"Gone": True}


@dataclass(frozen=True, slots=True)
class Noun:
    """A kind of resource: ids begin with `prefix` and a dash; `word` is how error texts name one."""

    kind: str
    prefix: str
    id_member: str
    word: str
    not_found: str

    def missing(self, ids: Sequence[str]) -> ApiError:
        named = ", ".join(ids)
        if len(ids) == 1:
            return ApiError(self.not_found, f"The {self.word} '{named}' does not exist")
        return ApiError(self.not_found, f"The {self.word}s '{named}' do not exist")


VPC = Noun("vpc", "vpc", "VpcId", "vpc ID", "InvalidVpcID.NotFound")
SUBNET = Noun("subnet", "subnet", "SubnetId", "subnet ID", "InvalidSubnetID.NotFound")
GROUP = Noun("security-group", "sg", "GroupId", "security group", "InvalidGroup.NotFound")
ROUTE_TABLE = Noun("route-table", "rtb", "RouteTableId", "routeTable ID", "InvalidRouteTableID.NotFound")
GATEWAY = Noun(
    "internet-gateway", "igw", "InternetGatewayId", "internetGateway ID", "InvalidInternetGatewayID.NotFound"
)
ACL = Noun("network-acl", "acl", "NetworkAclId", "networkAcl ID", "InvalidNetworkAclID.NotFound")
TEMPLATE = Noun("launch-template", "lt", "LaunchTemplateId", "launch template", "InvalidLaunchTemplateId.NotFound")

NOUNS = (VPC, SUBNET, GROUP, ROUTE_TABLE, GATEWAY, ACL, TEMPLATE)


def everything(ctx: Context, noun: Noun) -> list[Body]:
    """All documents of a kind in the caller's region, by id."""
    found = dict(default_network(ctx.account, ctx.region).get(noun.kind, {}))
    found.update(ctx.tx.resources.page(_kind(noun), ctx.region))
    return [found[name] for name in sorted(found) if found[name] != _GONE]


def find(ctx: Context, noun: Noun, identifier: str) -> Body:
    """The document of this id; the noun's own NotFound error."""
    body = _get(ctx, noun, identifier)
    if body is None:
        raise noun.missing([identifier])
    return body


def chosen(ctx: Context, noun: Noun, ids: Sequence[str] | None) -> list[Body]:
    """The documents of these ids, or all where none are given."""
    if not ids:
        return everything(ctx, noun)
    found = {identifier: _get(ctx, noun, identifier) for identifier in ids}
    if missing := [identifier for identifier, body in found.items() if body is None]:
        raise noun.missing(missing)
    return [body for body in found.values() if body is not None]


def save(ctx: Context, noun: Noun, body: Body) -> None:
    """Create the document, or replace it."""
    ctx.tx.resources.put(_key(ctx, noun, body[noun.id_member]), body)


def remove(ctx: Context, noun: Noun, identifier: str) -> None:
    key = _key(ctx, noun, identifier)
    if identifier in default_network(ctx.account, ctx.region).get(noun.kind, {}):
        ctx.tx.resources.put(key, _GONE)
    else:
        ctx.tx.resources.delete(key)


def new_identifier(ctx: Context, prefix: str) -> str:
    """`sg-0123456789abcdef0`: seventeen digits, as AWS's ids have."""
    return f"{prefix}-{ctx.new_id().replace('-', '')[-17:]}"


def tags_for(params: Mapping[str, Any], resource_type: str) -> list[dict[str, str]]:
    """The tags a create request asks for on this type of resource."""
    found: list[dict[str, str]] = []
    for specification in params.get("TagSpecifications", ()):
        if specification.get("ResourceType") == resource_type:
            found += merged_tags([], specification.get("Tags", ()))
    return found


def merged_tags(tags: Iterable[Mapping[str, str]], added: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Old and new tags; a new value replaces the old one of its key."""
    merged = {tag.get("Key", ""): tag.get("Value", "") for tag in (*tags, *added)}
    return [{"Key": key, "Value": value} for key, value in merged.items()]


def paged(member: str, items: Sequence[Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The answer that holds the page of the items a request wants: all of them unless it sets MaxResults."""
    start = _read_token(params.get("NextToken"))
    most = params.get("MaxResults")
    stop = start + most if most else len(items)
    answer: dict[str, Any] = {member: list(items[start:stop])}
    if stop < len(items):
        answer["NextToken"] = encode_token([stop])
    return answer


def _read_token(token: str | None) -> int:
    if not token:
        return 0
    try:
        start: int = decode_position(token, int)[0]
    except BadToken:
        start = -1
    if start < 0:
        raise ApiError("InvalidNextToken", "The nextToken is not valid")
    return start


def _get(ctx: Context, noun: Noun, identifier: str) -> Body | None:
    body = ctx.tx.resources.get(_key(ctx, noun, identifier))
    if body is None:
        return default_network(ctx.account, ctx.region).get(noun.kind, {}).get(identifier)
    return None if body == _GONE else body


def _kind(noun: Noun) -> str:
    return f"ec2.{noun.kind}"


def _key(ctx: Context, noun: Noun, identifier: str) -> Key:
    return Key(_kind(noun), ctx.region, identifier)
