"""A queue as tests use it: directly, under a clock that is moved by hand."""

from __future__ import annotations

import json
from typing import Any

from tests.contexts import ACCOUNT
from tests.services.direct import Direct


class Box:
    """A queue that was just made; `attributes` are its own. Without waiting unless that is asked for."""

    def __init__(self, service: Direct, name: str = "box", **attributes: str) -> None:
        self.service = service
        self.name = name
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        self.url = service("create_queue", QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    def send(self, body: str, **more: Any) -> Any:
        return self.service("send_message", QueueUrl=self.url, MessageBody=body, **more)

    def receive(self, **more: Any) -> list[dict[str, Any]]:
        asked = {"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"], **more}
        found: list[dict[str, Any]] = self.service("receive_message", QueueUrl=self.url, **asked).get("Messages", [])
        return found

    def bodies(self, **more: Any) -> list[str]:
        return [message["Body"] for message in self.receive(**more)]

    def delete(self, message: dict[str, Any]) -> None:
        self.service("delete_message", QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def hide(self, message: dict[str, Any], seconds: int) -> None:
        handle = message["ReceiptHandle"]
        self.service("change_message_visibility", QueueUrl=self.url, ReceiptHandle=handle, VisibilityTimeout=seconds)

    def set(self, **attributes: str) -> None:
        self.service("set_queue_attributes", QueueUrl=self.url, Attributes=attributes)

    def attributes(self, *names: str) -> dict[str, str]:
        found: dict[str, str] = self.service(
            "get_queue_attributes", QueueUrl=self.url, AttributeNames=names or ["All"]
        ).get("Attributes", {})
        return found

    def counts(self) -> tuple[int, int, int]:
        """Ready, in flight, delayed."""
        every = self.attributes()
        kinds = ("", "NotVisible", "Delayed")
        ready, in_flight, delayed = (int(every[f"ApproximateNumberOfMessages{kind}"]) for kind in kinds)
        return ready, in_flight, delayed

    def error(self, operation: str, **params: Any) -> tuple[str, str]:
        return self.service.error(operation, QueueUrl=self.url, **params)

    def buries_in(self, grave: Box, after: int = 2) -> None:
        self.set(RedrivePolicy=json.dumps({"deadLetterTargetArn": grave.arn, "maxReceiveCount": after}))
