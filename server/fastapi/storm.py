"""A client, a store and a network that break at random around `Sessions`, and the invariants that must hold whatever happens."""

import json
from collections import deque
from dataclasses import dataclass, field
from random import Random

import everwire
from everwire import Config, Failed, Lost, Ok, Record, Sessions, to_json

USER = "ann"
CID = "c"
WINDOW = 16
MESSAGES = 40


@dataclass
class Disk:
    """What outlives a process."""

    kind: str
    records: dict[str, tuple[str, Record]] = field(default_factory=dict)
    effects: list[int] = field(default_factory=list)
    """The numbers of the messages that handlers acted on."""


@dataclass
class Socket:
    """One connection. `up` and `down` are on their way."""

    name: int
    up: deque[str] = field(default_factory=deque)
    down: deque[str | tuple[int, str]] = field(default_factory=deque)


class Server:
    """A process: it loses all but the disk when it is replaced by another."""

    def __init__(self, disk: Disk, dice: Random, now: int) -> None:
        self.disk = disk
        self.dice = dice
        self.owner = f"{dice.getrandbits(64):x}"
        self.sessions = Sessions(
            Config(ping_ms=5_000, timeout_ms=2_000, ttl_ms=20_000, ring_messages=20),
            disk.kind != "begun",
            self.owner,
            lambda size: f"{dice.getrandbits(8 * size):x}",
        )
        self.sockets: dict[int, Socket] = {}
        self.running: deque[everwire.Handle] = deque()
        self.committed: deque[tuple[int | None, Ok | Failed | Lost]] = deque()

    def settle(self, now: int) -> None:
        while output := self.sessions.poll_output():
            self.carry_out(now, output)

    def carry_out(self, now: int, output: everwire.Output) -> None:
        match output:
            case everwire.Write():
                self.sockets[output.socket].down.append(output.text)
            case everwire.Close():
                self.sockets.pop(output.socket).down.append((output.code, output.reason))
            case everwire.Authenticate():
                self.sessions.authenticated(now, output.socket, USER)
            case everwire.Load():
                _, record = self.disk.records.get(output.cid, ("", None))
                self.sessions.loaded(now, output.cid, copied(record) if record else None)
            case everwire.Handle():
                self.running.append(output)
            case everwire.Forget():
                self.disk.records.pop(output.cid, None)
            case everwire.Attach() | everwire.Advance() | everwire.Begin() if self.disk.kind != "memory":
                self.keep(output)

    def keep(self, output: everwire.Attach | everwire.Advance | everwire.Begin) -> None:
        if isinstance(output, everwire.Attach):
            _, known = self.disk.records.get(output.cid, ("", copied(output.record)))
            known.n, known.user = output.record.n, output.record.user
            self.disk.records[output.cid] = self.owner, known
            return
        _, record = self.disk.records[output.cid]
        if isinstance(output, everwire.Begin):
            record.begun = output.seq
        else:
            assert record.rx is None or record.rx <= output.rx, "rx goes back"
            record.rx, record.errs = output.rx, list(output.errs)

    def work(self, now: int) -> None:
        """A step of a handler: first its effect, some time later the news of it."""
        if self.committed and self.dice.random() < 0.6:
            seq, result = self.committed.popleft()
            self.sessions.handled(now, CID, seq, result)
        elif self.running:
            handle = self.running.popleft()
            self.committed.append((handle.message.seq, self.act(handle)))
        self.settle(now)

    def act(self, handle: everwire.Handle) -> Ok | Failed | Lost:
        seq = handle.message.seq
        if self.dice.random() < 0.05:
            return Failed("handler", "")
        if self.disk.kind == "atomic":
            owner, record = self.disk.records[CID]
            if owner != self.owner or record.rx != (seq or 0) - 1:
                return Lost()
            record.rx = seq
        self.disk.effects.append(handle.message.data)
        return Ok()


def copied(record: Record) -> Record:
    return Record(record.user, record.n, record.rx, record.begun, list(record.errs))


