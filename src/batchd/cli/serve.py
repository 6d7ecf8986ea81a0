"""`batchd serve`: the settings become a server, signals end it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from typing import Any

from batchd.config import load_settings
from batchd.errors import BatchdError
from batchd.server import Server

_SWITCH_S = 0.0005  # the commit's thread must get the interpreter back at once, not after Python's 5 ms


def serve(flags: dict[str, Any]) -> None:
    """Runs until SIGINT or SIGTERM. Jobs under way go on and are adopted by the next server.

    Raises BatchdError where a part of the server broke down: whoever watches over it should start it again."""
    settings = load_settings(flags, os.environ)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    import uvloop

    sys.setswitchinterval(_SWITCH_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Server(settings)))


async def _serve(server: Server) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.quit.set)
    await server.start()
    print(f"batchd ready on {server.endpoint}", flush=True)
    gc.freeze()  # what is there by now stays there: looking through it again would only hold up everybody
    gc.enable()
    await server.quit.wait()
    print("batchd stops; running jobs go on and are adopted at the next start", file=sys.stderr, flush=True)
    await server.stop()
    if server.failure:
        raise BatchdError(server.failure)
