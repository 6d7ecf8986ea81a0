"""What is published, and what each subscriber gets of it."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from batchd.services.sns.envelopes import string_to_sign
from tests.contexts import ACCOUNT
from tests.services.sns.posts import Mail
from tests.services.wired import refused

URL = "http://127.0.0.1:9/hook"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
ATTRIBUTES = {
    "kind": {"DataType": "String", "StringValue": "late"},
    "size": {"DataType": "Number", "StringValue": "12"},
    "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
}


@pytest.fixture
def topic(client: Any) -> str:
    return str(client.create_topic(Name="night")["TopicArn"])


@pytest.fixture
def line(client: Any) -> str:
    attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    return str(client.create_topic(Name="line.fifo", Attributes=attributes)["TopicArn"])


def subscribe(client: Any, topic: str, endpoint: str, protocol: str = "sqs", **attributes: str) -> str:
    asked = {"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint, "ReturnSubscriptionArn": True}
    return str(client.subscribe(**asked, Attributes=attributes)["SubscriptionArn"])


def confirmed(client: Any, mail: Mail, topic: str, **attributes: str) -> str:
    """An HTTP subscription that has followed its link; what it was sent until then is forgotten."""
    arn = subscribe(client, topic, URL, "http", **attributes)
    mail.deliver()
    mail.follow(mail.posted[-1].json["SubscribeURL"])
    mail.posted.clear()
    return arn


def verify(mail: Mail, envelope: dict[str, Any]) -> None:
    """As validators do it: by the certificate at the address that the envelope names."""
    signer = mail.cloud.signer
    assert envelope["SigningCertURL"].endswith(signer.url_path)
    key = x509.load_pem_x509_certificate(signer.certificate()).public_key()
    assert isinstance(key, RSAPublicKey)
    digest = hashes.SHA256() if envelope["SignatureVersion"] == "2" else hashes.SHA1()
    key.verify(base64.b64decode(envelope["Signature"]), string_to_sign(envelope).encode(), PKCS1v15(), digest)


def test_a_queue_gets_a_signed_envelope_with_all_its_members_in_order(client: Any, topic: str, mail: Mail) -> None:
    arn = subscribe(client, topic, mail.queue())
    sent = client.publish(TopicArn=topic, Message="héllo", Subject="Hi", MessageAttributes=ATTRIBUTES)

    (message,) = mail.received()
    assert "é" in message["Body"]
    envelope = json.loads(message["Body"])
    assert list(envelope) == [
        *("Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature"),
        *("SigningCertURL", "UnsubscribeURL", "MessageAttributes"),
    ]
    assert envelope["MessageId"] == sent["MessageId"]
    assert (envelope["Type"], envelope["TopicArn"], envelope["Subject"]) == ("Notification", topic, "Hi")
    assert envelope["Message"] == "héllo"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", envelope["Timestamp"])
    assert envelope["UnsubscribeURL"] == f"http://127.0.0.1:8000/?Action=Unsubscribe&SubscriptionArn={arn}"
    assert envelope["MessageAttributes"] == {
        "kind": {"Type": "String", "Value": "late"},
        "size": {"Type": "Number", "Value": "12"},
        "raw": {"Type": "Binary", "Value": "AP8="},
    }
    assert "MessageAttributes" not in message
    verify(mail, envelope)


def test_without_subject_and_attributes_the_envelope_has_no_such_members(client: Any, topic: str, mail: Mail) -> None:
    client.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    subscribe(client, topic, mail.queue())
    client.publish(TargetArn=topic, Message="x")

    (envelope,) = mail.bodies()
    assert not {"Subject", "MessageAttributes"} & set(envelope)
    assert envelope["SignatureVersion"] == "2"
    verify(mail, envelope)


def test_raw_delivery_is_the_text_with_attributes_beside_it(client: Any, topic: str, mail: Mail) -> None:
    subscribe(client, topic, mail.queue(), RawMessageDelivery="true")
    client.publish(TopicArn=topic, Message="héllo", Subject="Hi", MessageAttributes=ATTRIBUTES)

    (message,) = mail.received()
    assert (message["Body"], message["MessageAttributes"]) == ("héllo", ATTRIBUTES)


def test_an_http_endpoint_gets_the_envelope_or_the_text(client: Any, topic: str, mail: Mail) -> None:
    arn = confirmed(client, mail, topic)
    client.publish(TopicArn=topic, Message="x", MessageAttributes=ATTRIBUTES)
    mail.deliver()
    (posted,) = mail.posted
    assert posted.headers == {
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-message-id": posted.json["MessageId"],
        "x-amz-sns-topic-arn": topic,
        "x-amz-sns-subscription-arn": arn,
        "content-type": "text/plain; charset=UTF-8",
        "user-agent": "Amazon Simple Notification Service Agent",
    }
    verify(mail, posted.json)
    policy = json.dumps({"requestPolicy": {"headerContentType": "application/json"}})
    for name, value in (("RawMessageDelivery", "true"), ("DeliveryPolicy", policy)):
        client.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)
    client.publish(TopicArn=topic, Message="y")
    mail.deliver()
    raw = mail.posted[1]
    assert (raw.text, raw.headers["x-amz-sns-rawdelivery"]) == ("y", "true")
    assert raw.headers["content-type"] == "application/json"


def test_a_text_may_be_meant_for_one_protocol(client: Any, topic: str, mail: Mail) -> None:
    subscribe(client, topic, mail.queue(), RawMessageDelivery="true")
    confirmed(client, mail, topic)
    texts = json.dumps({"default": "for all", "sqs": "for queues", "other": 1})
    client.publish(TopicArn=topic, Message=texts, MessageStructure="json")

    assert [message["Body"] for message in mail.received()] == ["for queues"]
    assert [posted.json["Message"] for posted in mail.posted] == ["for all"]
    verify(mail, mail.posted[0].json)


def test_a_group_given_to_a_standard_topic_reaches_the_queue(client: Any, topic: str, mail: Mail) -> None:
    subscribe(client, topic, mail.queue())
    client.publish(TopicArn=topic, Message="x", MessageGroupId="tenant")

    (message,) = mail.received()
    assert message["Attributes"]["MessageGroupId"] == "tenant"


def test_filters_choose_by_attributes_or_by_the_body(client: Any, topic: str, mail: Mail) -> None:
    policies = {
        "late": ('{"kind": ["late"], "size": [{"numeric": [">", 10]}]}', "MessageAttributes"),
        "tags": ('{"tags": ["b"]}', "MessageAttributes"),
        "none": ('{"kind": [{"exists": false}]}', "MessageAttributes"),
        "body": ('{"job": {"status": [{"prefix": "FAIL"}]}}', "MessageBody"),
    }
    for name, (policy, scope) in policies.items():
        attributes = {"RawMessageDelivery": "true", "FilterPolicy": policy, "FilterPolicyScope": scope}
        subscribe(client, topic, mail.queue(name), **attributes)

    tags = {"tags": {"DataType": "String.Array", "StringValue": '["a", "b"]'}}
    client.publish(TopicArn=topic, Message="one", MessageAttributes=ATTRIBUTES)
    client.publish(TopicArn=topic, Message="two", MessageAttributes=tags)
    client.publish(TopicArn=topic, Message='{"job": {"status": "FAILED"}}')
    client.publish(TopicArn=topic, Message="[]")

    assert {name: [message["Body"] for message in mail.received(name)] for name in policies} == {
        "late": ["one"],
        "tags": ["two"],
        "none": ["two", '{"job": {"status": "FAILED"}}', "[]"],
        "body": ['{"job": {"status": "FAILED"}}'],
    }


def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue_or_is_kept(client: Any, topic: str, mail: Mail) -> None:
    policy = json.dumps({"deadLetterTargetArn": mail.queue("grave")})
    never = f"arn:aws:sqs:us-east-1:{ACCOUNT}:never"
    subscribe(client, topic, never, RedrivePolicy=policy, RawMessageDelivery="true")
    subscribe(client, topic, FUNCTION, "lambda", RedrivePolicy=policy)
    subscribe(client, topic, f"{never}-2")
    client.publish(TopicArn=topic, Message="x", MessageAttributes=ATTRIBUTES)

    first, second = sorted(mail.received("grave"), key=lambda message: len(message["Body"]))
    assert (first["Body"], first["MessageAttributes"]) == ("x", ATTRIBUTES)
    assert json.loads(second["Body"])["Type"] == "Notification"
    (kept,) = mail.dead()
    assert (kept.lane, kept.problem) == (
        f"{never}-2",
        "QueueDoesNotExist: The specified queue does not exist.",
    )


def test_a_function_gets_one_record_with_every_member(client: Any, topic: str, mail: Mail) -> None:
    arn = subscribe(client, topic, FUNCTION, "lambda")
    sent = client.publish(TopicArn=topic, Message="x")

    (kept,) = mail.dead()  # there is no such function here
    event = json.loads(kept.body["text"])
    (record,) = event["Records"]
    sns = record.pop("Sns")
    assert record == {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": arn}
    assert list(sns) == [
        *("Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature"),
        *("SigningCertUrl", "UnsubscribeUrl", "MessageAttributes"),
    ]
    assert (sns["MessageId"], sns["Subject"], sns["MessageAttributes"]) == (sent["MessageId"], None, {})
    verify(mail, {name.replace("Url", "URL"): value for name, value in sns.items() if value is not None})


def test_a_fifo_topic_hands_group_and_deduplication_on_in_order(client: Any, line: str, mail: Mail) -> None:
    subscribe(client, line, mail.queue("line.fifo"))
    subscribe(client, line, mail.queue("plain"))
    numbers = [client.publish(TopicArn=line, Message=str(n), MessageGroupId="g")["SequenceNumber"] for n in range(3)]
    again = client.publish(TopicArn=line, Message="0", MessageGroupId="g")

    assert again["SequenceNumber"] == numbers[0]
    assert numbers == sorted(set(numbers)) and {len(number) for number in numbers} == {20}
    received = mail.received("line.fifo")
    envelopes = [json.loads(message["Body"]) for message in received]
    assert [envelope["Message"] for envelope in envelopes] == ["0", "1", "2"]
    assert [envelope["SequenceNumber"] for envelope in envelopes] == numbers
    assert list(envelopes[0])[:3] == ["Type", "MessageId", "SequenceNumber"]
    assert "Signature" not in envelopes[0]
    told = received[0]["Attributes"]
    assert (told["MessageGroupId"], len(told["MessageDeduplicationId"])) == ("g", 64)
    assert {message["Attributes"]["MessageGroupId"] for message in mail.received("plain")} == {"g"}


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"Message": ""}, "InvalidParameter", "Invalid parameter: Empty message"),
        ({"Message": "x" * 262_145}, "InvalidParameter", "Invalid parameter: Message too long"),
        ({"Subject": ""}, "InvalidParameter", "Invalid parameter: Subject"),
        ({"Subject": "x" * 100}, "InvalidParameter", "Invalid parameter: Subject"),
        ({"Subject": "a\nb"}, "InvalidParameter", "Invalid parameter: Subject"),
        ({"MessageStructure": "xml"}, "InvalidParameter", "Invalid parameter: MessageStructure"),
        (
            {"MessageStructure": "json"},
            "InvalidParameter",
            "Invalid parameter: Message Structure - JSON message body failed to parse",
        ),
        (
            {"MessageStructure": "json", "Message": "{}"},
            "InvalidParameter",
            "Invalid parameter: Message Structure - No default entry in JSON message body",
        ),
        (
            {"MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}},
            "ParameterValueInvalid",
            "The message attribute 'a' must contain non-empty message attribute value "
            "for message attribute type 'String'.",
        ),
        (
            {"MessageAttributes": {"a": {"DataType": "Text", "StringValue": "x"}}},
            "ParameterValueInvalid",
            "The message attribute 'a' has an invalid message attribute type, "
            "the set of supported type prefixes is Binary, Number, and String.",
        ),
        (
            {"MessageAttributes": {"a": {"DataType": "Number", "StringValue": "many"}}},
            "ParameterValueInvalid",
            "Could not cast message attribute 'a' value to number.",
        ),
        (
            {"MessageDeduplicationId": "x"},
            "InvalidParameter",
            "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter "
            "that is not valid for this topic type",
        ),
    ],
)
def test_what_cannot_be_published_is_refused(
    client: Any, topic: str, params: dict[str, Any], code: str, text: str
) -> None:
    assert refused(client.publish, **{"TopicArn": topic, "Message": "x", **params})[:2] == (code, text)


def test_what_a_fifo_topic_needs_is_asked_for(client: Any, line: str) -> None:
    client.set_topic_attributes(TopicArn=line, AttributeName="ContentBasedDeduplication", AttributeValue="false")

    assert refused(client.publish, TopicArn=line, Message="x")[1] == (
        "Invalid parameter: The MessageGroupId parameter is required for FIFO topics"
    )
    assert refused(client.publish, TopicArn=line, Message="x", MessageGroupId="g")[1] == (
        "Invalid parameter: The topic should either have ContentBasedDeduplication enabled "
        "or MessageDeduplicationId provided explicitly"
    )
    assert refused(client.publish, PhoneNumber="+123456789", Message="x")[0] == "InvalidParameter"
    assert refused(client.publish, Message="x")[0] == "InvalidParameter"


def test_each_entry_of_a_batch_succeeds_or_fails_by_itself(client: Any, topic: str, mail: Mail) -> None:
    subscribe(client, topic, mail.queue(), RawMessageDelivery="true")
    entries = [{"Id": "a", "Message": "one"}, {"Id": "b", "Message": ""}, {"Id": "c", "Message": "three"}]
    sent = client.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)

    assert [entry["Id"] for entry in sent["Successful"]] == ["a", "c"]
    assert [(entry["Id"], entry["Code"], entry["SenderFault"]) for entry in sent["Failed"]] == [
        ("b", "InvalidParameter", True)
    ]
    assert [message["Body"] for message in mail.received()] == ["one", "three"]


def test_a_batch_that_is_none_is_refused(client: Any, topic: str) -> None:
    def error(entries: list[Any]) -> str:
        return str(refused(client.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries)[0])

    one = {"Id": "a", "Message": "x"}
    assert error([]) == "EmptyBatchRequest"
    assert error([{**one, "Id": str(n)} for n in range(11)]) == "TooManyEntriesInBatchRequest"
    assert error([one, one]) == "BatchEntryIdsNotDistinct"
    assert error([{**one, "Id": "a b"}]) == "InvalidBatchEntryId"
    large = "x" * 140_000
    assert error([{"Id": "a", "Message": large}, {"Id": "b", "Message": large}]) == "BatchRequestTooLong"
