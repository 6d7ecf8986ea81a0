"""What the model forbids is refused in AWS's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batchd.gateway.validate import Check, compile_check, violations_text
from tests.gateway.made_service import made_operation

SHAPES: dict[str, Any] = {
    "In": {
        "type": "structure",
        "required": ["Name"],
        "members": {
            "Name": {"shape": "Name"},
            "State": {"shape": "State"},
            "Limit": {"shape": "Limit"},
            "Ratio": {"shape": "Ratio"},
            "Secret": {"shape": "Secret"},
            "Data": {"shape": "Data"},
            "Ids": {"shape": "Ids"},
            "Sparse": {"shape": "Sparse"},
            "Targets": {"shape": "Targets"},
            "Tags": {"shape": "Tags"},
            "Rules": {"shape": "Rules"},
            "Choice": {"shape": "Choice"},
            "Tree": {"shape": "Tree"},
            "Any": {"shape": "Any"},
        },
    },
    "Name": {"type": "string", "min": 1, "max": 5, "pattern": "[a-z]+"},
    "State": {"type": "string", "enum": ["ENABLED", "DISABLED"]},
    "Limit": {"type": "integer", "min": 1, "max": 10},
    "Ratio": {"type": "double", "min": 0.0, "max": 1.0},
    "Secret": {"type": "string", "max": 3, "sensitive": True},
    "Data": {"type": "blob", "max": 2},
    "Ids": {"type": "list", "member": {"shape": "Name"}, "max": 2},
    "Sparse": {"type": "list", "member": {"shape": "Free"}, "sparse": True},
    "Free": {"type": "string"},
    "Targets": {"type": "list", "member": {"shape": "Target"}, "max": 2},
    "Target": {
        "type": "structure",
        "required": ["Id"],
        "members": {"Id": {"shape": "Name"}, "Input": {"shape": "Free"}},
    },
    "Tags": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Free"}, "max": 2},
    "Rules": {"type": "map", "key": {"shape": "Free"}, "value": {"shape": "Target"}},
    "Choice": {"type": "structure", "union": True, "members": {"A": {"shape": "Free"}, "B": {"shape": "Free"}}},
    "Tree": {"type": "structure", "members": {"Label": {"shape": "Name"}, "Children": {"shape": "Trees"}}},
    "Trees": {"type": "list", "member": {"shape": "Tree"}},
    "Any": {"type": "structure", "members": {}, "document": True},
}
LONG = "failed to satisfy constraint: Member must have length less than or equal to"


@pytest.fixture
def check(tmp_path: Path) -> Check:
    operation = made_operation(tmp_path, {"protocol": "json"}, {"name": "Do", "input": {"shape": "In"}}, SHAPES)
    assert operation.input is not None
    compiled = compile_check(operation.input)
    assert compiled is not None
    return compiled


def test_params_that_fit_the_model_pass(check: Check) -> None:
    params = {
        "Name": "abc", "State": "ENABLED", "Limit": 10, "Ratio": 0.5, "Secret": "abc", "Data": b"ab", "Ids": ["a", "b"],
        "Sparse": ["x", None], "Targets": [{"Id": "a"}], "Tags": {"k": "v"}, "Rules": {"r": {"Id": "a"}},
        "Choice": {"A": "x"}, "Tree": {"Label": "a", "Children": [{"Label": "b", "Children": []}]},
        "Any": {"x": [None]}, "Unknown": 1,
    }  # fmt: skip
    assert check(params) is None


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"Name": None}, "Value null at 'name' failed to satisfy constraint: Member must not be null"),
        ({"Name": "abcdef"}, f"Value 'abcdef' at 'name' {LONG} 5"),
        (
            {"State": "ON"},
            "Value 'ON' at 'state' failed to satisfy constraint: "
            "Member must satisfy enum value set: [ENABLED, DISABLED]",
        ),
        (
            {"Limit": 0},
            "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
        (
            {"Ratio": 1.5},
            "Value '1.5' at 'ratio' failed to satisfy constraint: Member must have value less than or equal to 1.0",
        ),
        ({"Secret": "abcd"}, f"Value at 'secret' {LONG} 3"),
        ({"Ids": ["a", "b", "c"]}, f"Value '[a, b, c]' at 'ids' {LONG} 2"),
        (
            {"Ids": ["a", "B"]},
            "Value '[a, B]' at 'ids' failed to satisfy constraint: Member must satisfy constraint: "
            "[Member must have length less than or equal to 5, Member must have length greater than or equal to 1, "
            "Member must satisfy regular expression pattern: [a-z]+, Member must not be null]",
        ),
        (
            {"Targets": [{"Id": "a"}, {"Id": "B"}]},
            "Value 'B' at 'targets.2.member.id' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-z]+",
        ),
        (
            {"Targets": [None]},
            "Value null at 'targets.1.member' failed to satisfy constraint: Member must not be null",
        ),
        (
            {"Targets": [{"Id": "a"}, {"Id": "b", "Input": "i"}, {"Id": "c"}]},
            "Value '[Target(id=a, input=null), Target(id=b, input=i), Target(id=c, input=null)]' at 'targets' "
            f"{LONG} 2",
        ),
        (
            {"Tags": {"K": "v"}},
            "Value '{K=v}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: "
            "[Member must have length less than or equal to 5, Member must have length greater than or equal to 1, "
            "Member must satisfy regular expression pattern: [a-z]+, Member must not be null]",
        ),
        (
            {"Rules": {"r": {}}},
            "Value null at 'rules.r.member.id' failed to satisfy constraint: Member must not be null",
        ),
        (
            {"Choice": {"A": "x", "B": "y"}},
            "Value 'Choice(a=x, b=y)' at 'choice' failed to satisfy constraint: "
            "Exactly one member of the union must be set",
        ),
        (
            {"Tree": {"Children": [{"Children": [{"Label": "X"}]}]}},
            "Value 'X' at 'tree.children.1.member.children.1.member.label' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-z]+",
        ),
    ],
)
def test_one_violation_is_told(check: Check, params: dict[str, Any], text: str) -> None:
    violations = check({"Name": "a", **params})

    assert violations is not None
    assert violations_text(violations) == f"1 validation error detected: {text}"


def test_violations_are_told_together(check: Check) -> None:
    violations = check({"Name": "", "Limit": 11})

    assert violations is not None
    assert violations_text(violations) == (
        "3 validation errors detected: "
        "Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1; "
        "Value '' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+; "
        "Value '11' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10"
    )


def test_a_long_value_is_cut_in_the_message(check: Check) -> None:
    violations = check({"Name": "a" * 100_000})

    assert violations is not None
    assert len(violations_text(violations)) < 2000


def test_the_number_of_violations_told_is_bounded(check: Check) -> None:
    violations = check({"Name": "a", "Rules": {str(n): {} for n in range(10_000)}})

    assert violations is not None
    assert len(violations) == 100


def test_a_shape_that_forbids_nothing_has_no_checker(tmp_path: Path) -> None:
    shapes = {
        "In": {"type": "structure", "members": {"A": {"shape": "Free"}, "B": {"shape": "In"}}},
        "Free": {"type": "string"},
    }
    operation = made_operation(tmp_path, {"protocol": "json"}, {"name": "Do", "input": {"shape": "In"}}, shapes)
    assert operation.input is not None

    check = compile_check(operation.input)

    assert check is None or check({"A": "x", "B": {"A": "y"}}) is None
