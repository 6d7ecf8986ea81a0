"""The part of the Docker Engine API that the engine uses, typed. One place talks to the daemon.

On aiohttp and not on aiodocker: output must arrive as the bytes it was (aiodocker decodes it and drops what is no
UTF-8), and a stream that was cut must not look like one that ended.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from socket import AF_UNIX, SOCK_STREAM, socket
from typing import TypeVar
from urllib.parse import quote, urlsplit

import aiohttp

from batchd.engines.docker_config import Json
from batchd.errors import BatchdError, EngineError

log = logging.getLogger(__name__)
T = TypeVar("T")

DEFAULT_URL = "unix:///var/run/docker.sock"
_NEWEST_API = (1, 47)  # of those whose answers were read; the daemon's own version is used where it is older
_ANSWER_S = 60.0  # for calls that have no limit of their own
_PROBE_S = 10.0  # a daemon that is not there says so at once, a busy one takes its time
_BUFFER = 256 * 1024
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 5.0


class DockerGone(EngineError):
    """The daemon cannot be reached now, or went away during the call. What it did meanwhile is unknown."""


class DockerRefused(BatchdError):
    """The daemon answered with an error; `message` is its text."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class ContainerState:
    """How a container is. Times are ms since the epoch; 0 where the daemon has none."""

    id: str
    status: str
    exit_code: int
    oom_killed: bool
    error: str
    started_at: int
    finished_at: int
    labels: Mapping[str, str]

    @property
    def ended(self) -> bool:
        return self.status in ("exited", "dead", "removing")


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the daemon's list of containers."""

    id: str
    status: str
    labels: Mapping[str, str]


def docker_url(url: str | None = None) -> str:
    """The daemon's address: as given, else `DOCKER_HOST`, else the usual socket."""
    return url or os.environ.get("DOCKER_HOST") or DEFAULT_URL


def docker_available(url: str | None = None) -> str | None:
    """Why the daemon cannot be used, in one sentence; None when it answered a ping."""
    address = docker_url(url)
    try:
        connection = _probe_connection(address)
        try:
            connection.request("GET", "/_ping")
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, HTTPException, EngineError) as error:
        return f"Docker does not answer at {address}: {error}"
    return None if status == 200 else f"Docker answered its ping at {address} with HTTP status {status}"


class _UnixConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=_PROBE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket(AF_UNIX, SOCK_STREAM)
        self.sock.settimeout(_PROBE_S)
        self.sock.connect(self._path)


def _probe_connection(address: str) -> HTTPConnection:
    path, base = _split_url(address)
    return _UnixConnection(path) if path else HTTPConnection(urlsplit(base).netloc, timeout=_PROBE_S)


def _split_url(url: str) -> tuple[str | None, str]:
    """(path of the Unix socket or None, base URL of requests)."""
    scheme, _, rest = url.partition("://")
    if scheme == "unix" and rest:
        return rest, "http://docker"
    if scheme in ("tcp", "http") and rest:
        return None, f"http://{rest.rstrip('/')}"
    raise EngineError(f"cannot use the Docker address {url!r}: unix:///path or tcp://host:port is wanted")


async def patiently(call: Callable[[], Awaitable[T]], *also: type[Exception]) -> T:
    """The call's answer, however long the daemon is away or the disk full (or it fails with one of `also`).

    The call may be made many times: it must be idempotent.
    """
    pause = _FIRST_PAUSE_S
    passing: tuple[type[Exception], ...] = (DockerGone, OSError, *also)
    while True:
        try:
            return await call()
        except TimeoutError:  # an OSError by descent only
            raise
        except passing as error:
            log.info("trying again in %.2f s: %s", pause, error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_S)


