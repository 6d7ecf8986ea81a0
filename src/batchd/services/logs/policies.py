"""Resource policies: kept and given back word for word. [logs.md 8]"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.logs.groups import PAGE
from batchd.services.logs.tokens import read_token, write_token
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_logs import type_defs as t

KIND = "logs.resource-policy"
_MOST = 10


@writes
def put_resource_policy(params: t.PutResourcePolicyRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Create or replace a policy of the account. InvalidParameterException, LimitExceededException."""
    if params.get("resourceArn"):
        raise ApiError("InvalidParameterException", "Resource policies can be attached to the account only.")
    name, document = params.get("policyName"), params.get("policyDocument")
    if not name or not document:
        raise ApiError("InvalidParameterException", "policyName and policyDocument are required.")
    try:
        orjson.loads(document)
    except orjson.JSONDecodeError:
        raise ApiError("InvalidParameterException", "Invalid policy document.") from None
    key = Key(KIND, ctx.region, name)
    is_new = ctx.tx.resources.get(key) is None
    if is_new and len(ctx.tx.resources.page(KIND, ctx.region, limit=_MOST)) >= _MOST:
        raise ApiError("LimitExceededException", "Resource limit exceeded.")
    body: Body = {"policyDocument": document, "lastUpdatedTime": ctx.now_ms}
    ctx.tx.resources.put(key, body)
    return {"resourcePolicy": _describe(name, body)}


@reads
def describe_resource_policies(params: t.DescribeResourcePoliciesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """By name."""
    if params.get("policyScope") == "RESOURCE" or params.get("resourceArn"):
        return {"resourcePolicies": []}
    limit = params.get("limit", PAGE)
    start = read_token(params.get("nextToken"), str)
    page = ctx.tx.resources.page(KIND, ctx.region, after=start[0] if start else "", limit=limit + 1)
    answer: dict[str, Any] = {"resourcePolicies": [_describe(name, body) for name, body in page[:limit]]}
    if len(page) > limit:
        answer["nextToken"] = write_token(page[limit - 1][0])
    return answer


@writes
def delete_resource_policy(params: t.DeleteResourcePolicyRequestTypeDef, ctx: Context) -> None:
    name = params.get("policyName", "")
    if not ctx.tx.resources.delete(Key(KIND, ctx.region, name)):
        raise ApiError("ResourceNotFoundException", f"Policy with name [{name}] does not exist.")


def _describe(name: str, body: Body) -> dict[str, Any]:
    return {**body, "policyName": name, "policyScope": "ACCOUNT"}
