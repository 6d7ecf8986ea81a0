"""Event source mappings: queues whose messages are brought to functions in batches. [lambda.md 8]"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from batchd.arns import parse_arn
from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.invocation import Outcome
from batchd.matching.operators import BadPattern
from batchd.matching.patterns import compile_pattern, flatten
from batchd.services.lambda_.documents import find_version
from batchd.services.lambda_.faults import conflict, invalid, missing
from batchd.services.lambda_.pages import page_of
from batchd.services.lambda_.references import Reference, function_arn, reference_of
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_lambda import type_defs as t

KIND = "lambda.mapping"
CHANGED = "lambda/mappings"  # the topic: there are others than before
_BATCH = 10
_MOST_WITHOUT_WINDOW = 10
_CHANGEABLE = (
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "FilterCriteria",
    "FunctionResponseTypes",
    "ScalingConfig",
)
_QUEUE = re.compile(r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}(\.fifo)?")


@writes
def create_event_source_mapping(params: t.CreateEventSourceMappingRequestTypeDef, ctx: Context) -> Body:
    """Of SQS queues, the one source there is here."""
    source = params.get("EventSourceArn", "")
    if not _QUEUE.fullmatch(source):
        raise invalid("Unrecognized event source.")
    reference = _function(ctx, params)
    _check_queue(ctx, source)
    arn = function_arn(ctx, reference.name, reference.qualifier)
    for uuid, other in ctx.tx.resources.page(KIND, ctx.region):
        if (other["EventSourceArn"], other["FunctionArn"]) == (source, arn):
            raise conflict(
                f'An event source mapping with SQS arn (" {source} ") and function (" {reference.name} ") already '
                f"exists. Please update or delete the existing mapping with UUID {uuid}"
            )
    mapping: Body = {
        "UUID": ctx.new_id(),
        "EventSourceArn": source,
        "FunctionArn": arn,
        "BatchSize": _BATCH,
        "MaximumBatchingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
        "State": "Enabled" if params.get("Enabled", True) else "Disabled",
        "StateTransitionReason": "USER_INITIATED",
    }
    saved = _save(ctx, mapping, params)
    return {**saved, "State": "Creating"}


@reads
def get_event_source_mapping(params: t.GetEventSourceMappingRequestTypeDef, ctx: Context) -> Body:
    return _mapping(ctx, params["UUID"])


@writes
def update_event_source_mapping(params: t.UpdateEventSourceMappingRequestTypeDef, ctx: Context) -> Body:
    mapping = dict(_mapping(ctx, params["UUID"]))
    if "FunctionName" in params:
        reference = _function(ctx, params)
        mapping["FunctionArn"] = function_arn(ctx, reference.name, reference.qualifier)
    if "Enabled" in params:
        mapping["State"] = "Enabled" if params["Enabled"] else "Disabled"
    return {**_save(ctx, mapping, params), "State": "Updating"}


@writes
def delete_event_source_mapping(params: t.DeleteEventSourceMappingRequestTypeDef, ctx: Context) -> Body:
    """Messages in hand are finished."""
    mapping = _mapping(ctx, params["UUID"])
    ctx.tx.resources.delete(Key(KIND, ctx.region, params["UUID"]))
    ctx.tx.tell(CHANGED)
    return {**mapping, "State": "Deleting"}


@reads
def list_event_source_mappings(params: t.ListEventSourceMappingsRequestTypeDef, ctx: Context) -> Body:
    page, marker = page_of(ctx, KIND, params, most=100)
    source = params.get("EventSourceArn")
    reference = reference_of(ctx, params) if params.get("FunctionName") else None
    arn = function_arn(ctx, reference.name, reference.qualifier) if reference else None
    wanted = [
        body for _, body in page if source in (None, body["EventSourceArn"]) and arn in (None, body["FunctionArn"])
    ]
    return {"EventSourceMappings": wanted, **marker}


def record_of(message: Mapping[str, Any], mapping: Body, region: str) -> Body:
    """A received message as the function sees it."""
    attributes = message.get("MessageAttributes", {}).items()
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {name: _attribute(value) for name, value in attributes},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": mapping["EventSourceArn"],
        "awsRegion": region,
    }


def fits(message: Mapping[str, Any], mapping: Body) -> bool:
    """Whether a message passes one of the mapping's filters; those that do not are deleted unread."""
    filters = mapping.get("FilterCriteria", {}).get("Filters", ())
    if not filters:
        return True
    try:
        body = orjson.loads(message["Body"])
    except ValueError:
        body = message["Body"]
    fields = flatten({**message, "body": body})
    return any(compile_pattern(one.get("Pattern", "{}")).matches(fields) for one in filters)


def processed(outcome: Outcome, message_ids: Sequence[str], mapping: Body) -> set[str]:
    """The messages that the function is done with: all, none, or all but those it names."""
    if outcome.error:
        return set()
    if "ReportBatchItemFailures" not in mapping["FunctionResponseTypes"]:
        return set(message_ids)
    answer = orjson.loads(outcome.payload)
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    failed = {item.get("itemIdentifier") for item in failures or () if isinstance(item, dict)}
    return set(message_ids) - failed if failed <= set(message_ids) else set()


def _attribute(value: Mapping[str, Any]) -> Body:
    """Only the value it has; a binary one as base64."""
    shown: Body = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        shown["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        shown["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return shown


def _function(ctx: Context, params: Mapping[str, Any]) -> Reference:
    reference = reference_of(ctx, params)
    try:
        find_version(ctx, reference)
    except ApiError:
        raise invalid("Function does not exist") from None
    return reference


def _check_queue(ctx: Context, source: str) -> None:
    arn = parse_arn(source)
    assert arn is not None, "the pattern has seen to that"
    ctx.call("sqs", "GetQueueUrl", {"QueueName": arn.resource})


def _mapping(ctx: Context, uuid: str) -> Body:
    mapping = ctx.tx.resources.get(Key(KIND, ctx.region, uuid))
    if mapping is None:
        raise missing("The resource you requested does not exist.")
    return mapping


def _save(ctx: Context, mapping: Body, params: Mapping[str, Any]) -> Body:
    changed = {member: params[member] for member in _CHANGEABLE if member in params}
    mapping = {**mapping, **changed, "LastModified": ctx.now_ms / 1000}
    if mapping["BatchSize"] > _MOST_WITHOUT_WINDOW and not mapping["MaximumBatchingWindowInSeconds"]:
        raise invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
    for one in mapping.get("FilterCriteria", {}).get("Filters", ()):
        _check_pattern(one.get("Pattern", "{}"))
    ctx.tx.resources.put(Key(KIND, ctx.region, mapping["UUID"]), mapping)
    ctx.tx.tell(CHANGED)
    return mapping


def _check_pattern(text: str) -> None:
    try:
        compile_pattern(text)
    except BadPattern as error:
        raise invalid(f"Invalid filter pattern definition. {error}") from None
