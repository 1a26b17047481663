"""Marks are counted, also past the end of the process."""

import sqlite3

from counts import Counts, Mark


async def nowhere(_: dict) -> None:
    """The way to a page that is away."""


def test_numbers_that_are_missing_or_come_twice_are_counted() -> None:
    db = sqlite3.connect(":memory:")
    counts = Counts(db)
    for n in [1, 2, 5, 5, 6, 4]:
        counts.mark(Mark(tab="a", n=n), nowhere)
    assert counts.marks("a") == {"received": 6, "missing": 2, "twice": 2}
    counts.mark(Mark(tab="b", n=3), nowhere)
    assert counts.marks("b") == {"received": 1, "missing": 2, "twice": 0}

    restarted = Counts(db)
    restarted.mark(Mark(tab="a", n=8), nowhere)
    assert restarted.marks("a") == {"received": 7, "missing": 3, "twice": 2}
    assert restarted.pages["a"].run != counts.pages["a"].run
