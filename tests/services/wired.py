"""Real clients on a real gateway, without a socket between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from batchd.clock import ManualClock, SystemClock
from batchd.gateway.app import Gateway
from batchd.gateway.credentials import SessionIssuer
from batchd.gateway.invoke import Operations
from batchd.gateway.keyring import Keyring
from batchd.gateway.operation import Caller, Service
from batchd.gateway.request import HttpRequest, HttpResponse
from batchd.gateway.sigv4 import SigV4Authenticator
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Store, Tx
from tests.contexts import ACCOUNT, MASTER_KEY, ROOT, deployment

KEYRING = Keyring(ROOT.access_key, "root-secret", MASTER_KEY)
T = TypeVar("T")
FindUser = Callable[[Tx, str, str], Caller | None]

_SESSION = botocore.session.Session()  # keeps the models it has read


class Wired:
    """`client("iam")` signs as root, or with the keys it is given; every call goes through the whole gateway."""

    def __init__(self, services: Sequence[Service], store: Store, find_user: FindUser) -> None:
        self.store = store
        self.clock = SystemClock()
        authenticator = SigV4Authenticator(KEYRING, self.clock, ACCOUNT, self._find_user)
        self._find = find_user
        served = deployment(user_secret=SessionIssuer(MASTER_KEY).secret_of)
        self.signer = served.signer
        self._gateway = Gateway(services, authenticator, store, self, self.clock, served)

    @property
    def operations(self) -> Operations:
        """What calls from inside come to."""
        return self._gateway.operations

    async def respond(self, request: HttpRequest) -> HttpResponse:
        """What anybody is answered, signed or not."""
        return await self._gateway.respond(request, "the-request")

    async def write(self, work: Callable[[Tx], T]) -> T:
        return self.store.transact(work)

    def client(self, service: str, access_key: str = "", secret: str = "", token: str | None = None) -> Any:
        made = _SESSION.create_client(
            service,
            region_name="us-east-1",
            endpoint_url="http://127.0.0.1:8000",
            aws_access_key_id=access_key or KEYRING.access_key,
            aws_secret_access_key=secret or KEYRING.secret_key,
            aws_session_token=token,
            config=Config(retries={"max_attempts": 0}),
        )
        made.meta.events.register(f"before-send.{service}", self._answer)
        return made

    def _find_user(self, access_key: str) -> Caller | None:
        with self.store.read() as tx:
            return self._find(tx, ACCOUNT, access_key)

    def _answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        answer = asyncio.run(self._gateway.respond(_as_received(request), "the-request"))
        headers = {name.decode(): value.decode() for name, value in answer.headers}
        return AWSResponse(request.url, answer.status, headers, _Raw(answer))


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, str, int]:
    """Code, text and HTTP status of the refusal that a client's call must meet."""
    try:
        call(**params)
    except ClientError as error:
        told = error.response
        return told["Error"]["Code"], told["Error"]["Message"], told["ResponseMetadata"]["HTTPStatusCode"]
    raise AssertionError(f"not refused: {params}")


@contextmanager
def wired(services: Sequence[Service], find_user: FindUser) -> Iterator[Wired]:
    """The services over a fresh store."""
    store = open_sqlite(MEMORY, ManualClock())
    try:
        yield Wired(services, store, find_user)
    finally:
        store.close()


class _Raw:
    """A body as urllib3 hands it over."""

    def __init__(self, answer: HttpResponse) -> None:
        self._body = answer.body

    def stream(self) -> Iterator[bytes]:
        yield self._body


def _as_received(request: AWSPreparedRequest) -> HttpRequest:
    url = urlsplit(request.url)
    headers = {
        name.lower(): value.decode("latin-1") if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    headers.setdefault("host", url.netloc)
    body = request.body or b""
    octets = body.encode() if isinstance(body, str) else bytes(body)
    return HttpRequest(request.method, url.path, url.query, headers, octets)
