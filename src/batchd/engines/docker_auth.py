"""Logins to registries, as `docker login` leaves them in its config.json. Pure but for the reading of that file.

Credential helpers (`credsStore`, `credHelpers`) are programs and are not run: such a registry is asked anonymously.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from pathlib import Path

from batchd.engines.docker_config import Json
from batchd.engines.docker_images import Reference

_DOCKER_HUB = "https://index.docker.io/v1/"


def login_file() -> Path:
    """Where the Docker client keeps its logins."""
    directory = os.environ.get("DOCKER_CONFIG")
    return (Path(directory) if directory else Path.home() / ".docker") / "config.json"


def registry_auth(file: Path, image: Reference) -> str | None:
    """The X-Registry-Auth header for the image's registry, or None: no login, or no file that can be read."""
    try:
        config = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return auth_header(config, image.registry) if isinstance(config, dict) else None


def auth_header(config: Json, registry: str) -> str | None:
    """The header from the `auths` of a config.json."""
    auths = config.get("auths")
    server = _DOCKER_HUB if registry == "docker.io" else registry
    entry = auths.get(server) or auths.get(f"https://{server}") if isinstance(auths, dict) else None
    if not isinstance(entry, dict):
        return None
    if token := entry.get("identitytoken"):
        return _encode({"identitytoken": token, "serveraddress": server})
    try:
        username, colon, password = base64.b64decode(str(entry.get("auth", ""))).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return _encode({"username": username, "password": password, "serveraddress": server}) if colon else None


def _encode(login: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(login).encode()).decode()
