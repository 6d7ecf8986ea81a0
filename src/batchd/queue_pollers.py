"""Brings the messages of queues to functions, as event source mappings say. [lambda.md 8]"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

import orjson

from batchd.clock import Clock
from batchd.errors import ApiError, StoreError
from batchd.function_plane import lambda_itself
from batchd.gateway.invoke import Operations, new_id
from batchd.gateway.operation import Context
from batchd.invocation import Invocation, Throttled
from batchd.sandboxes.functions import Functions
from batchd.services.lambda_.events import queue_url
from batchd.services.lambda_.invocations import called
from batchd.services.lambda_.mappings import CHANGED, fits, processed, record_of
from batchd.services.lambda_.mappings import KIND as MAPPING
from batchd.services.lambda_.references import reference_of
from batchd.store.store import Body, Key, Store, Tx
from batchd.store.writer import Writer

log = logging.getLogger(__name__)
_POLL_S = 0.5  # between looks at an empty queue
_TROUBLE_S = 5.0
_MOST_AT_ONCE = 10  # messages that a queue gives at a time


@dataclass(slots=True)
class Pollers:
    """A loop for each enabled event source mapping: takes messages from its queue and brings them to its function.

    Messages are deleted once the function has succeeded with them; else they are visible again when their time is over.
    [lambda.md 8]
    """

    store: Store
    writer: Writer
    functions: Functions
    account: str
    clock: Clock
    operations: Operations | None = None
    _loops: dict[tuple[str, str], asyncio.Task[None]] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        self.store.listen(self._hear)
        try:
            while True:
                self._news.clear()
                self._adjust()
                await self._news.wait()
        finally:
            for loop in self._loops.values():
                loop.cancel()

    def _hear(self, topic: str) -> None:
        if topic == CHANGED:
            self._news.set()

    def _adjust(self) -> None:
        """One loop for each mapping that is enabled, none for others."""
        with self.store.read() as tx:
            enabled = {
                (key.region, key.name) for key, body in tx.resources.every(MAPPING) if body["State"] == "Enabled"
            }
        for key in self._loops.keys() - enabled:
            self._loops.pop(key).cancel()
        for region, uuid in enabled - self._loops.keys():
            poller = asyncio.create_task(self._poll(region, uuid), name=f"mapping {uuid}")
            self._loops[region, uuid] = poller

    async def _poll(self, region: str, uuid: str) -> None:
        while True:
            try:
                if not await self._serve(region, uuid):
                    await asyncio.sleep(_POLL_S)
            except (StoreError, ApiError, Throttled) as error:
                log.warning("mapping %s will try again: %s", uuid, error)
                await asyncio.sleep(_TROUBLE_S)
            except Exception as error:  # a full disk, an answer that is no JSON: the queue's other messages want us
                log.error("mapping %s failed and will try again", uuid, exc_info=error)
                await asyncio.sleep(_TROUBLE_S)

    async def _serve(self, region: str, uuid: str) -> bool:
        """One batch. Whether there was one."""
        mapping, messages = await self.writer.write(lambda tx: self._receive(tx, region, uuid))
        if not messages:
            return False
        with self.store.read() as tx:
            ctx = self._context(tx, region)
            function = called(ctx, reference_of(ctx, {"FunctionName": mapping["FunctionArn"]}))
        records = [record_of(message, mapping, region) for message in messages]
        payload = orjson.dumps({"Records": records})
        event = Invocation(function, new_id(self.clock.now_ms()), payload, mapping["FunctionArn"])
        outcome = await self.functions.invoke(event)
        done = processed(outcome, [message["MessageId"] for message in messages], mapping)
        handles = [message["ReceiptHandle"] for message in messages if message["MessageId"] in done]
        if handles:
            await self.writer.write(lambda tx: self._delete(tx, region, mapping, handles))
        return True

    def _receive(self, tx: Tx, region: str, uuid: str) -> tuple[Body, list[Body]]:
        ctx = self._context(tx, region)
        mapping = tx.resources.get(Key(MAPPING, region, uuid)) or {}
        if mapping.get("State") != "Enabled":
            return {}, []
        wanted = {
            "QueueUrl": queue_url(ctx, mapping["EventSourceArn"]),
            "MaxNumberOfMessages": min(mapping["BatchSize"], _MOST_AT_ONCE),
            "AttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        found: list[Body] = ctx.call("sqs", "ReceiveMessage", wanted).get("Messages", [])
        unfit = [message["ReceiptHandle"] for message in found if not fits(message, mapping)]
        self._delete(tx, region, mapping, unfit)
        return mapping, [message for message in found if message["ReceiptHandle"] not in unfit]

    def _delete(self, tx: Tx, region: str, mapping: Body, handles: list[str]) -> None:
        ctx = self._context(tx, region)
        url = queue_url(ctx, mapping["EventSourceArn"])
        for handle in handles:
            ctx.call("sqs", "DeleteMessage", {"QueueUrl": url, "ReceiptHandle": handle})

    def _context(self, tx: Tx, region: str) -> Context:
        assert self.operations is not None, "connected before it runs"
        return self.operations.inside(tx, lambda_itself(self.account), region)
