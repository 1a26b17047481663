//! Messages through the hub: who gets them, in which order, and what a bad frame does.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;
#[path = "common/hub.rs"]
mod hub;

use std::time::Duration;

use common::{Client, Ended, LIMIT};
use everwire_server::{Close, HubConfig, Outgoing, RateLimit, Stats};
use futures_util::{SinkExt, StreamExt};
use hub::Running;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

#[tokio::test]
async fn messages_reach_every_socket_of_the_user_and_no_other() {
    let server = Running::start(HubConfig::default()).await;
    let (mut one, mut two) = (server.client("ann").await, server.client("ann").await);
    let mut ben = server.client("ben").await;
    assert_eq!(
        server.hub.stats(),
        Stats {
            connections: 3,
            users: 2
        }
    );

    let note = Outgoing::new("note", &json!({ "text": "hello" })).unwrap();
    assert_eq!(server.hub.send_to_user("ann", &note), 2);
    assert_eq!(server.hub.send_to_user("nobody", &note), 0);
    let all = Outgoing::new("all", &1).unwrap();
    assert_eq!(server.hub.broadcast(&all), 3);

    for client in [&mut one, &mut two] {
        let note = client.receive().await;
        assert_eq!(note, json!({ "type": "note", "data": { "text": "hello" } }));
        assert_eq!(client.receive().await["type"], "all");
    }
    assert_eq!(ben.receive().await["type"], "all");
}

#[tokio::test]
async fn disconnect_closes_every_socket_of_the_user() {
    let server = Running::start(HubConfig::default()).await;
    let (mut one, mut two) = (server.client("ann").await, server.client("ann").await);
    let mut ben = server.client("ben").await;
    let close = Close::new(Close::FORBIDDEN, "signed out");
    assert_eq!(server.hub.disconnect("ann", &close), 2);
    for client in [&mut one, &mut two] {
        let end = Ended::Close(Close::FORBIDDEN, "signed out".to_owned());
        assert_eq!(client.ended().await, end);
    }
    assert_eq!(ben.ask("echo", json!(1), 2).await["data"], 1);
    assert_eq!(server.hub.stats().connections, 1);
}

#[tokio::test]
async fn heartbeats_are_answered() {
    let server = Running::start(HubConfig::default()).await;
    let mut ann = server.client("ann").await;
    ann.send("ping", Value::Null).await;
    assert_eq!(ann.receive().await, json!({ "type": "pong", "data": null }));
    let answer = ann.ask("ping", Value::Null, 9).await;
    assert_eq!(answer, json!({ "type": "pong", "data": null, "re": 9 }));
}

#[tokio::test]
async fn a_reserved_type_is_refused_and_the_socket_stays() {
    let server = Running::start(HubConfig::default()).await;
    let mut ann = server.client("ann").await;
    let refused = ann.ask("$ack", json!(1), 2).await;
    assert_eq!(refused["data"]["code"], "reserved-type");
    assert_eq!(ann.ask("echo", json!(1), 3).await["data"], 1);
}

