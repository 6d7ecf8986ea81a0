"""Subscribers: queues that can be read, HTTP endpoints that note what they are sent, and the loop that delivers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from batchd.controllers.deliver import Deliver
from batchd.gateway.request import HttpRequest, HttpResponse
from batchd.store.store import Delivery
from batchd.topic_plane import topic_handlers
from tests.contexts import ACCOUNT
from tests.services.wired import Wired


@dataclass(frozen=True)
class Posted:
    """What an HTTP endpoint was sent."""

    url: str
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Mail:
    """Deliveries are made when the test says so. `status` is what HTTP endpoints answer."""

    cloud: Wired
    status: int = 200
    posted: list[Posted] = field(default_factory=list)

    def deliver(self) -> None:
        handlers = topic_handlers(self.cloud.operations, self)  # type: ignore[arg-type]

        async def settle() -> None:
            await Deliver(self.cloud.store, self.cloud, self.cloud.clock, handlers).settle()  # type: ignore[arg-type]

        asyncio.run(settle())

    async def __call__(self, url: str, headers: dict[str, str], body: bytes) -> int:
        self.posted.append(Posted(url, headers, body.decode()))
        return self.status

    def queue(self, name: str = "box", **attributes: str) -> str:
        """The ARN of a new queue."""
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        self.cloud.client("sqs").create_queue(QueueName=name, Attributes=attributes)
        return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    def received(self, name: str = "box") -> list[dict[str, Any]]:
        """What there is in the queue, after everything was delivered."""
        self.deliver()
        found: list[dict[str, Any]] = (
            self.cloud.client("sqs")
            .receive_message(
                QueueUrl=f"http://h/{ACCOUNT}/{name}",
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            .get("Messages", [])
        )
        return found

    def bodies(self, name: str = "box") -> list[Any]:
        return [json.loads(message["Body"]) for message in self.received(name)]

    def dead(self) -> list[Delivery]:
        self.deliver()
        with self.cloud.store.read() as tx:
            return tx.deliveries.dead(0, 100)

    def follow(self, link: str) -> HttpResponse:
        """As a browser does: without a signature."""
        url = urlsplit(link)
        request = HttpRequest("GET", url.path, url.query, {"host": url.netloc}, b"")
        assert dict(parse_qsl(url.query))["Action"]
        return asyncio.run(self.cloud.respond(request))
