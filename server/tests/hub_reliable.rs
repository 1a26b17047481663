//! The hub speaks everwire.v1 beside plain frames: delivery once and in order, over sockets that come and go.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;
#[path = "common/counter.rs"]
mod counter;
#[path = "common/reliable.rs"]
mod reliable;

use std::time::Duration;

use common::{Client, Ended, LIMIT};
use counter::{Running, config};
use everwire_server::{Close, HubConfig, MemoryStore, Outgoing, Sent};
use reliable::{Reliable, open_data, resume};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

fn first_open(cid: &str) -> Value {
    open_data(cid, 1, "good", (1, 0))
}

#[tokio::test]
async fn reliable_and_plain_clients_share_a_route_and_its_messages() {
    let server = Running::start(config(), MemoryStore).await;
    let (mut reliable, session) = Reliable::open(&server.url("ann"), first_open("c")).await;
    assert_eq!(session["resumed"], false);
    assert_eq!((&session["rx"], &session["from"]), (&json!(0), &json!(1)));
    let mut plain = Client::authenticated(&server.url("ann"), "good").await;
    plain.ask("count", json!("plain"), 1).await;
    let news = Outgoing::new("news", &7).unwrap();
    let both = Sent {
        sessions: 2,
        attached: 2,
    };
    assert_eq!(server.hub.deliver_to_user("ann", &news), both);
    assert_eq!(server.hub.stats().connections, 2);
    assert_eq!(server.hub.stats().users, 1);
    assert_eq!(plain.receive().await, json!({ "type": "news", "data": 7 }));
    let received = reliable.receive().await;
    assert_eq!(
        (&received["data"], &received["seq"]),
        (&json!(7), &json!(1))
    );
    assert_eq!(server.hub.broadcast(&news), 2);
    assert_eq!(reliable.receive().await["seq"], 2);
}

#[tokio::test]
async fn a_message_that_is_sent_again_is_handled_once() {
    let mut server = Running::start(config(), MemoryStore).await;
    let (mut first, _) = Reliable::open(&server.url("ann"), first_open("c")).await;
    for seq in 1..=3 {
        first.send(seq, "count", json!(seq)).await;
    }
    for seq in 1..=3 {
        assert_eq!(server.counted().await, json!(seq));
    }
    drop(first);
    let (mut second, session) =
        Reliable::open(&server.url("ann"), open_data("c", 2, "good", (1, 4))).await;
    assert_eq!(session["rx"], 3);
    let again: Vec<Value> = (2..=5)
        .map(|seq| json!({ "type": "count", "data": seq, "seq": seq }))
        .collect();
    second.frame(&json!(again)).await;
    assert_eq!(server.counted().await, json!(4));
    assert_eq!(server.counted().await, json!(5));
    second.acked(5).await;
}

#[tokio::test]
async fn a_handler_outlives_its_socket_and_holds_the_next_message_up() {
    let mut server = Running::start(config(), MemoryStore).await;
    let (mut first, _) = Reliable::open(&server.url("ann"), first_open("c")).await;
    first.send(1, "slow", json!("slow")).await;
    first.send(2, "count", json!("next")).await;
    assert_eq!(server.counted().await, json!("begun"));
    drop(first);
    let (mut second, session) =
        Reliable::open(&server.url("ann"), open_data("c", 2, "good", (1, 2))).await;
    assert_eq!(session["rx"], 0);
    // The end of the first socket may have cost it the second message.
    if session["got"] == 1 {
        second.send(2, "count", json!("next")).await;
    }
    server.gate.send(()).unwrap();
    assert_eq!(server.counted().await, json!("slow"));
    assert_eq!(server.counted().await, json!("next"));
    second.acked(2).await;
}

#[tokio::test]
async fn a_handler_that_fails_or_refuses_is_reported_before_its_ack() {
    let mut server = Running::start(config(), MemoryStore).await;
    let (mut client, _) = Reliable::open(&server.url("ann"), first_open("c")).await;
    client.send(1, "panic", Value::Null).await;
    client.send(2, "refuse", Value::Null).await;
    client.send(3, "count", json!("after")).await;
    for (seq, code) in [(1, "handler"), (2, "unwanted")] {
        let err = client.receive().await;
        assert_eq!(err["type"], "$err");
        assert_eq!(
            (&err["data"]["seq"], &err["data"]["code"]),
            (&json!(seq), &json!(code))
        );
        assert!(client.acked < seq);
    }
    assert_eq!(server.counted().await, json!("after"));
    client.acked(3).await;
    let (_, session) = Reliable::open(&server.url("ann"), open_data("c", 2, "good", (4, 3))).await;
    assert_eq!(session["errs"], json!([[1, "handler"], [2, "unwanted"]]));
}

#[tokio::test]
async fn a_handler_that_takes_too_long_leaves_its_message_uncertain() {
    let config = HubConfig {
        handler_timeout: Some(Duration::from_millis(50)),
        ..config()
    };
    let mut server = Running::start(config, MemoryStore).await;
    let (mut client, _) = Reliable::open(&server.url("ann"), first_open("c")).await;
    client.send(1, "slow", Value::Null).await;
    assert_eq!(server.counted().await, json!("begun"));
    let err = client.receive().await;
    assert_eq!(
        (&err["type"], &err["data"]["code"]),
        (&json!("$err"), &json!("timeout"))
    );
}

