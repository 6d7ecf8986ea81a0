from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from batchd.services.batch.merge import environment_of, merge_container

VARIABLES = st.dictionaries(st.sampled_from("ABCDE"), st.text(max_size=3), max_size=5).map(
    lambda d: [{"name": name, "value": value} for name, value in d.items()]
)
REQUIREMENTS = st.dictionaries(st.sampled_from(["VCPU", "MEMORY", "GPU"]), st.sampled_from(["1", "2", "9"])).map(
    lambda d: [{"type": kind, "value": value} for kind, value in d.items()]
)
COMMANDS = st.lists(st.text(min_size=1, max_size=3), max_size=3)
CONTAINERS = st.fixed_dictionaries(
    {"image": st.just("i"), "command": COMMANDS, "environment": VARIABLES, "resourceRequirements": REQUIREMENTS}
)
OVERRIDES = st.fixed_dictionaries(
    {}, optional={"command": COMMANDS, "environment": VARIABLES, "resourceRequirements": REQUIREMENTS}
)


def by_type(requirements: list[dict[str, str]]) -> dict[str, str]:
    return {one["type"]: one["value"] for one in requirements}


@given(CONTAINERS, OVERRIDES)
def test_command_replaces_and_the_rest_merges_by_name(container: dict[str, Any], overrides: dict[str, Any]) -> None:
    before = copy.deepcopy(container)

    merged = merge_container(container, overrides)

    assert container == before
    assert merged["image"] == "i"
    assert merged["command"] == (overrides.get("command") or container["command"])
    variables = {**environment_of(container["environment"]), **environment_of(overrides.get("environment", []))}
    assert environment_of(merged["environment"]) == variables
    requirements = {
        **by_type(container["resourceRequirements"]),
        **by_type(overrides.get("resourceRequirements", [])),
    }
    assert by_type(merged["resourceRequirements"]) == requirements
    assert len(merged["resourceRequirements"]) == len(requirements)


def test_a_deprecated_override_loses_to_a_requirement_beside_it() -> None:
    container = {"command": [], "environment": [], "resourceRequirements": [], "vcpus": 1, "memory": 64}

    overrides = {"vcpus": 8, "memory": 128, "resourceRequirements": [{"type": "VCPU", "value": "2"}]}
    merged = merge_container(container, overrides)

    assert merged["resourceRequirements"] == [{"type": "VCPU", "value": "2"}]
    assert "vcpus" not in merged
    assert merged["memory"] == 128
