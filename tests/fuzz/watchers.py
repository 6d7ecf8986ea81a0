"""The town's event buses: calls that succeed, one after the other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.contexts import ACCOUNT

Call = tuple[str, str, dict[str, Any]]

_ARN = f"arn:aws:events:us-east-1:{ACCOUNT}"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
_PATTERN = (
    '{"source":["town",{"prefix":"t"}],"detail":{"n":[{"numeric":[">",0,"<=",5]},{"exists":false}],'
    '"$or":[{"a":[{"anything-but":{"suffix":["x"]}}]},{"ip":[{"cidr":"10.0.0.0/8"},null,true,{"wildcard":"*a"}]}]}}'
)
_TARGET = {
    "Id": "log",
    "Arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/town",
    "InputTransformer": {
        "InputPathsMap": {"n": "$.detail.n"},
        "InputTemplate": '{"timestamp": 1, "message": "<n>"}',
    },
    "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60},
    "DeadLetterConfig": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:box"},
}
_JOB = {
    "Id": "job",
    "Arn": f"arn:aws:batch:us-east-1:{ACCOUNT}:job-queue/night",
    "RoleArn": _ROLE,
    "BatchParameters": {
        "JobName": "j",
        "JobDefinition": "feed",
        "ArrayProperties": {"Size": 2},
        "RetryStrategy": {"Attempts": 2},
    },
}
_ENTRY = {
    "Time": datetime(2026, 1, 1, tzinfo=UTC),
    "Source": "town",
    "Resources": ["r"],
    "DetailType": "d",
    "Detail": '{"n": 1}',
    "EventBusName": "default",
}
_BASIC = {
    "BasicAuthParameters": {"Username": "u", "Password": "p"},
    "InvocationHttpParameters": {
        "HeaderParameters": [{"Key": "K", "Value": "v", "IsValueSecret": True}],
        "QueryStringParameters": [{"Key": "k", "Value": "v", "IsValueSecret": False}],
        "BodyParameters": [{"Key": "k", "Value": "v", "IsValueSecret": False}],
    },
}
_OAUTH = {
    "OAuthParameters": {
        "ClientParameters": {"ClientID": "c", "ClientSecret": "s"},
        "AuthorizationEndpoint": "https://example.org/token",
        "HttpMethod": "POST",
    }
}
_REPLAY = {
    "ReplayName": "again",
    "EventSourceArn": f"{_ARN}:archive/all",
    "EventStartTime": datetime(2025, 1, 1, tzinfo=UTC),
    "EventEndTime": datetime(2027, 1, 1, tzinfo=UTC),
    "Destination": {"Arn": f"{_ARN}:event-bus/default", "FilterArns": [f"{_ARN}:rule/watch"]},
}
_EVENT = (
    '{"id":"1","account":"1","source":"town","time":"2026-01-01T00:00:00Z","region":"r","resources":[],'
    '"detail-type":"d","detail":{}}'
)


def _events(operation: str, **params: Any) -> Call:
    return "events", operation, params


FIRST: list[Call] = [
    _events("CreateEventBus", Name="market", Description="d", Tags=[{"Key": "a", "Value": "b"}]),
    _events("PutRule", Name="watch", EventPattern=_PATTERN, State="ENABLED", Description="d", RoleArn=_ROLE),
    _events("PutTargets", Rule="watch", Targets=[_TARGET, _JOB]),
    _events("PutRule", Name="clock", ScheduleExpression="cron(0/5 8-17 ? * MON-FRI *)"),
    _events("CreateArchive", ArchiveName="all", EventSourceArn=f"{_ARN}:event-bus/default", RetentionDays=1),
    _events("PutEvents", Entries=[_ENTRY]),
    _events("CreateConnection", Name="shop", AuthorizationType="BASIC", AuthParameters=_BASIC),
]
MORE: list[Call] = [
    _events("PutRule", Name="market", EventPattern=_PATTERN, EventBusName="market"),
    _events("PutRule", Name="clock", ScheduleExpression="rate(5 minutes)", EventBusName="default"),
    _events("PutEvents", Entries=[{**_ENTRY, "Detail": "[]"}, _ENTRY]),
    _events("TestEventPattern", EventPattern=_PATTERN, Event=_EVENT),
    _events("DescribeRule", Name="watch", EventBusName="default"),
    _events("ListRules", NamePrefix="w", EventBusName="default", Limit=1),
    _events("ListTargetsByRule", Rule="watch", Limit=1),
    _events("ListRuleNamesByTarget", TargetArn=_JOB["Arn"], Limit=1),
    _events("DisableRule", Name="watch"),
    _events("EnableRule", Name="watch", EventBusName="default"),
    _events("RemoveTargets", Rule="watch", Ids=["log"], Force=True),
    _events("DeleteRule", Name="clock"),
    _events("TagResource", ResourceARN=f"{_ARN}:rule/watch", Tags=[{"Key": "c", "Value": "d"}]),
    _events("UntagResource", ResourceARN=f"{_ARN}:event-bus/market", TagKeys=["a"]),
    _events("ListTagsForResource", ResourceARN=f"{_ARN}:rule/watch"),
    _events("DescribeEventBus", Name="market"),
    _events("ListEventBuses", NamePrefix="m", Limit=1),
    _events("UpdateEventBus", Name="market", Description="e"),
    _events("PutPermission", EventBusName="market", Action="events:PutEvents", Principal="*", StatementId="all"),
    _events("PutPermission", Policy='{"Version":"2012-10-17","Statement":[]}'),
    _events("RemovePermission", RemoveAllPermissions=True),
    _events("DeleteEventBus", Name="market"),
    _events("DescribeArchive", ArchiveName="all"),
    _events("ListArchives", NamePrefix="a", State="ENABLED", Limit=1),
    _events("UpdateArchive", ArchiveName="all", Description="d", EventPattern=_PATTERN),
    _events("StartReplay", **_REPLAY),
    _events("ListReplays", NamePrefix="a", State="STARTING", Limit=1),
    _events("DeleteArchive", ArchiveName="all"),
    _events("CreateConnection", Name="key", AuthorizationType="OAUTH_CLIENT_CREDENTIALS", AuthParameters=_OAUTH),
    _events("DescribeConnection", Name="shop"),
    _events("UpdateConnection", Name="shop", AuthParameters=_BASIC, Description="d"),
    _events("ListConnections", NamePrefix="s", ConnectionState="AUTHORIZED", Limit=1),
    _events("DeauthorizeConnection", Name="shop"),
    _events("DeleteConnection", Name="shop"),
    _events("ListApiDestinations", NamePrefix="s", Limit=1),
]
