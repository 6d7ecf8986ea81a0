"""DescribeParameters: what there is, without values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads
from batchd.services.ssm.documents import KIND, metadata, parameter_arn
from batchd.services.ssm.faults import invalid
from batchd.services.ssm.filters import Filter, passes_filters, read_token, validate_filters, write_token
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_ssm import type_defs as t

_KEYS = ("Path", "Name", "Type", "KeyId", "Tier", "DataType", "tag:")
_PAGE = 50
_SCAN = 200


@reads
def describe_parameters(params: t.DescribeParametersRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """By name. Filters and ParameterFilters exclude each other."""
    if params.get("Filters") and params.get("ParameterFilters"):
        raise invalid("You can use either Filters or ParameterFilters in a single request.")
    filters: list[Filter] = [*params.get("Filters", ()), *params.get("ParameterFilters", ())]
    validate_filters(filters, _KEYS)
    limit = params.get("MaxResults", _PAGE)
    found = _matching(ctx, filters, read_token(params.get("NextToken")), limit + 1)
    answer: dict[str, Any] = {
        "Parameters": [{**metadata(ctx, name, body), "ARN": parameter_arn(ctx, name)} for name, body in found[:limit]]
    }
    if len(found) > limit:
        answer["NextToken"] = write_token(found[limit - 1][0])
    return answer


def _matching(ctx: Context, filters: list[Filter], after: str, limit: int) -> list[tuple[str, Body]]:
    named = _named(filters)
    if named is not None:
        rows = [(name, ctx.tx.resources.get(Key(KIND, ctx.region, name))) for name in sorted(set(named))]
        there = [(name, body) for name, body in rows if body is not None and name > after]
        return [(name, body) for name, body in there if passes_filters(name, body, filters)][:limit]
    found: list[tuple[str, Body]] = []
    while len(found) < limit:
        page = ctx.tx.resources.page(KIND, ctx.region, after=after, limit=_SCAN)
        found += [(name, body) for name, body in page if passes_filters(name, body, filters)]
        if len(page) < _SCAN:
            break
        after = page[-1][0]
    return found[:limit]


def _named(filters: list[Filter]) -> list[str] | None:
    """The names asked for, where names are what is asked for: how Terraform reads."""
    for one in filters:
        if one["Key"] == "Name" and one.get("Option", "Equals") == "Equals":
            return list(one["Values"])
    return None
