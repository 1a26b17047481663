//! How sockets of the hub begin and end: origin, token, limits, silence, shutdown.

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
use everwire_server::{Close, HubConfig, Origins, Outgoing};
use futures_util::StreamExt;
use hub::Running;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn a_page_of_another_origin_is_refused() {
    let same_host = Running::start(HubConfig::default()).await;
    let own = format!("http://{}", same_host.address);
    let url = same_host.url("ann");
    assert!(Client::open(&url, Some(&own)).await.is_ok());
    assert!(Client::open(&url, None).await.is_ok());
    let refused = Client::open(&url, Some("https://evil.example")).await;
    assert_eq!(refused.err(), Some(403));

    let listed = Running::start(HubConfig {
        origins: Origins::List(vec!["https://app.example".to_owned()]),
        ..HubConfig::default()
    })
    .await;
    let url = listed.url("ann");
    assert!(
        Client::open(&url, Some("https://app.example"))
            .await
            .is_ok()
    );
    let refused = Client::open(&url, Some(&format!("http://{}", listed.address))).await;
    assert_eq!(refused.err(), Some(403));
}

#[tokio::test]
async fn a_socket_without_a_good_token_is_closed() {
    let server = Running::start(HubConfig {
        auth_timeout: Duration::from_secs(1),
        ..HubConfig::default()
    })
    .await;
    for (kind, data, code) in [
        ("echo", json!(1), Close::UNAUTHORIZED),
        ("auth", json!(null), Close::UNAUTHORIZED),
        ("auth", json!({ "token": 7 }), Close::UNAUTHORIZED),
        ("auth", json!({ "token": "bad" }), Close::UNAUTHORIZED),
        ("auth", json!({ "token": "hangs" }), Close::UNAUTHORIZED),
        ("auth", json!({ "token": "forbidden" }), Close::FORBIDDEN),
    ] {
        let mut client = Client::open(&server.url("ann"), None).await.unwrap();
        client.send(kind, data.clone()).await;
        let Ended::Close(closed, reason) = client.ended().await else {
            unreachable!("cut");
        };
        assert_eq!(closed, code, "{kind} {data}");
        assert!(
            !reason.contains("bad") && !reason.contains("hangs"),
            "{reason}"
        );
    }
    let mut silent = Client::open(&server.url("ann"), None).await.unwrap();
    assert_eq!(silent.close_code().await, Close::UNAUTHORIZED);
}

#[tokio::test]
async fn nothing_is_sent_before_the_token_was_checked() {
    let server = Running::start(HubConfig::default()).await;
    let mut client = Client::open(&server.url("ann"), None).await.unwrap();
    let secret = Outgoing::new("secret", &1).unwrap();
    assert_eq!(server.hub.send_to_user("ann", &secret), 0);
    assert_eq!(server.hub.broadcast(&secret), 0);
    client.send("auth", json!({ "token": "good" })).await;
    let first = client.ask("echo", json!(1), 1).await;
    assert_eq!(first["type"], "echo");
    assert_eq!(server.hub.send_to_user("ann", &secret), 1);
}

#[tokio::test]
async fn a_token_that_expires_ends_the_socket_unless_it_is_refreshed() {
    let server = Running::start(HubConfig {
        expiry_grace: Duration::from_millis(100),
        ..HubConfig::default()
    })
    .await;
    let url = server.url("ann");
    let begun = Instant::now();
    let mut refreshed = Client::authenticated(&url, "short").await;
    refreshed.send("auth", json!({ "token": "good" })).await;
    let mut expired = Client::authenticated(&url, "short").await;
    assert_eq!(expired.close_code().await, Close::UNAUTHORIZED);
    assert!(
        begun.elapsed() >= Duration::from_millis(200),
        "life and grace"
    );
    // Both began together, so this one has outlived its first token too.
    assert_eq!(refreshed.ask("echo", json!(1), 1).await["data"], 1);
    refreshed.send("auth", json!({ "token": "bad" })).await;
    assert_eq!(refreshed.close_code().await, Close::UNAUTHORIZED);
}

#[tokio::test]
async fn sockets_above_the_limits_are_refused() {
    let server = Running::start(HubConfig {
        max_connections: 3,
        max_connections_per_user: 2,
        ..HubConfig::default()
    })
    .await;
    let _held = (server.client("ann").await, server.client("ann").await);
    let mut third = Client::authenticated(&server.url("ann"), "good").await;
    assert_eq!(third.close_code().await, Close::RATE_LIMITED);
    drop(third);
    // The place is free once the server has seen the end of the third.
    let opened = async {
        loop {
            if let Ok(client) = Client::open(&server.url("ben"), None).await {
                return client;
            }
        }
    };
    let _ben = timeout(LIMIT, opened).await.unwrap();
    let refused = Client::open(&server.url("cleo"), None).await;
    assert_eq!(refused.err(), Some(503));
}

#[tokio::test]
async fn a_silent_peer_is_pinged_and_then_closed() {
    let server = Running::start(HubConfig {
        ping_after: Duration::from_millis(50),
        dead_after: Duration::from_millis(400),
        ..HubConfig::default()
    })
    .await;
    // A socket that is read answers pings, one that is not read is silent.
    let mut alive = server.client("ann").await;
    let mut dead = server.client("ben").await;
    let until = Instant::now() + Duration::from_secs(1);
    let mut pings = 0;
    while let Ok(frame) = tokio::time::timeout_at(until, alive.0.next()).await {
        assert!(frame.unwrap().unwrap().is_ping());
        pings += 1;
    }
    assert!(pings > 1);
    assert_eq!(dead.close_code().await, Close::TIMEOUT);
    assert_eq!(alive.ask("echo", json!(1), 2).await["data"], 1);
}

#[tokio::test]
async fn shutdown_closes_with_1012_after_what_was_queued() {
    let server = Running::start(HubConfig::default()).await;
    let mut clients = [server.client("ann").await, server.client("ben").await];
    let mut unauthenticated = Client::open(&server.url("cleo"), None).await.unwrap();
    let last = Outgoing::new("last", &1).unwrap();
    assert_eq!(server.hub.broadcast(&last), 2);
    let hub = server.hub.clone();
    let begun = Instant::now();
    let shutdown = tokio::spawn(async move { hub.shutdown().await });
    for client in &mut clients {
        assert_eq!(client.receive().await["type"], "last");
        assert_eq!(client.close_code().await, Close::RESTART);
        // The answer to the close frame goes out with the next read.
        assert_eq!(client.ended().await, Ended::Cut);
    }
    assert_eq!(unauthenticated.close_code().await, Close::RESTART);
    assert_eq!(unauthenticated.ended().await, Ended::Cut);
    timeout(LIMIT, shutdown).await.unwrap().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "nobody was waited for in vain"
    );
    assert_eq!(server.hub.broadcast(&last), 0);
    let refused = Client::open(&server.url("ann"), None).await;
    assert_eq!(refused.err(), Some(503));
}

#[tokio::test]
async fn shutdown_does_not_wait_for_ever_for_a_peer_that_does_not_answer() {
    let server = Running::start(HubConfig {
        close_timeout: Duration::from_millis(200),
        ..HubConfig::default()
    })
    .await;
    let _unread = server.client("ann").await;
    let begun = Instant::now();
    timeout(LIMIT, server.hub.shutdown()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(server.hub.stats().connections, 0);
    assert_eq!(
        server
            .hub
            .send_to_user("ann", &Outgoing::new("x", &Value::Null).unwrap()),
        0
    );
}
