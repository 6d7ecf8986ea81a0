"""From a request to the operation it means.

The credential scope's signing name comes first, for it stays right behind a custom endpoint; then the X-Amz-Target
prefix, then a form's Version, then the path. REST paths are matched as they came: an encoded ARN is one segment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import botocore

from batchd.gateway.faults import (
    RequestFault,
    Wire,
    malformed_fault,
    missing_action,
    unknown_operation,
    unserved_operation,
    unserved_service,
)
from batchd.gateway.protocols.protocol import Match
from batchd.gateway.protocols.query import FORM_TYPE, read_form
from batchd.gateway.protocols.rest import parse_pairs
from batchd.gateway.request import HttpRequest, Malformed
from batchd.gateway.spec import OperationSpec, ServiceSpec

_FORMS = ("query", "ec2")
_RESTS = ("rest-json", "rest-xml")
_SCOPE = re.compile(r"Credential(?:=|%3D)[^/,%]+(?:/|%2F)\d{8}(?:/|%2F)[^/,%]+(?:/|%2F)([^/,%]+)")
_LABEL = re.compile(r"\{([^{}+]+)(\+?)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """The operation, and what was read of the request on the way to it."""

    operation: OperationSpec
    match: Match


class Router:
    """Knows the served services by their signing names; loads the model of none before a request is for it."""

    def __init__(self, services: Sequence[ServiceSpec]) -> None:
        self._services = services
        self._by_signing_name: dict[str, list[ServiceSpec]] = {}
        for service in services:
            self._by_signing_name.setdefault(service.signing_name, []).append(service)
        self._paths: dict[str, PathTable] = {}

    def route(self, request: HttpRequest, signing_name: str) -> Route:
        """The operation a verified request is for. Raises RequestFault."""
        services = self._by_signing_name.get(signing_name)
        found = self._route_among(self._services if services is None else services, request)
        if found is None:
            raise _unserved(request, signing_name) if services is None else _lost(request, services)
        return found

    def open_service(self, request: HttpRequest) -> ServiceSpec | None:
        """The service of an operation that this request may ask for without a signature."""
        is_signed = "authorization" in request.headers or "X-Amz-Signature=" in request.query
        if request.method != "GET" or is_signed or "Action=" not in request.query:
            return None
        try:
            action = botocore.xform_name(read_form(request).get("Action", ""))
        except Malformed:
            return None
        served = ((service, service.service.operations.get(action)) for service in self._services)
        return next((service for service, operation in served if operation is not None and operation.is_open), None)

    def _route_among(self, services: Sequence[ServiceSpec], request: HttpRequest) -> Route | None:
        target = request.headers.get("x-amz-target")
        if target is not None and (found := _targeted(services, target)):
            return self._named(found, target.rpartition(".")[2], Match())
        if _looks_like_form(request) and (forms := [s for s in services if s.protocol in _FORMS]):
            return self._form_route(request, forms)
        return self._path_route(request, services)

    def wire_of(self, request: HttpRequest) -> Wire:
        """The protocol to answer a request in that is not verified, or leads nowhere."""
        scope = _SCOPE.search(request.headers.get("authorization", "")) or _SCOPE.search(request.query)
        services = self._by_signing_name.get(scope.group(1), []) if scope else []
        is_form = _looks_like_form(request)
        fitting = [service for service in services if (service.protocol in _FORMS) == is_form]
        return _wire((fitting or services)[0]) if services else _likely(request)

    def _form_route(self, request: HttpRequest, services: Sequence[ServiceSpec]) -> Route | None:
        try:
            form = read_form(request)
        except Malformed as error:
            wire = _wire(services[0])
            raise RequestFault(wire, malformed_fault(wire, str(error))) from error
        version = form.get("Version")
        service = next((s for s in services if s.api_version == version), None)
        if service is None:
            if len(services) > 1:
                return None
            service = services[0]
        action = form.get("Action")
        if not action:
            raise RequestFault(_wire(service), missing_action())
        return self._named(service, action, Match(form=form))

    def _path_route(self, request: HttpRequest, services: Sequence[ServiceSpec]) -> Route | None:
        for service in services:
            if service.protocol not in _RESTS:
                continue
            table = self._paths.get(service.name)
            if table is None:
                table = self._paths[service.name] = PathTable(service.model.known)
            if found := table.find(request):
                return self._named(service, found[0], Match(labels=found[1]))
        return None

    def _named(self, service: ServiceSpec, name: str, match: Match) -> Route:
        operation = service.model.operations.get(name)
        if operation is not None:
            return Route(operation, match)
        wire = _wire(service)
        if name in service.model.known:
            raise RequestFault(wire, unserved_operation(wire, name))
        raise RequestFault(wire, unknown_operation(wire, name[:128]))


def _lost(request: HttpRequest, services: Sequence[ServiceSpec]) -> RequestFault:
    """Nothing fits: said in the protocol of the one service it can be for, else as the request looks."""
    wire = _wire(services[0]) if len(services) == 1 else _likely(request)
    if wire.protocol in _FORMS:
        return RequestFault(wire, missing_action())
    name = request.headers.get("x-amz-target", "") if wire.protocol == "json" else f"{request.method} {request.path}"
    return RequestFault(wire, unknown_operation(wire, name[:128]))


def _unserved(request: HttpRequest, signing_name: str) -> RequestFault:
    """Signed for a service that is not here, and nothing else fits either."""
    wire = _likely(request)
    return RequestFault(wire, unserved_service(wire, signing_name[:128]))


def _likely(request: HttpRequest) -> Wire:
    """The protocol a request looks like."""
    if "x-amz-target" in request.headers:
        return Wire("json")
    return Wire("query" if _looks_like_form(request) else "rest-json")


def _wire(service: ServiceSpec) -> Wire:
    return Wire(service.protocol, service)


def _targeted(services: Sequence[ServiceSpec], target: str) -> ServiceSpec | None:
    prefix = target.rpartition(".")[0]
    return next((s for s in services if s.protocol == "json" and s.target_prefix == prefix), None)


def _looks_like_form(request: HttpRequest) -> bool:
    if request.headers.get("content-type", "").startswith(FORM_TYPE):
        return True
    return "Action=" in request.query


@dataclass(frozen=True, slots=True)
class _Template:
    """A URI with labels, or with constants in its query string."""

    operation: str
    pattern: re.Pattern[str]
    names: tuple[str, ...]
    query: frozenset[tuple[str, str]]
    rank: tuple[int, int, int] = field(default=(0, 0, 0))


class PathTable:
    """The operations of a REST service by method and path; the most literal template wins."""

    def __init__(self, known: dict[str, tuple[str, str]]) -> None:
        self._plain: dict[tuple[str, str], str] = {}
        templates: dict[str, list[_Template]] = {}
        for name, (method, uri) in known.items():
            if "{" in uri or "?" in uri:
                templates.setdefault(method, []).append(_template(name, uri))
            else:
                self._plain[method, _trimmed(uri)] = name
        self._templates = {method: sorted(found, key=lambda t: t.rank) for method, found in templates.items()}
        self._query_sensitive = {method for method, found in templates.items() if any(t.query for t in found)}

    def find(self, request: HttpRequest) -> tuple[str, dict[str, str]] | None:
        """(operation, labels still encoded)."""
        path = _trimmed(request.path)
        name = self._plain.get((request.method, path))
        if name is not None and request.method not in self._query_sensitive:
            return name, {}
        for template in self._templates.get(request.method, ()):
            found = template.pattern.fullmatch(path)
            if found and (not template.query or template.query <= _constants(request.query)):
                return template.operation, dict(zip(template.names, found.groups(), strict=True))
        return (name, {}) if name is not None else None


def _template(operation: str, uri: str) -> _Template:
    path, _, query = uri.partition("?")
    path = _trimmed(path)
    labels = _LABEL.findall(path)
    literals = _LABEL.split(path)[::3]
    pattern = re.escape(literals[0])
    for (_, greedy), literal in zip(labels, literals[1:], strict=True):
        pattern += ("(.+)" if greedy else "([^/]+)") + re.escape(literal)
    constants = frozenset(parse_pairs(query)) if query else frozenset()
    rank = (-len(constants), sum(1 for _, greedy in labels if greedy), len(labels) * 1000 - sum(map(len, literals)))
    return _Template(operation, re.compile(pattern, re.DOTALL), tuple(name for name, _ in labels), constants, rank)


def _constants(query: str) -> frozenset[tuple[str, str]]:
    try:
        return frozenset(parse_pairs(query)) if query else frozenset()
    except Malformed:
        return frozenset()


def _trimmed(path: str) -> str:
    return path.rstrip("/") or "/"
