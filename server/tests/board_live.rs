//! The board over WebSocket: pushes to the right people, requests with answers, tokens.

#![cfg(feature = "board")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "common/board.rs"]
mod board;
mod common;

use board::Board;
use common::Client;
use serde_json::{Value, json};

fn message(kind: &str, data: &Value) -> Value {
    json!({ "type": kind, "data": data })
}

#[tokio::test]
async fn every_rest_change_is_pushed_to_those_who_see_it() {
    let server = Board::start();
    let mut ann = server.client("ann", "a").await;
    let mut ben = server.client("ben", "b").await;
    let mut cleo = server.client("cleo", "c").await;

    let task = server.create("ann", json!({ "title": "For all" }));
    for client in [&mut ann, &mut ben, &mut cleo] {
        assert_eq!(client.receive().await, message("task_created", &task));
    }

    let assigned = server.call(
        "PATCH",
        "/tasks/1",
        "ann",
        Some(json!({ "assignee": "ben" })),
    );
    for client in [&mut ann, &mut ben] {
        assert_eq!(
            client.receive().await,
            message("task_updated", &assigned.body)
        );
    }
    let gone = message("task_deleted", &json!({ "id": 1 }));
    assert_eq!(cleo.receive().await, gone);

    let moved = server.call(
        "PATCH",
        "/tasks/1",
        "ben",
        Some(json!({ "assignee": "cleo" })),
    );
    assert_eq!(ann.receive().await, message("task_updated", &moved.body));
    assert_eq!(cleo.receive().await, message("task_updated", &moved.body));
    assert_eq!(ben.receive().await, gone);

    server.call("DELETE", "/tasks/1", "cleo", None);
    assert_eq!(ann.receive().await, gone);
    assert_eq!(cleo.receive().await, gone);
    let nothing_more = ben.ask("list_tasks", Value::Null, 5).await;
    assert_eq!(
        nothing_more,
        json!({ "type": "tasks", "data": [], "re": 5 })
    );
}

#[tokio::test]
async fn what_changes_nothing_is_not_pushed() {
    let server = Board::start();
    let mut ben = server.client("ben", "b").await;
    let task = server.create("ann", json!({ "title": "Once", "key": "k" }));
    assert_eq!(ben.receive().await, message("task_created", &task));
    server.call(
        "POST",
        "/tasks",
        "ann",
        Some(json!({ "title": "Once", "key": "k" })),
    );
    server.call("PATCH", "/tasks/1", "ann", Some(json!({ "done": false })));
    ben.send("ping", Value::Null).await;
    assert_eq!(ben.receive().await["type"], "pong");
}

#[tokio::test]
async fn requests_are_answered_and_their_sender_gets_the_push_too() {
    let server = Board::start();
    let mut ann = server.client("ann", "a").await;
    let mut tab = server.client("ann", "b").await;
    let request = json!({ "type": "create_task", "data": { "title": "One", "key": "k" }, "id": 7 });
    ann.send_raw(request.to_string().into()).await;
    let push = ann.receive().await;
    let task = push["data"].clone();
    assert_eq!(push, message("task_created", &task));
    assert_eq!(
        ann.receive().await,
        json!({ "type": "task_created", "data": task, "re": 7 })
    );
    assert_eq!(tab.receive().await, push);

    let again = ann
        .ask("create_task", json!({ "title": "Two", "key": "k" }), 8)
        .await;
    assert_eq!(again["data"], task);
    let done = ann
        .ask("update_task", json!({ "id": 1, "done": true }), 9)
        .await;
    assert_eq!(
        (&done["type"], &done["data"]["version"]),
        (&json!("task_updated"), &json!(2))
    );
    let assigned = ann
        .ask("update_task", json!({ "id": 1, "assignee": "ben" }), 10)
        .await;
    assert_eq!(assigned["data"]["assignee"], "ben");
    let freed = ann
        .ask("update_task", json!({ "id": 1, "assignee": null }), 11)
        .await;
    assert_eq!(freed["data"]["assignee"], Value::Null);
    let list = ann.ask("list_tasks", Value::Null, 12).await;
    assert_eq!(list["data"], json!([freed["data"]]));
    let deleted = ann.ask("delete_task", json!({ "id": 1 }), 13).await;
    assert_eq!(
        deleted,
        json!({ "type": "task_deleted", "data": { "id": 1 }, "re": 13 })
    );
}

#[tokio::test]
async fn refused_requests_say_why() {
    let server = Board::start();
    server.create("ann", json!({ "title": "Mine", "assignee": "ann" }));
    let mut ben = server.client("ben", "b").await;
    for (kind, data, code) in [
        ("create_task", json!({ "title": "" }), "invalid-title"),
        (
            "create_task",
            json!({ "title": "x", "assignee": "eve" }),
            "unknown-assignee",
        ),
        ("create_task", json!(null), "invalid-data"),
        ("update_task", json!({ "done": true }), "invalid-data"),
        ("update_task", json!({ "id": 1, "done": true }), "forbidden"),
        ("update_task", json!({ "id": 9, "done": true }), "not-found"),
        ("delete_task", json!({ "id": 1 }), "forbidden"),
        ("dance", json!(null), "unknown-type"),
    ] {
        let refused = ben.ask(kind, data.clone(), 3).await;
        assert_eq!(refused["type"], "error");
        assert_eq!(refused["data"]["code"], code, "{kind} {data}");
        ben.send(kind, data).await;
        let unasked = ben.receive().await;
        assert_eq!(unasked, message("error", &refused["data"]), "without an id");
    }
}

#[tokio::test]
async fn without_an_id_it_acts_and_does_not_answer() {
    let server = Board::start();
    let mut ann = server.client("ann", "a").await;
    ann.send("create_task", json!({ "title": "One" })).await;
    ann.send("delete_task", json!({ "id": 1 })).await;
    ann.send("ping", Value::Null).await;
    let mut kinds = Vec::new();
    for _ in 0..3 {
        let message = ann.receive().await;
        assert_eq!(message.get("re"), None);
        kinds.push(message["type"].clone());
    }
    assert_eq!(kinds, ["task_created", "task_deleted", "pong"]);
}

#[tokio::test]
async fn a_socket_needs_a_token_of_its_user() {
    let server = Board::start();
    let token = server.token("ann");
    for (user, token, code) in [
        ("ben", token.as_str(), 4401),
        ("ann", "guessed", 4401),
        ("eve", token.as_str(), 4403),
    ] {
        let mut client = Client::authenticated(&server.url(user, "t"), token).await;
        assert_eq!(client.close_code().await, code, "{user}");
    }
    let mut ann = server.client("ann", "a").await;
    ann.send("auth", json!({ "token": token })).await;
    let answer = ann.ask("ping", Value::Null, 1).await;
    assert_eq!(answer["type"], "pong", "a refresh is taken in silence");
    ann.send("auth", json!({ "token": "guessed" })).await;
    assert_eq!(ann.close_code().await, 4401);
}

#[tokio::test]
async fn pages_of_other_sites_get_no_socket() {
    let server = Board::start();
    let url = server.url("ann", "t");
    let refused = Client::open(&url, Some("https://evil.example")).await;
    assert_eq!(refused.err(), Some(403));
    let own = format!("http://{}", server.address);
    assert!(Client::open(&url, Some(&own)).await.is_ok());
}
