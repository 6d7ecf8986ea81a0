"""The engine's end of the line to the runner: begin the runner when there is none, connect, speak its protocol."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import orjson

import batchd
from batchd.engines.runner.place import Place, ShortPath
from batchd.engines.runner.wire import PROTOCOL
from batchd.errors import EngineError

_log = logging.getLogger(__name__)
_ATTEMPTS = 10
_BUSY_S = 0.2  # between attempts while the server before still holds the line
_PATIENCE_S = 30.0
_MARGIN_S = 5.0  # beyond the time after which an idle runner ends
_LATER_S = 0.05
_PROGRAM = """
import sys
sys.path.append(sys.argv[1])
from batchd.engines.runner.main import main
main(sys.argv[2], float(sys.argv[3]))
"""


class Line(asyncio.Protocol):
    """One connection. Messages go to `on_message`, the end of it to `on_loss` unless we closed it ourselves."""

    def __init__(self, on_message: Callable[[list[Any]], None], on_loss: Callable[[], None]) -> None:
        self.facts: dict[str, Any] = {}
        self._on_message = on_message
        self._on_loss = on_loss
        self._loop = asyncio.get_running_loop()
        self._greeted: asyncio.Future[bool] = self._loop.create_future()
        self._opened: asyncio.Future[bool] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._ours = False
        self._received = b""
        self._unsent: list[bytes] = []
        self._later: list[bytes] = []
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is one without saying so

    def data_received(self, data: bytes) -> None:
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self._take(orjson.loads(line))

    def connection_lost(self, exc: Exception | None) -> None:
        for future in (self._greeted, self._opened):
            if not future.done():
                future.set_result(False)
        self._gone.set_result(None)
        if not self._ours and self.facts:
            self._on_loss()

    async def hello(self) -> bool:
        """Whether a runner has answered and serves us; False: it has hung up, or serves another server."""
        return await self._answer(self._greeted)

    async def opened(self) -> bool:
        """Whether every adopted task has been reported; False: it has hung up before."""
        return await self._answer(self._opened)

    async def _answer(self, answer: asyncio.Future[bool]) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await asyncio.shield(answer)
        except TimeoutError:
            await self.close()
            raise EngineError("the runner does not answer") from None

    def send(self, message: list[Any]) -> None:
        """Send with everything else that this turn of the loop has to say, in one write."""
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(orjson.dumps(message))

    def send_later(self, message: list[Any]) -> None:
        """Send behind what is to be said next, or soon by itself: the runner need not wake for it."""
        if not self._later:
            self._loop.call_later(_LATER_S, self._flush)
        self._later.append(orjson.dumps(message))

    async def close(self) -> None:
        """Hang up, once all is sent."""
        self._ours = True
        self._flush()
        if self._transport:
            self._transport.close()
        await self._gone

    def _flush(self) -> None:
        unsent, self._unsent, self._later = self._unsent + self._later, [], []
        if unsent and self._transport and not self._transport.is_closing():
            self._transport.write(b"\n".join(unsent) + b"\n")

    def _take(self, message: list[Any]) -> None:
        kind = message[0]
        if kind == "hello":
            self.facts = message[1]
            self._greeted.set_result(True)
        elif kind == "opened":
            self._opened.set_result(True)
        elif kind != "busy":
            self._on_message(message)


async def connect(
    place: Place, idle_s: float, on_message: Callable[[list[Any]], None], on_loss: Callable[[], None]
) -> Line:
    """A line to the runner of `place`, which is begun if need be. Raises EngineError."""
    if sys.platform != "linux":
        raise EngineError(f"the process engine needs Linux, and this is {sys.platform}")
    for _ in range(_ATTEMPTS):
        line = await _dial(place, on_message, on_loss)
        if line is None:
            await _launch(place, idle_s)
        elif await line.hello():
            if line.facts["protocol"] == PROTOCOL:
                return line
            await _outlive(line, idle_s)
        else:
            await asyncio.sleep(_BUSY_S)
    raise EngineError(f"the runner of {place.directory} ends at once or serves another server; see {place.errors}")


async def _dial(place: Place, on_message: Callable[[list[Any]], None], on_loss: Callable[[], None]) -> Line | None:
    """None when nobody listens there."""
    try:
        with ShortPath(place.socket) as path:
            _, line = await asyncio.get_running_loop().create_unix_connection(lambda: Line(on_message, on_loss), path)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except OSError as error:
        raise EngineError(f"cannot connect to {place.socket}: {error}") from error
    return line


async def _outlive(line: Line, idle_s: float) -> None:
    """A runner of another version ends by itself once it has no task. Raises EngineError where it goes on."""
    protocol, pid = line.facts["protocol"], line.facts["pid"]
    await line.close()
    story = f"the runner (pid {pid}) is of another version of batchd (it speaks {protocol}, this one {PROTOCOL})"
    _log.warning("%s: waiting until it ends", story)
    deadline = asyncio.get_running_loop().time() + idle_s + _MARGIN_S
    while _exists(pid):
        if asyncio.get_running_loop().time() > deadline:
            raise EngineError(f"{story} and has jobs: start that version again, and wait until they have ended")
        await asyncio.sleep(_BUSY_S)


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def _launch(place: Place, idle_s: float) -> None:
    """Begin a runner and wait until it can be connected to."""
    root = str(Path(batchd.__file__).parent.parent)
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM, root, place.directory, str(idle_s)]
    # On a thread, not by the loop: uvloop's children inherit descriptors of the loop, and wait for them to close.
    begun = await asyncio.to_thread(subprocess.run, command, stdin=subprocess.DEVNULL, capture_output=True)
    if begun.returncode:
        last = begun.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise EngineError(f"cannot start the runner in {place.directory}: {last}")
