"""The server's half of everwire.v1 in one file: reliable delivery for a Starlette or FastAPI WebSocket.

Copy this file beside your application. It needs Python 3.11 and nothing else.

    wire = Everwire(MemoryStore(), handle)

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket) -> None:
        await wire.serve(websocket, authenticate)

    wire.send_to_user("ann", "news", {"text": "Hello."})

`handle(delivery)` is called for one message of a client after the other; what it returns answers a request, and what it raises
refuses the message. `authenticate(token)` gives the `User`. Call all of it from one event loop.

From the top down: frames, records and their stores, `Sessions` (the protocol: pure, without IO, clock or randomness of its own
accord) and `Everwire` (its driver on asyncio).
"""

import asyncio
import hashlib
import heapq
import hmac
import json
import logging
import math
import re
import secrets
import signal
import sqlite3
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

SUBPROTOCOL = "everwire.v1"

log = logging.getLogger("everwire")

# Times are in milliseconds, sizes in UTF-8 bytes.

NUMBER_MAX = 2**53 - 1
"""JavaScript counts no further exactly."""
# What shows the client whether something before it was lost. Anything else leaves the server silent: a ping is due.
PROVES_ORDER = ("$session", "$resync", "$ping", "$pong")
BATCH_MESSAGES = 256
BATCH_BYTES = 64 * 1024
OPEN_BYTES = 16 * 1024
OPEN_MS = 10_000
DEPTH_MAX = 128
"""Levels of nesting in a frame: what serde_json takes as well."""
ACK_MS = 200
ACK_MESSAGES = 256
ERRS_KEPT = 1_024
"""How many of the last seqs may be told as refused."""
EXPIRY_GRACE_MS = 25_000
EXPIRY_MS = (10_000, 24 * 60 * 60_000)
RECORD_MS = 24 * 60 * 60_000
DRAIN_MS = 5 * 60_000
WAITING_MESSAGES = 1_024
"""Accepted and not handled: the largest window that a client keeps to."""
WAITING_BYTES = 1024 * 1024
WINDOW = (16, 1_024)
WINDOW_BYTES = (64 * 1024, 1024 * 1024)
MAX_FRAME = (64 * 1024, 16 * 1024 * 1024)


def clamp(value: int, bounds: tuple[int, int]) -> int:
    return max(bounds[0], min(value, bounds[1]))


# Frames.


class FrameError(Exception):
    """The frame is none of everwire.v1."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of an application."""

    type: str
    data: Any
    seq: int | None = None
    ack: int | None = None
    id: Any = None


@dataclass(frozen=True, slots=True)
class Skip:
    seq: int
    ack: int | None


@dataclass(frozen=True, slots=True)
class Ack:
    ack: int


@dataclass(frozen=True, slots=True)
class Beat:
    """A `$ping` or `$pong`."""

    type: str
    t: int
    ack: int | None
    tx: int | None


@dataclass(frozen=True, slots=True)
class Token:
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bye:
    ack: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """A type of the protocol that this version does not know."""


@dataclass(frozen=True, slots=True)
class Resume:
    sid: str
    key: str = field(repr=False)
    epoch: str
    rx: int


@dataclass(frozen=True, slots=True)
class Open:
    cid: str
    n: int
    token: str | None = field(repr=False)
    tx0: int
    tx: int
    max_frame: int
    window: int
    window_bytes: int
    resume: Resume | None


Part = Message | Skip | Ack | Beat | Token | Bye | Unknown | Open


def read_frame(text: str) -> list[Part]:
    """The messages of a frame, all of them valid."""
    _check_depth(text)
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise FrameError("no JSON") from error
    if not isinstance(value, list):
        return [_read_message(value)]
    if not 0 < len(value) <= BATCH_MESSAGES:
        raise FrameError("an empty batch or a batch of too many")
    parts = [_read_message(item) for item in value]
    if any(isinstance(part, Open) for part in parts):
        raise FrameError("$open stands alone")
    return parts


