"""Requests to the world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.errors import DeliveryError, Undeliverable

if TYPE_CHECKING:
    from aiohttp import ClientSession, StreamReader

_TIMEOUT_S = 15  # of one attempt, as AWS waits
_MOST_READ = 65_536


async def _beginning(content: StreamReader) -> bytes:
    read = b""
    while len(read) < _MOST_READ and (more := await content.read(_MOST_READ - len(read))):
        read += more
    return read


class Post:
    """Requests over connections that are kept. Belongs to one event loop."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None

    async def __call__(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """POST: the status of the answer; what else it says is nobody's business. Raises as `ask` does."""
        status, _ = await self.ask("POST", url, headers, body)
        return status

    async def ask(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer, at most 64 KiB of it. Redirects are answers like any other.

        Raises DeliveryError where there is none, Undeliverable where there can be none."""
        import aiohttp

        session = self._opened()
        try:
            async with session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
                return answer.status, await _beginning(answer.content)
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise Undeliverable("INVALID_URL", f"{url} is not an address") from error
        except TimeoutError as error:
            raise DeliveryError("TIMEOUT", f"no answer within {_TIMEOUT_S} seconds") from error
        except aiohttp.ClientError as error:
            raise DeliveryError("CONNECTION_FAILURE", str(error) or type(error).__name__) from error

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> ClientSession:
        if self._session is None:
            from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector  # late: it takes its time

            self._session = ClientSession(
                connector=TCPConnector(limit=0),  # who posts keeps count, for each target by itself
                timeout=ClientTimeout(total=_TIMEOUT_S),
                cookie_jar=DummyCookieJar(),
                trust_env=False,
            )
        return self._session
