"""Where API destinations may be."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from batchd.services.events.faults import invalid


def check_endpoint(url: str, name: str) -> None:
    """HTTPS anywhere; HTTP on this machine only, for secrets travel in it. ValidationException."""
    try:
        parts = urlsplit(url.replace("*", "x"))
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https"):
        raise invalid(f"Parameter {name} is not valid. Reason: {url} is not an HTTPS endpoint.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise invalid(f"Parameter {name} is not valid. Reason: HTTP is allowed on a loopback address only.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
