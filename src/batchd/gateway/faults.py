"""Errors in AWS's shape: which code, status and body each kind of failure has in each protocol. [iam.md 1]"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from batchd.errors import ApiError, BatchdError
from batchd.gateway.protocols.json_rpc import json_content_type
from batchd.gateway.protocols.query import xml_response
from batchd.gateway.protocols.xml_values import escape_xml
from batchd.gateway.request import AuthFailure, AuthFault, HttpResponse
from batchd.gateway.spec import ErrorSpec, OperationSpec, ServiceSpec
from batchd.gateway.validate import Violation, violations_text

_EC2_REFUSAL = "AWS was not able to validate the provided access credentials"


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, before it has a body. `spec` is what the model says of the code."""

    code: str
    message: str
    status: int = 400
    is_sender: bool = True
    spec: ErrorSpec | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """The protocol an answer is written in: a service's, or what the request looks like."""

    protocol: str
    service: ServiceSpec | None = None


class RequestFault(BatchdError):
    """A request that cannot reach its operation, and the protocol to say so in."""

    def __init__(self, wire: Wire, fault: Fault) -> None:
        super().__init__(fault.message)
        self.wire = wire
        self.fault = fault


Codes = dict[str, tuple[str, int]]  # by protocol

_AUTH: dict[AuthFault, Codes] = {
    AuthFault.MISSING: {
        "query": ("MissingAuthenticationToken", 403),
        "ec2": ("MissingAuthenticationToken", 403),
        "json": ("MissingAuthenticationTokenException", 400),
        "rest-json": ("MissingAuthenticationTokenException", 403),
    },
    AuthFault.INCOMPLETE: {
        "query": ("IncompleteSignature", 400),
        "ec2": ("IncompleteSignature", 400),
        "json": ("IncompleteSignatureException", 400),
        "rest-json": ("IncompleteSignatureException", 400),
    },
    AuthFault.UNKNOWN_KEY: {
        "query": ("InvalidClientTokenId", 403),
        "ec2": ("AuthFailure", 401),
        "json": ("UnrecognizedClientException", 400),
        "rest-json": ("UnrecognizedClientException", 403),
    },
    AuthFault.BAD_SIGNATURE: {
        "query": ("SignatureDoesNotMatch", 403),
        "ec2": ("AuthFailure", 401),
        "json": ("InvalidSignatureException", 400),
        "rest-json": ("InvalidSignatureException", 403),
    },
    AuthFault.CLOCK: {
        "query": ("SignatureDoesNotMatch", 403),
        "ec2": ("RequestExpired", 400),
        "json": ("InvalidSignatureException", 400),
        "rest-json": ("InvalidSignatureException", 403),
    },
    AuthFault.EXPIRED: {
        "query": ("ExpiredToken", 403),
        "ec2": ("RequestExpired", 400),
        "json": ("ExpiredTokenException", 400),
        "rest-json": ("ExpiredTokenException", 403),
    },
}
_DENIED: Codes = {
    "query": ("AccessDenied", 403),
    "ec2": ("UnauthorizedOperation", 403),
    "json": ("AccessDeniedException", 400),
    "rest-json": ("AccessDeniedException", 403),
}
_UNKNOWN: Codes = {
    "query": ("InvalidAction", 400),
    "ec2": ("InvalidAction", 400),
    "json": ("UnknownOperationException", 400),
    "rest-json": ("UnknownOperationException", 404),
}
_MALFORMED: Codes = {
    "query": ("MalformedInput", 400),
    "ec2": ("InvalidParameterValue", 400),
    "json": ("SerializationException", 400),
    "rest-json": ("SerializationException", 400),
    "rest-xml": ("MalformedXML", 400),
}


_THROTTLED: dict[str, tuple[str, str, int]] = {  # code, text, status; SDKs try again on each of them
    "query": ("Throttling", "Rate exceeded", 400),
    "ec2": ("RequestLimitExceeded", "Request limit exceeded.", 503),
    "json": ("ThrottlingException", "Rate exceeded", 400),
    "rest-json": ("TooManyRequestsException", "Too Many Requests", 429),
}


def _of(codes: Codes, wire: Wire) -> tuple[str, int]:
    return codes.get(wire.protocol) or codes["query"]


# -- kinds of failure


def auth_fault(failure: AuthFailure, wire: Wire) -> Fault:
    """A refused signature or token."""
    code, status = _of(_AUTH[failure.fault], wire)
    return Fault(code, _EC2_REFUSAL if code == "AuthFailure" else failure.message, status)


def unknown_operation(wire: Wire, name: str) -> Fault:
    """No model that is served has this operation."""
    code, status = _of(_UNKNOWN, wire)
    if wire.protocol == "ec2":
        return Fault(code, f"The action {name} is not valid for this web service.", status)
    if wire.protocol == "query" and wire.service:
        return Fault(code, f"Could not find operation {name} for version {wire.service.api_version}", status)
    return Fault(code, f"Unknown operation {name}" if name else "Unknown operation", status)


def missing_action() -> Fault:
    """A query request that names no action."""
    return Fault("MissingAction", "The request must contain the parameter Action")


def unserved_operation(wire: Wire, name: str) -> Fault:
    """AWS has this operation, this server does not."""
    code, _ = _of(_UNKNOWN, wire)
    service = f" of {wire.service.name}" if wire.service else ""
    return Fault(code, f"The operation {name}{service} is not available on this server", 501, is_sender=False)


