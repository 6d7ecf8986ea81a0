"""Every kind of failure has AWS's code, status and body in every protocol. [iam.md 1]"""

from __future__ import annotations

from xml.etree import ElementTree

import orjson
import pytest

from batchd.errors import ApiError
from batchd.gateway.faults import (
    Fault,
    Wire,
    api_fault,
    auth_fault,
    fault_response,
    internal_failure,
    malformed_fault,
    violation_fault,
)
from batchd.gateway.operation import Service
from batchd.gateway.request import AuthFailure, AuthFault, HttpResponse
from batchd.gateway.spec import ServiceSpec
from batchd.gateway.validate import REQUIRED, Violation
from tests.gateway.made_service import service_of

ID = "6b5d7f6e-9a2f-4f5c-8f6b-1f3f5d0c2a11"
PROTOCOLS = ("query", "ec2", "json", "rest-json")


def wire_of(service: str, code: str = "ValidationException") -> Wire:
    spec = ServiceSpec(Service(service, {}, code))
    return Wire(spec.protocol, spec)


def header(response: HttpResponse, name: bytes) -> bytes | None:
    return dict(response.headers).get(name)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            AuthFault.MISSING,
            (
                ("MissingAuthenticationToken", 403),
                ("MissingAuthenticationToken", 403),
                ("MissingAuthenticationTokenException", 400),
                ("MissingAuthenticationTokenException", 403),
            ),
        ),
        (
            AuthFault.UNKNOWN_KEY,
            (
                ("InvalidClientTokenId", 403),
                ("AuthFailure", 401),
                ("UnrecognizedClientException", 400),
                ("UnrecognizedClientException", 403),
            ),
        ),
        (
            AuthFault.BAD_SIGNATURE,
            (
                ("SignatureDoesNotMatch", 403),
                ("AuthFailure", 401),
                ("InvalidSignatureException", 400),
                ("InvalidSignatureException", 403),
            ),
        ),
        (
            AuthFault.CLOCK,
            (
                ("SignatureDoesNotMatch", 403),
                ("RequestExpired", 400),
                ("InvalidSignatureException", 400),
                ("InvalidSignatureException", 403),
            ),
        ),
        (
            AuthFault.EXPIRED,
            (
                ("ExpiredToken", 403),
                ("RequestExpired", 400),
                ("ExpiredTokenException", 400),
                ("ExpiredTokenException", 403),
            ),
        ),
    ],
)
def test_a_refused_signature_has_its_code_in_each_protocol(
    fault: AuthFault, expected: tuple[tuple[str, int], ...]
) -> None:
    faults = [auth_fault(AuthFailure(fault, "text"), Wire(protocol)) for protocol in PROTOCOLS]

    assert tuple((found.code, found.status) for found in faults) == expected


def test_ec2_says_little_of_a_refused_signature() -> None:
    fault = auth_fault(AuthFailure(AuthFault.BAD_SIGNATURE, "The canonical string should have been"), Wire("ec2"))

    assert fault.message == "AWS was not able to validate the provided access credentials"


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("iam", "AccessDenied", 403),
        ("ec2", "UnauthorizedOperation", 403),
        ("logs", "AccessDeniedException", 400),
        ("batch", "AccessDeniedException", 403),
    ],
)
def test_a_denial_has_its_code_in_each_protocol(service: str, code: str, status: int) -> None:
    fault = api_fault(wire_of(service), ApiError("AccessDenied", "User: x is not authorized"))

    assert (fault.code, fault.status, fault.message) == (code, status, "User: x is not authorized")


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("iam", "NoSuchEntity", 404),
        ("iam", "EntityAlreadyExists", 409),
        ("iam", "Unmodelled", 400),
        ("batch", "ClientException", 400),
        ("batch", "ServerException", 500),
        ("lambda", "ResourceNotFoundException", 404),
        ("logs", "ResourceNotFoundException", 400),
    ],
)
def test_the_model_knows_the_status_of_an_error(service: str, code: str, status: int) -> None:
    assert api_fault(wire_of(service), ApiError(code, "")).status == status


def test_an_operation_may_name_the_status_itself() -> None:
    assert api_fault(wire_of("batch"), ApiError("TooManyRequestsException", "Too Many Requests", 429)).status == 429


