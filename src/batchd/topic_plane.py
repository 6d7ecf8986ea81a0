"""How what is published reaches its subscribers: the handlers of SNS's deliveries."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from batchd.arns import parse_arn
from batchd.controllers.deliver import Handler
from batchd.controllers.post import Post
from batchd.gateway.invoke import Operations
from batchd.gateway.operation import Caller, Context
from batchd.services.sns import reaching
from batchd.services.sns.mailing import TO_FUNCTION, TO_HTTP, TO_QUEUE
from batchd.store.store import Delivery, Failure, Tx

Work = Callable[[Context, Delivery], None]


def topic_handlers(operations: Operations, post: Post) -> dict[str, Handler]:
    """By the kind of delivery. What an endpoint does not take goes to the subscription's dead-letter queue."""
    caller = Caller.service(operations.account, reaching.PRINCIPAL)

    def inside(work: Work, tx: Tx, delivery: Delivery) -> None:
        work(operations.inside(tx, caller, delivery.body["region"]), delivery)

    def bury(tx: Tx, delivery: Delivery, failure: Failure) -> bool:
        arn = parse_arn(delivery.body["subscription"])
        return arn is not None and reaching.bury(operations.inside(tx, caller, arn.region), delivery)

    return {
        TO_QUEUE: Handler(inside=partial(inside, reaching.to_queue), dead=bury),
        TO_FUNCTION: Handler(inside=partial(inside, reaching.to_function), dead=bury),
        TO_HTTP: Handler(
            outside=partial(reaching.to_http, post),
            dead=bury,
            pause=lambda delivery, attempts, chance: reaching.pause_of(delivery, attempts),
        ),
    }
