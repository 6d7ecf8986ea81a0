"""What a target receives of an event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchd.errors import Undeliverable
from batchd.services.events.paths import MISSING, find
from batchd.services.events.shaping import shape, whole_path

RULE = "arn:aws:events:us-east-1:123456789012:rule/night"
INGESTED = "2026-11-29T08:00:00Z"
EVENT = {
    "version": "0",
    "id": "e-1",
    "detail-type": "Order",
    "source": "my.app",
    "account": "123456789012",
    "time": "2026-11-28T00:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:a"],
    "detail": {
        "state": "running",
        "count": 3,
        "ok": True,
        "none": None,
        "tags": ["A", "B"],
        "owner": {"acc_id": 1, "sf_id": "baz"},
        "items": [{"n": 1}, {"n": 2}],
        "quote": 'say "hi"',
    },
}
PATHS = {name: f"$.detail.{name}" for name in EVENT["detail"]} | {
    "missing": "$.detail.missing",
    "type": "$.detail-type",
}


def shaped(**target: Any) -> str:
    return shape(target, EVENT, RULE, INGESTED)


def filled(template: str) -> str:
    return shaped(InputTransformer={"InputPathsMap": PATHS, "InputTemplate": template})


def test_a_target_receives_the_whole_event_in_the_order_of_its_members() -> None:
    assert shaped() == json.dumps(EVENT, separators=(",", ":"))


@pytest.mark.parametrize(
    ("constant", "expected"), [('{"a": [1,  2]}', '{"a":[1,2]}'), ('"abc"', '"abc"'), ("null", "null"), ("7", "7")]
)
def test_a_constant_is_delivered_as_its_json(constant: str, expected: str) -> None:
    assert shaped(Input=constant) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.detail.state", '"running"'),
        ("$.detail.tags[1]", '"B"'),
        ("$.detail.owner", '{"acc_id":1,"sf_id":"baz"}'),
        ("$.detail.none", "null"),
        ("$.detail-type", '"Order"'),
        ("$.detail.items[*].n", "[1,2]"),
        ("$.detail.owner.*", '[1,"baz"]'),
        ("$['detail']['state']", '"running"'),
    ],
)
def test_a_path_picks_a_part(path: str, expected: str) -> None:
    assert shaped(InputPath=path) == expected


def test_a_path_that_leads_nowhere_delivers_nothing() -> None:
    for path in ("$.detail.missing", "$.detail.tags[9]", "$.detail.state.more", "detail", "$..state", "$.detail["):
        with pytest.raises(Undeliverable):
            shaped(InputPath=path)


def test_a_template_of_json_takes_values_as_json_and_text_between_quotes() -> None:
    template = (
        '{"state": <state>, "text": "it is <state>, <count> times, <ok>", "owner": <owner>, "tags": <tags>,'
        ' "none": <none>, "gone": <missing>, "gone too": "<missing>!", "type": <type>, "it\\"s": "<state>"}'
    )
    assert json.loads(filled(template)) == {
        "state": "running",
        "text": "it is running, 3 times, true",
        "owner": {"acc_id": 1, "sf_id": "baz"},
        "tags": ["A", "B"],
        "none": None,
        "gone": "",
        "gone too": "!",
        "type": "Order",
        'it"s': "running",
    }
    assert filled("[<count>, <items>]") == '[3,[{"n":1},{"n":2}]]'


@pytest.mark.parametrize("template", ['{"a": "<owner>"}', '{"a": "<quote>"}', '{"a": <state>', '{"a": "<tags>"}'])
def test_a_template_that_is_no_json_when_filled_in_delivers_nothing(template: str) -> None:
    with pytest.raises(Undeliverable, match="not JSON"):
        filled(template)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('"Event of <type>: <state>"', '"Event of Order: running"'),
        ('"<owner> <tags> <ok> <count>"', '"{acc_id:1,sf_id:baz} [A,B] true 3"'),
        ('"a <missing> b"', '"a  b"'),
        ('"line <state>"\n"line <count>"', '"line running"\n"line 3"'),
        ("<state>", '"running"'),
        ("<owner>", '{"acc_id":1,"sf_id":"baz"}'),
        ('"1 < 2 > 0"', '"1 < 2 > 0"'),
    ],
)
def test_a_template_of_text_keeps_its_quotes_and_takes_values_without(template: str, expected: str) -> None:
    assert filled(template) == expected


def test_some_variables_are_always_there() -> None:
    found = json.loads(
        filled(
            '{"rule": <aws.events.rule-arn>, "name": "rule <aws.events.rule-name>",'
            ' "at": <aws.events.event.ingestion-time>, "all": <aws.events.event.json>, "some": <aws.events.event>}'
        )
    )
    assert found["rule"] == RULE
    assert found["name"] == "rule night"
    assert found["at"] == INGESTED
    assert found["all"] == EVENT
    assert list(found["some"]) == ["id", "account", "detailType", "time", "source", "region", "resources", "version"]
    assert found["some"]["time"] == INGESTED


def test_parameters_that_are_paths_are_looked_up() -> None:
    given = {"Group": "$.detail.state", "Tags": [{"Key": "n", "Value": "$.detail.count"}], "Name": "plain", "N": 1}
    assert whole_path(given, EVENT) == {
        "Group": "running",
        "Tags": [{"Key": "n", "Value": "3"}],
        "Name": "plain",
        "N": 1,
    }
    assert whole_path("$.detail.missing", EVENT) == "$.detail.missing"


def test_the_document_itself_has_a_path() -> None:
    assert find(EVENT, "$") == EVENT
    assert find([], "$.a") is MISSING
