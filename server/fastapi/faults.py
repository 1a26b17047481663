"""Faults on request, so that anyone can watch a client recover. No part of an ordinary application.

They are made below it: on the transport that uvicorn's WebSocket protocol writes to, which is the object whose
`receive` method an ASGI application gets.
"""

import asyncio
import os
import signal
import sys
from typing import Any
from urllib.parse import parse_qs

NAMES = ["drop", "stall", "refuse", "restart"]

STALL_SECONDS = 15
REFUSE_SECONDS = 10
RESTART_PAUSE_SECONDS = 2


class StalledTransport:
    """Stands in for a transport that neither reads nor writes: what was asked of it happens at the end."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.transport = protocol.transport
        self.was_reading = self.transport.is_reading()
        self.unwritten: list[bytes] = []
        protocol.transport = self
        self.transport.pause_reading()

    def write(self, data: bytes) -> None:
        self.unwritten.append(data)

    def pause_reading(self) -> None:
        self.was_reading = False

    def resume_reading(self) -> None:
        self.was_reading = True

    def end(self) -> None:
        self.protocol.transport = self.transport
        if self.transport.is_closing():
            return
        self.transport.writelines(self.unwritten)
        if self.was_reading:
            self.transport.resume_reading()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


class Faults:
    """Knows the protocols of each browser tab. An ASGI middleware: `Faults(app)` is an application too."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.tabs: dict[str, set[Any]] = {}
        self.refused_until: dict[str, float] = {}
        self.restarts = False

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        tab = parse_qs(scope["query_string"].decode()).get("tab", [""])[0]
        if asyncio.get_running_loop().time() < self.refused_until.get(tab, 0):
            await refuse(receive, send)
            return
        protocol = receive.__self__
        self.tabs.setdefault(tab, set()).add(protocol)
        try:
            await self.app(scope, receive, send)
        finally:
            self.tabs[tab].discard(protocol)
            if not self.tabs[tab]:
                del self.tabs[tab]

    def make(self, fault: str, tab: str) -> int:
        """Makes a fault and says how many sockets it met."""
        loop = asyncio.get_running_loop()
        protocols = list(self.tabs.get(tab, ()))
        if fault == "restart":
            self.restarts = True
            # uvicorn then stops listening, closes every socket with 1012, and ends the application's lifespan.
            loop.call_soon(signal.raise_signal, signal.SIGTERM)
        elif fault == "stall":
            for stalled in [StalledTransport(protocol) for protocol in protocols]:
                loop.call_later(STALL_SECONDS, stalled.end)
        else:
            if fault == "refuse":
                self.refused_until[tab] = loop.time() + REFUSE_SECONDS
            for protocol in protocols:
                protocol.transport.abort()
        return len(protocols)

    async def after_shutdown(self) -> None:
        """At the end of the lifespan: if a restart was asked for, the same command begins anew in this process."""
        if self.restarts:
            await asyncio.sleep(RESTART_PAUSE_SECONDS)
            os.execv(sys.executable, sys.orig_argv)


async def refuse(receive: Any, send: Any) -> None:
    """Answers a handshake with 503."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 503, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b"refused by a fault\n"})
