"""The HTTP server: takes connections from a socket, and lets them go in order."""

from __future__ import annotations

import asyncio
import socket

from batchd.gateway.http.connection import Connection, Limits
from batchd.gateway.http.exchange import App

_BACKLOG = 2048
_CHECK_S = 1.0


class HttpServer:
    """Serves `app` (ASGI, without lifespan and WebSockets) on an event loop that others use too."""

    def __init__(self, app: App, limits: Limits | None = None) -> None:
        self._app = app
        self._limits = limits or Limits()
        self._connections: dict[Connection, None] = {}
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()
        self._check: asyncio.TimerHandle | None = None

    async def start(self, listener: socket.socket) -> None:
        """Returns when connections are taken. The socket is the server's from now on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, sock=listener, backlog=_BACKLOG)
        self._check_all()

    async def stop(self, patience_s: float) -> None:
        """Take no more, answer what has come; what is not answered in this time is cut off."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.close_when_idle()
        self._empty.clear()
        if self._connections:
            try:
                async with asyncio.timeout(patience_s):
                    await self._empty.wait()
            except TimeoutError:
                for connection in list(self._connections):
                    connection.abort()
                await self._empty.wait()
        if self._check is not None:
            self._check.cancel()

    def _accept(self) -> Connection:
        connection = Connection(self._app, self._limits, self._forget)
        self._connections[connection] = None
        return connection

    def _forget(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        if not self._connections:
            self._empty.set()

    def _check_all(self) -> None:
        """One timer for all: one a connection would be set anew with each request."""
        loop = asyncio.get_running_loop()
        for connection in list(self._connections):
            connection.check(loop.time())
        self._check = loop.call_later(_CHECK_S, self._check_all)
