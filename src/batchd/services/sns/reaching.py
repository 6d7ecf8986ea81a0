"""How each kind of subscriber is reached, and what becomes of what cannot be delivered. [sns-sqs.md A7]"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson

from batchd.arns import Arn, parse_arn
from batchd.errors import ApiError, DeliveryError, Undeliverable
from batchd.gateway.operation import Context
from batchd.services.sns.locate import find_subscription
from batchd.services.sns.mailing import Letter
from batchd.store.store import Delivery

PRINCIPAL = "sns.amazonaws.com"
Post = Callable[[str, dict[str, str], bytes], Awaitable[int]]  # URL, headers, body; the status, or DeliveryError


def to_queue(ctx: Context, delivery: Delivery) -> None:
    """What the queue refuses it would refuse again. Raises Undeliverable or ApiError."""
    _send(ctx, _arn(delivery.body["endpoint"]), delivery.body["letter"])


def to_function(ctx: Context, delivery: Delivery) -> None:
    """Invoked asynchronously: what becomes of it is the function's own business."""
    payload = delivery.body["text"].encode()
    asked = {"FunctionName": delivery.body["endpoint"], "InvocationType": "Event", "Payload": payload}
    ctx.call("lambda", "Invoke", asked)


async def to_http(post: Post, delivery: Delivery) -> None:
    """Any 2xx is an arrival; what the endpoint refuses, but for want of time, it would refuse again."""
    body = delivery.body
    status = await post(body["endpoint"], body["headers"], body["text"].encode())
    if 200 <= status < 300:
        return
    kind = DeliveryError if status == 429 or status >= 500 else Undeliverable
    raise kind(f"HTTP_{status}", f"the endpoint answered with status {status}")


def pause_of(delivery: Delivery, attempts: int) -> int:
    """Milliseconds until an HTTP endpoint is tried again, as its policy says."""
    waits: list[int] = delivery.body["pauses"]
    return waits[min(attempts, len(waits)) - 1] if waits else 0


def bury(ctx: Context, delivery: Delivery) -> bool:
    """Give what cannot be delivered to the subscription's dead-letter queue; False where it has none that takes it."""
    letter = delivery.body.get("letter")
    subscription = find_subscription(ctx, _arn(delivery.body["subscription"]))
    policy = subscription.attributes.get("RedrivePolicy") if subscription else None
    if not letter or not policy:
        return False
    try:
        _send(ctx, _arn(orjson.loads(policy)["deadLetterTargetArn"]), letter)
    except (ApiError, DeliveryError):
        return False
    return True


def _send(ctx: Context, queue: Arn, letter: Letter) -> None:
    """A queue that is no FIFO queue knows no deduplication."""
    if not queue.resource.endswith(".fifo"):
        letter = {name: value for name, value in letter.items() if name != "MessageDeduplicationId"}
    ctx.call("sqs", "SendMessage", {"QueueUrl": f"/{queue.account}/{queue.resource}", **letter})


def _arn(text: str) -> Arn:
    arn = parse_arn(text)
    if arn is None:
        raise Undeliverable("NO_RESOURCE", f"{text} is not an ARN")
    return arn