class Client:
    """The client's half, as far as the server's half can be wrong."""

    def __init__(self) -> None:
        self.n = 0
        self.tx = 0
        self.held: dict[int, int] = {}
        """The number of the message that each seq carries."""
        self.outbox: deque[int] = deque()
        self.settled: dict[int, str] = {}
        self.uncertain: set[int] = set()
        self.resume: dict | None = None
        self.got = 0
        self.received: list[int] = []
        self.is_after_hole = True
        self.last_sent = 0
        self.socket: Socket | None = None
        self.is_open = False

    def open(self, socket: Socket) -> None:
        self.socket, self.is_open = socket, False
        self.n += 1
        data = {"v": 1, "cid": CID, "n": self.n, "tx0": min(self.held, default=self.tx + 1), "tx": self.tx}
        data |= {"max_frame": 1 << 20, "window": WINDOW, "window_bytes": 1 << 20}
        if self.resume:
            data["resume"] = self.resume | {"rx": self.got}
        socket.up.append(to_json({"type": "$open", "data": data}))

    def write(self, *messages: dict) -> None:
        if self.socket and messages:
            self.socket.up.append(to_json(messages[0] if len(messages) == 1 else list(messages)))

    def flush(self) -> None:
        """Messages enter the window."""
        while self.is_open and self.outbox and len(self.held) < WINDOW:
            self.tx += 1
            self.held[self.tx] = self.outbox.popleft()
            self.write(self.message(self.tx))

    def message(self, seq: int) -> dict:
        if seq not in self.held:
            return {"type": "$skip", "seq": seq}
        return {"type": "m", "data": self.held[seq], "seq": seq, "ack": self.got}

    def take_frame(self, frame: str) -> None:
        value = json.loads(frame)
        for message in value if isinstance(value, list) else [value]:
            self.take(message)

    def take(self, message: dict) -> None:
        kind, data = message["type"], message.get("data")
        assert self.is_open or kind == "$session", "something before $session"
        if kind == "$session":
            self.take_session(data)
        elif kind == "$err":
            self.settle(data["seq"], "rejected")
        elif kind == "$resync":
            if data["next"] > self.got + 1:
                self.got = data["next"] - 1
                self.is_after_hole = True
        elif kind == "$ping":
            self.write({"type": "$pong", "data": {"t": data["t"], "ack": self.got, "tx": self.tx}})
        elif not kind.startswith("$"):
            self.take_application(message)
        self.take_ack(data["ack"] if kind in ("$ack", "$ping", "$pong") else message.get("ack", 0))

    def take_session(self, session: dict) -> None:
        assert not self.is_open, "a second $session"
        self.is_open = True
        if not session["resumed"]:
            self.got = 0
            self.is_after_hole = True
        assert session["from"] == self.got + 1
        self.resume = {name: session[name] for name in ("sid", "key", "epoch")}
        for seq, _ in session.get("errs", []):
            self.settle(seq, "rejected")
        doubtful = session.get("maybe") or 0 if session["rx"] is not None else self.tx
        self.uncertain |= {number for seq, number in self.held.items() if (session["rx"] or 0) < seq <= doubtful}
        self.take_ack(session["rx"] or 0)
        self.tx = max(self.tx, session["got"])
        first = min(self.held, default=self.tx + 1) if session["rx"] is None else session["got"] + 1
        self.write(*[self.message(seq) for seq in range(first, self.tx + 1)])

    def take_application(self, message: dict) -> None:
        if message["seq"] <= self.got:
            return
        assert message["seq"] == self.got + 1, "a hole on one socket"
        self.got += 1
        number = message["data"]
        last = self.received[-1] if self.received else 0
        assert number > last, "twice or out of order"
        assert self.is_after_hole or number == last + 1, "a hole without a resync"
        self.is_after_hole = False
        self.received.append(number)

    def take_ack(self, ack: int) -> None:
        assert ack <= self.tx, "an ack above what was sent"
        for seq in [seq for seq in self.held if seq <= ack]:
            self.settle(seq, "acked")
        self.flush()

    def settle(self, seq: int, outcome: str) -> None:
        if (number := self.held.pop(seq, None)) is not None:
            assert number not in self.settled, "settled twice"
            self.settled[number] = outcome


