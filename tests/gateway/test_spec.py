"""Service models are found, read late and cut down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batchd.errors import ConfigError
from batchd.gateway.operation import Service
from batchd.gateway.spec import ServiceSpec
from tests.gateway.made_service import service_of, written_model


def test_the_metadata_is_known_without_the_model() -> None:
    spec = ServiceSpec(service_of("stepfunctions", []))

    assert (spec.signing_name, spec.protocol, spec.target_prefix) == ("states", "json", "AWSStepFunctions")
    assert (spec.json_version, spec.api_version) == ("1.0", "2016-11-23")
    assert "model" not in vars(spec)


@pytest.mark.parametrize(
    ("service", "version"), [("lambda", "2015-03-31"), ("ec2", "2016-11-15"), ("events", "2015-10-07")]
)
def test_the_newest_version_of_a_model_is_taken(service: str, version: str) -> None:
    assert ServiceSpec(service_of(service, [])).api_version == version


def test_only_what_is_served_is_kept() -> None:
    model = ServiceSpec(service_of("ec2", ["DescribeVpcs"])).model

    assert list(model.operations) == ["DescribeVpcs"]
    assert "RunInstances" in model.known
    (operation,) = model.operations.values()
    assert operation.input is not None
    assert "VpcIds" in operation.input.members
    assert "documentation" not in operation.input.members["VpcIds"].traits


def test_a_model_of_our_own_stands_beside_botocores(tmp_path: Path) -> None:
    models = written_model(tmp_path, {"protocol": "rest-json"}, [{"name": "Explain"}], {})

    spec = ServiceSpec(service_of("made", ["Explain"], models=models))

    assert (spec.signing_name, spec.protocol) == ("made", "rest-json")
    assert list(spec.model.operations) == ["Explain"]


def test_metadata_may_stand_behind_the_shapes(tmp_path: Path) -> None:
    models = written_model(tmp_path, {"protocol": "json", "targetPrefix": "Late"}, [{"name": "Get"}], {})
    path = tmp_path / "made" / "2014-01-01" / "service-2.json"
    model = json.loads(path.read_text())
    text = json.dumps({"documentation": "x" * 100_000, "operations": model["operations"], "shapes": {}, **model})
    path.write_text(text)

    assert ServiceSpec(service_of("made", ["Get"], models=models)).target_prefix == "Late"


def test_an_operation_the_model_does_not_have_is_a_mistake_of_ours() -> None:
    spec = ServiceSpec(service_of("batch", ["SubmitJobs"]))

    with pytest.raises(ConfigError, match="submit_jobs"):
        _ = spec.model


def test_a_service_nobody_has_a_model_of_is_a_mistake_of_ours() -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        ServiceSpec(Service("nowhere", {}))


def test_a_protocol_nobody_speaks_is_a_mistake_of_ours(tmp_path: Path) -> None:
    models = written_model(tmp_path, {"protocol": "smithy-rpc-v2-cbor"}, [], {})

    with pytest.raises(ConfigError, match="smithy-rpc-v2-cbor"):
        ServiceSpec(service_of("made", [], models=models))