#[tokio::test]
async fn a_bad_frame_has_its_close_code_and_what_came_before_it_is_answered() {
    let server = Running::start(HubConfig::default()).await;
    let mut ben = server.client("ben").await;
    let no_utf8 = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    for (frame, code) in [
        (Message::binary(vec![0]), Close::UNSUPPORTED_DATA),
        (Message::text("{"), Close::INVALID_PAYLOAD),
        (Message::text("[".repeat(5_000)), Close::INVALID_PAYLOAD),
        (Message::Frame(no_utf8), Close::INVALID_PAYLOAD),
        (Message::text("[]"), Close::BAD_MESSAGE),
        (Message::text(r#"{"data":1}"#), Close::BAD_MESSAGE),
    ] {
        let mut ann = server.client("ann").await;
        ann.send("echo", json!("before")).await;
        ann.send_raw(frame).await;
        assert_eq!(ann.receive().await["data"], "before", "{code}");
        assert_eq!(ann.close_code().await, code);
    }
    assert_eq!(ben.ask("echo", json!(1), 2).await["data"], 1);
}

#[tokio::test]
async fn a_message_above_the_limit_closes_with_1009_though_its_sender_is_still_writing() {
    let server = Running::start(HubConfig {
        max_frame_bytes: 1_000,
        ..HubConfig::default()
    })
    .await;
    let mut ann = server.client("ann").await;
    let fits = "x".repeat(900);
    assert_eq!(ann.ask("echo", json!(fits), 2).await["data"], fits);

    let (mut sink, mut stream) = ann.0.split();
    let writing = tokio::spawn(async move {
        let huge = "x".repeat(16 * 1024 * 1024);
        sink.send(Message::text(huge)).await
    });
    let close = timeout(LIMIT, stream.next()).await.unwrap();
    match close {
        Some(Ok(Message::Close(Some(frame)))) => assert_eq!(u16::from(frame.code), Close::TOO_BIG),
        other => unreachable!("{other:?}"),
    }
    // Room for a slow network to bring the close frame before the reset.
    let closed = Instant::now();
    assert!(!matches!(
        timeout(LIMIT, stream.next()).await.unwrap(),
        Some(Ok(_))
    ));
    assert!(closed.elapsed() > Duration::from_millis(500));
    writing.abort();
}

#[tokio::test]
async fn a_flood_is_closed_with_a_hint_and_what_the_burst_allowed_is_answered() {
    let rate = RateLimit {
        per_second: 1,
        burst: 5,
    };
    let server = Running::start(HubConfig {
        rate: Some(rate),
        ..HubConfig::default()
    })
    .await;
    let mut ann = Client::authenticated(&server.url("ann"), "good").await;
    for n in 0..5 {
        ann.send("echo", json!(n)).await;
    }
    for n in 0..4 {
        assert_eq!(ann.receive().await["data"], n);
    }
    let Ended::Close(code, reason) = ann.ended().await else {
        unreachable!("cut");
    };
    assert_eq!(code, Close::RATE_LIMITED);
    let hint: Value = serde_json::from_str(&reason).unwrap();
    let wait = hint["retry_after_ms"].as_u64().unwrap();
    assert!((1..=5_000).contains(&wait), "{reason}");
}

#[tokio::test]
async fn a_flood_is_read_to_its_end_so_that_the_close_is_not_followed_by_a_reset() {
    let server = Running::start(HubConfig {
        rate: Some(RateLimit {
            per_second: 1,
            burst: 5,
        }),
        close_timeout: Duration::from_millis(500),
        ..HubConfig::default()
    })
    .await;
    let mut ann = server.client("ann").await;
    let flood = "x".repeat(1_000);
    for _ in 0..500 {
        ann.send("echo", json!(flood)).await;
    }
    // Below WebSocket, where a reset shows.
    let mut bytes = Vec::new();
    let end = timeout(LIMIT, ann.0.get_mut().read_to_end(&mut bytes)).await;
    end.unwrap().unwrap();
    let hint = bytes.windows(14).any(|part| part == b"retry_after_ms");
    assert!(hint, "the close frame came");
}

#[tokio::test]
async fn a_slow_consumer_is_closed_with_1013_and_holds_nobody_up() {
    let server = Running::start(HubConfig::default()).await;
    let mut slow = server.client("ann").await;
    let mut quick = server.client("ben").await;
    let chunk = Outgoing::new("chunk", &"x".repeat(64 * 1024)).unwrap();
    // The kernel's buffers take some megabytes before the queue begins to fill.
    let overflown = async {
        while server.hub.send_to_user("ann", &chunk) == 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, overflown).await.unwrap();
    assert_eq!(server.hub.stats().connections, 1);
    assert_eq!(quick.ask("echo", json!(1), 2).await["data"], 1);
    assert_eq!(slow.close_code().await, Close::TRY_AGAIN_LATER);
}

#[tokio::test]
async fn a_handler_ends_though_its_socket_does_not_wait_for_it() {
    let mut server = Running::start(HubConfig {
        close_timeout: Duration::from_millis(100),
        ..HubConfig::default()
    })
    .await;
    let mut ann = server.client("ann").await;
    ann.send("slow", Value::Null).await;
    assert_eq!(server.progress.recv().await, Some("begun"));
    drop(ann);
    timeout(LIMIT, server.hub.shutdown()).await.unwrap();
    server.gate.send(()).unwrap();
    let done = timeout(LIMIT, server.progress.recv()).await.unwrap();
    assert_eq!(done, Some("done"));
}

#[tokio::test]
async fn a_handler_that_panics_closes_its_own_socket_only() {
    let server = Running::start(HubConfig::default()).await;
    let (mut ann, mut ben) = (server.client("ann").await, server.client("ben").await);
    ann.send("fail", Value::Null).await;
    assert_eq!(ann.close_code().await, Close::INTERNAL_ERROR);
    assert_eq!(ben.ask("echo", json!(1), 2).await["data"], 1);
    assert_eq!(server.hub.stats().connections, 1);
}