def unserved_service(wire: Wire, name: str) -> Fault:
    """No service of this signing name is here."""
    code, _ = _of(_UNKNOWN, wire)
    message = f"The service {name} is not available on this server" if name else "Unknown operation"
    return Fault(code, message, 501 if name else 404, is_sender=False)


def malformed_fault(wire: Wire, message: str) -> Fault:
    """A request that is not what its protocol demands."""
    code, status = _of(_MALFORMED, wire)
    if wire.protocol == "rest-json" and wire.service:
        return api_fault(wire, ApiError(wire.service.service.validation_code, message, status))
    return Fault(code, message, status)


def violation_fault(wire: Wire, violations: list[Violation]) -> Fault:
    """A request that breaks the service's model; EC2 has words of its own for it."""
    if wire.protocol == "ec2":
        return _ec2_violation(violations[0])
    code = wire.service.service.validation_code if wire.service else "ValidationException"
    return api_fault(wire, ApiError(code, violations_text(violations)))


def _ec2_violation(violation: Violation) -> Fault:
    name = ".".join(part[0].upper() + part[1:] for part in violation.path.split(".") if part != "member")
    if violation.is_missing:
        return Fault("MissingParameter", f"The request must contain the parameter {name}")
    value = (violation.value or "").strip("'")
    return Fault("InvalidParameterValue", f"Value ({value}) for parameter {name} is invalid. {violation.constraint}")


def api_fault(wire: Wire, error: ApiError) -> Fault:
    """What an operation refused; the model knows the status of its errors, a denial has a code in each protocol."""
    spec = _spec(wire, error.code)
    if spec is None and error.code in ("AccessDenied", "AccessDeniedException"):
        code, status = _of(_DENIED, wire)
        return Fault(code, error.message, error.status or status)
    status = error.status or (spec.status if spec else 400)
    is_sender = spec.is_sender if spec else status < 500
    return Fault(error.code, error.message, status, is_sender, spec)


def throttled(wire: Wire) -> Fault:
    """More requests than the operator allows."""
    return Fault(*_THROTTLED.get(wire.protocol, _THROTTLED["query"]))


def too_large(limit: int) -> Fault:
    return Fault("RequestEntityTooLarge", f"The request is larger than {limit} bytes", 413)


def too_many_headers() -> Fault:
    return Fault("RequestHeaderSectionTooLarge", "The request has too many headers", 431)


def unavailable() -> Fault:
    """The store could not make the change durable; nothing of it remains, SDKs try again."""
    return Fault("ServiceUnavailable", "The request could not be stored. Please try again.", 503, is_sender=False)


def internal_failure(operation: OperationSpec | None) -> Fault:
    """A bug of ours, by the name the operation's model has for it."""
    code = (operation and operation.server_error) or "InternalFailure"
    spec = operation.service.model.errors.get(code) if operation else None
    return Fault(code, "An internal error occurred.", 500, is_sender=False, spec=spec)


def _spec(wire: Wire, code: str) -> ErrorSpec | None:
    return wire.service.model.errors.get(code) if wire.service else None


# -- bodies


def fault_response(wire: Wire, fault: Fault, request_id: str) -> HttpResponse:
    """The answer for a fault in the protocol's own shape."""
    if wire.protocol == "json":
        return _json_response(wire, fault, request_id)
    if wire.protocol == "rest-json":
        return _rest_json_response(fault, request_id)
    code, message = escape_xml(_query_code(fault)), escape_xml(fault.message)
    if wire.protocol == "ec2":
        text = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
        return xml_response(fault.status, text, request_id)
    namespace = f' xmlns="{escape_xml(wire.service.namespace)}"' if wire.service and wire.service.namespace else ""
    kind = "Sender" if fault.is_sender else "Receiver"
    text = (
        f"<ErrorResponse{namespace}><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return xml_response(fault.status, text, request_id)


def _json_response(wire: Wire, fault: Fault, request_id: str) -> HttpResponse:
    spec = fault.spec
    code = spec.code if spec else fault.code
    version = wire.service.json_version if wire.service else "1.1"
    headers = [json_content_type(version), (b"x-amzn-requestid", request_id.encode())]
    if wire.service and wire.service.is_query_compatible and spec and spec.query_code:
        kind = "Sender" if fault.is_sender else "Receiver"
        headers.append((b"x-amzn-query-error", f"{spec.query_code};{kind}".encode()))
    body = {"__type": code, (spec.message_member if spec else "message"): fault.message}
    return HttpResponse(fault.status, tuple(headers), _dump(body))


def _rest_json_response(fault: Fault, request_id: str) -> HttpResponse:
    spec = fault.spec
    body = {(spec.message_member if spec else "message"): fault.message}
    if spec and spec.has_type:
        body["Type"] = "User" if fault.is_sender else "Service"
    headers = (
        (b"content-type", b"application/json"),
        (b"x-amzn-requestid", request_id.encode()),
        (b"x-amzn-errortype", fault.code.encode("latin-1", "replace")),
    )
    return HttpResponse(fault.status, headers, _dump(body))


def _query_code(fault: Fault) -> str:
    return (fault.spec.query_code if fault.spec else None) or fault.code


def _dump(body: dict[str, str]) -> bytes:
    """Messages may echo what a client sent, lone surrogates included."""
    clean = {key: text.encode("utf-8", "replace").decode() for key, text in body.items()}
    return orjson.dumps(clean)
