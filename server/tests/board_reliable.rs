//! The board with reliable delivery: a killed server loses nothing and does nothing twice.

#![cfg(feature = "board")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "common/board.rs"]
mod board;
mod common;
#[path = "common/reliable.rs"]
mod reliable;

use board::Board;
use common::Ended;
use reliable::{Reliable, open_data};
use serde_json::{Value, json};

const TASKS: u64 = 120;
const KILLS: u64 = 6;

/// A client as the protocol asks: it holds what is not handled, and writes what the server has not got.
struct Author {
    opened: u64,
    /// The highest seq that was ever written.
    tx: u64,
    /// Handled up to here.
    rx: u64,
}

impl Author {
    async fn open(&mut self, server: &Board) -> Reliable {
        self.opened += 1;
        let held = (self.rx + 1, self.tx);
        let open = open_data("c", self.opened, &server.token("ann"), held);
        let (client, session) = Reliable::open(&server.url("ann", "a"), open).await;
        assert!(session["maybe"].is_null(), "an atomic store knows");
        self.rx = session["rx"].as_u64().expect("the record is kept");
        client
    }

    /// Writes on from what the server has up to `last`.
    async fn write(&mut self, client: &mut Reliable, last: u64) {
        for seq in self.rx + 1..=last {
            let task = json!({ "title": format!("Task {seq}") });
            client.send(seq, "create_task", task).await;
        }
        self.tx = self.tx.max(last);
    }
}

#[tokio::test]
async fn kills_lose_no_task_and_make_none_twice() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tasks.sqlite");
    let arguments = ["--port", "0", "--db", file.to_str().unwrap()];
    let mut author = Author {
        opened: 0,
        tx: 0,
        rx: 0,
    };
    for kill in 1..=KILLS {
        let server = Board::with(&arguments);
        let mut client = author.open(&server).await;
        author.write(&mut client, TASKS * kill / KILLS).await;
        // Some are handled, the rest is under way.
        client.acked(author.rx + 3).await;
        server.kill();
    }
    let server = Board::with(&arguments);
    let mut client = author.open(&server).await;
    author.write(&mut client, TASKS).await;
    client.acked(TASKS).await;
    let listed = server.call("GET", "/tasks", "ann", None).body;
    let titles: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["title"].as_str().unwrap())
        .collect();
    let expected: Vec<String> = (1..=TASKS).map(|seq| format!("Task {seq}")).collect();
    assert_eq!(titles, expected);
}

#[tokio::test]
async fn a_refusal_survives_a_kill_and_a_request_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tasks.sqlite");
    let arguments = ["--port", "0", "--db", file.to_str().unwrap()];
    let server = Board::with(&arguments);
    let open = open_data("c", 1, &server.token("ann"), (1, 0));
    let (mut client, _) = Reliable::open(&server.url("ann", "a"), open).await;
    client.send(1, "delete_task", json!({ "id": 77 })).await;
    let err = client.receive().await;
    assert_eq!(
        (&err["type"], &err["data"]["code"]),
        (&json!("$err"), &json!("not-found"))
    );
    let request = json!({ "type": "create_task", "data": { "title": "One" }, "seq": 2, "id": 2 });
    client.frame(&request).await;
    let push = client.receive().await;
    assert_eq!(
        (&push["type"], &push["re"]),
        (&json!("task_created"), &Value::Null)
    );
    let answer = client.receive().await;
    assert_eq!(
        (&answer["re"], &answer["data"]["title"]),
        (&json!(2), &json!("One"))
    );
    let request = json!({ "type": "delete_task", "data": { "id": 77 }, "seq": 3, "id": 3 });
    client.frame(&request).await;
    let answer = client.receive().await;
    assert_eq!(
        (&answer["type"], &answer["re"]),
        (&json!("error"), &json!(3))
    );
    client.acked(3).await;
    server.kill();
    let server = Board::with(&arguments);
    let open = open_data("c", 2, &server.token("ann"), (4, 3));
    let (_, session) = Reliable::open(&server.url("ann", "a"), open).await;
    assert_eq!(
        (&session["rx"], &session["errs"]),
        (&json!(3), &json!([[1, "not-found"]]))
    );
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_drains_and_a_restart_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tasks.sqlite");
    let arguments = ["--port", "0", "--db", file.to_str().unwrap()];
    let mut server = Board::with(&arguments);
    let open = open_data("c", 1, &server.token("ann"), (1, 0));
    let (mut client, _) = Reliable::open(&server.url("ann", "a"), open).await;
    client
        .send(1, "create_task", json!({ "title": "Before" }))
        .await;
    client.acked(1).await;
    server.terminate();
    loop {
        let message = client.receive().await;
        if message["type"] == "$drain" {
            break;
        }
        assert_eq!(message["type"], "task_created");
    }
    drop(client);
    assert!(server.exit_status().success());
    let server = Board::with(&arguments);
    let mut stale = Reliable::connect(&server.url("ann", "a")).await;
    stale
        .control("$open", open_data("c", 1, &server.token("ann"), (2, 1)))
        .await;
    assert_eq!(
        stale.ended().await,
        Ended::Close(4409, r#"{"n":1}"#.to_owned())
    );
}
