"""Receipt handles."""

from __future__ import annotations

import base64
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.errors import ApiError
from batchd.services.sqs.handles import Handle, read_handle, write_handle
from batchd.services.sqs.locate import Queue
from batchd.store.queued import QueuedMessage

QUEUE = Queue("us-east-1", "box", {"id": str(uuid.UUID(int=7))})
OTHER = Queue("us-east-1", "other", {"id": str(uuid.UUID(int=8))})


@given(st.integers(1, 10**17), st.uuids(), st.integers(0, 10**8))
def test_a_handle_is_read_by_the_queue_that_gave_it(number: int, message_id: uuid.UUID, receives: int) -> None:
    message = QueuedMessage(number, str(message_id), 0, 0, receives, None, None, None, {})
    text = write_handle(QUEUE, message)

    assert read_handle(QUEUE, text) == Handle(number, str(message_id), receives)
    with pytest.raises(ApiError, match="ReceiptHandleIsInvalid"):
        read_handle(OTHER, text)


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60).map(lambda octets: base64.b64encode(octets).decode())))
def test_whatever_else_is_given_is_no_handle(text: str) -> None:
    with pytest.raises(ApiError, match="ReceiptHandleIsInvalid"):
        read_handle(QUEUE, text)
