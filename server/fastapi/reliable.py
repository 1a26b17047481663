"""The task board with reliable delivery: main.py, and these lines beside it.

    python -m uvicorn reliable:app --port 8080

Clients that offer everwire.v1 get it; all others get what main.py gives them, at the same address.
"""

from fastapi import WebSocket
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from everwire import SUBPROTOCOL, Delivery, Everwire, Refused, Reply, SqliteStore, User
from main import HANDLERS, app, board, manager, store
from main import config as plain_config
from tasks import TaskError

streams = SqliteStore(store.db)

__all__ = ["app"]


async def handle(delivery: Delivery) -> Reply | None:
    """As `handle_message` of main.py, but a task and the mark that its message was handled are committed together."""
    try:
        with streams.transaction(delivery):
            if handler := HANDLERS.get(delivery.type):
                answer = await handler(delivery.user, delivery.data)
                return answer["type"], answer["data"]
    except (ValidationError, TypeError, KeyError) as error:
        raise Refused("invalid-data", "The data does not fit the type.") from error
    except TaskError as refusal:
        raise Refused(refusal.code, refusal.message) from refusal
    return None


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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            wire.drain_on_sigterm()
        if scope["type"] != "websocket" or SUBPROTOCOL not in scope["subprotocols"]:
            await self.below(scope, receive, send)
            return
        user = User(scope["path"].rpartition("/")[2])

        async def authenticate(_: str | None) -> User:
            """As main.py, which takes the path's word for it."""
            return user

        await wire.serve(WebSocket(scope, receive, send), authenticate)


board.add_middleware(Reliable)


async def config() -> dict:
    """The page offers the choice."""
    return await plain_config() | {"deliveries": ["plain", "reliable"]}


# Of two routes with one path the first answers.
board.router.routes.insert(0, APIRoute("/api/config", config))
