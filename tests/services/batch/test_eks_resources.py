from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.scheduler.events import Resources
from batchd.services.batch.eks_resources import container_resources, pod_resources
from batchd.services.batch.faults import Invalid
from batchd.store.store import Body

GPU = "nvidia.com/gpu"


def sized(limits: Body | None = None, requests: Body | None = None) -> Body:
    return {"resources": {"limits": limits or {}, "requests": requests or {}}}


def asking(cpu: str, memory: str) -> Body:
    return sized({"cpu": cpu, "memory": memory})


@pytest.mark.parametrize(
    ("limits", "requests", "wanted"),
    [
        ({"cpu": "1", "memory": "512Mi"}, {}, Resources(1000, 512)),
        ({}, {"cpu": "0.25", "memory": "4Mi"}, Resources(250, 4)),
        ({"cpu": "2", "memory": "512Mi"}, {"cpu": "1.5", "memory": "512Mi"}, Resources(1500, 512)),
        ({"cpu": "1", "memory": "64Mi", GPU: "2"}, {GPU: "2"}, Resources(1000, 64, 2)),
        ({"memory": "64Mi"}, {"cpu": "1"}, Resources(1000, 64)),
    ],
)
def test_the_requests_count_and_missing_ones_are_the_limits(limits: Body, requests: Body, wanted: Resources) -> None:
    assert container_resources(sized(limits, requests)) == wanted


@pytest.mark.parametrize(
    ("limits", "requests", "text"),
    [
        ({"cpu": "1"}, {}, "resources must have memory in limits or requests"),
        ({"memory": "64Mi"}, {}, "resources must have cpu in limits or requests"),
        ({"cpu": "1", "memory": "3Mi"}, {}, "memory must be at least 4Mi"),
        ({"cpu": "1", "memory": "64"}, {}, "memory value 64 is not a whole number with the suffix Mi"),
        ({"cpu": "1", "memory": "1Gi"}, {}, "memory value 1Gi is not a whole number with the suffix Mi"),
        ({"cpu": "1", "memory": "1.5Mi"}, {}, "memory value 1.5Mi is not a whole number with the suffix Mi"),
        ({"cpu": "250m", "memory": "64Mi"}, {}, "cpu value 250m is not a multiple of 0.25"),
        ({"cpu": "0.3", "memory": "64Mi"}, {}, "cpu value 0.3 is not a multiple of 0.25"),
        ({"cpu": "0", "memory": "64Mi"}, {}, "cpu value 0 is not a multiple of 0.25"),
        (
            {"cpu": "1", "memory": "64Mi"},
            {"memory": "65Mi"},
            "resources.limits memory and resources.requests memory must be equal",
        ),
        (
            {"cpu": "1", "memory": "64Mi"},
            {"cpu": "2"},
            "resources.requests cpu must not be greater than resources.limits cpu",
        ),
        (
            {"cpu": "1", "memory": "64Mi", GPU: "1"},
            {GPU: "2"},
            f"resources.limits {GPU} and resources.requests {GPU} must be equal",
        ),
        ({"cpu": "1", "memory": "64Mi", GPU: "0.5"}, {}, f"{GPU} value 0.5 is not a whole number"),
        ({"cpu": "1", "memory": "64Mi", "disk": "1"}, {}, f"resources disk is not one of cpu, memory, {GPU}"),
    ],
)
def test_a_quantity_that_batch_does_not_take_is_refused(limits: Body, requests: Body, text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        container_resources(sized(limits, requests))
    assert str(refusal.value) == text


def test_a_pod_needs_room_for_all_its_containers_or_for_its_largest_first_step() -> None:
    together = {"containers": [asking("1", "100Mi"), asking("1", "100Mi")]}
    assert pod_resources(together) == Resources(2000, 200)
    first = [asking("0.5", "300Mi"), asking("4", "50Mi"), {}]
    assert pod_resources({**together, "initContainers": first}) == Resources(4000, 300)


@given(st.text(), st.text())
def test_any_text_is_a_quantity_or_refused(cpu: str, memory: str) -> None:
    try:
        wanted = container_resources(asking(cpu, memory))
    except Invalid:
        return
    assert wanted.vcpus_milli % 250 == 0
    assert wanted.vcpus_milli > 0
    assert wanted.memory_mib >= 4
