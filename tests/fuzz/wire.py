"""Requests as botocore writes them and answers as botocore reads them, for every service that is served."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import botocore.session
from botocore.awsrequest import HeadersDict
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from batchd.gateway.request import HttpRequest, HttpResponse
from batchd.server import SERVICES

FORMS = ("query", "ec2")


def _model(name: str, models: str | None) -> ServiceModel:
    if models is None:
        found: ServiceModel = botocore.session.get_session().get_service_model(name)
        return found
    return ServiceModel(
        Loader([models], include_default_search_paths=False).load_service_model(name, "service-2"), name
    )


CLIENTS = {service.name: _model(service.name, service.models) for service in SERVICES}
OPERATIONS = [
    CLIENTS[service.name].operation_model(name)
    for service in SERVICES
    for name in CLIENTS[service.name].operation_names
    if botocore.xform_name(name) in service.operations
]


def plain_request(operation: OperationModel, params: dict[str, Any]) -> HttpRequest:
    """What a client sends for these params, as the gateway sees it."""
    service = operation.service_model
    serializer = create_serializer(service.resolved_protocol, include_validation=False)
    made: Any = serializer.serialize_to_request(params, operation)
    body, headers = made["body"], {name.lower(): str(value) for name, value in made["headers"].items()}
    if isinstance(body, dict):
        body = form(list(body.items()))
        headers["content-type"] = "application/x-www-form-urlencoded; charset=utf-8"
    octets = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body or b"")
    query = made["query_string"]
    path, _, fixed = made["url_path"].partition("?")
    text = "&".join(filter(None, (fixed, urlencode(query, doseq=True, quote_via=quote) if query else "")))
    return HttpRequest(made["method"], path, text, {**headers, **signed_for(service.signing_name)}, octets)


def form(pairs: list[tuple[str, Any]]) -> bytes:
    return urlencode(pairs, errors="surrogatepass").encode()


def signed_for(scope: str) -> dict[str, str]:
    """What a server that believes everybody needs to know."""
    credential = f"Credential=AKIA/20231114/us-east-1/{scope}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"}


def read_answer(operation: OperationModel, response: HttpResponse) -> dict[str, Any]:
    """What botocore's parser makes of an answer; it raises where it cannot."""
    headers = HeadersDict({name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers})
    raw: Any = {"body": response.body, "headers": headers, "status_code": response.status, "context": {}}
    parser = create_parser(operation.service_model.resolved_protocol)
    shape: Any = operation.output_shape
    parsed: dict[str, Any] = parser.parse(raw, shape)
    return parsed
