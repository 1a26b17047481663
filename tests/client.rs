//! The Rust client in a browser, against the board's server.
#![cfg(target_arch = "wasm32")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on panics"
)]

use everwire::proto::{AuthVia, CloseAction, Status};
use everwire::{
    Client, ClientEvent, Config, ConnectError, Credentials, Delivery, ErrorCode, Events, Outcome,
    Reliable, RequestError, SendError, TokenError,
};
use futures_util::StreamExt;
use gloo_timers::future::TimeoutFuture;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

const SERVER: &str = match option_env!("EVERWIRE_TEST_SERVER") {
    Some(url) => url,
    None => "ws://127.0.0.1:18431",
};

#[wasm_bindgen(inline_js = r#"
    export async function post(url, body) {
        const headers = { "Content-Type": "application/json" };
        const response = await fetch(url, { method: "POST", headers, body });
        return response.text();
    }
    export async function read(url) { return (await fetch(url)).text(); }
    export function random() { return Math.random().toString(36).slice(2); }
    export function options() { return { outbox: { messages: 3 }, heartbeat: false, requestTimeoutMs: 2500 }; }
    export function misspelt() { return { outbox: { mesages: 3 } }; }
"#)]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn post(url: &str, body: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn read(url: &str) -> Result<JsValue, JsValue>;
    fn random() -> String;
    fn options() -> JsValue;
    fn misspelt() -> JsValue;
}

#[derive(Debug, Deserialize)]
struct Task {
    id: u64,
    title: String,
}

