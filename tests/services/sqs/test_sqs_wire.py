"""SQS as older SDKs speak to it: forms in, XML out, posted to the queue's own URL."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import orjson

from batchd.services import sqs
from tests.gateway.front_door import ACCOUNT, Answer, FrontDoor, front_door

NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


async def ask(door: FrontDoor, action: str, path: str = "/", **params: str) -> Answer:
    form = {"Action": action, "Version": "2012-11-05", **{name.replace("__", "."): v for name, v in params.items()}}
    return await door.ask("POST", path, urlencode(form).encode(), FORM, signed_for="sqs")


def texts(answer: Answer, path: str) -> list[str | None]:
    """Of the elements at a path."""
    root = ElementTree.fromstring(answer.body)
    return [found.text for found in root.findall("/".join(f"{NAMESPACE}{name}" for name in path.split("/")))]


async def test_a_message_goes_through_in_the_former_protocol() -> None:
    async with front_door([sqs.SERVICE]) as door:
        made = await ask(
            door, "CreateQueue", QueueName="night", Attribute__1__Name="DelaySeconds", Attribute__1__Value="0"
        )
        (url,) = texts(made, "CreateQueueResult/QueueUrl")
        assert url == f"http://127.0.0.1:8080/{ACCOUNT}/night"
        own = f"/{ACCOUNT}/night"
        value = {"MessageAttribute__1__Value__DataType": "String", "MessageAttribute__1__Value__StringValue": "v"}
        sent = await ask(door, "SendMessage", own, MessageBody="<hi>", MessageAttribute__1__Name="a", **value)
        (message_id,) = texts(sent, "SendMessageResult/MessageId")
        received = await ask(
            door, "ReceiveMessage", own, AttributeName__1="All", MessageAttributeName__1="All", WaitTimeSeconds="0"
        )
        message = "ReceiveMessageResult/Message"
        assert texts(received, f"{message}/Body") == ["<hi>"]
        assert texts(received, f"{message}/MessageId") == [message_id]
        assert "SenderId" in texts(received, f"{message}/Attribute/Name")
        assert texts(received, f"{message}/MessageAttribute/Value/StringValue") == ["v"]
        (handle,) = texts(received, f"{message}/ReceiptHandle")
        entry = {"DeleteMessageBatchRequestEntry__1__Id": "x", "QueueUrl": str(url)}
        deleted = await ask(
            door, "DeleteMessageBatch", DeleteMessageBatchRequestEntry__1__ReceiptHandle=str(handle), **entry
        )
        assert texts(deleted, "DeleteMessageBatchResult/DeleteMessageBatchResultEntry/Id") == ["x"]
        names = {"AttributeName__1": "QueueArn", "AttributeName__2": "DelaySeconds"}
        told = await ask(door, "GetQueueAttributes", own, **names)
        assert texts(told, "GetQueueAttributesResult/Attribute/Name") == ["QueueArn", "DelaySeconds"]
        listed = await ask(door, "ListQueues")
        assert texts(listed, "ListQueuesResult/QueueUrl") == [url]
        await ask(door, "TagQueue", own, Tag__1__Key="k", Tag__1__Value="v")
        tags = await ask(door, "ListQueueTags", own)
        assert texts(tags, "ListQueueTagsResult/Tag/Value") == ["v"]


async def test_each_protocol_has_its_own_code_for_an_error() -> None:
    async with front_door([sqs.SERVICE]) as door:
        query = await ask(door, "GetQueueUrl", QueueName="never")
        target = {"x-amz-target": "AmazonSQS.GetQueueUrl", "content-type": "application/x-amz-json-1.0"}
        json = await door.ask("POST", "/", orjson.dumps({"QueueName": "never"}), target, signed_for="sqs")

    assert (query.status, texts(query, "Error/Code")) == (400, ["AWS.SimpleQueueService.NonExistentQueue"])
    body: dict[str, Any] = orjson.loads(json.body)
    assert (json.status, body["__type"]) == (400, "QueueDoesNotExist")
    assert json.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"


async def test_a_json_request_may_be_posted_to_the_queues_own_url() -> None:
    async with front_door([sqs.SERVICE]) as door:
        await ask(door, "CreateQueue", QueueName="night")
        target = {"x-amz-target": "AmazonSQS.SendMessage", "content-type": "application/x-amz-json-1.0"}
        body = orjson.dumps({"QueueUrl": f"http://elsewhere/{ACCOUNT}/night", "MessageBody": "x"})
        answer = await door.ask("POST", f"/{ACCOUNT}/night", body, target, signed_for="sqs")

    assert answer.status == 200


async def test_what_the_model_demands_is_demanded_in_both() -> None:
    async with front_door([sqs.SERVICE]) as door:
        query = await ask(door, "SendMessage", MessageBody="x")
        target = {"x-amz-target": "AmazonSQS.SendMessage", "content-type": "application/x-amz-json-1.0"}
        json = await door.ask("POST", "/", b'{"MessageBody": "x"}', target, signed_for="sqs")

    assert texts(query, "Error/Code") == ["MissingParameter"]
    assert json.headers["x-amzn-query-error"] == "MissingParameter;Sender"


async def test_a_queue_has_the_address_by_which_the_client_knows_the_server() -> None:
    target = {"x-amz-target": "AmazonSQS.CreateQueue", "content-type": "application/x-amz-json-1.0"}

    async def url(**headers: str) -> str:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await door.ask("POST", "/", b'{"QueueName": "night"}', {**target, **named}, signed_for="sqs")
        return str(orjson.loads(answer.body)["QueueUrl"])

    async with front_door([sqs.SERVICE]) as door:
        assert await url(host="batch.example:4580") == f"http://batch.example:4580/{ACCOUNT}/night"
        assert await url(host="batch.example", x_forwarded_proto="https") == f"https://batch.example/{ACCOUNT}/night"
        assert await url(host="[::1]:80") == f"http://[::1]:80/{ACCOUNT}/night"
        assert await url(host="a b") == await url() == f"http://127.0.0.1:8080/{ACCOUNT}/night"
