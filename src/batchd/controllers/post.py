"""Posting to the world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.errors import DeliveryError, Undeliverable

if TYPE_CHECKING:
    from aiohttp import ClientSession

_TIMEOUT_S = 15  # of one attempt, as AWS waits
_AT_ONCE = 100


class Post:
    """POST requests over connections that are kept. Belongs to one event loop."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None

    async def __call__(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """The status of the answer; what else it says is nobody's business. Redirects are answers like any other.

        Raises DeliveryError where there is none, Undeliverable where there can be none."""
        import aiohttp

        session = self._opened()
        try:
            async with session.post(url, headers=headers, data=body, allow_redirects=False) as answer:
                return answer.status
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
                connector=TCPConnector(limit=_AT_ONCE),
                timeout=ClientTimeout(total=_TIMEOUT_S),
                cookie_jar=DummyCookieJar(),
                trust_env=False,
            )
        return self._session
