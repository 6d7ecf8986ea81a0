"""The few paths that are not AWS's: pages such as health, credentials of running jobs, and links to stored code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import orjson

from batchd.clock import Clock
from batchd.gateway.app import Gateway, Receive, Scope, Send
from batchd.gateway.credentials import SessionIssuer, container_credentials, read_download, read_task_token
from batchd.scheduler.events import JobStatus
from batchd.store.store import Store

log = logging.getLogger(__name__)
HEALTH = "/_batchd/health"
METRICS = "/metrics"
CREDENTIALS = "/_batchd/credentials"
DOWNLOADS = "/_batchd/downloads/"  # and a token
_UNDER_WAY = (JobStatus.STARTING, JobStatus.RUNNING)
_JSON = "application/json"
_HOUR_S = 3600  # SDKs come again a quarter of an hour before the end


Page = Callable[[], tuple[str, bytes]]  # its content type, and itself


class Inside:
    """The outermost ASGI app. `pages` are shown to everybody, by path; all else is the gateway's."""

    def __init__(
        self, gateway: Gateway, master_key: bytes, store: Store, clock: Clock, pages: Mapping[str, Page]
    ) -> None:
        self._gateway = gateway
        self._master_key = master_key
        self._issuer = SessionIssuer(master_key)
        self._store = store
        self._clock = clock
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == CREDENTIALS or path in self._pages or path.startswith(DOWNLOADS):
            await _answer(send, *self._inside(path, scope))
        else:
            await self._gateway(scope, receive, send)

    def _inside(self, path: str, scope: Scope) -> tuple[int, bytes, str]:
        """Status, body and content type."""
        try:
            if path == CREDENTIALS:
                return *self._credentials(scope), _JSON
            if path.startswith(DOWNLOADS):
                return self._download(path.removeprefix(DOWNLOADS))
            content_type, body = self._pages[path]()
        except Exception as error:  # the client gets an answer, and asks again
            log.error("%s failed", path, exc_info=error)
            return 500, _refusal("InternalFailure", "An internal error occurred."), _JSON
        return 200, body, content_type

    def _download(self, token: str) -> tuple[int, bytes, str]:
        """A blob, for whoever was given a link to it."""
        name = read_download(self._master_key, token, self._clock.now_ms())
        if name is None:
            return 403, _refusal("AccessDenied", "The link is not valid, or is so no more."), _JSON
        with self._store.read() as tx:
            data = tx.blobs.get(name)
        if data is None:
            return 404, _refusal("NoSuchKey", "The specified key does not exist."), _JSON
        return 200, data, "application/zip"

    def _credentials(self, scope: Scope) -> tuple[int, bytes]:
        """Only a task that is under way gets any: its token dies with it. [iam.md 12]"""
        token = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        claims = read_task_token(self._master_key, token.decode("latin-1"))
        if claims is None:
            return 403, _refusal("AccessDenied", "The authorization token is not valid.")
        with self._store.read() as tx:
            job = tx.jobs.get(claims.job_id)
        if job is None or job.status not in _UNDER_WAY or job.task_id != claims.task_id:
            return 403, _refusal("AccessDenied", "The task has ended.")
        now = self._clock.now_ms()
        credentials = self._issuer.issue(claims.role_arn, claims.role_id, claims.task_id, _HOUR_S, now)
        return 200, container_credentials(credentials, claims.role_arn)


def _refusal(code: str, message: str) -> bytes:
    return orjson.dumps({"code": code, "message": message})


async def _answer(send: Send, status: int, body: bytes, content_type: str) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
