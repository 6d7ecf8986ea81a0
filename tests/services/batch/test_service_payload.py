from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from batchd.services.batch.faults import Invalid
from batchd.services.batch.service_payload import fault_of, read_payload
from batchd.services.batch.service_task import task_template
from batchd.store.store import Body
from batchd.task import decode_task, encode_task
from tests.services.batch.service_worlds import PAYLOAD

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = [
    (member, inner) for member, value in PAYLOAD.items() for inner in (value if isinstance(value, dict) else [None])
] + [("HyperParameters", None), ("Environment", None), ("InputDataConfig", None), ("StoppingCondition", None)]


@given(st.sampled_from(MEMBERS), JSON)
def test_whatever_stands_in_a_payload_is_understood_or_refused(place: tuple[str, str | None], value: object) -> None:
    member, inner = place
    payload: Body = {**PAYLOAD, member: value if inner is None else {**PAYLOAD[member], inner: value}}
    try:
        training = read_payload(json.dumps(payload))
    except Invalid:
        return
    template = task_template(training, "digits", "us-east-1", 1)
    assert decode_task(encode_task(template)) == template
    assert fault_of(training) is None or str(fault_of(training)).startswith("ValidationException: ")


@given(st.text(max_size=20))
def test_whatever_is_no_json_is_refused(text: str) -> None:
    try:
        read_payload(text)
    except Invalid:
        return
    raise AssertionError(f"taken for a training job: {text}")
