"""What every protocol offers: one operation's way from HTTP to params, and from a result to HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from batchd.gateway.request import HttpRequest, HttpResponse

Params = dict[str, Any]
Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Match:
    """What routing has already read of a request: labels of the path (still encoded), members of the form."""

    labels: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)


Parse = Callable[[HttpRequest, Match], Params]
Serialize = Callable[[Params, str], HttpResponse]  # result, request id


@dataclass(frozen=True, slots=True)
class Codec:
    """One operation on the wire. `parse` raises Malformed; types are right afterwards, constraints unchecked."""

    parse: Parse
    serialize: Serialize
