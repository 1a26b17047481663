//! The faults really happen, and what was confirmed survives every end of the process.

#![cfg(feature = "board")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "common/board.rs"]
mod board;
mod common;

use std::time::Duration;

use board::{Board, command};
use common::{Client, Ended, LIMIT};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

const STALL: Duration = Duration::from_secs(15);

#[tokio::test]
async fn drop_cuts_the_tab_without_a_close_frame() {
    let server = Board::start();
    let mut cut = server.client("ann", "a").await;
    let mut other = server.client("ann", "b").await;
    assert_eq!(server.fault("drop", "a"), 1);
    assert_eq!(cut.ended().await, Ended::Cut);
    assert_eq!(other.ask("ping", Value::Null, 1).await["type"], "pong");
    assert_eq!(server.fault("drop", "a"), 0, "it is gone");
    server.client("ann", "a").await;
}

#[tokio::test]
async fn stall_holds_a_tab_up_for_15_s_and_loses_nothing() {
    let server = Board::start();
    let mut stalled = server.client("ann", "a").await;
    let mut other = server.client("ann", "b").await;
    let begun = Instant::now();
    assert_eq!(server.fault("stall", "a"), 1);
    stalled
        .send("create_task", json!({ "title": "Sent" }))
        .await;
    let pushed = server.create("ben", json!({ "title": "Pushed" }));
    assert_eq!(other.receive().await["data"], pushed);
    let push = timeout(2 * STALL, futures_util::StreamExt::next(&mut stalled.0)).await;
    assert!(begun.elapsed() >= STALL);
    let push = push.unwrap().unwrap().unwrap();
    let push: Value = serde_json::from_str(push.to_text().unwrap()).unwrap();
    assert_eq!(push["data"], pushed);
    assert_eq!(stalled.receive().await["data"]["title"], "Sent");
}

#[tokio::test]
async fn refuse_cuts_a_tab_and_answers_its_handshakes_with_503() {
    let server = Board::start();
    let mut cut = server.client("ann", "a").await;
    assert_eq!(server.fault("refuse", "a"), 1);
    assert_eq!(cut.ended().await, Ended::Cut);
    let refused = Client::open(&server.url("ann", "a"), None).await;
    assert_eq!(refused.err(), Some(503));
    server.client("ann", "b").await;
}

#[tokio::test]
async fn restart_closes_with_1012_stops_listening_and_comes_back_with_its_tasks() {
    let server = Board::start();
    let task = server.create("ann", json!({ "title": "Stays" }));
    let mut ann = server.client("ann", "a").await;
    let _unread = server.client("ben", "b").await;
    let begun = Instant::now();
    server.fault("restart", "a");
    assert_eq!(ann.close_code().await, 1012);
    assert_eq!(ann.ended().await, Ended::Cut);
    let list = || server.call_with("GET", "/tasks", &[("x-user", "ann")], None);
    assert!(list().is_err(), "nobody listens");
    let back = loop {
        match list() {
            Ok(answer) => break answer,
            Err(_) => assert!(begun.elapsed() < LIMIT),
        }
    };
    let away = begun.elapsed();
    assert!((2..4).contains(&away.as_secs()), "{away:?}");
    assert_eq!(back.body, json!([task]));
    server.client("ann", "a").await;
}

#[test]
fn tasks_survive_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tasks.sqlite");
    let arguments = ["--port", "0", "--db", file.to_str().unwrap()];
    let first = Board::with(&arguments);
    let task = first.create("ann", json!({ "title": "Stays", "key": "k" }));
    first.kill();
    let second = Board::with(&arguments);
    assert_eq!(
        second.call("GET", "/tasks", "ann", None).body,
        json!([task])
    );
    let again = second.call(
        "POST",
        "/tasks",
        "ann",
        Some(json!({ "title": "Stays", "key": "k" })),
    );
    assert_eq!((again.status, again.body), (200, task));
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_closes_with_1012_and_ends_well() {
    let mut server = Board::start();
    let mut ann = server.client("ann", "a").await;
    server.terminate();
    assert_eq!(ann.close_code().await, 1012);
    assert_eq!(ann.ended().await, Ended::Cut);
    assert!(server.exit_status().success());
}

#[test]
fn a_port_in_use_is_named() {
    let first = Board::start();
    let port = first.address.rsplit(':').next().unwrap();
    let second = command(&["--memory", "--port", port]).output().unwrap();
    assert!(!second.status.success());
    let message = String::from_utf8(second.stderr).unwrap();
    assert!(
        message.contains(&format!("{} is in use", first.address)),
        "{message}"
    );
}