_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKETS = re.compile(r"[^\[\]{}]+")


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return
    depth = 0
    for bracket in _NO_BRACKETS.sub("", _STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > DEPTH_MAX:
            raise FrameError("nested too deep")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number out of range")
    return number


def _read_message(item: Any) -> Part:
    kind = item.get("type") if isinstance(item, dict) else None
    if not isinstance(kind, str):
        raise FrameError("no message")
    seq = _number(item, "seq", least=1, optional=True)
    ack = _number(item, "ack", optional=True)
    if not kind.startswith("$"):
        return Message(kind, item.get("data"), seq, ack, item.get("id"))
    if kind == "$skip":
        return Skip(_number(item, "seq", least=1), ack)
    if seq is not None:
        raise FrameError("only $skip carries a seq")
    reader = _READERS.get(kind)
    return reader(kind, _fields(item.get("data"))) if reader else Unknown()


def _read_open(_: str, data: dict) -> Open:
    if data.get("v") != 1:
        raise FrameError("not version 1")
    tx0, tx = _number(data, "tx0", least=1), _number(data, "tx")
    if tx0 > tx + 1:
        raise FrameError("holds what was never given")
    return Open(
        cid=_name(data, "cid"),
        n=_number(data, "n"),
        token=_text(data["token"]) if data.get("token") is not None else None,
        tx0=tx0,
        tx=tx,
        max_frame=_number(data, "max_frame"),
        window=_number(data, "window"),
        window_bytes=_number(data, "window_bytes"),
        resume=_read_resume(_fields(data["resume"])) if data.get("resume") is not None else None,
    )


def _read_resume(data: dict) -> Resume:
    return Resume(_name(data, "sid"), _name(data, "key"), _name(data, "epoch"), _number(data, "rx"))


def _read_beat(kind: str, data: dict) -> Beat:
    t, ack, tx = _number(data, "t"), _number(data, "ack", optional=True), _number(data, "tx", optional=True)
    return Beat(kind, t, ack, tx)


_READERS: dict[str, Callable[[str, dict], Part]] = {
    "$open": _read_open,
    "$ping": _read_beat,
    "$pong": _read_beat,
    "$ack": lambda _, data: Ack(_number(data, "ack")),
    "$auth": lambda _, data: Token(_text(data.get("token"))),
    "$bye": lambda _, data: Bye(_number(data, "ack")),
}


def _fields(value: Any) -> dict:
    if not isinstance(value, dict):
        raise FrameError("data without fields")
    return value


def _number(fields: dict, name: str, least: int = 0, optional: bool = False) -> Any:
    value = fields.get(name)
    if value is None and optional:
        return None
    # A bool is an int to isinstance.
    if type(value) is not int or not least <= value <= NUMBER_MAX:
        raise FrameError(f"{name} is no such number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise FrameError("no text")
    return value


def _name(fields: dict, name: str) -> str:
    value = _text(fields.get(name))
    if not 1 <= len(value) <= 128:
        raise FrameError(f"{name} is empty or too long")
    return value


def size_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def to_json(value: Any) -> str:
    """Pure ASCII, so that its length is its size."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def body_of(kind: str, data: Any) -> str:
    """A message up to its last brace, made once for all who get it."""
    if kind.startswith("$"):
        raise ValueError("types that begin with $ belong to the protocol")
    return f'{{"type":{to_json(kind)},"data":{to_json(data)}'


# Records: what is kept of a client's stream.


@dataclass(slots=True)
class Record:
    """What a store keeps of a `cid`."""

    user: str
    """The fingerprint of the user to whom it belongs."""
    n: int
    """Its highest opening."""
    rx: int | None
    """Handled up to here. None: it is not known."""
    begun: int = 0
    """A handler up to here may have begun."""
    errs: list[tuple[int, str]] = field(default_factory=list)
    """The refused among the last seqs, with their codes."""


class Store(Protocol):
    """Keeps records. `owner` names the process that writes: another owner's writes of `advance` and `begin` change nothing."""

    atomic: bool
    """Whether a handler that ends well has stored `rx` itself, in the transaction of its effect."""

    def load(self, cid: str) -> Record | None: ...

    def attach(self, cid: str, owner: str, record: Record) -> None:
        """A new opening: keeps user, n and owner, and all of the record if there was none."""

    def advance(self, cid: str, owner: str, rx: int, errs: list[tuple[int, str]]) -> None: ...

    def begin(self, cid: str, owner: str, seq: int) -> None: ...

    def forget(self, cid: str) -> None: ...


class MemoryStore:
    """Keeps nothing: `Sessions` remembers while the process lives, and a restart is told to the clients."""

    atomic = True

    def load(self, cid: str) -> Record | None:
        return None

    def attach(self, cid: str, owner: str, record: Record) -> None: ...

    def advance(self, cid: str, owner: str, rx: int, errs: list[tuple[int, str]]) -> None: ...

    def begin(self, cid: str, owner: str, seq: int) -> None: ...

    def forget(self, cid: str) -> None: ...


class Fenced(Exception):
    """Another process has taken the stream over, or the message was handled before: the effect must not be committed."""


class SqliteStore:
    """Records in the application's own SQLite database.

    `atomic`: handlers run inside `with store.transaction(delivery)` and write with the same connection, so that effect and `rx` are
    committed together or not at all. Otherwise effects may go anywhere, and those that a crash leaves in doubt are reported.
    """

    def __init__(self, db: sqlite3.Connection, atomic: bool = True) -> None:
        self.db = db
        self.atomic = atomic
        with db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS everwire (cid TEXT PRIMARY KEY, user TEXT NOT NULL, n INTEGER NOT NULL,"
                " owner TEXT NOT NULL, rx INTEGER, begun INTEGER NOT NULL, errs TEXT NOT NULL, seen_ms INTEGER NOT NULL)"
            )
            db.execute("DELETE FROM everwire WHERE seen_ms < ?", (_wall_ms() - RECORD_MS,))

    def load(self, cid: str) -> Record | None:
        row = self.db.execute("SELECT user, n, rx, begun, errs FROM everwire WHERE cid = ?", (cid,)).fetchone()
        if row is None:
            return None
        user, n, rx, begun, errs = row
        return Record(user, n, rx, begun, [(seq, code) for seq, code in json.loads(errs)])

    def attach(self, cid: str, owner: str, record: Record) -> None:
        with self.db:
            self.db.execute(
                "INSERT INTO everwire VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (cid) DO UPDATE SET"
                " user = excluded.user, n = excluded.n, owner = excluded.owner, seen_ms = excluded.seen_ms",
                (cid, record.user, record.n, owner, record.rx, record.begun, to_json(record.errs), _wall_ms()),
            )

    def advance(self, cid: str, owner: str, rx: int, errs: list[tuple[int, str]]) -> None:
        with self.db:
            self._update(cid, owner, "rx = ?, errs = ?", rx, to_json(errs))

    def begin(self, cid: str, owner: str, seq: int) -> None:
        with self.db:
            self._update(cid, owner, "begun = ?", seq)

    def forget(self, cid: str) -> None:
        with self.db:
            self.db.execute("DELETE FROM everwire WHERE cid = ?", (cid,))

    @contextmanager
    def transaction(self, delivery: "Delivery") -> Iterator[None]:
        """Commits `rx` with what is written inside. An exception rolls both back.

        Do not await anything that waits inside: other handlers use the same connection.
        """
        with self.db:
            if delivery.seq is not None:
                at = " AND rx = ?", delivery.seq - 1
                self._update(delivery.cid, delivery.owner, "rx = ?", delivery.seq, at=at)
            yield

    def _update(self, cid: str, owner: str, change: str, *values: Any, at: tuple[str, Any] | None = None) -> None:
        where, more = (at[0], (at[1],)) if at else ("", ())
        changed = self.db.execute(
            f"UPDATE everwire SET {change}, seen_ms = ? WHERE cid = ? AND owner = ?{where}",
            (*values, _wall_ms(), cid, owner, *more),
        )
        if changed.rowcount != 1:
            raise Fenced(cid)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


# Sessions: outputs and configuration.


@dataclass(frozen=True, slots=True)
class Write:
    """Write this text frame."""

    socket: Hashable
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Close:
    """Close the socket. Nothing that it says afterwards counts."""

    socket: Hashable
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Answer with `authenticated` or `refused`."""

    socket: Hashable
    token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Load:
    """Answer with `loaded` or `load_failed`."""

    cid: str


@dataclass(frozen=True, slots=True)
class Attach:
    """Store.attach."""

    cid: str
    record: Record


@dataclass(frozen=True, slots=True)
class Advance:
    """Store.advance."""

    cid: str
    rx: int
    errs: list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Begin:
    """Store.begin."""

    cid: str
    seq: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Store.forget."""

    cid: str


@dataclass(frozen=True, slots=True)
class Handle:
    """Let the application handle a message, and say with `handled` how that ended."""

    cid: str
    user: str
    message: Message


@dataclass(frozen=True, slots=True)
class Resync:
    """The client of this `cid` missed messages: the application may send a snapshot."""

    cid: str
    user: str
    reason: str


@dataclass(frozen=True, slots=True)
class Joined:
    """The user has a first session."""

    user: str


@dataclass(frozen=True, slots=True)
class Left:
    """The user's last session ended."""

    user: str


Output = Write | Close | Authenticate | Load | Attach | Advance | Begin | Forget | Handle | Resync | Joined | Left


@dataclass(frozen=True, slots=True)
class Config:
    """The terms of a server. Defaults are the protocol's."""

    ping_ms: int = 25_000
    timeout_ms: int = 10_000
    ttl_ms: int = 120_000
    """How long a session outlives its socket."""
    max_frame: int = 1024 * 1024
    window: int = 256
    window_bytes: int = 128 * 1024
    rate: int | None = None
    """Application messages a second."""
    burst: int | None = None
    """Application messages at once. Not below the window, so that a replay fits."""
    sessions_per_user: int = 16
    cids_per_user: int = 64
    ring_messages: int = 1_000
    ring_bytes: int = 1024 * 1024
    rings_bytes: int = 256 * 1024 * 1024
    salt: str = "everwire.v1"
    """Makes the users' fingerprints this server's own. It must not change between restarts."""

    def __post_init__(self) -> None:
        for name, bounds in [
            ("ping_ms", (5_000, 120_000)),
            ("timeout_ms", (2_000, 60_000)),
            ("max_frame", MAX_FRAME),
            ("window", WINDOW),
            ("window_bytes", WINDOW_BYTES),
        ]:
            if clamp(getattr(self, name), bounds) != getattr(self, name):
                raise ValueError(f"{name} must lie within {bounds[0]} and {bounds[1]}")
        if (self.rate is None) != (self.burst is None):
            raise ValueError("rate and burst belong together")


@dataclass(frozen=True, slots=True)
class Ok:
    """The handler did what the message asked."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not: `handler` and `timeout` are the protocol's codes, any other word is the application's."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Another process owns the stream."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a message reached: 0 sessions means that nobody will get it."""

    sessions: int
    attached: int


# Sessions: state.


@dataclass(slots=True)
class Entry:
    """A message in a ring, or a hole where messages were dropped."""

    first: int
    last: int
    body: str | None
    size: int
    reason: str = ""

    @property
    def is_hole(self) -> bool:
        return self.body is None


class Session:
    """The stream to a client: what it has not acked, on its way from `waiting` to `written`."""

    def __init__(self, sid: str, key: str, opening: Open) -> None:
        self.sid = sid
        self.key = key
        self.pending_key: str | None = None
        self.sent = 0
        """The highest seq that was given."""
        self.top = 0
        """The highest seq that was ever written."""
        self.acked = 0
        self.written: deque[Entry] = deque()
        self.waiting: deque[Entry] = deque()
        self.bytes = 0
        self.written_bytes = 0
        self.listen(opening)

    def listen(self, opening: Open) -> None:
        """A socket attached: what it takes, and what has to be written again."""
        self.window = clamp(opening.window, WINDOW)
        self.window_bytes = clamp(opening.window_bytes, WINDOW_BYTES)
        self.max_frame = clamp(opening.max_frame, MAX_FRAME)
        self.waiting.extendleft(reversed(self.written))
        self.written.clear()
        self.written_bytes = 0

    def fits_key(self, key: str) -> bool:
        """In constant time. The successor's first use ends its predecessor."""
        given = key.encode()
        is_current = hmac.compare_digest(given, self.key.encode())
        is_pending = hmac.compare_digest(given, (self.pending_key or "").encode()) and self.pending_key is not None
        if is_pending:
            self.key = str(self.pending_key)
        return is_current or is_pending

    def append(self, body: str, config: Config) -> bool:
        """Takes a message, and says whether it left a new hole because the client is too slow."""
        self.sent += 1
        size = len(body) + len(f',"seq":{self.sent},"ack":{NUMBER_MAX}}}')
        if size > self.max_frame:
            self._append_hole(self.sent, "too-large")
            return False
        messages = len(self.written) + len(self.waiting)
        if messages and (messages >= config.ring_messages or self.bytes + size > config.ring_bytes):
            return self._overflow()
        self.waiting.append(Entry(self.sent, self.sent, body, size))
        self.bytes += size
        return False

    def _overflow(self) -> bool:
        """Drops all that was never written. The message at hand is among it."""
        dropped = 0
        first = self.sent
        was_hole = False
        while self.waiting and self.waiting[-1].first > self.top:
            entry = self.waiting.pop()
            first, was_hole = entry.first, entry.reason == "slow"
            self.bytes -= entry.size
            dropped += 1
        self._append_hole(first, "slow")
        return not (was_hole and dropped == 1)

    def _append_hole(self, first: int, reason: str) -> None:
        last = self.waiting[-1] if self.waiting else None
        if last and last.is_hole and last.first > self.top:
            last.last = self.sent
        else:
            self.waiting.append(Entry(first, self.sent, None, 0, reason))

    def has_room(self) -> bool:
        if not self.waiting or not self.written:
            return bool(self.waiting)
        fits = self.written_bytes + self.waiting[0].size <= self.window_bytes
        return fits and len(self.written) < self.window

    def take(self) -> Entry:
        """The next to write. Only while there is room."""
        entry = self.waiting.popleft()
        self.written.append(entry)
        self.written_bytes += entry.size
        self.top = max(self.top, entry.last)
        return entry

    def is_idle(self, size: int) -> bool:
        """Whether a volatile message of this size may go now."""
        fits = not self.written or self.written_bytes + size <= self.window_bytes
        return not self.waiting and fits and len(self.written) < self.window and size <= self.max_frame

    def ack(self, seq: int) -> None:
        while self.written and self.written[0].last <= seq:
            entry = self.written.popleft()
            self.written_bytes -= entry.size
            self.bytes -= entry.size
        # What it had from an earlier socket and was not written again yet.
        while not self.written and self.waiting and self.waiting[0].last <= seq:
            self.bytes -= self.waiting.popleft().size
        self.acked = max(self.acked, seq)


class Bucket:
    """Tokens for application messages."""

    def __init__(self, rate: int, burst: int, now: int) -> None:
        self.rate, self.burst = rate, burst
        self.tokens, self.at = float(burst), now

    def take(self, count: int, now: int) -> int:
        """0 if they are taken, else how long to stay away."""
        self.tokens = min(float(self.burst), self.tokens + (now - self.at) * self.rate / 1_000)
        self.at = now
        if count <= self.tokens:
            self.tokens -= count
            return 0
        return max(1, math.ceil((min(count, self.burst) - self.tokens) * 1_000 / self.rate))


class Socket:
    """A socket from its opening to its end."""

    def __init__(self, name: Hashable, now: int) -> None:
        self.name = name
        self.opened_at = now
        self.opening: Open | None = None
        self.user = ""
        self.exp_ms: int | None = None
        self.stream: Stream | None = None
        self.expires_at: int | None = None
        self.authenticates = False
        self.heard_at = now
        self.wrote_at = now
        self.staged: deque[tuple[str, bool]] = deque()
        """Messages up to their last brace, and whether they are an application's."""
        self.tx = 0
        """The highest seq written here."""
        self.acked = 0
        self.ack_at: int | None = None
        self.armed: int | None = None

    def deadline(self, config: Config) -> int | None:
        if self.stream is None:
            return self.opened_at + OPEN_MS
        dead_at = self.heard_at + config.ping_ms + config.timeout_ms
        deadlines = [self.wrote_at + config.ping_ms, dead_at, self.ack_at, self.expires_at]
        return min(deadline for deadline in deadlines if deadline is not None)


class Stream:
    """The stream from a client: its record, what waits to be handled, its session and its socket."""

    def __init__(self, cid: str, user: str, record: Record, config: Config, now: int) -> None:
        self.cid = cid
        self.user = user
        self.record = record
        self.got = record.rx
        self.prior_n = record.n
        self.maybe = record.begun if record.rx is not None and record.begun > record.rx else None
        self.queue: deque[tuple[Message | Skip, int]] = deque()
        self.queue_bytes = 0
        self.running: Message | None = None
        self.socket: Socket | None = None
        self.session: Session | None = None
        self.ended: tuple[str, str] | None = None
        """The session before, and why it is gone."""
        self.detached_at = now
        self.bucket = Bucket(config.rate, config.burst, now) if config.rate and config.burst else None
        self.armed: int | None = None

    @property
    def is_idle(self) -> bool:
        return self.socket is None and self.running is None and not self.queue

    def deadline(self, config: Config) -> int | None:
        if self.socket is not None:
            return None
        return self.detached_at + (config.ttl_ms if self.session else RECORD_MS)

    def keep_err(self, seq: int, code: str) -> None:
        self.record.errs.append((seq, code))

    def errs(self) -> list[tuple[int, str]]:
        """Those among the last seqs."""
        least = (self.record.rx or 0) - ERRS_KEPT
        self.record.errs = [(seq, code) for seq, code in self.record.errs if seq > least]
        return list(self.record.errs)


class Sessions:
    """All sessions of one process. Pure: inputs and time go in, outputs come out.

    After every input or command take the outputs with `poll_output` until there is none, and carry them out in this order; call
    `timeout` when the time of `poll_timeout` has come. `atomic` and `owner` are the store's terms: `owner` is random for each process and
    names its memory, the protocol's `epoch`. `new_secret(bytes)` gives random hexadecimal digits.
    """

    def __init__(self, config: Config, atomic: bool, owner: str, new_secret: Callable[[int], str]) -> None:
        self.config = config
        self.atomic = atomic
        self.owner = owner
        self.new_secret = new_secret
        self.sockets: dict[Hashable, Socket] = {}
        self.streams: dict[str, Stream] = {}
        self.users: dict[str, dict[str, Stream]] = {}
        self.loading: dict[str, list[Socket]] = {}
        self.rings_bytes = 0
        self.outputs: deque[Output] = deque()
        self.dirty: dict[Hashable, Socket] = {}
        self.timers: list[tuple[int, int, Socket | Stream]] = []
        self.armings = 0

    # Outputs.

    def poll_output(self) -> Output | None:
        if self.outputs:
            return self.outputs.popleft()
        while self.dirty:
            socket = next(iter(self.dirty.values()))
            if socket.staged:
                return Write(socket.name, self._next_frame(socket))
            del self.dirty[socket.name]
        return None

    def poll_timeout(self) -> int | None:
        return self.timers[0][0] if self.timers else None

    def timeout(self, now: int) -> None:
        while self.timers and self.timers[0][0] <= now:
            at, _, timed = heapq.heappop(self.timers)
            if timed.armed != at:
                continue
            timed.armed = None
            if isinstance(timed, Socket):
                self._socket_timeout(now, timed)
            else:
                self._stream_timeout(now, timed)
            self._arm(timed)

    # Inputs.

    def opened(self, now: int, name: Hashable) -> None:
        socket = Socket(name, now)
        self.sockets[name] = socket
        self._arm(socket)

    def frame(self, now: int, name: Hashable, text: str) -> None:
        socket = self.sockets.get(name)
        if socket is None:
            return
        socket.heard_at = now
        if size_of(text) > (self.config.max_frame if socket.stream else OPEN_BYTES):
            self._close(now, socket, 1009 if socket.stream else 4400, "too-large")
            return
        try:
            parts = read_frame(text)
        except FrameError as error:
            self._close(now, socket, 4400, str(error))
            return
        if socket.stream is None:
            self._first_frame(now, socket, parts)
        elif self._is_within_rate(now, socket, parts):
            self._take_parts(now, socket, parts, size_of(text) // len(parts))

    def binary(self, now: int, name: Hashable) -> None:
        if socket := self.sockets.get(name):
            self._close(now, socket, 1003, "text-only")

    def closed(self, now: int, name: Hashable) -> None:
        if socket := self.sockets.pop(name, None):
            self._detach(now, socket)

    def authenticated(self, now: int, name: Hashable, user: str, exp_ms: int | None = None) -> None:
        """The token is the user's, and lives for so long."""
        socket = self.sockets.get(name)
        if socket is None or not socket.authenticates:
            return
        socket.authenticates = False
        exp_ms = None if exp_ms is None else clamp(exp_ms, EXPIRY_MS)
        if socket.stream is not None:
            self._renew(now, socket, user, exp_ms)
            return
        socket.user, socket.exp_ms = user, exp_ms
        self._find_stream(now, socket)

    def refused(self, now: int, name: Hashable, code: Literal[4401, 4403, 1013] = 4401) -> None:
        """The token is bad (4401), or its user may not come in (4403), or nobody can tell now (1013)."""
        socket = self.sockets.get(name)
        if socket is None or not socket.authenticates:
            return
        socket.authenticates = False
        word = {4401: "unauthorized", 4403: "forbidden", 1013: "unavailable"}[code]
        if socket.stream is None or code == 4403:
            self._close(now, socket, code, word)
        else:
            self._say(now, socket, "$auth", {"ok": False, "code": word})

    def loaded(self, now: int, cid: str, record: Record | None) -> None:
        for socket in self.loading.pop(cid, []):
            if socket.name in self.sockets:
                self._attach(now, socket, record)

    def load_failed(self, now: int, cid: str) -> None:
        for socket in self.loading.pop(cid, []):
            if socket.name in self.sockets:
                self._close(now, socket, 1013, "unavailable")

    def handled(self, now: int, cid: str, seq: int | None, result: Ok | Failed | Lost) -> None:
        stream = self.streams.get(cid)
        if stream is None or stream.running is None or stream.running.seq != seq:
            return
        stream.running = None
        if isinstance(result, Lost):
            self.lose(now, cid)
            return
        if seq is not None:
            self._settle(now, stream, seq, result)
        self._handle_next(now, stream)
        self._plan_ack(now, stream)

    def lose(self, now: int, cid: str) -> None:
        """The store failed or is another process's: nothing that this process knows of the stream holds any longer."""
        stream = self.streams.pop(cid, None)
        if stream is None:
            return
        if socket := stream.socket:
            # An ack that is on its way may stand for what was not stored.
            socket.staged.clear()
            self.outputs = deque(o for o in self.outputs if getattr(o, "socket", None) != socket.name)
            self._close(now, socket, 4410, "")
        self.outputs = deque(o for o in self.outputs if getattr(o, "cid", None) != cid)
        self._end_session(stream, "unknown")
        self._drop_from_user(stream)

    # Commands.

    def send_to_user(self, now: int, user: str, kind: str, data: Any) -> Reach:
        """To every session of the user. A ValueError if it is no type of an application, or no JSON."""
        body = body_of(kind, data)
        streams = [stream for stream in self.users.get(user, {}).values() if stream.session]
        for stream in streams:
            self._append(now, stream, body)
        return Reach(len(streams), sum(stream.socket is not None for stream in streams))

    def send_to_client(self, now: int, cid: str, kind: str, data: Any, re: int | None = None) -> Reach:
        """To one client; `re` makes it the answer to a request."""
        body = body_of(kind, data) + ("" if re is None else f',"re":{re}')
        stream = self.streams.get(cid)
        if stream is None or stream.session is None:
            return Reach(0, 0)
        self._append(now, stream, body)
        return Reach(1, int(stream.socket is not None))

    def whisper(self, now: int, user: str, kind: str, data: Any) -> None:
        """A volatile message to those of the user's clients who are there and read fast enough."""
        body = body_of(kind, data)
        for stream in self.users.get(user, {}).values():
            if stream.socket and stream.session and stream.session.is_idle(len(body) + 1):
                self._stage(stream.socket, body, True)

    def revoke(self, now: int, user: str) -> None:
        """Closes the user's sockets and deletes their sessions."""
        for stream in list(self.users.get(user, {}).values()):
            if stream.socket:
                self._close(now, stream.socket, 4403, "revoked")
            self._end_session(stream, "unknown")
            self._arm(stream)

    def ask_token(self, now: int, user: str, in_ms: int) -> None:
        for socket in self._sockets_of(user):
            self._say(now, socket, "$auth", {"need": True, "in_ms": in_ms})

    def drain(self, now: int, after_ms: int, spread_ms: int) -> None:
        """Asks all clients to leave at a random moment within `spread_ms` after `after_ms`."""
        data = {"after_ms": clamp(after_ms, (0, DRAIN_MS)), "spread_ms": clamp(spread_ms, (0, DRAIN_MS))}
        for socket in self.sockets.values():
            if socket.stream:
                self._say(now, socket, "$drain", data)

    # Opening.

    def _first_frame(self, now: int, socket: Socket, parts: list[Part]) -> None:
        opening = parts[0]
        if socket.opening is not None or not isinstance(opening, Open):
            self._close(now, socket, 4400, "not an $open")
            return
        socket.opening = opening
        socket.authenticates = True
        self.outputs.append(Authenticate(socket.name, opening.token))

    def _find_stream(self, now: int, socket: Socket) -> None:
        cid = _opening(socket).cid
        if cid in self.streams:
            self._attach(now, socket, None)
        elif cid in self.loading:
            self.loading[cid].append(socket)
        else:
            self.loading[cid] = [socket]
            self.outputs.append(Load(cid))

    def _attach(self, now: int, socket: Socket, record: Record | None) -> None:
        opening = _opening(socket)
        known = self.streams.get(opening.cid)
        record = known.record if known else record
        user = self._fingerprint(socket.user)
        if record and record.user != user:
            self._close(now, socket, 4409, "user")
        elif record and opening.n <= record.n:
            self._close(now, socket, 4409, to_json({"n": record.n}))
        elif not self._make_room(now, socket.user, known):
            self._close(now, socket, 4429, "")
        else:
            record = record or Record(user, 0, _rx_without_record(opening))
            self._join(now, socket, known or self._new_stream(now, socket, record))

    def _new_stream(self, now: int, socket: Socket, record: Record) -> Stream:
        stream = Stream(_opening(socket).cid, socket.user, record, self.config, now)
        self.streams[stream.cid] = stream
        self.users.setdefault(stream.user, {})[stream.cid] = stream
        return stream

    def _join(self, now: int, socket: Socket, stream: Stream) -> None:
        opening = _opening(socket)
        if stream.socket:
            self._close(now, stream.socket, 4409, "superseded")
        stream.prior_n, stream.record.n = stream.record.n, opening.n
        self.outputs.append(Attach(stream.cid, _copy(stream)))
        reason = self._refusal(stream, opening.resume) if opening.resume else None
        is_resumed = opening.resume is not None and reason is None
        self._open_session(stream, opening, is_resumed)
        stream.socket, socket.stream = socket, stream
        if socket.exp_ms is not None:
            socket.expires_at = now + socket.exp_ms + EXPIRY_GRACE_MS
        socket.acked = stream.record.rx or 0
        self._say(now, socket, "$session", self._session_data(socket, stream, is_resumed, reason))
        # It stands alone in its frame.
        self._flush_staged(socket)
        if reason:
            self.outputs.append(Resync(stream.cid, stream.user, reason))
        self._write_waiting(now, stream)
        self._arm(socket)

    def _refusal(self, stream: Stream, resume: Resume) -> str | None:
        session = stream.session
        if resume.epoch != self.owner:
            return "epoch"
        if session is None or session.sid != resume.sid:
            return stream.ended[1] if stream.ended and stream.ended[0] == resume.sid else "unknown"
        if not session.fits_key(resume.key):
            return "key"
        return None if session.acked <= resume.rx <= session.top else "gap"

    def _open_session(self, stream: Stream, opening: Open, is_resumed: bool) -> None:
        if is_resumed and stream.session and opening.resume:
            stream.session.listen(opening)
            self._ack_session(stream.session, opening.resume.rx)
            stream.session.pending_key = self.new_secret(32)
            return
        was_first = not self._sessions_of(stream.user)
        self._drop_session(stream)
        stream.session = Session(self.new_secret(16), self.new_secret(32), opening)
        if was_first:
            self.outputs.append(Joined(stream.user))

    def _session_data(self, socket: Socket, stream: Stream, is_resumed: bool, reason: str | None) -> dict:
        session, config = _session(stream), self.config
        data: dict[str, Any] = {
            "sid": session.sid,
            "key": session.pending_key or session.key,
            "epoch": self.owner,
            "user": stream.record.user,
            "resumed": is_resumed,
            "got": stream.got or 0,
            "rx": stream.record.rx,
            "from": session.acked + 1,
            "ping_ms": config.ping_ms,
            "timeout_ms": config.timeout_ms,
            "ttl_ms": config.ttl_ms,
            "max_frame": config.max_frame,
            "window": config.window,
            "window_bytes": config.window_bytes,
        }
        optional = {
            "reason": reason,
            "errs": stream.errs() or None,
            "maybe": stream.maybe,
            "prior": stream.prior_n or None,
            "rate": config.rate,
            "burst": config.burst,
            "exp_ms": socket.exp_ms,
        }
        return data | {name: value for name, value in optional.items() if value is not None}

    def _fingerprint(self, user: str) -> str:
        return hashlib.sha256(f"{self.config.salt}\0{user}".encode()).hexdigest()[:32]

    # From the client.

    def _is_within_rate(self, now: int, socket: Socket, parts: list[Part]) -> bool:
        count = sum(isinstance(part, Message) for part in parts)
        bucket = socket.stream.bucket if socket.stream else None
        wait_ms = bucket.take(count, now) if bucket and count else 0
        if wait_ms:
            self._close(now, socket, 4429, to_json({"retry_after_ms": wait_ms}))
        return not wait_ms

    def _take_parts(self, now: int, socket: Socket, parts: list[Part], size: int) -> None:
        for part in parts:
            if self.sockets.get(socket.name) is not socket or socket.stream is None:
                return
            self._take_part(now, socket, socket.stream, part, size)

    def _take_part(self, now: int, socket: Socket, stream: Stream, part: Part, size: int) -> None:
        ack = getattr(part, "ack", None)
        if ack is not None and not self._take_ack(now, socket, stream, ack):
            return
        match part:
            case Message() | Skip():
                self._accept(now, socket, stream, part, size)
            case Beat():
                self._take_beat(now, socket, stream, part)
            case Token():
                self._take_token(now, socket, part)
            case Bye():
                self._end_session(stream, "unknown")
                self._close(now, socket, 1000, "")
            case Open():
                self._close(now, socket, 4400, "a second $open")
            case Ack() | Unknown():
                pass

    def _take_ack(self, now: int, socket: Socket, stream: Stream, ack: int) -> bool:
        session = _session(stream)
        if ack > session.top:
            self._close(now, socket, 4400, "an ack above what was sent")
            return False
        self._ack_session(session, ack)
        self._write_waiting(now, stream)
        return True

    def _accept(self, now: int, socket: Socket, stream: Stream, part: Message | Skip, size: int) -> None:
        has_room = len(stream.queue) < WAITING_MESSAGES and stream.queue_bytes < WAITING_BYTES
        if part.seq is None:
            if has_room:
                self._enqueue(now, stream, part, size)
            return
        if stream.got is None:
            # The first since the client was told that its record is lost. Another one than it holds first: that was lost.
            if part.seq != _opening(socket).tx0:
                self._close(now, socket, 4410, "")
                return
            stream.got = stream.record.rx = part.seq - 1
            self._advance(stream)
        if part.seq > stream.got + 1:
            self._close(now, socket, 4410, "")
        elif part.seq == stream.got + 1 and not has_room:
            self._close(now, socket, 4400, "more than the window holds")
        elif part.seq == stream.got + 1:
            stream.got = part.seq
            self._enqueue(now, stream, part, size)

    def _enqueue(self, now: int, stream: Stream, part: Message | Skip, size: int) -> None:
        stream.queue.append((part, size))
        stream.queue_bytes += size
        if stream.running is None:
            self._handle_next(now, stream)
            self._plan_ack(now, stream)

    def _handle_next(self, now: int, stream: Stream) -> None:
        """One at a time. What is skipped is consumed on the way."""
        has_skipped = False
        while stream.queue and stream.running is None:
            part, size = stream.queue.popleft()
            stream.queue_bytes -= size
            if isinstance(part, Skip):
                has_skipped = True
                self._move_rx(stream, part.seq)
                continue
            stream.running = part
        if has_skipped:
            self._advance(stream)
        if stream.running is None:
            self._arm(stream)
            return
        if stream.running.seq is not None and not self.atomic:
            stream.record.begun = stream.running.seq
            self.outputs.append(Begin(stream.cid, stream.running.seq))
        self.outputs.append(Handle(stream.cid, stream.user, stream.running))

    def _settle(self, now: int, stream: Stream, seq: int, result: Ok | Failed) -> None:
        self._move_rx(stream, seq)
        if isinstance(result, Failed):
            stream.keep_err(seq, result.code)
        if isinstance(result, Failed) or not self.atomic:
            self._advance(stream)
        if isinstance(result, Failed) and stream.socket:
            data = {"seq": seq, "code": result.code, "message": result.message}
            self._say(now, stream.socket, "$err", data)

    def _move_rx(self, stream: Stream, seq: int) -> None:
        stream.record.rx = seq
        if stream.maybe is not None and seq >= stream.maybe:
            stream.maybe = None

    def _advance(self, stream: Stream) -> None:
        self.outputs.append(Advance(stream.cid, stream.record.rx or 0, stream.errs()))

    def _plan_ack(self, now: int, stream: Stream) -> None:
        socket, rx = stream.socket, stream.record.rx
        if socket is None or rx is None or rx <= socket.acked:
            return
        if rx - socket.acked >= ACK_MESSAGES:
            self._write_ack(now, socket, rx)
        elif socket.ack_at is None:
            socket.ack_at = now + ACK_MS
            self._arm(socket)

    def _write_ack(self, now: int, socket: Socket, rx: int) -> None:
        self._mark_acked(socket, rx)
        self._say(now, socket, "$ack", {"ack": rx})

    def _mark_acked(self, socket: Socket, rx: int) -> None:
        socket.acked = max(socket.acked, rx)
        socket.ack_at = None

    def _take_beat(self, now: int, socket: Socket, stream: Stream, beat: Beat) -> None:
        # Where the record is lost nothing is known to be missing.
        if beat.tx is not None and stream.got is not None and beat.tx > stream.got:
            self._close(now, socket, 4410, "")
        elif beat.type == "$ping":
            self._say_beat(now, socket, stream, "$pong", beat.t)

    def _say_beat(self, now: int, socket: Socket, stream: Stream, kind: str, t: int) -> None:
        rx = stream.record.rx or 0
        self._mark_acked(socket, rx)
        self._say(now, socket, kind, {"t": t, "ack": rx, "tx": socket.tx})

    def _take_token(self, now: int, socket: Socket, part: Token) -> None:
        if socket.authenticates:
            self._say(now, socket, "$auth", {"ok": False, "code": "busy"})
            return
        socket.authenticates = True
        self.outputs.append(Authenticate(socket.name, part.token))

    def _renew(self, now: int, socket: Socket, user: str, exp_ms: int | None) -> None:
        if user != socket.user:
            self._close(now, socket, 4403, "another-user")
            return
        socket.expires_at = None if exp_ms is None else now + exp_ms + EXPIRY_GRACE_MS
        self._say(now, socket, "$auth", {"ok": True} | ({} if exp_ms is None else {"exp_ms": exp_ms}))
        self._arm(socket)

    # To the client.

    def _append(self, now: int, stream: Stream, body: str) -> None:
        session = _session(stream)
        before = session.bytes
        left_hole = session.append(body, self.config)
        self.rings_bytes += session.bytes - before
        if left_hole:
            self.outputs.append(Resync(stream.cid, stream.user, "slow"))
        self._write_waiting(now, stream)
        self._bound_rings()

    def _ack_session(self, session: Session, seq: int) -> None:
        before = session.bytes
        session.ack(seq)
        self.rings_bytes += session.bytes - before

    def _write_waiting(self, now: int, stream: Stream) -> None:
        session, socket = stream.session, stream.socket
        if session is None or socket is None:
            return
        while session.has_room():
            entry = session.take()
            socket.tx = max(socket.tx, entry.last)
            if entry.body is None:
                self._say(now, socket, "$resync", {"next": entry.last + 1, "reason": entry.reason})
            else:
                socket.wrote_at = now
                self._stage(socket, f'{entry.body},"seq":{entry.first}', True)

    def _say(self, now: int, socket: Socket, kind: str, data: dict) -> None:
        """A message of the protocol."""
        if kind in PROVES_ORDER:
            socket.wrote_at = now
        self._stage(socket, f'{{"type":"{kind}","data":{to_json(data)}', False)

    def _stage(self, socket: Socket, text: str, is_applications: bool) -> None:
        socket.staged.append((text, is_applications))
        self.dirty[socket.name] = socket

    def _next_frame(self, socket: Socket) -> str:
        """As many of the staged messages as a frame may hold."""
        texts = [socket.staged.popleft()]
        ack_size = len(f',"ack":{NUMBER_MAX}')
        size = len(texts[0][0]) + ack_size + 3
        while socket.staged and len(texts) < BATCH_MESSAGES:
            size += len(socket.staged[0][0]) + 2
            if size > BATCH_BYTES:
                break
            texts.append(socket.staged.popleft())
        frame = ",".join(text + "}" for text, _ in texts)
        rx = socket.stream.record.rx if socket.stream else None
        # Only behind all that is staged: an $err goes before the ack that covers it.
        if texts[-1][1] and not socket.staged and rx is not None and rx > socket.acked:
            self._mark_acked(socket, rx)
            frame = f'{frame[:-1]},"ack":{rx}}}'
        return frame if len(texts) == 1 else f"[{frame}]"

    def _flush_staged(self, socket: Socket) -> None:
        while socket.staged:
            self.outputs.append(Write(socket.name, self._next_frame(socket)))

    # The end of sockets, sessions and streams.

    def _close(self, now: int, socket: Socket, code: int, reason: str) -> None:
        self._flush_staged(socket)
        self.sockets.pop(socket.name, None)
        self.dirty.pop(socket.name, None)
        self.outputs.append(Close(socket.name, code, reason))
        self._detach(now, socket)

    def _detach(self, now: int, socket: Socket) -> None:
        socket.armed = None
        self.dirty.pop(socket.name, None)
        stream = socket.stream
        if stream is None or stream.socket is not socket:
            return
        stream.socket = None
        stream.detached_at = now
        self._arm(stream)

    def _end_session(self, stream: Stream, reason: str) -> None:
        """Why it ended is told to a client that wants to go on with it."""
        if stream.session is None:
            return
        self._drop_session(stream, reason)
        if not self._sessions_of(stream.user):
            self.outputs.append(Left(stream.user))

    def _drop_session(self, stream: Stream, reason: str = "unknown") -> None:
        if stream.session:
            self.rings_bytes -= stream.session.bytes
            stream.ended = (stream.session.sid, reason)
            stream.session = None

    def _forget(self, stream: Stream) -> None:
        self._end_session(stream, "unknown")
        self.streams.pop(stream.cid, None)
        self._drop_from_user(stream)
        self.outputs.append(Forget(stream.cid))

    def _drop_from_user(self, stream: Stream) -> None:
        streams = self.users.get(stream.user, {})
        streams.pop(stream.cid, None)
        if not streams:
            self.users.pop(stream.user, None)

    # Bounds.

    def _make_room(self, now: int, user: str, known: Stream | None) -> bool:
        """For a session, and a stream if it is not known. Only the user's own and detached ones make way."""
        streams = self.users.get(user, {})
        if known is None and len(streams) >= self.config.cids_per_user:
            idle = [stream for stream in streams.values() if stream.is_idle]
            if not idle:
                return False
            self._forget(min(idle, key=lambda stream: stream.detached_at))
        sessions = self._sessions_of(user)
        if (known and known.session) or len(sessions) < self.config.sessions_per_user:
            return True
        detached = [stream for stream in sessions if stream.socket is None]
        if detached:
            self._end_session(min(detached, key=lambda stream: stream.detached_at), "unknown")
        return bool(detached)

    def _bound_rings(self) -> None:
        while self.rings_bytes > self.config.rings_bytes:
            detached = [s for s in self.streams.values() if s.session and s.socket is None]
            if not detached:
                return
            self._end_session(max(detached, key=lambda stream: _session(stream).bytes), "gap")

    def _sessions_of(self, user: str) -> list[Stream]:
        return [stream for stream in self.users.get(user, {}).values() if stream.session]

    def _sockets_of(self, user: str) -> list[Socket]:
        return [stream.socket for stream in self.users.get(user, {}).values() if stream.socket]

    # Time.

    def _arm(self, timed: Socket | Stream) -> None:
        """Sees to it that a timer fires at its next deadline, or before: then it is armed again."""
        at = timed.deadline(self.config)
        is_over = isinstance(timed, Socket) and self.sockets.get(timed.name) is not timed
        is_over = is_over or (isinstance(timed, Stream) and self.streams.get(timed.cid) is not timed)
        if at is None or is_over or (timed.armed is not None and timed.armed <= at):
            return
        timed.armed = at
        self.armings += 1
        heapq.heappush(self.timers, (at, self.armings, timed))

    def _socket_timeout(self, now: int, socket: Socket) -> None:
        if socket.stream is None:
            self._close(now, socket, 4408, "no $open")
        elif socket.expires_at is not None and now >= socket.expires_at:
            self._close(now, socket, 4401, "expired")
        elif now >= socket.heard_at + self.config.ping_ms + self.config.timeout_ms:
            self._close(now, socket, 4408, "silent")
        else:
            if socket.ack_at is not None and now >= socket.ack_at:
                self._write_ack(now, socket, socket.stream.record.rx or 0)
            if now >= socket.wrote_at + self.config.ping_ms:
                self._say_beat(now, socket, socket.stream, "$ping", now)

    def _stream_timeout(self, now: int, stream: Stream) -> None:
        if stream.socket is not None or self.streams.get(stream.cid) is not stream:
            return
        if stream.session and now >= stream.detached_at + self.config.ttl_ms:
            self._end_session(stream, "expired")
        if now < stream.detached_at + RECORD_MS:
            return
        if stream.is_idle:
            self._forget(stream)
        else:
            stream.detached_at = now


def _opening(socket: Socket) -> Open:
    assert socket.opening is not None, "an $open came before"
    return socket.opening


def _session(stream: Stream) -> Session:
    assert stream.session is not None, "a stream that is attached has a session"
    return stream.session


def _copy(stream: Stream) -> Record:
    record = stream.record
    return Record(record.user, record.n, record.rx, record.begun, stream.errs())


def _rx_without_record(opening: Open) -> int | None:
    if opening.tx == 0:
        return 0
    return opening.tx if opening.tx0 == opening.tx + 1 else None


# The driver: sockets, clock, store and handlers on asyncio.


@dataclass(frozen=True, slots=True)
class User:
    """Whom a token stands for, and for how long."""

    name: str
    exp_ms: int | None = None


class Unauthorized(Exception):
    """Raised by `authenticate`: the token is bad."""


class Forbidden(Exception):
    """Raised by `authenticate`: its user may not come in."""


class Refused(Exception):
    """Raised by a handler: the message is refused, and the sender is told why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message to handle. `seq` is None for a volatile one, `is_request` says that the answer is awaited."""

    cid: str
    owner: str
    user: str
    seq: int | None
    type: str
    data: Any
    is_request: bool


Reply = tuple[str, Any]
"""Type and data."""
Handler = Callable[[Delivery], Awaitable[Reply | None]]
Authenticator = Callable[[str | None], Awaitable[User]]

QUEUED_BYTES = 4 * 1024 * 1024
"""More than the largest window: a client that reads this slowly is one that sends and never reads."""


class WebSocketLike(Protocol):
    """What is used of Starlette's WebSocket."""

    async def accept(self, subprotocol: str | None = None) -> None: ...
    async def receive(self) -> Any: ...
    async def send_text(self, data: str) -> None: ...
    async def close(self, code: int = 1000, reason: str | None = None) -> None: ...


class Line:
    """A WebSocket and what is still to be written to it."""

    def __init__(self, websocket: WebSocketLike, authenticate: Authenticator) -> None:
        self.websocket = websocket
        self.authenticate = authenticate
        self.queue: deque[Write | Close] = deque()
        self.bytes = 0
        self.has_work = asyncio.Event()

    def put(self, output: Write | Close) -> None:
        self.queue.append(output)
        self.bytes += len(output.text) if isinstance(output, Write) else 0
        self.has_work.set()

    async def write(self) -> None:
        """Until the close, or until the socket is gone, which its reader notices."""
        while True:
            await self.has_work.wait()
            self.has_work.clear()
            while self.queue:
                output = self.queue.popleft()
                if isinstance(output, Close):
                    await self.websocket.close(output.code, output.reason)
                    return
                await self.websocket.send_text(output.text)
                self.bytes -= len(output.text)


class Everwire:
    """Serves everwire.v1 to the WebSockets of one process.

    `on_resync(cid, user, reason)` is called where a client missed messages, and may send it a snapshot with `send_to_client`;
    `on_join(user)` and `on_leave(user)` when a user's first session begins and the last one ends.
    """

    def __init__(
        self,
        store: Store,
        handle: Handler,
        config: Config | None = None,
        *,
        on_resync: Callable[[str, str, str], None] | None = None,
        on_join: Callable[[str], None] | None = None,
        on_leave: Callable[[str], None] | None = None,
    ) -> None:
        self._store = store
        self._handler = handle
        self._sessions = Sessions(config or Config(), store.atomic, secrets.token_hex(16), secrets.token_hex)
        self._on_resync, self._on_join, self._on_leave = on_resync, on_join, on_leave
        self._lines: dict[Hashable, Line] = {}
        self._opened = 0
        self._tasks: set[asyncio.Task] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_draining = False

    async def serve(self, websocket: WebSocketLike, authenticate: Authenticator) -> None:
        """Accepts a WebSocket that offers `SUBPROTOCOL` and returns when it is closed."""
        if self._is_draining:
            await websocket.close()
            return
        await websocket.accept(subprotocol=SUBPROTOCOL)
        self._opened += 1
        name, line = self._opened, Line(websocket, authenticate)
        self._lines[name] = line
        writer = self._spawn(line.write())
        self._do(self._sessions.opened, name)
        try:
            await self._read(name, websocket)
        finally:
            del self._lines[name]
            writer.cancel()
            self._do(self._sessions.closed, name)

    def send_to_user(self, user: str, kind: str, data: Any) -> Reach:
        """To every session of the user, whether its client is there or away for a moment. Commit first, then send."""
        return self._do(self._sessions.send_to_user, user, kind, data)

    def broadcast(self, kind: str, data: Any) -> None:
        """To every session of every user."""
        for user in list(self._sessions.users):
            self._do(self._sessions.send_to_user, user, kind, data)

    def send_to_client(self, cid: str, kind: str, data: Any) -> Reach:
        """To one client of a user."""
        return self._do(self._sessions.send_to_client, cid, kind, data)

    def whisper(self, user: str, kind: str, data: Any) -> None:
        """A volatile message: lost on clients that are away or slow."""
        self._do(self._sessions.whisper, user, kind, data)

    def revoke(self, user: str) -> None:
        """Closes the user's sockets with 4403 and deletes the sessions."""
        self._do(self._sessions.revoke, user)

    def ask_token(self, user: str, in_ms: int) -> None:
        """Asks the user's clients for a fresh token."""
        self._do(self._sessions.ask_token, user, in_ms)

    async def drain(self, spread_ms: int = 5_000) -> None:
        """Asks all clients to leave within `spread_ms`, for another node, and returns when they have or had the time to.

        From now on no socket is accepted any more.
        """
        self._is_draining = True
        self._do(self._sessions.drain, 0, spread_ms)
        end = asyncio.get_running_loop().time() + spread_ms / 1_000 + 5
        while self._lines and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.1)

    def drain_on_sigterm(self, spread_ms: int = 2_000) -> None:
        """On SIGTERM, drains before the server stops. Call it when the application starts, in the server's main thread.

        uvicorn has its own handler by then, which closes all sockets with 1012 before the application hears of it: that one is
        called after the drain. A second SIGTERM does not wait, nor does Ctrl-C.
        """
        stop = signal.getsignal(signal.SIGTERM)
        if not callable(stop):
            # No server waits to be told.
            return
        loop = asyncio.get_running_loop()

        async def drain_and_stop() -> None:
            try:
                await self.drain(spread_ms)
            finally:
                stop(signal.SIGTERM, None)

        def on_signal(*arguments: Any) -> None:
            if self._is_draining:
                stop(*arguments)
                return
            self._is_draining = True
            loop.call_soon_threadsafe(lambda: self._spawn(drain_and_stop()))

        signal.signal(signal.SIGTERM, on_signal)

    async def _read(self, name: Hashable, websocket: WebSocketLike) -> None:
        while (event := await websocket.receive())["type"] == "websocket.receive":
            if (text := event.get("text")) is not None:
                self._do(self._sessions.frame, name, text)
            else:
                self._do(self._sessions.binary, name)

    def _do(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """An input or a command, and all that comes of it."""
        result = act(_now_ms(), *arguments)
        while output := self._sessions.poll_output():
            self._carry_out(output)
        self._arm()
        return result

    def _arm(self) -> None:
        at = self._sessions.poll_timeout()
        if self._timer:
            if at is not None and self._timer.when() == at / 1_000:
                return
            self._timer.cancel()
            self._timer = None
        if at is not None:
            self._timer = asyncio.get_running_loop().call_at(at / 1_000, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._do(self._sessions.timeout)

    def _carry_out(self, output: Output) -> None:
        match output:
            case Write() | Close():
                self._put(output)
            case Authenticate():
                self._spawn(self._authenticate(output))
            case Handle():
                self._spawn(self._handle(output))
            case Load():
                self._load(output.cid)
            case Attach() | Advance() | Begin() | Forget():
                self._keep(output)
            case Resync() if self._on_resync:
                self._on_resync(output.cid, output.user, output.reason)
            case Joined() if self._on_join:
                self._on_join(output.user)
            case Left() if self._on_leave:
                self._on_leave(output.user)

    def _put(self, output: Write | Close) -> None:
        line = self._lines.get(output.socket)
        if line is None:
            return
        if line.bytes > QUEUED_BYTES:
            line.queue.clear()
            line.put(Close(output.socket, 4410, "slow"))
            self._sessions.closed(_now_ms(), output.socket)
            return
        line.put(output)

    def _load(self, cid: str) -> None:
        try:
            record = self._store.load(cid)
        except Exception:
            log.exception("loading a record failed")
            self._sessions.load_failed(_now_ms(), cid)
        else:
            self._sessions.loaded(_now_ms(), cid, record)

    def _keep(self, output: Attach | Advance | Begin | Forget) -> None:
        owner = self._sessions.owner
        try:
            match output:
                case Attach():
                    self._store.attach(output.cid, owner, output.record)
                case Advance():
                    self._store.advance(output.cid, owner, output.rx, output.errs)
                case Begin():
                    self._store.begin(output.cid, owner, output.seq)
                case Forget():
                    self._store.forget(output.cid)
        except Exception:
            log.exception("storing a record failed")
            self._sessions.lose(_now_ms(), output.cid)

    async def _authenticate(self, output: Authenticate) -> None:
        line = self._lines.get(output.socket)
        if line is None:
            return
        try:
            user = await line.authenticate(output.token)
        except Unauthorized:
            self._do(self._sessions.refused, output.socket, 4401)
        except Forbidden:
            self._do(self._sessions.refused, output.socket, 4403)
        except Exception:
            log.exception("the authenticator failed")
            self._do(self._sessions.refused, output.socket, 1013)
        else:
            self._do(self._sessions.authenticated, output.socket, user.name, user.exp_ms)

    async def _handle(self, output: Handle) -> None:
        message = output.message
        delivery = Delivery(
            output.cid,
            self._sessions.owner,
            output.user,
            message.seq,
            message.type,
            message.data,
            message.id is not None,
        )
        result = await self._result(delivery)
        self._do(self._sessions.handled, output.cid, message.seq, result)

    async def _result(self, delivery: Delivery) -> Ok | Failed | Lost:
        try:
            reply = await self._handler(delivery)
            if reply is not None and delivery.is_request:
                self._do(self._sessions.send_to_client, delivery.cid, *reply, delivery.seq)
        except Refused as refusal:
            return Failed(refusal.code, refusal.message)
        except Fenced:
            return Lost()
        except TimeoutError:
            return Failed("timeout", "The handler took too long.")
        except Exception:
            log.exception("the handler of %r failed", delivery.type)
            return Failed("handler", "The handler failed.")
        return Ok()

    def _spawn(self, work: Any) -> asyncio.Task:
        """The loop holds its tasks weakly."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            # A writer whose socket is gone; its reader ends too.
            log.debug("a task ended: %r", error)


def _now_ms() -> int:
    return math.ceil(asyncio.get_running_loop().time() * 1_000)
