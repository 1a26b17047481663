//! What a restart leaves of reliable delivery, by what the store can promise.

#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;
#[path = "common/counter.rs"]
mod counter;
#[path = "common/reliable.rs"]
mod reliable;

use counter::{Running, config};
use everwire_server::MemoryStore;
use everwire_server::sqlite::MarkedStore;
use reliable::{Reliable, open_data};
use serde_json::{Value, json};

fn open(n: u64, held: (u64, u64)) -> Value {
    open_data("c", n, "good", held)
}

#[tokio::test]
async fn with_a_marked_store_the_message_under_way_is_uncertain() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("records.sqlite");
    let mut first = Running::start(config(), MarkedStore::open(&file).unwrap()).await;
    let (mut client, _) = Reliable::open(&first.url("ann"), open(1, (1, 0))).await;
    client.send(1, "count", json!(1)).await;
    client.acked(1).await;
    assert_eq!(first.counted().await, json!(1));
    client.send(2, "slow", json!(2)).await;
    assert_eq!(first.counted().await, json!("begun"));
    // The first server lives on, as one that was cut off from its clients would.
    let mut second = Running::start(config(), MarkedStore::open(&file).unwrap()).await;
    let (mut client, session) = Reliable::open(&second.url("ann"), open(2, (2, 2))).await;
    assert_eq!((&session["rx"], &session["maybe"]), (&json!(1), &json!(2)));
    client.send(2, "count", json!("again")).await;
    assert_eq!(second.counted().await, json!("again"));
    client.acked(2).await;
    // What the first one has to say of it counts no more, and its socket is told to come back.
    first.gate.send(()).unwrap();
    assert_eq!(first.counted().await, json!(2));
    let (_, session) = Reliable::open(&second.url("ann"), open(3, (3, 2))).await;
    assert_eq!(
        (&session["rx"], &session["maybe"]),
        (&json!(2), &Value::Null)
    );
}

#[tokio::test]
async fn a_server_that_lost_its_client_closes_the_socket_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("records.sqlite");
    let first = Running::start(config(), MarkedStore::open(&file).unwrap()).await;
    let (mut old, _) = Reliable::open(&first.url("ann"), open(1, (1, 0))).await;
    let second = Running::start(config(), MarkedStore::open(&file).unwrap()).await;
    let (mut new, _) = Reliable::open(&second.url("ann"), open(2, (1, 0))).await;
    old.send(1, "count", json!("old")).await;
    assert_eq!(old.socket.close_code().await, 4410);
    new.send(1, "count", json!("new")).await;
    new.acked(1).await;
}

#[tokio::test]
async fn without_a_store_a_restart_says_that_it_knows_nothing() {
    let first = Running::start(config(), MemoryStore).await;
    let (mut client, session) = Reliable::open(&first.url("ann"), open(1, (1, 0))).await;
    client.send(1, "count", json!(1)).await;
    client.acked(1).await;
    let mut second = Running::start(config(), MemoryStore).await;
    let mut again = open(2, (2, 3));
    again["resume"] = reliable::resume(&session, 0);
    let (mut client, session) = Reliable::open(&second.url("ann"), again).await;
    assert_eq!(
        (&session["rx"], &session["reason"]),
        (&Value::Null, &json!("epoch"))
    );
    client.send(2, "count", json!(2)).await;
    client.frame(&json!({ "type": "$skip", "seq": 3 })).await;
    client.acked(3).await;
    assert_eq!(second.counted().await, json!(2));
}
