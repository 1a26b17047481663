"""What the SQLite store promises."""

import sqlite3
from pathlib import Path

import pytest
from everwire import Delivery, Fenced, Record, SqliteStore


@pytest.fixture
def db(tmp_path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(tmp_path / "store.sqlite")
    db.execute("CREATE TABLE effects (seq INTEGER)")
    return db


@pytest.fixture
def store(db: sqlite3.Connection) -> SqliteStore:
    store = SqliteStore(db)
    store.attach("c", "first", Record("ann", 1, 0))
    return store


def delivery(seq: int | None, owner: str = "first") -> Delivery:
    return Delivery("c", owner, "ann", seq, "m", None, False)


def handle(store: SqliteStore, given: Delivery) -> None:
    with store.transaction(given):
        store.db.execute("INSERT INTO effects VALUES (?)", (given.seq,))


def effects(db: sqlite3.Connection) -> list[int]:
    return [seq for (seq,) in db.execute("SELECT seq FROM effects")]


def test_effect_and_rx_are_committed_together(db: sqlite3.Connection, store: SqliteStore) -> None:
    handle(store, delivery(1))
    assert not db.in_transaction
    assert (effects(db), store.load("c")) == ([1], Record("ann", 1, 1))


def test_a_handler_that_fails_leaves_neither(db: sqlite3.Connection, store: SqliteStore) -> None:
    with pytest.raises(RuntimeError), store.transaction(delivery(1)):
        db.execute("INSERT INTO effects VALUES (1)")
        raise RuntimeError
    assert (effects(db), store.load("c")) == ([], Record("ann", 1, 0))


def test_a_message_has_its_effect_once(db: sqlite3.Connection, store: SqliteStore) -> None:
    handle(store, delivery(1))
    for seq in (1, 3):
        with pytest.raises(Fenced):
            handle(store, delivery(seq))
    assert effects(db) == [1]


def test_another_process_fences_off_the_first(db: sqlite3.Connection, store: SqliteStore) -> None:
    store.attach("c", "second", Record("ann", 2, 0))
    with pytest.raises(Fenced):
        handle(store, delivery(1))
    with pytest.raises(Fenced):
        store.advance("c", "first", 1, [])
    handle(store, delivery(1, "second"))
    assert (effects(db), store.load("c")) == ([1], Record("ann", 2, 1))


def test_the_same_process_opens_again_without_a_fence(store: SqliteStore, db: sqlite3.Connection) -> None:
    with store.transaction(delivery(1)):
        db.execute("INSERT INTO effects VALUES (1)")
    store.attach("c", "first", Record("ann", 2, 0))
    handle(store, delivery(2))
    assert (effects(db), store.load("c")) == ([1, 2], Record("ann", 2, 2))


def test_a_volatile_message_moves_nothing(db: sqlite3.Connection, store: SqliteStore) -> None:
    handle(store, delivery(None))
    assert store.load("c") == Record("ann", 1, 0)


def test_a_record_outlives_the_process(db: sqlite3.Connection, store: SqliteStore) -> None:
    store.begin("c", "first", 2)
    store.advance("c", "first", 2, [(1, "late")])
    store.attach("lost", "first", Record("ben", 7, None))
    again = SqliteStore(db)
    assert again.load("c") == Record("ann", 1, 2, 2, [(1, "late")])
    assert again.load("lost") == Record("ben", 7, None)
    again.forget("c")
    assert again.load("c") is None


def test_a_record_that_nobody_asked_for_in_a_day_is_gone(db: sqlite3.Connection, store: SqliteStore) -> None:
    with db:
        db.execute("UPDATE everwire SET seen_ms = seen_ms - 25 * 3600 * 1000")
    assert SqliteStore(db).load("c") is None
