"""The surroundings of one call, for tests that call operations directly."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any
from uuid import UUID

from batchd.gateway.credentials import SessionIssuer
from batchd.gateway.operation import Caller, Context, Deployment
from batchd.gateway.signer import Signer
from batchd.gateway.vault import Vault
from batchd.store.store import Tx

ACCOUNT = "123456789012"
REGION = "us-east-1"
NOW_MS = 1_700_000_000_000
MASTER_KEY = b"m" * 32
ROOT = Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "AKIAROOTROOTROOTROOT")

SIGNER = Signer()  # one for all: a key takes its time to make

_numbers = itertools.count(1)


def new_id() -> str:
    """A UUID nobody was given before, without randomness."""
    return str(UUID(int=next(_numbers)))


def deployment(**changes: Any) -> Deployment:
    """A server that explains nothing and issues real sessions."""
    plain = Deployment(
        account=ACCOUNT,
        endpoint="http://127.0.0.1:8000",
        why=lambda job_id: None,
        overview=dict,
        issue_session=SessionIssuer(MASTER_KEY).issue,
        vault=Vault(MASTER_KEY),
        download=lambda name, expires_ms: f"http://127.0.0.1:8000/{name}?{expires_ms}",
        signer=SIGNER,
    )
    return replace(plain, **changes)


def no_call(service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """For tests in which no other service may be called."""
    raise AssertionError(f"unexpected call of {service} {operation} with {params}")


def context(tx: Tx, **changes: Any) -> Context:
    """Root calls, in us-east-1, at NOW_MS; `changes` are fields of Context."""
    plain = Context(
        tx=tx,
        caller=ROOT,
        region=REGION,
        now_ms=NOW_MS,
        request_id="00000000-0000-4000-8000-000000000000",
        new_id=new_id,
        deployment=deployment(),
        call=no_call,
    )
    return replace(plain, **changes)
