"""Every operation of whole services: what botocore sends is read as it was meant, what we answer is read back."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSRequest, HeadersDict, prepare_request_dict
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from batchd.gateway.protocols.codecs import codec_of
from batchd.gateway.request import HttpRequest
from batchd.gateway.route import Router
from batchd.gateway.shapes import Shape
from batchd.gateway.spec import OperationSpec, ServiceSpec
from tests.gateway.generated import Maker
from tests.gateway.made_service import service_of
from tests.gateway.signing import as_sent

SERVICES = ("batch", "logs", "iam", "sts", "ec2", "ecr", "lambda", "stepfunctions", "scheduler", "events", "route53")
REQUEST_ID = "6b5d7f6e-9a2f-4f5c-8f6b-1f3f5d0c2a11"


@pytest.mark.parametrize("service", SERVICES)
def test_requests_of_botocore_are_read_as_they_were_meant(service: str) -> None:
    spec = our_spec(service)
    router = Router([spec])
    wrong = []
    for operation, seed in product(plain_operations(spec), "abc"):
        params = Maker(operation.name + seed).structure(operation.input) if operation.input else {}
        request = request_by_botocore(operation, params)
        route = router.route(request, spec.signing_name)
        read = codec_of(route.operation).parse(request, route.match)
        if route.operation is not operation or read != params:
            wrong.append((operation.name, route.operation.name, differences(params, read)))
    assert not wrong


@pytest.mark.parametrize("service", SERVICES)
def test_answers_are_read_back_by_botocore(service: str) -> None:
    wrong = []
    for operation, seed in product(plain_operations(our_spec(service)), "abc"):
        if _is_stream(operation.output):
            continue
        result = Maker(operation.name + seed).structure(operation.output) if operation.output else {}
        read = parsed_by_botocore(operation, result)
        if read != result:
            wrong.append((operation.name, differences(result, read)))
    assert not wrong


@cache
def our_spec(service: str) -> ServiceSpec:
    return ServiceSpec(service_of(service, client_model(service).operation_names))


@cache
def client_model(service: str) -> ServiceModel:
    model: ServiceModel = botocore.session.get_session().get_service_model(service)
    return model


def plain_operations(spec: ServiceSpec) -> list[OperationSpec]:
    """Those without event streams, which are not served."""
    found = spec.model.operations.values()
    return [o for o in found if not (_streams_events(o.input) or _streams_events(o.output))]


def _streams_events(shape: Shape | None) -> bool:
    return shape is not None and any(member.has("eventstream") for member in shape.members.values())


def _is_stream(shape: Shape | None) -> bool:
    """Whether clients leave the body to their caller as it is."""
    payload = shape.traits.get("payload") if shape else None
    return shape is not None and payload is not None and shape.members[payload].type == "blob"


def request_by_botocore(operation: OperationSpec, params: dict[str, Any]) -> HttpRequest:
    """The request a client sends, as a server receives it."""
    client = client_model(operation.service.name).operation_model(operation.name)
    serialized = create_serializer(operation.service.protocol, include_validation=False).serialize_to_request(
        params, client
    )
    prepare_request_dict(serialized, "http://127.0.0.1")
    return as_sent(
        AWSRequest(serialized["method"], serialized["url"], serialized["headers"], serialized["body"]).prepare()
    )


def parsed_by_botocore(operation: OperationSpec, result: dict[str, Any]) -> dict[str, Any]:
    """What a client makes of our answer."""
    response = codec_of(operation).serialize(result, REQUEST_ID)
    client = client_model(operation.service.name).operation_model(operation.name)
    headers = HeadersDict({name.decode(): value.decode() for name, value in response.headers})
    raw = {"body": response.body, "headers": headers, "status_code": response.status, "context": {}}
    parsed: dict[str, Any] = create_parser(operation.service.protocol).parse(raw, client.output_shape)  # type: ignore[arg-type]  # None is fine with it
    assert parsed.pop("ResponseMetadata")["RequestId"] == REQUEST_ID
    return parsed


def differences(meant: Any, read: Any, path: str = "") -> list[str]:
    """Where two values part, to be read in a failure."""
    if isinstance(meant, dict) and isinstance(read, dict):
        names = sorted(meant.keys() | read.keys())
        return [d for name in names for d in differences(meant.get(name), read.get(name), f"{path}.{name}")]
    return [] if meant == read else [f"{path}: {meant!r} became {read!r}"]
