//! Every route of the REST API.

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

#[test]
fn config_and_stats_say_what_runs() {
    let server = Board::start();
    let config = server.call("GET", "/config", "", None);
    assert_eq!(
        config.body,
        json!({
            "server": "rust",
            "auth": true,
            "users": ["ann", "ben", "cleo"],
            "faults": ["drop", "stall", "refuse", "restart"],
            "deliveries": ["plain", "reliable"],
            "counts": true
        })
    );
    let stats = server.call("GET", "/stats", "", None);
    assert_eq!(stats.body, json!({ "connections": 0, "users": 0 }));
}

#[test]
fn a_task_is_created_changed_and_deleted() {
    let server = Board::start();
    let task = server.create("ann", json!({ "title": "  Write the README " }));
    assert!(task["updated_ms"].as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(
        task,
        json!({
            "id": 1, "title": "Write the README", "owner": "ann", "assignee": null, "done": false,
            "version": 1, "key": null, "updated_ms": task["updated_ms"]
        })
    );

    let mut expected = task;
    for (version, change) in [
        json!({ "title": "Read it" }),
        json!({ "assignee": "ben" }),
        json!({ "done": true }),
        json!({ "assignee": null, "done": false }),
    ]
    .into_iter()
    .enumerate()
    {
        let changed = server.call("PATCH", "/tasks/1", "ann", Some(change.clone()));
        assert_eq!(changed.status, 200);
        for (field, value) in change.as_object().unwrap() {
            expected[field] = value.clone();
        }
        expected["version"] = json!(version + 2);
        expected["updated_ms"] = changed.body["updated_ms"].clone();
        assert_eq!(changed.body, expected);
    }
    let same = server.call("PATCH", "/tasks/1", "ben", Some(json!({ "done": false })));
    assert_eq!(same.body, expected, "a change of nothing is none");

    assert_eq!(
        server.call("GET", "/tasks", "cleo", None).body,
        json!([expected])
    );
    assert_eq!(server.call("DELETE", "/tasks/1", "ben", None).status, 204);
    assert_eq!(server.call("GET", "/tasks", "ann", None).body, json!([]));
}

#[test]
fn an_assigned_task_is_seen_by_its_owner_and_its_assignee() {
    let server = Board::start();
    let task = server.create("ann", json!({ "title": "Secret", "assignee": "ben" }));
    for (user, seen) in [
        ("ann", json!([task])),
        ("ben", json!([task])),
        ("cleo", json!([])),
    ] {
        assert_eq!(
            server.call("GET", "/tasks", user, None).body,
            seen,
            "{user}"
        );
    }
}

#[test]
fn a_key_creates_one_task_for_each_owner() {
    let server = Board::start();
    let task = server.create("ann", json!({ "title": "Once", "key": "k" }));
    let again = server.call(
        "POST",
        "/tasks",
        "ann",
        Some(json!({ "title": "Twice", "key": "k" })),
    );
    assert_eq!((again.status, again.body), (200, task.clone()));
    let other = server.create("ben", json!({ "title": "Ben's", "key": "k" }));
    assert_ne!(other["id"], task["id"]);
}

#[test]
fn refusals_have_a_status_a_code_and_a_message() {
    let server = Board::start();
    server.create("ann", json!({ "title": "Mine", "assignee": "ann" }));
    let long = "x".repeat(201);
    for (method, path, user, body, status, code) in [
        ("GET", "/tasks", "eve", None, 401, "unknown-user"),
        (
            "POST",
            "/token",
            "",
            Some(json!({ "user": "eve" })),
            401,
            "unknown-user",
        ),
        (
            "POST",
            "/tasks",
            "ann",
            Some(json!({ "title": " " })),
            422,
            "invalid-title",
        ),
        (
            "POST",
            "/tasks",
            "ann",
            Some(json!({ "title": long })),
            422,
            "invalid-title",
        ),
        (
            "POST",
            "/tasks",
            "ann",
            Some(json!({ "title": "x", "key": "" })),
            422,
            "invalid-key",
        ),
        (
            "POST",
            "/tasks",
            "ann",
            Some(json!({ "title": "x", "assignee": "eve" })),
            422,
            "unknown-assignee",
        ),
        (
            "POST",
            "/tasks",
            "ann",
            Some(json!({})),
            422,
            "invalid-data",
        ),
        ("POST", "/tasks", "ann", None, 415, "invalid-data"),
        (
            "PATCH",
            "/tasks/999",
            "ann",
            Some(json!({ "done": true })),
            404,
            "not-found",
        ),
        (
            "PATCH",
            "/tasks/1",
            "cleo",
            Some(json!({ "done": true })),
            403,
            "forbidden",
        ),
        (
            "PATCH",
            "/tasks/one",
            "ann",
            Some(json!({ "done": true })),
            400,
            "invalid-url",
        ),
        ("DELETE", "/tasks/1", "cleo", None, 403, "forbidden"),
        ("DELETE", "/tasks/999", "ann", None, 404, "not-found"),
        (
            "POST",
            "/faults/flood",
            "ann",
            Some(json!({ "tab": "t" })),
            404,
            "no-route",
        ),
        ("GET", "/nothing", "ann", None, 404, "no-route"),
    ] {
        let refused = server.call(method, path, user, body);
        let error = &refused.body["error"];
        assert_eq!(
            (refused.status, &error["code"]),
            (status, &json!(code)),
            "{method} {path}"
        );
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
}

#[test]
fn a_token_must_be_the_acting_users() {
    let server = Board::start();
    let token = server.token("ann");
    let call = |user: &str, token: &str| {
        let authorization = format!("Bearer {token}");
        let headers = [("x-user", user), ("authorization", authorization.as_str())];
        server.call_with("GET", "/tasks", &headers, None).unwrap()
    };
    assert_eq!(call("ann", &token).status, 200);
    assert_eq!(call("ben", &token).status, 401);
    let refused = call("ann", "guessed");
    assert_eq!(refused.status, 401);
    assert!(!refused.body.to_string().contains("guessed"));
}

#[tokio::test]
async fn a_token_dies_after_its_lifetime() {
    let server = Board::with(&["--memory", "--port", "0", "--token-lifetime", "0"]);
    let issued = server.call("POST", "/token", "", Some(json!({ "user": "ann" })));
    assert_eq!(issued.body["expires_ms"], 0);
    let token = issued.body["token"].as_str().unwrap();
    let mut late = Client::authenticated(&server.url("ann", "t"), token).await;
    assert_eq!(late.close_code().await, 4401);
}

#[test]
fn pages_carry_their_policy() {
    let server = Board::start();
    let page = ureq::get(format!("http://{}/", server.address))
        .call()
        .unwrap();
    for (name, value) in [
        ("content-type", "text/html"),
        (
            "content-security-policy",
            "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
        ),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-cache"),
    ] {
        assert_eq!(page.headers()[name], value);
    }
}

#[test]
fn pages_of_other_origins_may_call_only_if_they_are_allowed() {
    let origin = "http://127.0.0.1:9";
    let allowed_origin = |server: &Board| {
        let url = format!("http://{}/api/config", server.address);
        let response = ureq::get(url).header("origin", origin).call().unwrap();
        let header = response
            .headers()
            .get("access-control-allow-origin")
            .cloned();
        header.map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(allowed_origin(&Board::start()), None);
    let open = Board::with(&["--memory", "--port", "0", "--allow-origin", origin]);
    assert_eq!(allowed_origin(&open).as_deref(), Some(origin));
    let lists = open.call("GET", "/tasks", "ann", None);
    assert_eq!(lists.body, Value::Array(Vec::new()));
}
