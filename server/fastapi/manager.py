"""Who is connected."""

from fastapi import WebSocket, WebSocketDisconnect


class ConnectionManager:
    """The open sockets of each user."""

    def __init__(self) -> None:
        self.active_connections: dict[str, set[WebSocket]] = {}

    async def connect(self, user_id: str, websocket: WebSocket) -> None:
        await websocket.accept()
        self.active_connections.setdefault(user_id, set()).add(websocket)

    def disconnect(self, user_id: str, websocket: WebSocket) -> None:
        connections = self.active_connections.get(user_id, set())
        connections.discard(websocket)
        if not connections:
            self.active_connections.pop(user_id, None)

    async def send_to_user(self, user_id: str, message: dict) -> None:
        # A copy: while one send waits, another task may connect or disconnect.
        for websocket in list(self.active_connections.get(user_id, ())):
            try:
                await websocket.send_json(message)
            except (RuntimeError, WebSocketDisconnect):
                # It went away between two messages; its own loop will notice, or has.
                self.disconnect(user_id, websocket)

    async def broadcast(self, message: dict) -> None:
        for user_id in list(self.active_connections):
            await self.send_to_user(user_id, message)
