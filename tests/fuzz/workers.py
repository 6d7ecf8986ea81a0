"""The town's functions: calls that succeed, one after the other."""

from __future__ import annotations

from typing import Any

from tests.contexts import ACCOUNT
from tests.zips import zipped

Call = tuple[str, str, dict[str, Any]]

_ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
_ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:"
_CODE = zipped({"app.py": "def handler(event, context): return event\n"})
_OTHER = zipped({"app.py": "def handler(event, context): return 1\n"})
_BOX = f"arn:aws:sqs:us-east-1:{ACCOUNT}:box"
_CONFIG = {"DestinationConfig": {"OnSuccess": {"Destination": _BOX}}, "MaximumRetryAttempts": 0}
_FILTERS = {"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]}


def _own(operation: str, **params: Any) -> Call:
    return "lambda", operation, {"FunctionName": "worker", **params}


FIRST: list[Call] = [
    (
        "lambda",
        "PublishLayerVersion",
        {"LayerName": "shared", "Content": {"ZipFile": _CODE}, "CompatibleRuntimes": ["python3.12"]},
    ),
    _own(
        "CreateFunction",
        Runtime="python3.12",
        Role=_ROLE,
        Handler="app.handler",
        Code={"ZipFile": _CODE},
        Layers=[f"{_ARN}layer:shared:1"],
        Environment={"Variables": {"WHO": "me"}},
        DeadLetterConfig={"TargetArn": _BOX},
        Publish=True,
        Tags={"team": "night"},
    ),
    _own("CreateAlias", Name="live", FunctionVersion="1", Description="d"),
    _own("AddPermission", StatementId="bus", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"),
    _own("PutFunctionEventInvokeConfig", **_CONFIG),
    _own("CreateEventSourceMapping", EventSourceArn=_BOX, FilterCriteria=_FILTERS, Enabled=False),
    _own("Invoke", InvocationType="Event", Payload=b'{"a": 1}'),
]
MORE: list[Call] = [
    _own("Invoke", Payload=b'{"a": 1}', LogType="Tail", Qualifier="live"),
    _own("Invoke", InvocationType="DryRun"),
    _own("InvokeAsync", InvokeArgs=b"{}"),
    _own("GetFunction", Qualifier="live"),
    _own("GetFunctionConfiguration"),
    ("lambda", "ListFunctions", {"FunctionVersion": "ALL", "MaxItems": 1}),
    _own("ListVersionsByFunction", MaxItems=1),
    _own("UpdateFunctionCode", ZipFile=_OTHER, Publish=True),
    _own("UpdateFunctionConfiguration", Timeout=9, LoggingConfig={"LogFormat": "JSON"}, TracingConfig={}),
    _own("PublishVersion", Description="new"),
    _own("UpdateAlias", Name="live", FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {}}),
    _own("ListAliases", FunctionVersion="1"),
    _own("DeleteAlias", Name="live"),
    _own("GetPolicy"),
    _own("RemovePermission", StatementId="bus"),
    _own("PutFunctionConcurrency", ReservedConcurrentExecutions=3),
    _own("DeleteFunctionConcurrency"),
    _own("UpdateFunctionEventInvokeConfig", MaximumEventAgeInSeconds=60),
    _own("ListFunctionEventInvokeConfigs"),
    _own("DeleteFunctionEventInvokeConfig"),
    _own("ListEventSourceMappings", EventSourceArn=_BOX),
    ("lambda", "UpdateEventSourceMapping", {"UUID": "@UUID", "Enabled": True, "BatchSize": 5}),
    ("lambda", "GetEventSourceMapping", {"UUID": "@UUID"}),
    ("lambda", "DeleteEventSourceMapping", {"UUID": "@UUID"}),
    ("lambda", "GetLayerVersion", {"LayerName": "shared", "VersionNumber": 1}),
    ("lambda", "GetLayerVersionByArn", {"Arn": f"{_ARN}layer:shared:1"}),
    ("lambda", "ListLayers", {"CompatibleRuntime": "python3.12"}),
    ("lambda", "ListLayerVersions", {"LayerName": "shared"}),
    ("lambda", "DeleteLayerVersion", {"LayerName": "shared", "VersionNumber": 1}),
    ("lambda", "TagResource", {"Resource": f"{_ARN}function:worker", "Tags": {"a": "b"}}),
    ("lambda", "UntagResource", {"Resource": f"{_ARN}function:worker", "TagKeys": ["team"]}),
    _own("DeleteFunction"),
]
