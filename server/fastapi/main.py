"""The task board on an ordinary FastAPI server: `{"type", "data"}` over `receive_json` and `send_json`.

From this directory, in an environment with requirements.txt installed:

    python -m uvicorn main:app --port 8080

BOARD_DB names the SQLite file (tasks.sqlite in this directory), BOARD_WWW the page (../../www) and BOARD_PKG the
built package (../../pkg).
"""

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

from fastapi import Body, Depends, FastAPI, Header, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import ValidationError
from starlette.exceptions import HTTPException

import faults
from manager import ConnectionManager
from tasks import USERS, NewTask, Patch, TaskError, TaskStore, audience

HERE = Path(__file__).parent
WWW = os.environ.get("BOARD_WWW", HERE / "../../www")
PKG = os.environ.get("BOARD_PKG", HERE / "../../pkg")

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}

manager = ConnectionManager()
store = TaskStore(os.environ.get("BOARD_DB", str(HERE / "tasks.sqlite")))


@asynccontextmanager
async def lifespan(_: FastAPI):
    yield
    await app.after_shutdown()


board = FastAPI(lifespan=lifespan)
app = faults.Faults(board)


# The socket.


@board.websocket("/ws/{user_id}")
async def websocket_endpoint(websocket: WebSocket, user_id: str) -> None:
    await manager.connect(user_id, websocket)
    try:
        while True:
            message = await websocket.receive_json()
            await handle_message(user_id, websocket, message)
    except WebSocketDisconnect:
        pass
    finally:
        manager.disconnect(user_id, websocket)


async def handle_message(user_id: str, websocket: WebSocket, message: dict) -> None:
    """Acts on the types it knows and ignores all others."""
    handler = HANDLERS.get(message["type"])
    if handler is None:
        return
    request_id = message.get("id")
    try:
        answer = await handler(user_id, message.get("data"))
    except (ValidationError, TypeError, KeyError):
        error = {"code": "invalid-data", "message": "The data does not fit the type."}
        answer = {"type": "error", "data": error}
    except TaskError as refusal:
        answer = {"type": "error", "data": refusal.body()}
    if request_id is not None:
        await websocket.send_json(answer | {"re": request_id})
    elif answer["type"] == "error":
        await websocket.send_json(answer)


async def on_create_task(user_id: str, data: dict) -> dict:
    task, _ = await create_task(user_id, NewTask.model_validate(data))
    return {"type": "task_created", "data": task}


async def on_update_task(user_id: str, data: dict) -> dict:
    task = await update_task(user_id, int(data["id"]), Patch.model_validate(data))
    return {"type": "task_updated", "data": task}


async def on_delete_task(user_id: str, data: dict) -> dict:
    await delete_task(user_id, int(data["id"]))
    return {"type": "task_deleted", "data": {"id": data["id"]}}


async def on_list_tasks(user_id: str, _: None) -> dict:
    return {"type": "tasks", "data": store.visible_to(user_id)}


HANDLERS = {
    "create_task": on_create_task,
    "update_task": on_update_task,
    "delete_task": on_delete_task,
    "list_tasks": on_list_tasks,
}


# Changes, and who hears of them.


async def create_task(user: str, new: NewTask) -> tuple[dict, bool]:
    task, created = store.create(user, new)
    if created:
        await push({"type": "task_created", "data": task}, task)
    return task, created


async def update_task(user: str, task_id: int, patch: Patch) -> dict:
    before, after = store.update(user, task_id, patch)
    if after != before:
        await push({"type": "task_updated", "data": after}, after)
        for lost in audience(before) - audience(after):
            await manager.send_to_user(lost, {"type": "task_deleted", "data": {"id": task_id}})
    return after


async def delete_task(user: str, task_id: int) -> None:
    task = store.delete(user, task_id)
    await push({"type": "task_deleted", "data": {"id": task_id}}, task)


async def push(message: dict, task: dict) -> None:
    if task["assignee"] is None:
        await manager.broadcast(message)
    else:
        for user in audience(task):
            await manager.send_to_user(user, message)


# The REST API.


def acting_user(x_user: Annotated[str | None, Header()] = None) -> str:
    if x_user not in USERS:
        raise TaskError(401, "unknown-user", f"Send X-User with one of {', '.join(USERS)}.")
    return x_user


User = Annotated[str, Depends(acting_user)]


@board.get("/api/config")
async def config() -> dict:
    return {"server": "fastapi", "auth": False, "users": USERS, "faults": faults.NAMES}


@board.get("/api/tasks")
async def get_tasks(user: User) -> list[dict]:
    return store.visible_to(user)


@board.post("/api/tasks", status_code=201)
async def post_task(user: User, new: NewTask, response: Response) -> dict:
    task, created = await create_task(user, new)
    if not created:
        response.status_code = 200
    return task


@board.patch("/api/tasks/{task_id}")
async def patch_task(user: User, task_id: int, patch: Patch) -> dict:
    return await update_task(user, task_id, patch)


@board.delete("/api/tasks/{task_id}", status_code=204)
async def remove_task(user: User, task_id: int) -> None:
    await delete_task(user, task_id)


@board.post("/api/faults/{fault}", status_code=202)
async def make_fault(
    fault: Literal["drop", "stall", "refuse", "restart"],
    tab: Annotated[str, Body(embed=True)] = "",
) -> dict:
    return {"sockets": app.make(fault, tab)}


@board.get("/api/stats")
async def stats() -> dict:
    connections = manager.active_connections
    return {"connections": sum(map(len, connections.values())), "users": len(connections)}


# Errors, headers and files.


@board.exception_handler(TaskError)
async def on_task_error(_: Request, refusal: TaskError) -> JSONResponse:
    return JSONResponse({"error": refusal.body()}, refusal.status)


@board.exception_handler(RequestValidationError)
async def on_invalid(_: Request, invalid: RequestValidationError) -> JSONResponse:
    first = invalid.errors()[0]
    message = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return JSONResponse({"error": {"code": "invalid-data", "message": message}}, 422)


@board.exception_handler(HTTPException)
async def on_http_error(_: Request, error: HTTPException) -> JSONResponse:
    body = {"code": "no-route" if error.status_code == 404 else "http", "message": error.detail}
    return JSONResponse({"error": body}, error.status_code, error.headers)


@board.middleware("http")
async def add_headers(request: Request, call_next) -> Response:
    response = await call_next(request)
    response.headers.update(HEADERS)
    return response


board.mount("/pkg", StaticFiles(directory=PKG, check_dir=False))
board.mount("/", StaticFiles(directory=WWW, html=True))
