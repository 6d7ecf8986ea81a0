"""Versions of a parameter, and their labels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.ssm.documents import KIND, VERSION, existing, metadata, visible_value
from batchd.services.ssm.faults import version_not_found
from batchd.services.ssm.filters import read_token, write_token
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_ssm import type_defs as t

_PAGE = 50
_MOST_LABELS = 10
_LABEL = re.compile(r"(?!aws|ssm|AWS|SSM)[A-Za-z_.-][A-Za-z0-9_.-]*")


@reads
def get_parameter_history(params: t.GetParameterHistoryRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Oldest first."""
    name, body = existing(ctx, params["Name"])
    limit, after = params.get("MaxResults", _PAGE), read_token(params.get("NextToken"))
    rows = ctx.tx.resources.page(VERSION, ctx.region, prefix=f"{name}:", after=after, limit=limit + 1)
    decrypt = params.get("WithDecryption", False)
    answer: dict[str, Any] = {"Parameters": [_entry(ctx, name, body, row, decrypt) for _, row in rows[:limit]]}
    if len(rows) > limit:
        answer["NextToken"] = write_token(rows[limit - 1][0])
    return answer


@writes
def label_parameter_version(params: t.LabelParameterVersionRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """A label is on one version; labels that cannot be are answered as invalid."""
    name, body = existing(ctx, params["Name"])
    version = params.get("ParameterVersion") or body["version"]
    _validate_version(name, body, version)
    invalid = [label for label in params["Labels"] if not _LABEL.fullmatch(label)]
    added = dict.fromkeys((label for label in params["Labels"] if label not in invalid), version)
    labels = {**body["labels"], **added}
    if sum(1 for number in labels.values() if number == version) > _MOST_LABELS:
        raise ApiError(
            "ParameterVersionLabelLimitExceeded",
            "An error occurred (ParameterVersionLabelLimitExceeded) when calling the LabelParameterVersion operation: "
            "A parameter version can have maximum 10 labels. Move one or more labels to another version and try again.",
        )
    ctx.tx.resources.put(Key(KIND, ctx.region, name), {**body, "labels": labels})
    return {"InvalidLabels": invalid, "ParameterVersion": version}


@writes
def unlabel_parameter_version(params: t.UnlabelParameterVersionRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Labels the version does not have are answered as invalid."""
    name, body = existing(ctx, params["Name"])
    version = params["ParameterVersion"]
    _validate_version(name, body, version)
    removed = [label for label in params["Labels"] if body["labels"].get(label) == version]
    kept = {label: number for label, number in body["labels"].items() if label not in removed}
    ctx.tx.resources.put(Key(KIND, ctx.region, name), {**body, "labels": kept})
    return {"RemovedLabels": removed, "InvalidLabels": [x for x in params["Labels"] if x not in removed]}


def _validate_version(name: str, body: Body, version: int) -> None:
    if not body["oldest"] <= version <= body["version"]:
        raise version_not_found(name, version)


def _entry(ctx: Context, name: str, body: Body, row: Body, decrypt: bool) -> dict[str, Any]:
    labels = [label for label, version in body["labels"].items() if version == row["version"]]
    value = visible_value(ctx, name, row, decrypt)
    return {**metadata(ctx, name, row), "Value": value, "Labels": labels}
