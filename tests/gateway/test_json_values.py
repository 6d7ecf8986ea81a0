"""Results as JSON: what is not there is left out, what is not JSON is made so."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from batchd.gateway.protocols.codecs import codec_of
from tests.gateway.made_service import made_operation

PLAIN: dict[str, Any] = {
    "Out": {
        "type": "structure",
        "members": {
            "Name": {"shape": "Text"},
            "Big": {"shape": "Long"},
            "Ratio": {"shape": "Double"},
            "Names": {"shape": "Names"},
            "Holes": {"shape": "Holes"},
            "Counts": {"shape": "Counts"},
            "Any": {"shape": "Any"},
            "Inner": {"shape": "Out"},
        },
    },
    "Text": {"type": "string"},
    "Long": {"type": "long"},
    "Double": {"type": "double"},
    "Names": {"type": "list", "member": {"shape": "Text"}},
    "Holes": {"type": "list", "member": {"shape": "Text"}, "sparse": True},
    "Counts": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Long"}},
    "Any": {"type": "structure", "members": {}, "document": True},
}
RICH = {
    **PLAIN,
    "Out": {
        "type": "structure",
        "members": {**PLAIN["Out"]["members"], "Data": {"shape": "Data"}, "At": {"shape": "At"}},
    },
    "Data": {"type": "blob"},
    "At": {"type": "timestamp"},
}
Dump = Callable[[dict[str, Any]], bytes]


def dumper(folder: Path, shapes: dict[str, Any]) -> Dump:
    operation = made_operation(folder, {"protocol": "rest-json"}, {"name": "Do", "output": {"shape": "Out"}}, shapes)
    serialize = codec_of(operation).serialize
    return lambda result: serialize(result, "id").body


@pytest.fixture(params=[PLAIN, RICH], ids=["as it stands", "walked"])
def dump(request: pytest.FixtureRequest, tmp_path: Path) -> Dump:
    return dumper(tmp_path, request.param)


@pytest.mark.parametrize(
    ("result", "wanted"),
    [
        ({}, {}),
        ({"Name": "a", "Big": None}, {"Name": "a"}),
        ({"Name": "null"}, {"Name": "null"}),
        ({"Inner": {"Inner": {"Name": None, "Big": 1}}}, {"Inner": {"Inner": {"Big": 1}}}),
        ({"Names": ["a", None]}, {"Names": ["a"]}),
        ({"Names": ("a", "b")}, {"Names": ["a", "b"]}),
        ({"Holes": ["a", None]}, {"Holes": ["a", None]}),
        ({"Counts": {"a": 1, "b": None}}, {"Counts": {"a": 1}}),
        ({"Counts": {1: 1}}, {"Counts": {"1": 1}}),
        ({"Ratio": math.nan}, {"Ratio": "NaN"}),
        ({"Ratio": -math.inf}, {"Ratio": "-Infinity"}),
        ({"Any": {"deep": [None, {"x": None}]}}, {"Any": {"deep": [None, {"x": None}]}}),
        ({"New": {"a": None, "b": [1, {"c": None}]}}, {"New": {"b": [1, {}]}}),
        ({"Big": 2**70}, {"Big": 2**70}),
        ({"Name": "\ud800"}, {"Name": "\ud800"}),
    ],
)
def test_a_result_is_written_as_json(dump: Dump, result: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert json.loads(dump(result)) == wanted


@pytest.mark.parametrize(
    ("result", "wanted"),
    [
        ({"Data": b"\x00\xff"}, {"Data": "AP8="}),
        ({"Data": "text"}, {"Data": "dGV4dA=="}),
        ({"At": datetime(2020, 1, 1, tzinfo=UTC)}, {"At": 1577836800}),
        ({"At": datetime(2020, 1, 1, 0, 0, 0, 250_000)}, {"At": 1577836800.25}),
        ({"At": 1577836800.5}, {"At": 1577836800.5}),
    ],
)
def test_bytes_and_times_are_written_as_the_protocol_wants(
    tmp_path: Path, result: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assert json.loads(dumper(tmp_path, RICH)(result)) == wanted
