"""Access keys: the root key of the installation and the sessions derived from it.

A session is stateless: its token carries the claims and an HMAC, its secret is derived from its access key id, so
that issuing one writes nothing and any server that holds the master key can verify it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionCredentials:
    """Temporary credentials. `expiration_ms` is when they stop working."""

    access_key: str
    secret_key: str
    token: str
    expiration_ms: int