@dataclass(frozen=True, slots=True)
class _Request:
    """`timeout_s` bounds the whole call, `quiet_s` the silence within it. A call that `may_time_out` raises
    TimeoutError; for the others a daemon that does not answer counts as gone."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = _ANSWER_S
    quiet_s: float | None = None
    may_time_out: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class DockerApi:
    """A connection pool. Every call raises DockerGone or DockerRefused; those that say so TimeoutError too."""

    def __init__(self, url: str) -> None:
        self.url = url
        path, self._base = _split_url(url)
        connector = aiohttp.UnixConnector(path, limit=0) if path else aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector, read_bufsize=_BUFFER)

    async def connect(self) -> None:
        """Agree on the API's version."""
        async with self._answer(_Request("GET", "/_ping")) as answer:
            self._base += _api_path(answer.headers.get("Api-Version", ""))

    async def close(self) -> None:
        await self._session.close()

    async def has_image(self, reference: str) -> bool:
        try:
            await self._call(_Request("GET", f"/images/{quote(reference)}/json"))
        except DockerRefused as refusal:
            if refusal.status == 404:
                return False
            raise
        return True

    async def pull(self, name: str, tag: str, auth: str | None, quiet_s: float) -> None:
        """Fetch the image. TimeoutError when there was no progress for `quiet_s`."""
        headers = {"X-Registry-Auth": auth} if auth else {}
        params = {"fromImage": name, "tag": tag}
        request = _Request(
            "POST", "/images/create", params, headers=headers, timeout_s=None, quiet_s=quiet_s, may_time_out=True
        )
        async with self._answer(request) as answer:
            async for line in _json_lines(answer):
                if "error" in line:
                    raise DockerRefused(answer.status, str(line["error"]))

    async def create(self, name: str, body: Json, timeout_s: float) -> str:
        """The new container's id. DockerRefused 409 when the name is taken; TimeoutError after `timeout_s`."""
        answer = await self._call(
            _Request("POST", "/containers/create", {"name": name}, body, timeout_s=timeout_s, may_time_out=True)
        )
        return str(answer["Id"])

    async def start(self, container: str, timeout_s: float) -> None:
        """Running, or running already; one that had ended runs again. TimeoutError after `timeout_s`."""
        await self._call(_Request("POST", f"/containers/{container}/start", timeout_s=timeout_s, may_time_out=True))

    async def stop(self, container: str, grace_s: float) -> None:
        """The image's stop signal (SIGTERM), SIGKILL after the grace; returns when it has ended or is gone."""
        params = {"t": str(math.ceil(grace_s))}
        path = f"/containers/{container}/stop"
        await self._unless_missing(_Request("POST", path, params, timeout_s=grace_s + _ANSWER_S))

    async def remove(self, container: str) -> None:
        """Killed if it runs, and gone with its anonymous volumes; gone already is fine."""
        await self._unless_missing(_Request("DELETE", f"/containers/{container}", {"force": "1", "v": "1"}))

    async def inspect(self, container: str) -> ContainerState | None:
        """None when there is no such container (any more)."""
        try:
            return _container_state(await self._call(_Request("GET", f"/containers/{container}/json")))
        except DockerRefused as refusal:
            if refusal.status == 404:
                return None
            raise

    async def stats(self, container: str) -> Json:
        """What it uses at this moment."""
        params = {"stream": "false", "one-shot": "true"}
        return await self._call(_Request("GET", f"/containers/{container}/stats", params))

    async def containers(self, *labels: str) -> Sequence[Listed]:
        """Every container, ended ones too, that has all of these labels (`key=value`)."""
        params = {"all": "1", "filters": json.dumps({"label": labels})}
        async with self._answer(_Request("GET", "/containers/json", params)) as answer:
            rows: list[Json] = json.loads(await answer.read())
        return [Listed(str(r["Id"]), str(r["State"]), dict(r.get("Labels") or {})) for r in rows]

    async def volumes(self, *labels: str) -> Sequence[tuple[str, Mapping[str, str]]]:
        """(name, labels) of every volume that has all of these labels (`key=value`)."""
        params = {"filters": json.dumps({"label": labels})}
        answer = await self._call(_Request("GET", "/volumes", params))
        return [(str(v["Name"]), dict(v.get("Labels") or {})) for v in answer.get("Volumes") or ()]

    async def remove_volume(self, name: str) -> None:
        """Gone already is fine. DockerRefused 409 while a container has it."""
        await self._unless_missing(_Request("DELETE", f"/volumes/{quote(name)}"))

    @asynccontextmanager
    async def ends(self, since: int, label: str) -> AsyncIterator[AsyncIterator[str]]:
        """Ids of containers with this label that ended or were removed, from `since` (s of the epoch), for ever.

        The daemon listens from before the entry on: what is asked after it misses nothing.
        """
        filters = {"type": ["container"], "event": ["die", "destroy"], "label": [label]}
        params = {"filters": json.dumps(filters), "since": str(since)}
        async with self._answer(_Request("GET", "/events", params, timeout_s=None)) as answer:
            yield (str(event["Actor"]["ID"]) async for event in _json_lines(answer))

    @asynccontextmanager
    async def output(self, container: str, follow: bool) -> AsyncIterator[AsyncIterator[bytes]]:
        """All of the output from its beginning, in the daemon's frames."""
        params = {"stdout": "1", "stderr": "1", "follow": "1" if follow else "0"}
        quiet_s = None if follow else _ANSWER_S
        request = _Request("GET", f"/containers/{container}/logs", params, timeout_s=None, quiet_s=quiet_s)
        async with self._answer(request) as answer:
            yield answer.content.iter_any()

    async def _unless_missing(self, request: _Request) -> None:
        try:
            await self._call(request)
        except DockerRefused as refusal:
            if refusal.status != 404:
                raise

    async def _call(self, request: _Request) -> Json:
        """The answer's JSON."""
        async with self._answer(request) as answer:
            text = await answer.read()
        parsed: Json = json.loads(text) if text else {}
        return parsed

    @asynccontextmanager
    async def _answer(self, request: _Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer of a call that went well. What goes wrong while it is read is translated as well."""
        timeout = aiohttp.ClientTimeout(total=request.timeout_s, sock_read=request.quiet_s)
        try:
            async with self._session.request(
                request.method,
                self._base + request.path,
                params=request.params,
                json=request.body,
                headers=request.headers,
                timeout=timeout,
            ) as answer:
                if answer.status >= 400:
                    raise DockerRefused(answer.status, _message(await answer.text()))
                yield answer
        except TimeoutError as error:
            if request.may_time_out:
                raise TimeoutError(str(request)) from error
            raise DockerGone(f"the Docker daemon does not answer {request}") from error
        except aiohttp.ClientError as error:
            raise DockerGone(f"the Docker daemon is not to be reached at {self.url}: {error}") from error


async def _json_lines(answer: aiohttp.ClientResponse) -> AsyncIterator[Json]:
    async for line in answer.content:
        if line.strip():
            yield json.loads(line)


def _message(text: str) -> str:
    """`{"message": …}` is what the daemon sends; anything else is shown as it came."""
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text


def _api_path(version: str) -> str:
    """`/v1.41` for the daemon's `1.41`; its own default where it does not say."""
    major, dot, minor = version.partition(".")
    if not (dot and major.isdigit() and minor.isdigit()):
        return ""
    agreed = min((int(major), int(minor)), _NEWEST_API)
    return f"/v{agreed[0]}.{agreed[1]}"


def _container_state(raw: Json) -> ContainerState:
    state = raw["State"]
    return ContainerState(
        id=str(raw["Id"]),
        status=str(state["Status"]),
        exit_code=int(state["ExitCode"]),
        oom_killed=bool(state.get("OOMKilled")),
        error=str(state.get("Error") or ""),
        started_at=time_ms(str(state.get("StartedAt") or "")),
        finished_at=time_ms(str(state.get("FinishedAt") or "")),
        labels=dict(raw["Config"].get("Labels") or {}),
    )


def time_ms(text: str) -> int:
    """Ms since the epoch of the daemon's RFC 3339 time; 0 for its zero time (year 1) and for what is no time."""
    try:
        return max(0, int(datetime.fromisoformat(text).timestamp() * 1000))
    except ValueError:
        return 0