class Storm:
    """One schedule."""

    def __init__(self, seed: int, kind: str) -> None:
        self.dice = Random(seed)
        self.now = 0
        self.disk = Disk(kind)
        self.server = Server(self.disk, self.dice, 0)
        self.client = Client()
        self.opened = 0
        self.given = 0
        self.sent = 0

    def run(self) -> None:
        for _ in range(600):
            self.step(self.dice.random())
        self.calm_down()
        self.check()

    def step(self, chance: float) -> None:
        if chance < 0.02:
            self.cut()
        elif chance < 0.025:
            self.restart()
        elif chance < 0.03:
            self.pass_time(self.dice.choice([300, 3_000, 8_000, 30_000]))
        elif chance < 0.12 and self.given < MESSAGES:
            self.given += 1
            self.client.outbox.append(self.given)
            self.client.flush()
        elif chance < 0.2:
            self.sent += 1
            self.server.sessions.send_to_user(self.now, USER, "m", self.sent)
            self.server.settle(self.now)
        elif chance < 0.26 and self.client.is_open:
            self.client.write({"type": "$ack", "data": {"ack": self.client.got}})
        elif chance < 0.5:
            self.server.work(self.now)
        elif chance < 0.53:
            self.pass_time(250)
        else:
            self.carry()

    def carry(self) -> None:
        """The network carries one frame, or the client opens a socket."""
        socket = self.client.socket
        if socket is None:
            self.connect()
        elif socket.up and self.dice.random() < 0.5:
            self.server.sessions.frame(self.now, socket.name, socket.up.popleft())
            self.server.settle(self.now)
        elif socket.down:
            self.deliver(socket, socket.down.popleft())

    def connect(self) -> None:
        self.opened += 1
        socket = Socket(self.opened)
        self.server.sockets[socket.name] = socket
        self.server.sessions.opened(self.now, socket.name)
        self.client.open(socket)

    def deliver(self, socket: Socket, frame: str | tuple[int, str]) -> None:
        if isinstance(frame, str):
            self.client.take_frame(frame)
            return
        code, reason = frame
        assert code in (4401, 4408, 4409, 4410), f"the server closes an honest client with {code} {reason}"
        self.client.socket, self.client.is_open = None, False

    def cut(self) -> None:
        """The client's end is gone. The server hears of it now, or only by its silence."""
        socket = self.client.socket
        if socket is None:
            return
        for _ in range(self.dice.randint(0, len(socket.up))):
            self.server.sessions.frame(self.now, socket.name, socket.up.popleft())
        self.server.settle(self.now)
        self.client.socket, self.client.is_open = None, False
        if self.dice.random() < 0.5:
            self.server.sessions.closed(self.now, socket.name)
            self.server.settle(self.now)

    def restart(self) -> None:
        if self.disk.kind == "memory":
            self.disk.records.clear()
        self.server = Server(self.disk, self.dice, self.now)
        self.client.socket, self.client.is_open = None, False

    def pass_time(self, ms: int) -> None:
        self.now += ms
        self.server.sessions.timeout(self.now)
        self.server.settle(self.now)

    def calm_down(self) -> None:
        for _ in range(2_000):
            if self.is_calm():
                return
            self.server.work(self.now)
            self.carry()
            if self.client.is_open:
                self.client.write({"type": "$ack", "data": {"ack": self.client.got}})
            self.pass_time(20)

    def is_calm(self) -> bool:
        client, stream = self.client, self.server.sessions.streams.get(CID)
        if stream is None or stream.session is None or not client.is_open:
            return False
        to_client = stream.session.written or stream.session.waiting
        to_server = client.outbox or client.held or self.server.running or self.server.committed
        return not to_client and not to_server

    def check(self) -> None:
        client, effects = self.client, self.disk.effects
        assert set(client.settled) == set(range(1, self.given + 1)), "a message without a fate"
        assert self.sent == 0 or not client.is_after_hole or client.received, "nothing came after the calm"
        for number, outcome in client.settled.items():
            times = effects.count(number)
            if number not in client.uncertain:
                assert times == (outcome == "acked"), f"{number} is {outcome} and had {times} effects"
        certain = [number for number in effects if number not in client.uncertain]
        assert certain == sorted(certain), "handled out of order"
        session = self.server.sessions.streams[CID].session
        assert session and not session.waiting and not session.written, "the ring did not drain"
        assert session.bytes == 0 and self.server.sessions.rings_bytes == 0
