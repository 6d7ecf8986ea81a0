"""TestMetricFilter: try a pattern on sample messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads
from batchd.services.logs.pattern import parse_pattern

if TYPE_CHECKING:
    from types_boto3_logs import type_defs as t


@reads
def test_metric_filter(params: t.TestMetricFilterRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """The messages that match, numbered from 1, with the fields a space-delimited pattern names."""
    pattern = parse_pattern(params["filterPattern"])
    return {
        "matches": [
            {"eventNumber": number, "eventMessage": message, "extractedValues": pattern.extract(message)}
            for number, message in enumerate(params["logEventMessages"], 1)
            if pattern.matches(message)
        ]
    }
