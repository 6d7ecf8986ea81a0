"""What our serializers write must be read by botocore's parsers as what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import ResponseParserFactory
from botocore.utils import parse_timestamp

from batchd.errors import ApiError
from batchd.gateway.faults import Wire, api_fault, fault_response
from batchd.gateway.protocols.codecs import codec_of
from batchd.gateway.request import HttpResponse
from tests.gateway.made_service import made_operation
from tests.gateway.test_input_vectors import plain, skip_reason
from tests.gateway.vectors import Vector, vectors

SKIPPED = {
    "(?i)event ?stream": "event streams are not served",
    "XmlLists$": "botocore reads flattened lists under their items' name, the vector has another; it skips it too",
    "PayloadTraitsWithNoBlobBody": "no payload and an empty one look alike",
    "PayloadWithUnsetUnion": "botocore refuses an empty body where a union is the payload; it skips it too",
    "HttpPrefixHeadersResponse|Supports header maps": "the map takes every header, those of transport too",
    "QuotedStringHeaders|WithTimestampHeaders": "botocore splits header lists at every comma; it skips it too",
    "MediaTypeHeaderOutputBase64": "the result holds the JSON value, the vector its text",
    "legacy-json: 3-1 ": "nulls are sent in sparse lists only",
    "legacy-rest-(json: 17-2|xml: 16-2)": "no server sends union members its model does not have",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    wants_error = "error" in metafunc.function.__name__
    found = [
        v for v in vectors("output") if skip_reason(v.name, SKIPPED) is None and ("error" in v.case) == wants_error
    ]
    metafunc.parametrize("vector", found, ids=[vector.name for vector in found])


def test_the_result_of_a_vector_is_read_back_by_botocore(vector: Vector, tmp_path: Path) -> None:
    if "output" in vector.operation and vector.metadata["protocol"] == "query":
        vector.operation["output"]["resultWrapper"] = f"{vector.operation['name']}Result"
    operation = made_operation(tmp_path, vector.metadata, vector.operation, vector.shapes)

    response = codec_of(operation).serialize(vector.case["result"], "6b5d7f6e-9a2f-4f5c-8f6b-1f3f5d0c2a11")

    assert parsed(vector, response) == plain(vector.case["result"])


def test_the_error_of_a_vector_is_read_back_by_botocore(vector: Vector, tmp_path: Path) -> None:
    operation = made_operation(tmp_path, vector.metadata, vector.operation, vector.shapes)
    code, message = vector.case["errorCode"], vector.case.get("errorMessage", "")
    wire = Wire(operation.service.protocol, operation.service)

    response = fault_response(wire, api_fault(wire, ApiError(code, message)), "6b5d7f6e-9a2f-4f5c-8f6b-1f3f5d0c2a11")

    error = parsed(vector, response)["Error"]
    assert (error["Code"], error.get("Message", "")) == (code, message)


def parsed(vector: Vector, response: HttpResponse) -> Any:
    """What botocore makes of the answer, in the vectors' way to write values."""
    operation = OperationModel(vector.operation, service_model(vector))
    factory = ResponseParserFactory()
    factory.set_parser_defaults(timestamp_parser=_seconds)
    parser = factory.create_parser(vector.metadata["protocol"])
    headers = HeadersDict({name.decode(): value.decode() for name, value in response.headers})
    raw = {"body": response.body, "headers": headers, "status_code": response.status, "context": {}}
    result = parser.parse(raw, operation.output_shape)  # type: ignore[arg-type]  # None is fine with it
    result.pop("ResponseMetadata")
    return plain(result)


def service_model(vector: Vector) -> ServiceModel:
    return ServiceModel(
        {
            "metadata": vector.metadata,
            "operations": {vector.operation["name"]: vector.operation},
            "shapes": vector.shapes,
        }
    )


def _seconds(value: Any) -> float:
    moment: float = parse_timestamp(value).timestamp()
    return moment
