"""The bounds of `Sessions`, which are too large for the golden vectors to reach."""

import json
from itertools import count

import everwire
import pytest
from everwire import Config, Ok, Sessions, to_json

DAY_MS = 24 * 60 * 60_000


class World:
    """A server whose clients are all one user's, whose handlers end at once, and whose store is empty."""

    def __init__(self, **config: int) -> None:
        secrets = count()
        self.sessions = Sessions(Config(**config), True, "epoch", lambda size: f"{next(secrets):0{2 * size}x}")
        self.frames: dict[str, list[dict]] = {}
        self.closes: dict[str, int] = {}
        self.forgotten: list[str] = []
        self.resyncs: list[str] = []
        self.handles = True
        self.now = 0

    def attach(self, name: str, n: int = 1, resume: dict | None = None, tx0: int = 1, tx: int = 0) -> dict | None:
        """What `$session` says to a socket of the `cid` that is `name` up to its last letter."""
        data = {"v": 1, "cid": name[:-1], "n": n, "tx0": tx0, "tx": tx, "resume": resume}
        data |= {"max_frame": 1 << 24, "window": 16, "window_bytes": 1 << 20}
        self.sessions.opened(self.now, name)
        self.frame(name, {"type": "$open", "data": data})
        return next((m["data"] for m in self.frames.get(name, []) if m["type"] == "$session"), None)

    def frame(self, name: str, *messages: dict) -> None:
        self.sessions.frame(self.now, name, to_json(messages[0] if len(messages) == 1 else messages))
        self.settle()

    def closed(self, name: str) -> None:
        self.sessions.closed(self.now, name)
        self.settle()

    def send(self, data: object) -> everwire.Reach:
        reach = self.sessions.send_to_user(self.now, "ann", "m", data)
        self.settle()
        return reach

    def pass_time(self, ms: int) -> None:
        self.now += ms
        self.sessions.timeout(self.now)
        self.settle()

    def settle(self) -> None:
        while output := self.sessions.poll_output():
            match output:
                case everwire.Write():
                    value = json.loads(output.text)
                    self.frames.setdefault(output.socket, []).extend(value if isinstance(value, list) else [value])
                case everwire.Close():
                    self.closes[output.socket] = output.code
                case everwire.Authenticate():
                    self.sessions.authenticated(self.now, output.socket, "ann")
                case everwire.Load():
                    self.sessions.loaded(self.now, output.cid, None)
                case everwire.Handle() if self.handles:
                    self.sessions.handled(self.now, output.cid, output.message.seq, Ok())
                case everwire.Forget():
                    self.forgotten.append(output.cid)
                case everwire.Resync():
                    self.resyncs.append(output.reason)
                    self.sessions.send_to_client(self.now, output.cid, "snapshot", output.reason)
                case _:
                    pass


def resume(session: dict | None, rx: int = 0) -> dict:
    assert session
    return {name: session[name] for name in ("sid", "key", "epoch")} | {"rx": rx}


def resumed(session: dict | None) -> bool:
    return session is not None and session["resumed"]


def test_the_largest_ring_that_nobody_listens_to_goes_first() -> None:
    world = World(rings_bytes=100_000)
    small, large = world.attach("small1"), world.attach("large1")
    world.closed("large1")
    world.send("x" * 40_000)
    world.frame("small1", {"type": "$ack", "data": {"ack": 1}})
    world.send("x" * 40_000)
    assert world.send("x").sessions == 1, "the one before exceeded the bound"
    assert resumed(world.attach("small2", 2, resume(small, 1)))
    again = world.attach("large2", 2, resume(large))
    assert again
    assert (again["resumed"], again["reason"]) == (False, "gap")
    assert world.sessions.rings_bytes <= 100_000


