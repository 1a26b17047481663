"""Runs the golden vectors of tests/vectors/ against `Sessions`. The format stands in the README there."""

import json
from collections import deque
from pathlib import Path
from typing import Any

import everwire
from everwire import Config, Failed, Ok, Record, Sessions, to_json

FOLDER = Path(__file__).parent / "../../tests/vectors"
SCENARIO_FILES = ["opening", "inbound", "outbound", "lifetime", "hostile"]


def scenarios() -> list[dict]:
    return [scenario for name in SCENARIO_FILES for scenario in load(name)["scenarios"]]


def load(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text())


def joined(text: str | list) -> str:
    return text if isinstance(text, str) else "".join(piece * times for piece, times in text)


class Names:
    """What `?name` stands for."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def filled(self, value: Any) -> Any:
        if isinstance(value, str) and value.startswith("?"):
            return self.values[value]
        if isinstance(value, dict):
            return {name: self.filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        return value

    def fits(self, wanted: Any, value: Any) -> bool:
        if wanted == "?":
            return True
        if not isinstance(wanted, str) or not wanted.startswith("?"):
            return to_json(wanted) == to_json(value)
        if wanted not in self.values:
            assert value not in self.values.values(), f"{wanted} is as another name"
            self.values[wanted] = value
        return self.values[wanted] == value


class World:
    """A server with its store, both driven by the steps of one scenario."""

    def __init__(self, options: dict) -> None:
        self.options = options
        self.now = 0
        self.processes = 0
        self.names = Names()
        self.store: dict[str, Record | str] = {}
        self.users: dict[str, str] = {}
        self.secrets = 0
        self.start()

    def start(self) -> None:
        terms = {
            name: self.options[name] for name in ("ping_ms", "timeout_ms", "rate", "burst") if name in self.options
        }
        self.processes += 1
        self.is_atomic = self.options.get("store", "atomic") == "atomic"
        self.sessions = Sessions(Config(**terms), self.is_atomic, f"epoch-{self.processes}", self.new_secret)
        self.tokens: dict[str, str | None] = {}
        self.cids: dict[str, str] = {}
        self.acked: dict[str, int] = {}
        self.untold: dict[str, set[int]] = {}
        self.is_open: dict[str, bool] = {}
        self.running: dict[str, int] = {}

    def new_secret(self, size: int) -> str:
        self.secrets += 1
        return f"{self.secrets:0{2 * size}x}"

    # Steps.

    def run(self, step: dict) -> None:
        items: list[dict] = []
        self.advance(step.get("at", self.now), items)
        returned = getattr(self, "do_" + step["do"].replace("-", "_"))(step)
        self.settle(items)
        self.compare(step.get("out", []), step.get("may", []), items)
        if "returns" in step:
            assert returned == step["returns"]
        for socket, ack in step.get("acked", {}).items():
            assert self.acked[socket] == ack, f"acked on {socket}: {self.acked[socket]}"
        for cid, wanted in step.get("stored", {}).items():
            self.compare_record(cid, wanted)

    def advance(self, at: int, items: list[dict]) -> None:
        while (due := self.sessions.poll_timeout()) is not None and due <= at:
            self.now = max(self.now, due)
            self.sessions.timeout(self.now)
            self.settle(items)
        self.now = at

    def do_wait(self, _: dict) -> None: ...

    def do_open(self, step: dict) -> None:
        self.is_open[step["socket"]] = True
        self.sessions.opened(self.now, step["socket"])

    def do_frame(self, step: dict) -> None:
        text = joined(step["text"]) if "text" in step else to_json(self.names.filled(step["json"]))
        if "json" in step and isinstance(step["json"], dict) and step["json"].get("type") == "$open":
            self.cids[step["socket"]] = step["json"]["data"]["cid"]
        self.sessions.frame(self.now, step["socket"], text)

    def do_binary(self, step: dict) -> None:
        self.sessions.binary(self.now, step["socket"])

    def do_closed(self, step: dict) -> None:
        self.sessions.closed(self.now, step["socket"])

    def do_answer(self, step: dict) -> None:
        if "auth" in step:
            self.authenticate(step["auth"])
        else:
            self.load(step["load"])

    def do_record(self, step: dict) -> None:
        self.store[step["cid"]] = self.record(step["record"])

    def do_restart(self, step: dict) -> None:
        self.store = {cid: self.record(record) for cid, record in step["records"].items()}
        self.start()

    def do_handled(self, step: dict) -> None:
        cid, seq, result = step["cid"], step["seq"] or None, step["result"]
        assert self.running.pop(cid) == step["seq"]
        record = self.store[cid]
        if result == "ok" and self.is_atomic and seq is not None:
            assert isinstance(record, Record) and record.rx == seq - 1, "the handler's transaction is fenced off"
            record.rx = seq
        outcomes = {"ok": Ok(), "failed": Failed("handler", ""), "timeout": Failed("timeout", "")}
        outcome = outcomes[result] if isinstance(result, str) else Failed(**result["refused"])
        self.sessions.handled(self.now, cid, seq, outcome)

    def do_reply(self, step: dict) -> None:
        self.sessions.send_to_client(self.now, step["cid"], step["type"], step["data"], step["re"])

    def do_send(self, step: dict) -> Any:
        data = "x" * step["size"] if "size" in step else step["data"]
        arguments = self.now, step["user"], step["type"], data
        if step.get("volatile"):
            return self.sessions.whisper(*arguments)
        try:
            reach = [self.sessions.send_to_user(*arguments) for _ in range(step.get("times", 1))][-1]
        except ValueError:
            return "refused"
        return {"sessions": reach.sessions, "attached": reach.attached}

    def do_revoke(self, step: dict) -> None:
        self.sessions.revoke(self.now, step["user"])

    def do_ask_token(self, step: dict) -> None:
        self.sessions.ask_token(self.now, step["user"], step["in_ms"])

    def do_drain(self, step: dict) -> None:
        self.sessions.drain(self.now, step["after_ms"], step["spread_ms"])

    # The world's answers.

    def authenticate(self, socket: str) -> None:
        token = self.tokens.pop(socket)
        worth = self.options.get("tokens", {}).get(token, {"user": token})
        if isinstance(worth, str):
            self.sessions.refused(self.now, socket, 4403 if worth == "forbidden" else 4401)
        else:
            self.sessions.authenticated(self.now, socket, worth["user"], worth.get("exp_ms"))

    def load(self, cid: str) -> None:
        record = self.store.get(cid)
        if isinstance(record, str):
            self.sessions.load_failed(self.now, cid)
        else:
            self.sessions.loaded(self.now, cid, record)

    def record(self, record: dict | str) -> Record | str:
        if isinstance(record, str):
            return record
        errs = [(seq, code) for seq, code in record.get("errs", [])]
        user = self.sessions._fingerprint(record["user"])
        return Record(user, record["n"], record["rx"], record.get("begun", 0), errs)

    # Outputs.

    def settle(self, items: list[dict]) -> None:
        while output := self.sessions.poll_output():
            items.extend(self.carried_out(output))

    def carried_out(self, output: everwire.Output) -> list[dict]:
        match output:
            case everwire.Write():
                return self.written(output.socket, output.text)
            case everwire.Close():
                assert self.is_open[output.socket], "closed twice"
                self.is_open[output.socket] = False
                return [{"close": output.socket, "code": output.code, "reason": output.reason}]
            case everwire.Authenticate():
                self.tokens[output.socket] = output.token
                if "auth" not in self.options.get("hold", []):
                    self.authenticate(output.socket)
            case everwire.Load():
                if "load" not in self.options.get("hold", []):
                    self.load(output.cid)
            case everwire.Attach():
                self.attached(output)
            case everwire.Advance():
                record = self.store[output.cid]
                assert isinstance(record, Record) and (record.rx or 0) <= output.rx, "rx goes back"
                new = {seq for seq, _ in output.errs} - {seq for seq, _ in record.errs}
                self.untold.setdefault(output.cid, set()).update(new)
                record.rx, record.errs = output.rx, output.errs
            case everwire.Begin():
                self.store[output.cid].begun = output.seq
            case everwire.Handle():
                return self.given(output)
            case everwire.Forget():
                self.store.pop(output.cid, None)
            case everwire.Resync() | everwire.Joined() | everwire.Left():
                pass
        return []

    def attached(self, output: everwire.Attach) -> None:
        known = self.store.setdefault(output.cid, output.record)
        known.n, known.user = output.record.n, output.record.user

    def given(self, output: everwire.Handle) -> list[dict]:
        cid, message = output.cid, output.message
        assert cid not in self.running, "two handlers run"
        self.running[cid] = message.seq or 0
        if not self.is_atomic and message.seq:
            assert self.store[cid].begun == message.seq, "handled before it was marked"
        seq = {"seq": message.seq} if message.seq else {}
        return [{"handle": cid, "type": message.type, "data": message.data} | seq]

    def written(self, socket: str, text: str) -> list[dict]:
        assert self.is_open[socket], "written behind the close"
        value = json.loads(text)
        messages = value if isinstance(value, list) else [value]
        if len(messages) > 1:
            assert len(messages) <= 256 and len(text.encode()) <= 65536
            assert all(message["type"] != "$session" for message in messages)
        assert (messages[0]["type"] == "$session") == (socket not in self.acked), "$session comes first"
        return [item for message in messages for item in self.opened_message(socket, message)]

    def opened_message(self, socket: str, message: dict) -> list[dict]:
        kind, data = message["type"], message["data"]
        if kind == "$session":
            self.acked[socket] = data["rx"] or 0
            self.untold.get(self.cids[socket], set()).difference_update(seq for seq, _ in data.get("errs", []))
            return [{"to": socket, "type": kind, "data": data}]
        if kind == "$err":
            self.untold.get(self.cids[socket], set()).discard(data["seq"])
        holder = data if kind in ("$ack", "$ping", "$pong", "$bye") else message
        self.note_ack(socket, holder.pop("ack", None))
        return [] if kind == "$ack" else [{"to": socket} | message]

    def note_ack(self, socket: str, ack: int | None) -> None:
        if ack is None:
            return
        cid = self.cids[socket]
        before, self.acked[socket] = self.acked[socket], ack
        assert before <= ack <= (self.store[cid].rx or 0), "an ack goes back or exceeds what is stored"
        untold = [seq for seq in self.untold.get(cid, set()) if before < seq <= ack]
        assert not untold, f"acked before the $err of {untold}"

    # Comparing.

    def compare(self, wanted: list[dict], allowed: list[dict], items: list[dict]) -> None:
        lanes = {lane(item): None for item in [*wanted, *items]}
        for name in lanes:
            rest = deque(item for item in wanted if lane(item) == name)
            for item in (item for item in items if lane(item) == name):
                if rest and self.fits(rest[0], item):
                    rest.popleft()
                else:
                    assert any(self.fits(one, item) for one in allowed), f"unexpected {item}, wanted {list(rest)[:1]}"
            assert not rest, f"missing {rest[0]}"

    def fits(self, wanted: dict, item: dict) -> bool:
        if "close" in wanted:
            return self.fits_close(wanted, item)
        if not str(wanted.get("type")).startswith("$"):
            return wanted.keys() == item.keys() and all(self.names.fits(wanted[name], item[name]) for name in wanted)
        if wanted["type"] != item.get("type"):
            return False
        return all(self.fits_field(value, item["data"].get(name)) for name, value in wanted["data"].items())

    def fits_field(self, wanted: Any, value: Any) -> bool:
        return (wanted == [] and value is None) or self.names.fits(wanted, value)

    def fits_close(self, wanted: dict, item: dict) -> bool:
        if "close" not in item:
            return False
        codes = wanted["code"] if isinstance(wanted["code"], list) else [wanted["code"]]
        reason = wanted.get("reason", "?")
        if isinstance(reason, dict):
            reason = to_json(reason)
        return any(self.names.fits(code, item["code"]) for code in codes) and self.names.fits(reason, item["reason"])

    def compare_record(self, cid: str, wanted: dict) -> None:
        record = self.store[cid]
        for name, value in wanted.items():
            assert to_json(getattr(record, name)) == to_json(value), f"{name} of {cid} is {getattr(record, name)}"


def lane(item: dict) -> tuple[str, str]:
    return ("handle", item["handle"]) if "handle" in item else ("socket", item.get("to") or item["close"])


def run_scenario(scenario: dict) -> None:
    world = World(scenario.get("options", {}))
    for number, step in enumerate(scenario["steps"]):
        try:
            world.run(step)
        except AssertionError as error:
            raise AssertionError(f"step {number}, {str(step)[:400]}: {error}") from error


# Frames.


def reading(text: str) -> Any:
    """How the server reads a frame, in the vectors' words."""
    try:
        parts = everwire.read_frame(text)
    except everwire.FrameError:
        return "invalid"
    out: list[dict] = []
    for part in parts:
        if isinstance(part, everwire.Message):
            add_to_run(out, part)
        else:
            out.append(control(part))
    return out


def add_to_run(out: list[dict], message: everwire.Message) -> None:
    run = out[-1].get("run") if out else None
    follows = run is not None and message.seq == (None if run["first"] is None else run["first"] + run["count"])
    if not follows:
        out.append({"run": {"first": message.seq, "count": 1, "ack": message.ack, "re": None}})
        return
    run["count"] += 1
    run["ack"] = max((ack for ack in (run["ack"], message.ack) if ack is not None), default=None)


def control(part: everwire.Part) -> dict:
    match part:
        case everwire.Skip():
            return {"control": "skip", "seq": part.seq, "ack": part.ack}
        case everwire.Ack():
            return {"control": "ack", "ack": part.ack}
        case everwire.Beat():
            return {"control": part.type[1:], "t": part.t, "ack": part.ack, "tx": part.tx}
        case everwire.Token():
            return {"control": "token", "token": part.token}
        case everwire.Bye():
            return {"control": "bye", "ack": part.ack}
        case everwire.Open():
            return {"control": "open"} | fields_of(part)
        case _:
            return {"control": "unknown"}


def fields_of(value: Any) -> Any:
    if isinstance(value, (everwire.Open, everwire.Resume)):
        return {name: fields_of(getattr(value, name)) for name in value.__slots__}
    return value
