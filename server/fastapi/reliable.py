"""The task board with reliable delivery and the counts that show it: main.py, and these lines beside it.

    python -m uvicorn reliable:app --port 8080

Clients that offer everwire.v1 get it; all others get what main.py gives them, at the same address.
"""

import asyncio

from fastapi import WebSocket, WebSocketDisconnect
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope
from starlette.types import Send as AsgiSend

from counts import Counts, Mark, Send
from everwire import SUBPROTOCOL, Delivery, Everwire, Refused, Reply, SqliteStore, User
from main import HANDLERS, app, board, manager, store
from main import config as plain_config
from tasks import TaskError

streams = SqliteStore(store.db)
counts = Counts(store.db)

__all__ = ["app"]


async def handle(delivery: Delivery) -> Reply | None:
    """As `handle_message` of main.py, but a task and the mark that its message was handled are committed together."""
    try:
        with streams.transaction(delivery):
            if delivery.type == "mark":
                counts.mark(Mark.model_validate(delivery.data), to_client(delivery.cid))
            elif handler := HANDLERS.get(delivery.type):
                answer = await handler(delivery.user, delivery.data)
                return answer["type"], answer["data"]
    except (ValidationError, TypeError, KeyError) as error:
        raise Refused("invalid-data", "The data does not fit the type.") from error
    except TaskError as refusal:
        raise Refused(refusal.code, refusal.message) from refusal
    return None


def to_client(cid: str) -> Send:
    async def send(message: dict) -> None:
        wire.send_to_client(cid, message["type"], message["data"])

    return send


async def on_plain_mark(user_id: str, data: dict) -> dict:
    mark = Mark.model_validate(data)
    counts.mark(mark, to_tab(user_id, mark.tab))
    return {"type": "marked", "data": None}


def to_tab(user_id: str, tab: str) -> Send:
    """Who is away misses what is sent: with plain delivery, that is what there is to see."""

    async def send(message: dict) -> None:
        for socket in list(manager.active_connections.get(user_id, ())):
            if isinstance(socket, WebSocket) and socket.query_params.get("tab") == tab:
                try:
                    await socket.send_json(message)
                except (RuntimeError, WebSocketDisconnect):
                    manager.disconnect(user_id, socket)

    return send


HANDLERS["mark"] = on_plain_mark


class Clients:
    """All reliable clients of a user, who stand among the plain connections of the manager as one."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id

    async def send_json(self, message: dict) -> None:
        wire.send_to_user(self.user_id, message["type"], message["data"])


clients: dict[str, Clients] = {}


def on_join(user_id: str) -> None:
    clients[user_id] = Clients(user_id)
    manager.active_connections.setdefault(user_id, set()).add(clients[user_id])


def on_leave(user_id: str) -> None:
    manager.disconnect(user_id, clients.pop(user_id))


wire = Everwire(streams, handle, on_join=on_join, on_leave=on_leave)


class Reliable:
    """Serves the WebSockets that offer everwire.v1. The application below gets all else."""

    def __init__(self, below: ASGIApp) -> None:
        self.below = below

    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend) -> None:
        if scope["type"] == "lifespan":
            await self.live(scope, receive, send)
            return
        if scope["type"] != "websocket" or SUBPROTOCOL not in scope["subprotocols"]:
            await self.below(scope, receive, send)
            return
        user = User(scope["path"].rpartition("/")[2])

        async def authenticate(_: str | None) -> User:
            """As main.py, which takes the path's word for it."""
            return user

        await wire.serve(WebSocket(scope, receive, send), authenticate)

    async def live(self, scope: Scope, receive: Receive, send: AsgiSend) -> None:
        wire.drain_on_sigterm()
        ticks = asyncio.create_task(counts.run())
        try:
            await self.below(scope, receive, send)
        finally:
            ticks.cancel()


board.add_middleware(Reliable)


async def config() -> dict:
    """The page offers the choice and the counts."""
    return await plain_config() | {"deliveries": ["plain", "reliable"], "counts": True}


# Of two routes with one path the first answers.
board.router.routes.insert(0, APIRoute("/api/config", config))