def test_a_ring_is_bounded_in_bytes() -> None:
    world = World(ring_bytes=100_000)
    first = world.attach("a1")
    world.closed("a1")
    for _ in range(100):
        world.send("x" * 30_000)
    session = world.sessions.streams["a"].session
    assert session and session.bytes <= 100_000 and len(session.waiting) <= 5
    assert resumed(world.attach("a2", 2, resume(first)))
    resyncs = [message["data"] for message in world.frames["a2"] if message["type"] == "$resync"]
    assert resyncs and resyncs[-1]["reason"] == "slow"


def test_a_message_larger_than_the_ring_goes_alone() -> None:
    world = World(ring_bytes=100_000)
    world.attach("a1")
    world.send("x" * 200_000)
    assert world.frames["a1"][-1]["seq"] == 1


def test_a_snapshot_comes_before_what_follows() -> None:
    world = World()
    first = world.attach("a1")
    world.closed("a1")
    world.attach("a2", 2, resume(first, 9))
    world.send("next")
    assert [(m["data"], m["seq"]) for m in world.frames["a2"][1:]] == [("gap", 1), ("next", 2)]


def test_a_snapshot_cannot_make_a_slow_client_slower_for_ever() -> None:
    world = World(ring_messages=20)
    world.attach("a1")
    for number in range(1_000):
        world.send(number)
    assert len(world.resyncs) < 1_000 / 2
    session = world.sessions.streams["a"].session
    assert session and len(session.written) + len(session.waiting) <= 21


def test_a_user_has_so_many_cids() -> None:
    world = World(cids_per_user=3)
    for number, name in enumerate(["a1", "b1", "c1"]):
        world.attach(name)
        world.pass_time(number + 1)
        if name != "b1":
            world.closed(name)
    world.attach("d1")
    assert world.forgotten == ["a"], "b is attached, a was away for longer than c"
    world.attach("e1")
    world.attach("f1")
    assert (world.forgotten, world.closes) == (["a", "c"], {"f1": 4429}), "all others are attached"


def test_records_are_kept_for_a_day() -> None:
    world = World()
    world.attach("a1")
    world.frame("a1", {"type": "m", "data": 1, "seq": 1})
    world.closed("a1")
    world.pass_time(DAY_MS - 1)
    assert not world.forgotten
    world.pass_time(1)
    assert world.forgotten == ["a"]
    assert not world.sessions.streams and not world.sessions.users and not world.sessions.timers
    session = world.attach("a2", 2, tx0=1, tx=1)
    assert session and session["rx"] is None


def test_what_waits_for_a_handler_is_bounded() -> None:
    world = World()
    world.handles = False
    world.attach("a1")
    messages = [{"type": "m", "data": None, "seq": seq} for seq in range(1, 1_101)]
    for start in range(0, 1_100, 100):
        world.frame("a1", *messages[start : start + 100])
    assert world.closes == {"a1": 4400}
    assert len(world.sessions.streams["a"].queue) == everwire.WAITING_MESSAGES


def test_volatile_messages_without_room_are_dropped() -> None:
    world = World()
    world.handles = False
    world.attach("a1")
    for _ in range(20):
        world.frame("a1", *[{"type": "m", "data": None}] * 100)
    assert not world.closes
    assert len(world.sessions.streams["a"].queue) == everwire.WAITING_MESSAGES
    for number in range(20):
        world.send(number)
    world.sessions.whisper(world.now, "ann", "cursor", 1)
    world.settle()
    assert all(message["type"] != "cursor" for message in world.frames["a1"])


@pytest.mark.parametrize("config", [{"ping_ms": 1}, {"window": 2_000}, {"max_frame": 1}, {"rate": 5}])
def test_terms_out_of_bounds_are_refused(config: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        Config(**config)


def test_nothing_prints_a_secret() -> None:
    opening = everwire.Open("c", 1, "SECRET", 1, 0, 1, 1, 1, everwire.Resume("s", "SECRET", "e", 0))
    printed = [opening, everwire.Token("SECRET"), everwire.Authenticate(1, "SECRET"), everwire.Write(1, "SECRET")]
    assert "SECRET" not in repr(printed)
