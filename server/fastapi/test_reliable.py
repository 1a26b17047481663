"""The servers on everwire.py against a real uvicorn, over real sockets that break."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

HERE = Path(__file__).parent


class Server:
    """A server on a free port, in a process that can be killed."""

    def __init__(self, *arguments: str, **env: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=HERE,
            env=os.environ | env,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        for line in self.process.stderr or ():
            if found := re.search(r"running on http://(\S+)", line):
                self.address = found[1]
                return
        pytest.fail("the server ended before it listened")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()


class Client:
    """As little of a client as the tests need: it keeps what it must send again, and what it must say to go on."""

    def __init__(self, user: str = "ann") -> None:
        self.user = user
        self.cid = secrets.token_hex(16)
        self.n = 0
        self.unacked: dict[int, dict] = {}
        self.tx = 0
        self.got = 0
        self.resume: dict | None = None
        self.received: list[dict] = []
        self.errs: dict[int, str] = {}

    def open(self, server: Server) -> dict:
        self.n += 1
        address = f"ws://{server.address}/ws/{self.user}"
        # Never left: the tests break it off.
        self.socket: ClientConnection = connect(address, subprotocols=["everwire.v1"], open_timeout=5).__enter__()
        assert self.socket.subprotocol == "everwire.v1"
        opening = {"v": 1, "cid": self.cid, "n": self.n, "tx0": min(self.unacked, default=self.tx + 1), "tx": self.tx}
        opening |= {"max_frame": 1 << 20, "window": 1000, "window_bytes": 1 << 20}
        if self.resume:
            opening["resume"] = self.resume | {"rx": self.got}
        self.write({"type": "$open", "data": opening})
        session = json.loads(self.socket.recv(timeout=5))["data"]
        self.resume = {name: session[name] for name in ("sid", "key", "epoch")}
        self.got = self.got if session["resumed"] else 0
        self.take_ack(session["rx"])
        for seq, message in self.unacked.items():
            if seq > session["got"]:
                self.write(message)
        return session

    def send(self, kind: str, data: object, is_request: bool = False) -> int:
        self.tx += 1
        message = {"type": kind, "data": data} | ({"id": self.tx} if is_request else {}) | {"seq": self.tx}
        self.unacked[self.tx] = message
        self.write(message)
        return self.tx

    def write(self, message: dict) -> None:
        self.socket.send(json.dumps(message))

    def take_ack(self, ack: int) -> None:
        self.unacked = {seq: message for seq, message in self.unacked.items() if seq > ack}

    def receive(self) -> list[dict]:
        frame = json.loads(self.socket.recv(timeout=5))
        messages = frame if isinstance(frame, list) else [frame]
        for message in messages:
            self.take(message)
        return messages

    def take(self, message: dict) -> None:
        if message["type"] == "$ack":
            self.take_ack(message["data"]["ack"])
        elif message["type"] == "$err":
            self.errs[message["data"]["seq"]] = message["data"]["code"]
        elif not message["type"].startswith("$"):
            self.take_ack(message.get("ack", 0))
            assert message["seq"] == self.got + 1, "out of order"
            self.got += 1
            self.received.append(message)

    def receive_until_acked(self) -> None:
        while self.unacked:
            self.receive()

    def request(self, kind: str, data: object) -> dict:
        seq = self.send(kind, data, is_request=True)
        while True:
            for message in self.receive():
                if message.get("re") == seq or (message["type"] == "$err" and message["data"]["seq"] == seq):
                    return message

    def cut(self) -> None:
        """Without a close frame."""
        self.socket.socket.close()


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Server]:
    server = Server("-m", "uvicorn", "reliable:app", "--port", "0", BOARD_DB=str(tmp_path / "tasks.sqlite"))
    yield server
    server.kill()


def test_requests_and_pushes_reach_reliable_and_plain_clients(board: Server) -> None:
    ann, ben = Client("ann"), Client("ben")
    ann.open(board), ben.open(board)
    with connect(f"ws://{board.address}/ws/cleo?tab=t") as plain:
        assert plain.subprotocol is None
        answer = ann.request("create_task", {"title": "One"})
        assert (answer["type"], answer["data"]["title"]) == ("task_created", "One")
        assert ben.receive()[0]["data"] == answer["data"]
        assert json.loads(plain.recv(timeout=5)) == {"type": "task_created", "data": answer["data"]}
    refused = ann.request("create_task", {"title": ""})
    assert (refused["type"], refused["data"]["code"]) == ("$err", "invalid-data")
    assert ann.request("delete_task", {"id": 999})["data"]["code"] == "not-found"
    assert ann.request("list_tasks", None)["data"] == [answer["data"]]
    ann.receive_until_acked()


def test_the_page_learns_that_it_has_the_choice(board: Server) -> None:
    config = httpx.get(f"http://{board.address}/api/config").json()
    assert (config["server"], config["deliveries"]) == ("fastapi", ["plain", "reliable"])


def test_pushes_wait_for_a_client_that_is_away(board: Server) -> None:
    ben = Client("ben")
    ben.open(board)
    ben.cut()
    headers = {"X-User": "ann"}
    for title in ("One", "Two"):
        httpx.post(f"http://{board.address}/api/tasks", headers=headers, json={"title": title}).raise_for_status()
    assert ben.open(board)["resumed"] is True
    while len(ben.received) < 2:
        ben.receive()
    assert [message["data"]["title"] for message in ben.received] == ["One", "Two"]


def test_sigterm_lets_reliable_clients_leave_before_the_sockets_are_closed(board: Server) -> None:
    ann, ben = Client("ann"), Client("ben")
    ann.open(board), ben.open(board)
    with connect(f"ws://{board.address}/ws/cleo?tab=t") as plain:
        board.process.terminate()
        for client in (ann, ben):
            assert [message["type"] for message in client.receive()] == ["$drain"]
        with pytest.raises(InvalidStatus):
            Client("ann").open(board)
        # Still served until it leaves.
        assert ann.request("create_task", {"title": "Last words"})["type"] == "task_created"
        assert json.loads(plain.recv(timeout=5))["data"]["title"] == "Last words"
        ann.socket.close(4100)
        ben.socket.close(4100)
        with pytest.raises(ConnectionClosed) as closed:
            plain.recv(timeout=5)
        assert closed.value.rcvd and closed.value.rcvd.code == 1012
    assert board.process.wait(timeout=10) == -signal.SIGTERM


def test_a_second_sigterm_does_not_wait_for_clients(board: Server) -> None:
    ann = Client("ann")
    ann.open(board)
    board.process.terminate()
    assert [message["type"] for message in ann.receive()] == ["$drain"]
    board.process.terminate()
    with pytest.raises(ConnectionClosed) as closed:
        ann.socket.recv(timeout=5)
    assert closed.value.rcvd and closed.value.rcvd.code == 1012


def test_garbage_closes_4400_and_leaves_nothing_behind(board: Server) -> None:
    for frame in ["{", "[]", "[" * 5_000]:
        client = Client()
        client.open(board)
        client.socket.send(frame)
        with pytest.raises(ConnectionClosed) as closed:
            client.socket.recv(timeout=5)
        assert closed.value.rcvd and closed.value.rcvd.code == 4400
    binary = Client()
    binary.open(board)
    binary.socket.send(b"\0")
    with pytest.raises(ConnectionClosed) as closed:
        binary.socket.recv(timeout=5)
    assert closed.value.rcvd and closed.value.rcvd.code == 1003


def test_numbers_survive_cuts_and_kills(tmp_path: Path) -> None:
    arguments = "counting.py", "--port", "0", "--db", str(tmp_path / "counting.sqlite")
    server, client = Server(*arguments), Client()
    client.open(server)
    last = 0
    for life in range(12):
        for _ in range(50):
            last += 1
            client.send("number", {"number": last})
        for _ in range(life):
            client.receive()
        client.cut()
        if life % 3 == 2:
            server.kill()
            server = Server(*arguments)
        session = client.open(server)
        assert session["resumed"] is (life % 3 != 2)
        assert session.get("reason") == (None if session["resumed"] else "epoch")
    client.receive_until_acked()
    report = httpx.get(f"http://{server.address}/report/{last}").json()
    server.kill()
    assert report == {name: {"count": 0, "first": []} for name in ("missing", "twice", "descending", "unknown")}
