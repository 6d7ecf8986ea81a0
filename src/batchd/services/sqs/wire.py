"""What SQS's model leaves out: codes of errors, and the names of the query protocol it once spoke. [sns-sqs.md B1]"""

from __future__ import annotations

from batchd.gateway.operation import FormerQuery

_PREFIX = "AWS.SimpleQueueService."

# Shape of an error: its code in the query protocol (which SDKs still show), and its HTTP status.
ERRORS: dict[str, tuple[str, int]] = {
    "BatchEntryIdsNotDistinct": (f"{_PREFIX}BatchEntryIdsNotDistinct", 400),
    "BatchRequestTooLong": (f"{_PREFIX}BatchRequestTooLong", 400),
    "EmptyBatchRequest": (f"{_PREFIX}EmptyBatchRequest", 400),
    "InvalidAddress": ("InvalidAddress", 404),
    "InvalidAttributeName": ("InvalidAttributeName", 400),
    "InvalidAttributeValue": ("InvalidAttributeValue", 400),
    "InvalidBatchEntryId": (f"{_PREFIX}InvalidBatchEntryId", 400),
    "InvalidMessageContents": ("InvalidMessageContents", 400),
    "InvalidParameterValueException": ("InvalidParameterValue", 400),
    "MessageNotInflight": (f"{_PREFIX}MessageNotInflight", 400),
    "MissingRequiredParameterException": ("MissingParameter", 400),
    "OverLimit": ("OverLimit", 403),
    "PurgeQueueInProgress": (f"{_PREFIX}PurgeQueueInProgress", 403),
    "QueueDeletedRecently": (f"{_PREFIX}QueueDeletedRecently", 400),
    "QueueDoesNotExist": (f"{_PREFIX}NonExistentQueue", 400),
    "QueueNameExists": ("QueueAlreadyExists", 400),
    "ReceiptHandleIsInvalid": ("ReceiptHandleIsInvalid", 404),
    "ResourceNotFoundException": ("ResourceNotFoundException", 404),
    "TooManyEntriesInBatchRequest": (f"{_PREFIX}TooManyEntriesInBatchRequest", 400),
    "UnsupportedOperation": (f"{_PREFIX}UnsupportedOperation", 400),
}

# Of lists what an item is called; of maps the map, its keys and its values.
_NAMES: dict[str, tuple[str, ...]] = {
    "AWSAccountIdList": ("AWSAccountId",),
    "ActionNameList": ("ActionName",),
    "AttributeNameList": ("AttributeName",),
    "BatchResultErrorEntryList": ("BatchResultErrorEntry",),
    "BinaryList": ("BinaryListValue",),
    "ChangeMessageVisibilityBatchRequestEntryList": ("ChangeMessageVisibilityBatchRequestEntry",),
    "ChangeMessageVisibilityBatchResultEntryList": ("ChangeMessageVisibilityBatchResultEntry",),
    "DeleteMessageBatchRequestEntryList": ("DeleteMessageBatchRequestEntry",),
    "DeleteMessageBatchResultEntryList": ("DeleteMessageBatchResultEntry",),
    "ListMessageMoveTasksResultEntryList": ("ListMessageMoveTasksResultEntry",),
    "MessageAttributeNameList": ("MessageAttributeName",),
    "MessageBodyAttributeMap": ("MessageAttribute", "Name", "Value"),
    "MessageBodySystemAttributeMap": ("MessageSystemAttribute", "Name", "Value"),
    "MessageList": ("Message",),
    "MessageSystemAttributeList": ("MessageSystemAttributeName",),
    "MessageSystemAttributeMap": ("Attribute", "Name", "Value"),
    "QueueAttributeMap": ("Attribute", "Name", "Value"),
    "QueueUrlList": ("QueueUrl",),
    "SendMessageBatchRequestEntryList": ("SendMessageBatchRequestEntry",),
    "SendMessageBatchResultEntryList": ("SendMessageBatchResultEntry",),
    "StringList": ("StringListValue",),
    "TagKeyList": ("TagKey",),
    "TagMap": ("Tag", "Key", "Value"),
}

FORMER_QUERY = FormerQuery("http://queue.amazonaws.com/doc/2012-11-05/", _NAMES, path_member="QueueUrl")