def test_a_query_error_is_an_error_response() -> None:
    wire = wire_of("iam")
    fault = api_fault(wire, ApiError("NoSuchEntity", "The role with name <x> & co cannot be found."))

    response = fault_response(wire, fault, ID)

    assert response.status == 404
    assert response.body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        "<Error><Type>Sender</Type><Code>NoSuchEntity</Code>"
        "<Message>The role with name &lt;x&gt; &amp; co cannot be found.</Message></Error>"
        f"<RequestId>{ID}</RequestId></ErrorResponse>"
    )


def test_a_fault_of_the_server_is_the_receivers() -> None:
    response = fault_response(wire_of("iam"), internal_failure(None), ID)

    assert (response.status, b"<Type>Receiver</Type><Code>InternalFailure</Code>" in response.body) == (500, True)


def test_an_ec2_error_has_ec2s_own_shape() -> None:
    response = fault_response(wire_of("ec2"), Fault("InvalidVpcID.NotFound", "The vpc ID 'x' does not exist"), ID)

    assert response.body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code>"
        "<Message>The vpc ID 'x' does not exist</Message></Error></Errors>"
        f"<RequestID>{ID}</RequestID></Response>"
    )


def test_a_json_error_names_its_type_in_the_body() -> None:
    response = fault_response(wire_of("logs"), Fault("ResourceNotFoundException", "no group"), ID)

    assert orjson.loads(response.body) == {"__type": "ResourceNotFoundException", "message": "no group"}
    assert header(response, b"content-type") == b"application/x-amz-json-1.1"
    assert header(response, b"x-amzn-requestid") == ID.encode()


def test_a_service_that_once_spoke_query_still_tells_the_old_code() -> None:
    wire = wire_of("cloudwatch")

    response = fault_response(wire, api_fault(wire, ApiError("DashboardNotFoundError", "gone")), ID)

    assert orjson.loads(response.body)["__type"] == "DashboardNotFoundError"
    assert header(response, b"x-amzn-query-error") == b"ResourceNotFound;Sender"


def test_a_rest_json_error_names_its_type_in_a_header() -> None:
    response = fault_response(wire_of("batch"), Fault("ClientException", "no"), ID)

    assert header(response, b"x-amzn-errortype") == b"ClientException"
    assert orjson.loads(response.body) == {"message": "no"}


def test_an_error_is_written_with_the_members_its_model_has() -> None:
    wire = wire_of("lambda")

    response = fault_response(wire, api_fault(wire, ApiError("ResourceNotFoundException", "gone")), ID)

    assert orjson.loads(response.body) == {"Type": "User", "Message": "gone"}


def test_a_message_of_any_characters_makes_a_body() -> None:
    fault = Fault("ClientException", "\ud800 \x00 \r\n <&>\"'")

    ElementTree.fromstring(fault_response(wire_of("iam"), fault, ID).body)
    ElementTree.fromstring(fault_response(wire_of("ec2"), fault, ID).body)
    orjson.loads(fault_response(wire_of("batch"), fault, ID).body)
    orjson.loads(fault_response(wire_of("logs"), fault, ID).body)


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("batch", "ClientException"),
        ("logs", "SerializationException"),
        ("iam", "MalformedInput"),
        ("ec2", "InvalidParameterValue"),
        ("route53", "MalformedXML"),
    ],
)
def test_what_cannot_be_read_has_its_code_in_each_protocol(service: str, code: str) -> None:
    fault = malformed_fault(wire_of(service, "ClientException"), "text")

    assert (fault.code, fault.status) == (code, 400)


def test_a_broken_model_is_told_with_the_services_code() -> None:
    violations = [Violation("limit", "'0'", "Member must have value greater than or equal to 1")]

    fault = violation_fault(wire_of("logs", "InvalidParameterException"), violations)

    assert (fault.code, fault.message) == (
        "InvalidParameterException",
        "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1",
    )


def test_ec2_tells_a_broken_model_in_its_own_words() -> None:
    wire = wire_of("ec2")

    missing = violation_fault(wire, [Violation("groupName", "null", REQUIRED)])
    wrong = violation_fault(wire, [Violation("filter.1.member.name", "'x'", "Member must be nice")])

    assert (missing.code, missing.message) == (
        "MissingParameter",
        "The request must contain the parameter GroupName",
    )
    assert (wrong.code, wrong.message) == (
        "InvalidParameterValue",
        "Value (x) for parameter Filter.1.Name is invalid. Member must be nice",
    )


def test_a_bug_goes_by_the_name_the_operation_declares() -> None:
    batch = ServiceSpec(service_of("batch", ["SubmitJob"])).model.operations["SubmitJob"]

    fault = internal_failure(batch)

    assert (fault.code, fault.status, fault.is_sender) == ("ServerException", 500, False)