#[derive(Debug, Deserialize)]
struct Gone {
    id: u64,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
enum Incoming {
    TaskCreated(Task),
    TaskDeleted(Gone),
    Tasks(Vec<Task>),
}

#[derive(Serialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
enum Outgoing {
    CreateTask { title: String },
    DeleteTask { id: u64 },
    ListTasks,
}

type BoardClient = Client<Incoming, Outgoing>;

fn config(tab: &str) -> Config {
    Config::new(format!("{SERVER}/ws/ann?tab={tab}"))
}

async fn token() -> Result<Credentials, TokenError> {
    let url = format!("{}/api/token", SERVER.replacen("ws", "http", 1));
    let answer = post(&url, r#"{"user":"ann"}"#).await;
    let text = answer.ok().and_then(|text| text.as_string());
    let body: Option<serde_json::Value> = text.and_then(|text| serde_json::from_str(&text).ok());
    let token = body.and_then(|body| body["token"].as_str().map(str::to_owned));
    token.map(Credentials::token).ok_or(TokenError::Unavailable)
}

fn connect(tab: &str) -> (BoardClient, Events<Incoming>) {
    let builder = Client::builder(config(tab)).auth(|_| token());
    builder.connect().expect("the configuration is right")
}

async fn until_open(events: &mut Events<Incoming>) {
    while let Some(event) = events.next().await {
        if matches!(event, ClientEvent::Status(change) if change.status == Status::Open) {
            return;
        }
    }
    panic!("the events ended before the connection opened");
}

async fn create(client: &BoardClient, title: &str) -> Task {
    let title = title.to_owned();
    let reply = client.request(&Outgoing::CreateTask { title });
    match reply.expect("taken").await {
        Ok(Incoming::TaskCreated(task)) => task,
        other => panic!("{other:?}"),
    }
}

#[wasm_bindgen_test]
async fn what_is_sent_before_the_open_arrives_and_its_event_comes_back() {
    let (client, mut events) = connect(&random());
    let title = random();
    let receipt = client.send(&Outgoing::CreateTask {
        title: title.clone(),
    });
    assert_eq!(client.status(), Status::Connecting);
    assert_eq!(receipt.expect("taken").await, Outcome::Sent);
    loop {
        match events.next().await.expect("open") {
            ClientEvent::Message(Incoming::TaskCreated(task)) if task.title == title => break,
            _ => {}
        }
    }
}

#[wasm_bindgen_test]
async fn a_request_gets_its_answer_and_a_refused_one_the_reason() {
    let (client, _events) = connect(&random());
    let task = create(&client, "asked").await;
    let listed = client.request(&Outgoing::ListTasks).expect("taken").await;
    assert!(matches!(listed, Ok(Incoming::Tasks(tasks)) if tasks.iter().any(|t| t.id == task.id)));
    let deleted = client.request(&Outgoing::DeleteTask { id: task.id });
    let deleted = deleted.expect("taken").await;
    assert!(matches!(deleted, Ok(Incoming::TaskDeleted(gone)) if gone.id == task.id));
    let again = client.request(&Outgoing::DeleteTask { id: task.id });
    let again = again.expect("taken").await;
    assert!(
        matches!(again, Err(RequestError::Refused { .. })),
        "{again:?}"
    );
}

#[wasm_bindgen_test]
async fn it_comes_back_after_a_cut_and_what_was_sent_meanwhile_arrives() {
    let tab = random();
    let (client, mut events) = connect(&tab);
    until_open(&mut events).await;
    let url = format!("{}/api/faults/drop", SERVER.replacen("ws", "http", 1));
    let body = format!(r#"{{"tab":"{tab}"}}"#);
    post(&url, &body).await.expect("the server is there");
    while client.status() == Status::Open {
        events.next().await.expect("the connection is kept");
    }
    let title = random();
    let receipt = client.send(&Outgoing::CreateTask { title });
    assert_eq!(receipt.expect("queued").await, Outcome::Sent);
    assert_eq!(client.stats().opened, 2);
}

#[wasm_bindgen_test]
async fn closing_settles_what_waits_and_ends_the_events() {
    let (client, mut events) = connect(&random());
    let receipt = client.send(&Outgoing::ListTasks).expect("queued");
    let reply = client.request(&Outgoing::ListTasks).expect("queued");
    client
        .close(1000, "done")
        .expect("a code that browsers take");
    assert_eq!(receipt.await, Outcome::Rejected(ErrorCode::Closed));
    assert!(matches!(
        reply.await,
        Err(RequestError::Rejected(ErrorCode::Closed))
    ));
    while let Some(event) = events.next().await {
        assert!(!matches!(event, ClientEvent::Message(_)));
    }
    let refused = client.send(&Outgoing::ListTasks);
    assert!(matches!(
        refused,
        Err(SendError::Refused(ErrorCode::Closed))
    ));
    assert_eq!(client.close(1005, ""), Err(ErrorCode::InvalidClose));
}

#[wasm_bindgen_test]
async fn after_close_it_connects_again_when_asked() {
    let (client, mut events) = connect(&random());
    until_open(&mut events).await;
    client.close(1000, "").expect("a code that browsers take");
    client.resume();
    create(&client, "again").await;
    assert_eq!(client.status(), Status::Open);
}

#[wasm_bindgen_test]
async fn a_provider_that_says_unauthorized_stops_the_connection() {
    let builder = Client::builder(config(&random()));
    let builder = builder.auth(|_| async { Err(TokenError::Unauthorized) });
    let (client, mut events): (BoardClient, _) = builder.connect().expect("right");
    while client.status() != Status::Closed {
        events.next().await.expect("it is told");
    }
}

#[wasm_bindgen_test]
async fn a_close_policy_of_the_application_decides() {
    let wrong = |_| async { Ok(Credentials::token("wrong")) };
    let builder = Client::builder(config(&random())).auth(wrong);
    let builder = builder.close_policy(|frame| (frame.code == 4401).then_some(CloseAction::Stop));
    let (client, mut events): (BoardClient, _) = builder.connect().expect("right");
    let mut stopped = None;
    while stopped.is_none() {
        if let ClientEvent::Status(change) = events.next().await.expect("it is told") {
            stopped = change.stopped;
        }
    }
    assert_eq!(stopped, Some(ErrorCode::Refused));
    assert_eq!(client.stats().opened, 1);
}

#[wasm_bindgen_test]
fn a_token_without_a_provider_is_refused_at_once() {
    let mut config = config("x");
    config.auth = AuthVia::Message;
    let refused = BoardClient::connect(config).map(drop);
    assert_eq!(refused, Err(ConnectError::MissingProvider));
}

#[wasm_bindgen_test]
fn the_options_of_the_npm_package_configure_it_too() {
    let config = Config::from_js(SERVER, options()).expect("right");
    assert_eq!(config.outbox.messages, 3);
    assert_eq!(config.heartbeat, None);
    assert_eq!(config.request_timeout.as_millis(), 2_500);
    let error = Config::from_js(SERVER, misspelt()).expect_err("misspelt");
    assert!(error.to_string().contains("mesages"), "{error}");
}

#[wasm_bindgen_test]
async fn dropping_the_last_client_closes_the_socket() {
    let tab = random();
    let (client, mut events) = connect(&tab);
    until_open(&mut events).await;
    drop(client.clone());
    assert_eq!(client.status(), Status::Open);
    drop(client);
    let url = format!("{}/api/stats", SERVER.replacen("ws", "http", 1));
    let none = r#"{"connections":0,"users":0}"#;
    for _ in 0..1_000 {
        let told = read(&url).await.expect("the server is there");
        if told.as_string().as_deref() == Some(none) {
            return;
        }
        TimeoutFuture::new(10).await;
    }
    panic!("a socket is left at the server");
}

/// Each test names its own, or it would go on with what another left in storage.
fn reliable(tab: &str, name: &str) -> (BoardClient, Events<Incoming>) {
    let config = Config {
        delivery: Delivery::Reliable(Reliable {
            name: name.to_owned(),
            ..Reliable::default()
        }),
        ..config(tab)
    };
    let builder = Client::builder(config).auth(|_| token());
    builder.connect().expect("the configuration is right")
}

#[wasm_bindgen_test]
async fn a_reliable_message_is_acked_once_the_server_has_handled_it() {
    let (client, mut events) = reliable(&random(), &random());
    let title = random();
    let receipt = client.send(&Outgoing::CreateTask {
        title: title.clone(),
    });
    assert_eq!(receipt.expect("taken").await, Outcome::Acked);
    loop {
        match events.next().await.expect("open") {
            ClientEvent::Message(Incoming::TaskCreated(task)) if task.title == title => break,
            _ => {}
        }
    }
    assert_eq!(client.stats().unacked, 0);
    let refused = client.send(&Outgoing::DeleteTask { id: 0 });
    let refused = refused.expect("taken").await;
    assert!(matches!(refused, Outcome::Refused { code, .. } if code == "not-found"));
}

#[wasm_bindgen_test]
async fn a_reliable_request_is_answered_over_whatever_socket_there_is() {
    let (client, mut events) = reliable(&random(), &random());
    until_open(&mut events).await;
    let asked = client.request(&Outgoing::CreateTask { title: random() });
    client.reconnect();
    let answer = asked.expect("taken").await;
    assert!(matches!(answer, Ok(Incoming::TaskCreated(_))), "{answer:?}");
}

#[wasm_bindgen_test]
async fn messages_to_a_reliable_client_survive_a_cut_in_order_and_once() {
    let (client, mut events) = reliable(&random(), &random());
    until_open(&mut events).await;
    let (other, _others) = connect(&random());
    let run = random();
    let titles: Vec<String> = (0..20).map(|n| format!("{run} {n}")).collect();
    for title in &titles {
        if title.ends_with(" 5") || title.ends_with(" 15") {
            client.reconnect();
        }
        create(&other, title).await;
    }
    let mut seen = Vec::new();
    while seen.len() < titles.len() {
        match events.next().await.expect("open") {
            ClientEvent::Message(Incoming::TaskCreated(task)) if task.title.starts_with(&run) => {
                seen.push(task.title);
            }
            ClientEvent::Resync(reason, _) => panic!("nothing was lost: {reason:?}"),
            _ => {}
        }
    }
    assert_eq!(seen, titles);
}
