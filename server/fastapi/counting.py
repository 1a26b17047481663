"""`python counting.py --port N --db FILE`: the application on the server side of the delivery test, on everwire.py.

As its counterpart in Rust it writes down every number that a page sends and sends a number of its own for each, besides one now and
then that nobody asked for. Over HTTP it tells what it has: `GET /progress`, `GET /report/{last}`; `POST /quiet` ends the numbers
that nobody asked for.
"""

import argparse
import asyncio
import sqlite3
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from everwire import Config, Delivery, Everwire, Refused, SqliteStore, User
from fastapi import FastAPI, WebSocket

USER = "ann"
UNASKED_SECONDS = 0.05
LISTED = 1_000
"""The most numbers that a report lists one by one."""

CONFIG = Config(ping_ms=5_000, timeout_ms=2_000)
"""The shortest that the protocol has, so that a test need not wait."""

SQL = Path(__file__).parent / "../../tests/delivery/sql"
REPORTS = ["missing", "twice", "descending", "unknown"]


def sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text()


class Counting:
    """What the application has done."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, check_same_thread=False)
        self.db.executescript(sql("schema"))
        self.store = SqliteStore(self.db)
        self.wire = Everwire(self.store, self.handle, config=CONFIG)
        self.is_quiet = False

    async def handle(self, delivery: Delivery) -> None:
        number = delivery.data.get("number") if isinstance(delivery.data, dict) else None
        if not isinstance(number, int):
            raise Refused("not-a-number", "Send {number}.")
        with self.store.transaction(delivery):
            self.db.execute("INSERT INTO handled (number) VALUES (?)", (number,))
            answer = self.next_number()
        self.send(answer)

    async def send_unasked(self) -> None:
        """From the first session on: what was sent before, nobody was told that it is missing."""
        if self.progress()["sent"] == 0:
            await self.has_begun.wait()
        while not self.is_quiet:
            await asyncio.sleep(UNASKED_SECONDS)
            with self.db:
                number = self.next_number()
            self.send(number)

    def next_number(self) -> int:
        return self.db.execute("UPDATE sent SET last = last + 1 RETURNING last").fetchone()[0]

    def send(self, number: int) -> None:
        self.wire.send_to_user(USER, "number", {"number": number})

    def progress(self) -> dict[str, int]:
        handled = self.db.execute("SELECT count(*) FROM handled").fetchone()[0]
        return {"handled": handled, "sent": self.db.execute("SELECT last FROM sent").fetchone()[0]}

    def report(self, name: str, last: int) -> dict:
        numbers = [number for (number,) in self.db.execute(sql(name), (last,))]
        return {"count": len(numbers), "first": numbers[:LISTED]}


def application(counting: Counting) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI):
        unasked = asyncio.create_task(counting.send_unasked())
        yield
        unasked.cancel()

    app = FastAPI(lifespan=lifespan)

    @app.websocket("/ws/{user}")
    async def connect(websocket: WebSocket, user: str) -> None:
        async def authenticate(_: str | None) -> User:
            return User(user)

        await counting.wire.serve(websocket, authenticate)

    @app.get("/progress")
    async def progress() -> dict[str, int]:
        return counting.progress()

    @app.get("/report/{last}")
    async def report(last: int) -> dict:
        return {name: counting.report(name, last) for name in REPORTS}

    @app.post("/quiet")
    async def quiet() -> None:
        counting.is_quiet = True

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--db", required=True)
    options = parser.parse_args()
    # The protocol has a heartbeat of its own.
    uvicorn.run(application(Counting(options.db)), port=options.port, ws_ping_interval=None, access_log=False)
