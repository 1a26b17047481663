"""The board's contract against a real uvicorn: `python -m pytest` in this directory."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

HERE = Path(__file__).parent
STALL_SECONDS = 15


class Server:
    """uvicorn on a free port, with its tasks in `db`."""

    def __init__(self, db: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "main:app", "--port", "0"],
            cwd=HERE,
            env=os.environ | {"BOARD_DB": str(db)},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self.wait_until_it_listens()

    def wait_until_it_listens(self) -> None:
        for line in self.process.stderr:
            if found := re.search(r"running on http://(\S+)", line):
                self.address = found[1]
                return
        pytest.fail("uvicorn ended before it listened")

    def call(self, method: str, path: str, user: str | None = "ann", body=None) -> httpx.Response:
        headers = {"X-User": user} if user else {}
        return httpx.request(method, f"http://{self.address}/api{path}", headers=headers, json=body)

    def socket(self, user: str, tab: str = "t"):
        return connect(f"ws://{self.address}/ws/{user}?tab={tab}", open_timeout=5, close_timeout=5)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "tasks.sqlite"


@pytest.fixture
def server(db: Path):
    server = Server(db)
    yield server
    server.kill()


def receive(socket, timeout: float = 5) -> dict:
    return json.loads(socket.recv(timeout=timeout))


def ask(socket, kind: str, data, request_id: int = 1) -> dict:
    """Sends a request and returns its answer, past the pushes that come before it."""
    socket.send(json.dumps({"type": kind, "data": data, "id": request_id}))
    while (message := receive(socket)).get("re") != request_id:
        pass
    return message


def test_every_rest_route(server: Server) -> None:
    assert server.call("GET", "/config", None).json()["auth"] is False
    created = server.call("POST", "/tasks", body={"title": " Write ", "key": "k"})
    assert created.status_code == 201
    task = created.json()
    assert (task["title"], task["owner"], task["version"], task["done"]) == ("Write", "ann", 1, False)
    again = server.call("POST", "/tasks", body={"title": "Other", "key": "k"})
    assert (again.status_code, again.json()) == (200, task)
    changed = server.call("PATCH", f"/tasks/{task['id']}", body={"done": True}).json()
    assert (changed["done"], changed["version"], changed["title"]) == (True, 2, "Write")
    assert server.call("GET", "/tasks", "ben").json() == [changed]
    assert server.call("DELETE", f"/tasks/{task['id']}").status_code == 204
    assert server.call("GET", "/tasks").json() == []
    assert server.call("GET", "/stats").json() == {"connections": 0, "users": 0}


def test_refusals_say_what_to_do(server: Server) -> None:
    mine = server.call("POST", "/tasks", body={"title": "Mine", "assignee": "ann"}).json()
    for method, path, user, body, status, code in [
        ("GET", "/tasks", None, None, 401, "unknown-user"),
        ("POST", "/tasks", "ann", {"title": " "}, 422, "invalid-data"),
        ("POST", "/tasks", "ann", {"title": "x" * 201}, 422, "invalid-data"),
        ("POST", "/tasks", "ann", {"title": "x", "assignee": "eve"}, 422, "invalid-data"),
        ("PATCH", "/tasks/999", "ann", {"done": True}, 404, "not-found"),
        ("PATCH", f"/tasks/{mine['id']}", "cleo", {"done": True}, 403, "forbidden"),
        ("DELETE", f"/tasks/{mine['id']}", "cleo", None, 403, "forbidden"),
        ("GET", "/nothing", "ann", None, 404, "no-route"),
    ]:
        response = server.call(method, path, user, body)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code), path
        assert response.json()["error"]["message"]


def test_the_page_carries_its_policy(server: Server) -> None:
    page = httpx.get(f"http://{server.address}/")
    assert page.headers["content-type"].startswith("text/html")
    assert "'wasm-unsafe-eval'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"


def test_pushes_reach_who_sees_the_task_and_nobody_else(server: Server) -> None:
    with server.socket("ann") as ann, server.socket("ben") as ben, server.socket("cleo") as cleo:
        task = server.call("POST", "/tasks", body={"title": "All"}).json()
        for socket in (ann, ben, cleo):
            assert receive(socket) == {"type": "task_created", "data": task}
        task = server.call("PATCH", f"/tasks/{task['id']}", body={"assignee": "ben"}).json()
        assert receive(ann) == receive(ben) == {"type": "task_updated", "data": task}
        assert receive(cleo) == {"type": "task_deleted", "data": {"id": task["id"]}}
        server.call("DELETE", f"/tasks/{task['id']}")
        assert receive(ann) == receive(ben) == {"type": "task_deleted", "data": {"id": task["id"]}}
        assert ask(cleo, "list_tasks", None)["data"] == []


def test_requests_are_answered(server: Server) -> None:
    with server.socket("ann") as ann:
        created = ask(ann, "create_task", {"title": "One", "key": "k"}, 7)
        assert (created["type"], created["re"]) == ("task_created", 7)
        task = created["data"]
        assert ask(ann, "create_task", {"title": "Two", "key": "k"}, 8)["data"] == task
        task = ask(ann, "update_task", {"id": task["id"], "done": True}, 9)["data"]
        assert (task["done"], task["version"]) == (True, 2)
        assert ask(ann, "list_tasks", None, 10) == {"type": "tasks", "data": [task], "re": 10}
        refused = ask(ann, "create_task", {"title": ""}, 11)
        assert (refused["type"], refused["data"]["code"]) == ("error", "invalid-data")
        assert ask(ann, "delete_task", {"id": 999}, 12)["data"]["code"] == "not-found"
        assert ask(ann, "delete_task", {"id": task["id"]}, 13)["data"] == {"id": task["id"]}


def test_types_it_does_not_know_are_ignored(server: Server) -> None:
    with server.socket("ann") as ann:
        for kind in ("ping", "auth", "whatever"):
            ann.send(json.dumps({"type": kind, "data": None}))
        ann.send(json.dumps({"type": "list_tasks", "data": None, "id": 1}))
        assert receive(ann) == {"type": "tasks", "data": [], "re": 1}


def test_garbage_ends_its_own_socket_only(server: Server) -> None:
    with server.socket("ben") as ben:
        for frame in ["{", "[]", b"\x00", "{}"]:
            with server.socket("ann") as ann:
                ann.send(frame)
                with pytest.raises(ConnectionClosed) as closed:
                    ann.recv(timeout=5)
                assert closed.value.rcvd is None, "an ordinary server sends no close frame then"
        assert ask(ben, "list_tasks", None)["data"] == []
        assert server.call("GET", "/stats").json() == {"connections": 1, "users": 1}


def test_drop_cuts_the_tab_without_a_close_frame(server: Server) -> None:
    with server.socket("ann", "a") as ann, server.socket("ann", "b") as other:
        response = server.call("POST", "/faults/drop", body={"tab": "a"})
        assert (response.status_code, response.json()) == (202, {"sockets": 1})
        with pytest.raises(ConnectionClosed) as closed:
            ann.recv(timeout=5)
        assert closed.value.rcvd is None
        assert ask(other, "list_tasks", None)["data"] == []


def test_refuse_answers_the_tab_with_503(server: Server) -> None:
    server.call("POST", "/faults/refuse", body={"tab": "a"})
    with pytest.raises(InvalidStatus) as refused:
        server.socket("ann", "a")
    assert refused.value.response.status_code == 503
    with server.socket("ann", "b") as other:
        assert ask(other, "list_tasks", None)["data"] == []


def test_stall_holds_everything_back_and_then_lets_it_through(server: Server) -> None:
    with server.socket("ann", "a") as ann, server.socket("ann", "b") as other:
        server.call("POST", "/faults/stall", body={"tab": "a"})
        ann.send(json.dumps({"type": "create_task", "data": {"title": "Mine"}}))
        task = server.call("POST", "/tasks", body={"title": "Pushed"}).json()
        assert receive(other)["data"] == task
        with pytest.raises(TimeoutError):
            ann.recv(timeout=1)
        assert receive(ann, STALL_SECONDS + 5)["data"] == task
        assert receive(ann)["data"]["title"] == "Mine"


def test_restart_closes_with_1012_and_comes_back_with_its_tasks(server: Server) -> None:
    task = server.call("POST", "/tasks", body={"title": "Stays"}).json()
    with server.socket("ann") as ann:
        assert server.call("POST", "/faults/restart", body={"tab": "t"}).status_code == 202
        with pytest.raises(ConnectionClosed) as closed:
            ann.recv(timeout=5)
        assert closed.value.rcvd.code == 1012
    with pytest.raises(httpx.ConnectError):
        server.call("GET", "/tasks")
    server.wait_until_it_listens()
    assert server.call("GET", "/tasks").json() == [task]


def test_tasks_survive_a_kill(db: Path) -> None:
    first = Server(db)
    task = first.call("POST", "/tasks", body={"title": "Stays"}).json()
    first.kill()
    second = Server(db)
    assert second.call("GET", "/tasks").json() == [task]
    second.kill()
