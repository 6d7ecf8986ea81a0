"""How requests name a function: by name, partial or whole ARN, with or without a qualifier. [lambda.md 1]"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context
from batchd.services.lambda_.faults import function_missing, invalid

LATEST = "$LATEST"
_REFERENCE = re.compile(
    r"(?:(?:arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):)?(?P<account>\d{12}):function:)?"
    r"(?P<name>[A-Za-z0-9_-]{1,64})(?::(?P<qualifier>\$LATEST|[A-Za-z0-9_-]{1,128}))?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """`qualifier` is empty where the request has none."""

    name: str
    qualifier: str = ""


def reference_of(ctx: Context, params: Mapping[str, Any], member: str = "FunctionName") -> Reference:
    """What a request means; its `Qualifier` may say what the name does not."""
    text, wanted = params[member], params.get("Qualifier", "")
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise ApiError(
            "ValidationException",
            f"1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: Member must "
            r"satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\d{1}:)?"
            r"(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?",
        )
    region, account = found["region"] or ctx.region, found["account"] or ctx.account
    if region != ctx.region:
        raise ApiError(
            "ResourceNotFoundException",
            f"Functions from '{region}' are not reachable in this region ('{ctx.region}')",
            404,
        )
    if account != ctx.account:
        raise function_missing(text)
    qualifier = found["qualifier"] or ""
    if qualifier and wanted and qualifier != wanted:
        raise invalid("The derived qualifier from the function name does not match the specified qualifier.")
    return Reference(found["name"], qualifier or wanted)


def function_arn(ctx: Context, name: str, qualifier: str = "") -> str:
    return ctx.arn("lambda", f"function:{name}{':' if qualifier else ''}{qualifier}")
