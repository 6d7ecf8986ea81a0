"""Digests of messages, as botocore itself makes them."""

from __future__ import annotations

import base64
import hashlib

from hypothesis import given
from hypothesis import strategies as st

from batchd.services.sqs.message_rules import md5_of_attributes, restored, size_of, stored

VALUES = st.one_of(
    st.text(min_size=1, max_size=20).map(lambda text: {"DataType": "String", "StringValue": text}),
    st.integers().map(lambda number: {"DataType": "Number.int", "StringValue": str(number)}),
    st.binary(min_size=1, max_size=20).map(lambda octets: {"DataType": "Binary.png", "BinaryValue": octets}),
)
ATTRIBUTES = st.dictionaries(st.text("abc._-", min_size=1, max_size=8), VALUES, max_size=10)


def test_the_digest_of_attributes_is_the_one_that_is_documented() -> None:
    attributes = {
        "b": {"DataType": "Binary", "BinaryValue": b"\x01\x02"},
        "a": {"DataType": "String", "StringValue": "é"},
    }
    plain = (
        b"\0\0\0\x01a" b"\0\0\0\x06String" b"\x01" b"\0\0\0\x02\xc3\xa9"
        b"\0\0\0\x01b" b"\0\0\0\x06Binary" b"\x02" b"\0\0\0\x02\x01\x02"
    )  # fmt: skip
    assert md5_of_attributes(attributes) == hashlib.md5(plain).hexdigest()


@given(ATTRIBUTES)
def test_attributes_come_back_as_they_went(attributes: dict[str, dict[str, object]]) -> None:
    kept = stored(attributes)  # type: ignore[arg-type]

    assert restored(kept) == attributes
    assert all(isinstance(text, str) for value in kept.values() for text in value.values())
    assert size_of("é", attributes) >= 2  # type: ignore[arg-type]
    for name, value in attributes.items():
        if "BinaryValue" in value:
            assert base64.b64decode(kept[name]["BinaryValue"]) == value["BinaryValue"]
