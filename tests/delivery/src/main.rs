//! `everwire-delivery --port N --db FILE`: the application on the server side of the delivery test.
//!
//! It writes down every number that a page sends and sends a number of its own for each, besides one now and then that
//! nobody asked for. Over HTTP it tells what it has: `GET /progress`, `GET /report/{last}`; `POST /quiet` ends the
//! numbers that nobody asked for.

mod ledger;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use everwire_server::{
    Connection, Delivery, Handler, HandlerError, Hub, HubConfig, Incoming, Origins, Outgoing,
};
use ledger::Ledger;
use lexopt::Arg::{Long, Short, Value as Free};
use lexopt::ValueExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

/// The only user.
const USER: &str = "ann";
/// The type of every message, both ways.
const NUMBER: &str = "number";
/// How often a number goes out that nobody asked for, also while no page is there.
const UNASKED: Duration = Duration::from_millis(50);
/// The shortest that the protocol has, so that a test need not wait.
const PING_AFTER: Duration = Duration::from_secs(5);

/// The application.
#[derive(Clone)]
struct Counting {
    ledger: Ledger,
    is_quiet: Arc<AtomicBool>,
    has_begun: Arc<Notify>,
}

impl Handler for Counting {
    async fn on_message(&self, hub: &Hub, _connection: &Connection, message: Incoming) {
        if let Err(error) = self.handle(hub, None, &message) {
            eprintln!("{message:?}: {error}");
        }
    }

    async fn on_delivery(
        &self,
        hub: &Hub,
        _connection: &Connection,
        delivery: &Delivery,
        message: Incoming,
    ) -> Result<(), HandlerError> {
        self.handle(hub, Some(delivery), &message)
    }

    async fn on_connect(&self, _hub: &Hub, _connection: &Connection) {
        self.has_begun.notify_one();
    }
}

impl Counting {
    fn handle(
        &self,
        hub: &Hub,
        delivery: Option<&Delivery>,
        message: &Incoming,
    ) -> Result<(), HandlerError> {
        let number = message.data.get("number").and_then(Value::as_i64);
        let number = number.ok_or(HandlerError::refused("not-a-number", "Send {number}."))?;
        self.ledger
            .handle(number, delivery, |answer| send(hub, answer))
    }
}

fn send(hub: &Hub, number: i64) {
    if let Ok(message) = Outgoing::new(NUMBER, &json!({ "number": number })) {
        hub.send_to_user(USER, &message);
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let (port, path) = parse()?;
    let counting = Counting {
        ledger: Ledger::open(&path)?,
        is_quiet: Arc::default(),
        has_begun: Arc::default(),
    };
    let config = HubConfig {
        origins: Origins::Any,
        rate: None,
        ping_after: PING_AFTER,
        ..HubConfig::default()
    };
    let hub = Hub::builder(config, counting.clone())
        .store(counting.ledger.clone())
        .build();
    tokio::spawn(send_unasked(hub.clone(), counting.clone()));
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stopping = hub.clone();
    axum::serve(listener, routes(hub, counting))
        .with_graceful_shutdown(async move {
            terminate.recv().await;
            stopping.shutdown().await;
        })
        .await?;
    Ok(())
}

fn parse() -> Result<(u16, PathBuf)> {
    let (mut port, mut path) = (None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => port = Some(parser.value()?.parse()?),
            Long("db") => path = Some(PathBuf::from(parser.value()?)),
            Short(_) | Long(_) | Free(_) => return Err(argument.unexpected().into()),
        }
    }
    Ok((
        port.context("--port says where to listen")?,
        path.context("--db names the store")?,
    ))
}

/// From the first connection on: of what was sent before, nobody would be told that it is missing.
async fn send_unasked(hub: Hub, counting: Counting) {
    if counting.ledger.progress().is_ok_and(|made| made.sent == 0) {
        counting.has_begun.notified().await;
    }
    let mut ticks = interval(UNASKED);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !counting.is_quiet.load(Ordering::Acquire) {
        ticks.tick().await;
        if let Err(error) = counting.ledger.send_next(|number| send(&hub, number)) {
            eprintln!("no number was taken: {error}");
        }
    }
}

fn routes(hub: Hub, counting: Counting) -> Router {
    Router::new()
        .route("/ws/{user}", get(connect))
        .with_state(hub)
        .route("/progress", get(progress))
        .route("/report/{last}", get(report))
        .route("/quiet", post(quiet))
        .with_state(counting)
}

async fn connect(
    State(hub): State<Hub>,
    Path(user): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    hub.connect(user, &headers, upgrade)
}

async fn progress(State(counting): State<Counting>) -> Result<Json<Value>, StatusCode> {
    let progress = counting.ledger.progress().map_err(broken)?;
    let ledger::Progress { handled, sent } = progress;
    Ok(Json(json!({ "handled": handled, "sent": sent })))
}

async fn report(
    State(counting): State<Counting>,
    Path(last): Path<i64>,
) -> Result<Json<Value>, StatusCode> {
    counting.ledger.report(last).map(Json).map_err(broken)
}

async fn quiet(State(counting): State<Counting>) {
    counting.is_quiet.store(true, Ordering::Release);
}

fn broken(error: rusqlite::Error) -> StatusCode {
    eprintln!("the store is broken: {error}");
    StatusCode::INTERNAL_SERVER_ERROR
}