#[tokio::test]
async fn what_was_sent_while_a_client_was_away_comes_in_order_and_in_batches() {
    let server = Running::start(config(), MemoryStore).await;
    let (first, session) = Reliable::open(&server.url("ann"), first_open("c")).await;
    drop(first);
    server.until(|hub| hub.stats().connections == 0).await;
    for number in 1..=300 {
        let message = Outgoing::new("number", &number).unwrap();
        let held = Sent {
            sessions: 1,
            attached: 0,
        };
        assert_eq!(server.hub.deliver_to_user("ann", &message), held);
    }
    let mut open = open_data("c", 2, "good", (1, 0));
    open["resume"] = resume(&session, 0);
    let (mut second, session) = Reliable::open(&server.url("ann"), open).await;
    assert_eq!(session["resumed"], true);
    for number in 1..=300 {
        let message = second.receive().await;
        assert_eq!(
            (&message["data"], &message["seq"]),
            (&json!(number), &json!(number))
        );
    }
    assert!(second.frames <= 3, "{} frames", second.frames);
}

#[tokio::test]
async fn a_request_is_answered_in_the_stream() {
    let server = Running::start(config(), MemoryStore).await;
    let (mut client, _) = Reliable::open(&server.url("ann"), first_open("c")).await;
    let request = json!({ "type": "count", "data": 5, "seq": 1, "id": 1 });
    client.frame(&request).await;
    let answer = client.receive().await;
    assert_eq!(
        (&answer["type"], &answer["data"]),
        (&json!("counted"), &json!(5))
    );
    assert_eq!((&answer["re"], &answer["seq"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn a_later_opening_takes_the_client_over() {
    let server = Running::start(config(), MemoryStore).await;
    let (mut first, _) =
        Reliable::open(&server.url("ann"), open_data("c", 5, "good", (1, 0))).await;
    let mut late = Reliable::connect(&server.url("ann")).await;
    late.control("$open", open_data("c", 5, "good", (1, 0)))
        .await;
    assert_eq!(
        late.ended().await,
        Ended::Close(4409, r#"{"n":5}"#.to_owned())
    );
    Reliable::open(&server.url("ann"), open_data("c", 6, "good", (1, 0))).await;
    assert_eq!(
        first.ended().await,
        Ended::Close(4409, "superseded".to_owned())
    );
    let mut stranger = Reliable::connect(&server.url("ben")).await;
    stranger
        .control("$open", open_data("c", 9, "good", (1, 0)))
        .await;
    assert_eq!(
        stranger.ended().await,
        Ended::Close(4409, "user".to_owned())
    );
}

#[tokio::test]
async fn whoever_breaks_the_protocol_is_closed_and_nobody_else() {
    let server = Running::start(config(), MemoryStore).await;
    let (mut bystander, _) = Reliable::open(&server.url("ann"), first_open("good")).await;
    let bad = [
        ("[]".into(), 4400),
        (r#"{"type":"x","seq":0}"#.into(), 4400),
        (r#"{"type":"$ack","data":{"ack":9}}"#.into(), 4400),
        (r#"{"type":"x","seq":7}"#.into(), 4410),
        ("[".repeat(5_000).into(), 4400),
        (tungstenite::Message::binary(vec![1]), 1003),
        (
            format!(r#"{{"type":"x","data":"{}","seq":1}}"#, "x".repeat(70_000)).into(),
            1009,
        ),
    ];
    for (nth, (frame, code)) in bad.into_iter().enumerate() {
        let (mut client, _) =
            Reliable::open(&server.url("ann"), first_open(&format!("bad{nth}"))).await;
        client.socket.send_raw(frame).await;
        let Ended::Close(closed, _) = client.ended().await else {
            panic!("{nth} was cut");
        };
        assert_eq!(closed, code, "{nth}");
    }
    let mut early = Reliable::connect(&server.url("ann")).await;
    early.send(1, "count", Value::Null).await;
    assert!(matches!(early.ended().await, Ended::Close(4400, _)));
    let mut unauthorized = Reliable::connect(&server.url("ann")).await;
    unauthorized
        .control("$open", open_data("u", 1, "bad", (1, 0)))
        .await;
    assert!(matches!(unauthorized.ended().await, Ended::Close(4401, _)));
    bystander.send(1, "count", json!(1)).await;
    bystander.acked(1).await;
}

#[tokio::test]
async fn a_revoked_user_is_closed_and_has_no_session_left() {
    let server = Running::start(config(), MemoryStore).await;
    let (mut client, session) = Reliable::open(&server.url("ann"), first_open("c")).await;
    assert_eq!(server.hub.revoke("ann"), 1);
    assert_eq!(
        client.ended().await,
        Ended::Close(Close::FORBIDDEN, "revoked".to_owned())
    );
    let mut open = open_data("c", 2, "good", (1, 0));
    open["resume"] = resume(&session, 0);
    let (_, session) = Reliable::open(&server.url("ann"), open).await;
    assert_eq!(
        (&session["resumed"], &session["reason"]),
        (&json!(false), &json!("unknown"))
    );
}

#[tokio::test]
async fn a_token_is_refreshed_in_band() {
    let server = Running::start(config(), MemoryStore).await;
    let (mut client, _) = Reliable::open(&server.url("ann"), first_open("c")).await;
    assert_eq!(server.hub.ask_for_token("ann", Duration::from_secs(5)), 1);
    assert_eq!(server.hub.ask_for_token("ben", Duration::from_secs(5)), 0);
    let asked = client.receive().await;
    assert_eq!(
        asked,
        json!({ "type": "$auth", "data": { "need": true, "in_ms": 5_000 } })
    );
    client.control("$auth", json!({ "token": "good" })).await;
    assert_eq!(client.receive().await["data"]["ok"], true);
    client.control("$auth", json!({ "token": "bad" })).await;
    assert_eq!(client.receive().await["data"]["ok"], false);
    client.send(1, "count", json!(1)).await;
    client.acked(1).await;
}

#[tokio::test]
async fn a_volatile_message_is_for_those_who_are_there() {
    let server = Running::start(config(), MemoryStore).await;
    let (mut client, _) = Reliable::open(&server.url("ann"), first_open("here")).await;
    let (away, _) = Reliable::open(&server.url("ann"), first_open("away")).await;
    drop(away);
    server.until(|hub| hub.stats().connections == 1).await;
    let cursor = Outgoing::new("cursor", &1).unwrap();
    assert_eq!(server.hub.send_volatile_to_user("ann", &cursor), 1);
    assert_eq!(
        client.receive().await,
        json!({ "type": "cursor", "data": 1 })
    );
}

#[tokio::test]
async fn hooks_tell_who_comes_and_goes_and_who_has_lost_messages() {
    let mut server = Running::start(config(), MemoryStore).await;
    let plain = Client::authenticated(&server.url("ann"), "good").await;
    assert_eq!(server.hooked().await, "connect plain");
    drop(plain);
    assert_eq!(server.hooked().await, "disconnect plain");
    let (first, _) = Reliable::open(&server.url("ann"), first_open("c")).await;
    assert_eq!(server.hooked().await, "connect c");
    drop(first);
    assert_eq!(server.hooked().await, "disconnect c");
    let mut open = open_data("c", 2, "good", (1, 0));
    open["resume"] = json!({ "sid": "other", "key": "k", "epoch": "before", "rx": 0 });
    let (mut second, _) = Reliable::open(&server.url("ann"), open).await;
    assert_eq!(server.hooked().await, "connect c");
    assert_eq!(server.hooked().await, "resync c epoch");
    assert_eq!(second.receive().await["type"], "snapshot");
}

#[tokio::test]
async fn at_shutdown_clients_are_asked_to_leave_and_those_that_stay_are_closed() {
    let config = HubConfig {
        drain: Duration::from_millis(300),
        close_timeout: Duration::from_millis(500),
        ..config()
    };
    let server = Running::start(config, MemoryStore).await;
    let (mut leaver, _) = Reliable::open(&server.url("ann"), first_open("a")).await;
    let (mut stayer, _) = Reliable::open(&server.url("ben"), first_open("b")).await;
    let mut plain = Client::authenticated(&server.url("cleo"), "good").await;
    plain.ask("count", Value::Null, 1).await;
    let hub = server.hub.clone();
    let begun = Instant::now();
    let shutdown = tokio::spawn(async move { hub.shutdown().await });
    assert_eq!(plain.close_code().await, Close::RESTART);
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "plain clients wait for nobody"
    );
    for client in [&mut leaver, &mut stayer] {
        let drain = client.receive().await;
        assert_eq!(
            (&drain["type"], &drain["data"]["spread_ms"]),
            (&json!("$drain"), &json!(300))
        );
    }
    leaver.send(1, "count", json!(1)).await;
    leaver.acked(1).await;
    drop(leaver);
    assert_eq!(
        stayer.ended().await,
        Ended::Close(Close::RESTART, "the server restarts".to_owned())
    );
    drop(stayer);
    timeout(LIMIT, shutdown).await.unwrap().unwrap();
}

#[tokio::test]
async fn shutdown_ends_once_all_have_left() {
    let server = Running::start(config(), MemoryStore).await;
    let (mut client, _) = Reliable::open(&server.url("ann"), first_open("a")).await;
    let hub = server.hub.clone();
    let begun = Instant::now();
    let shutdown = tokio::spawn(async move { hub.shutdown().await });
    assert_eq!(client.receive().await["type"], "$drain");
    drop(client);
    timeout(LIMIT, shutdown).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4));
}

#[test]
fn options_out_of_range_are_named() {
    assert_eq!(HubConfig::default().check(), Ok(()));
    let bad = HubConfig {
        max_frame_bytes: 10,
        ..HubConfig::default()
    };
    let error = bad.check().unwrap_err();
    assert_eq!(
        error.to_string(),
        "max_frame_bytes must lie within 1 KiB to 16 MiB"
    );
}
