"""Images: used from the daemon's own, else pulled, once for all tasks that wait for the same one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from batchd.engines.docker_api import DockerApi, DockerRefused, patiently
from batchd.engines.docker_reasons import StartFailure, cannot_pull, timed_out

PullPolicy = Literal["missing", "always"]


@dataclass(frozen=True, slots=True)
class Reference:
    """`name` with its registry; `tag` is a tag or a digest, `latest` where the image has none."""

    name: str
    tag: str

    @property
    def registry(self) -> str:
        """The host to log in to, by the rule of the Docker client: a first part with a dot, a port or `localhost`."""
        host, slash, _ = self.name.partition("/")
        return host if slash and (any(c in host for c in ".:") or host == "localhost") else "docker.io"


def parse_reference(image: str) -> Reference:
    """The parts of `[registry/]name[:tag][@digest]`; a digest makes the tag meaningless."""
    plain, at, digest = image.partition("@")
    head, slash, tail = plain.rpartition("/")
    name, _, tag = tail.partition(":")
    return Reference(head + slash + name, digest if at else tag or "latest")


class Images:
    """`credentials` gives the X-Registry-Auth header for an image, or None for an anonymous pull."""

    def __init__(
        self, api: DockerApi, policy: PullPolicy, quiet_s: float, credentials: Callable[[Reference], str | None]
    ) -> None:
        self._api = api
        self._policy = policy
        self._quiet_s = quiet_s
        self._credentials = credentials
        self._pulls: dict[str, asyncio.Task[None]] = {}

    async def ensure(self, image: str) -> None:
        """The image is on the machine on return. StartFailure when it is not to be had.

        Waits while the daemon is away. A caller that is cancelled leaves the pull to the others.
        """
        pull = self._pulls.get(image)
        if pull is None:
            pull = asyncio.create_task(self._ensure(image), name=f"pull {image}")
            self._pulls[image] = pull
            pull.add_done_callback(lambda done: self._finished(image, done))
        await asyncio.shield(pull)

    async def close(self) -> None:
        pulls = list(self._pulls.values())
        for pull in pulls:
            pull.cancel()
        await asyncio.gather(*pulls, return_exceptions=True)

    def _finished(self, image: str, pull: asyncio.Task[None]) -> None:
        self._pulls.pop(image, None)
        if not pull.cancelled():
            pull.exception()  # whoever waited has it; perhaps nobody does any more

    async def _ensure(self, image: str) -> None:
        reference = parse_reference(image)
        try:
            if self._policy == "missing" and await patiently(lambda: self._api.has_image(image)):
                return
            auth = self._credentials(reference)
            await patiently(lambda: self._api.pull(reference.name, reference.tag, auth, self._quiet_s))
        except DockerRefused as refusal:
            raise StartFailure(cannot_pull(refusal.message)) from refusal
        except TimeoutError as error:
            raise StartFailure(timed_out("pulled", self._quiet_s)) from error
