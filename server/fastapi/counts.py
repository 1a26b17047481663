"""Numbered messages from and to a page, so that whoever watches sees what a fault loses.

A page that counts sends `mark {tab, n}` a few times a second. As long as it does, and for a while after, it gets
`tick {run, n, marks}` as often, over whatever connection it came last. What came of its marks is kept in the database; the number of
its ticks begins anew with the process, in another run.
"""

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

TICK_SECONDS = 0.25
LEASE_SECONDS = 60
"""A page that is away for longer has stopped counting."""
PAGES_MAX = 1_000
"""Enough for a demo."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS marks (
    tab      TEXT    PRIMARY KEY,
    received INTEGER NOT NULL,
    missing  INTEGER NOT NULL,
    twice    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    seen_s   INTEGER NOT NULL
);
"""

COUNT = """
INSERT INTO marks VALUES (:tab, 1, :n - 1, 0, :n, :now) ON CONFLICT (tab) DO UPDATE SET
    received = received + 1,
    missing = missing + max(0, :n - last - 1),
    twice = twice + (:n <= last),
    last = max(last, :n),
    seen_s = :now
"""

Send = Callable[[dict], Awaitable[None]]


class Mark(BaseModel):
    """A page's own number."""

    tab: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    n: int = Field(ge=1, lt=2**53)


@dataclass
class Page:
    """A page that counts, and the way to it."""

    send: Send
    until: float
    run: int
    ticks: int = 0


class Counts:
    """The counts of all pages."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.pages: dict[str, Page] = {}
        with db:
            db.executescript(SCHEMA)
            db.execute("DELETE FROM marks WHERE seen_s < ?", (time.time() - LEASE_SECONDS,))

    def mark(self, mark: Mark, send: Send) -> None:
        """Notes a mark of a page that `send` leads to."""
        page = self.pages.get(mark.tab)
        if page is None and len(self.pages) >= PAGES_MAX:
            return
        with self.db:
            self.db.execute(COUNT, {"tab": mark.tab, "n": mark.n, "now": int(time.time())})
        until = time.monotonic() + LEASE_SECONDS
        if page is None:
            self.pages[mark.tab] = Page(send, until, secrets.randbits(32))
        else:
            page.send, page.until = send, until

    async def run(self) -> None:
        """Sends ticks until it is cancelled."""
        at = time.monotonic()
        while True:
            # From the beginning of the last one: on a busy machine too they are as many as the time that went by says.
            at += TICK_SECONDS
            await asyncio.sleep(at - time.monotonic())
            for tab, page in list(self.pages.items()):
                if page.until < time.monotonic():
                    self.forget(tab)
                else:
                    page.ticks += 1
                    await page.send(self.tick(tab, page))

    def tick(self, tab: str, page: Page) -> dict:
        return {"type": "tick", "data": {"run": page.run, "n": page.ticks, "marks": self.marks(tab)}}

    def marks(self, tab: str) -> dict[str, int]:
        """What came of a page's numbers, which should come once each and in order."""
        row = self.db.execute("SELECT received, missing, twice FROM marks WHERE tab = ?", (tab,)).fetchone()
        return dict(zip(("received", "missing", "twice"), row, strict=True))

    def forget(self, tab: str) -> None:
        del self.pages[tab]
        with self.db:
            self.db.execute("DELETE FROM marks WHERE tab = ?", (tab,))
