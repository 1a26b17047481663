//! A hub whose application tells the test all that happens to it, on a free port.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, and no test file uses all of this"
)]

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use everwire_server::{
    AuthError, Connection, Delivery, Grant, Handler, HandlerError, Hub, HubConfig, Incoming, Lost,
    Outgoing, SessionStore, Token,
};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use crate::common::LIMIT;

/// Tells what it counts, and takes `slow` messages only as fast as the test lets it.
struct Counter {
    counted: mpsc::UnboundedSender<Value>,
    hooked: mpsc::UnboundedSender<String>,
    gate: Mutex<mpsc::UnboundedReceiver<()>>,
}

impl Handler for Counter {
    async fn on_message(&self, _: &Hub, connection: &Connection, message: Incoming) {
        match message.kind.as_str() {
            "slow" => {
                self.counted.send(json!("begun")).unwrap();
                self.gate.lock().await.recv().await.unwrap();
            }
            "panic" => panic!("as the test asked"),
            _ => {}
        }
        self.counted.send(message.data.clone()).unwrap();
        if let Some(id) = &message.id {
            connection.send(&Outgoing::answer(id, "counted", &message.data).unwrap());
        }
    }

    async fn on_delivery(
        &self,
        hub: &Hub,
        connection: &Connection,
        _: &Delivery,
        message: Incoming,
    ) -> Result<(), HandlerError> {
        if message.kind == "refuse" {
            return Err(HandlerError::refused("unwanted", "Send something else."));
        }
        self.on_message(hub, connection, message).await;
        Ok(())
    }

    async fn on_connect(&self, _: &Hub, connection: &Connection) {
        self.hook("connect", connection);
    }

    async fn on_disconnect(&self, _: &Hub, connection: &Connection) {
        self.hook("disconnect", connection);
    }

    async fn on_resync(&self, _: &Hub, connection: &Connection, reason: Lost) {
        let name = connection.cid().unwrap_or("plain");
        // Nobody listens any more once the test is over.
        let _ = self
            .hooked
            .send(format!("resync {name} {}", reason.as_str()));
        connection.send(&Outgoing::new("snapshot", &1).unwrap());
    }
}

impl Counter {
    fn hook(&self, what: &str, connection: &Connection) {
        let name = connection.cid().unwrap_or("plain");
        // Nobody listens any more once the test is over.
        let _ = self.hooked.send(format!("{what} {name}"));
    }
}

/// A running hub and the application's strings.
pub struct Running {
    pub hub: Hub,
    address: String,
    counted: mpsc::UnboundedReceiver<Value>,
    hooked: mpsc::UnboundedReceiver<String>,
    pub gate: mpsc::UnboundedSender<()>,
}

/// Frames of 64 KiB at most, so that a test can send a larger one.
pub fn config() -> HubConfig {
    HubConfig {
        max_frame_bytes: 64 * 1024,
        ..HubConfig::default()
    }
}

impl Running {
    /// A hub whose users' token is `good`.
    pub async fn start(config: HubConfig, store: impl SessionStore) -> Self {
        let (counted, counts) = mpsc::unbounded_channel();
        let (hooked, hooks) = mpsc::unbounded_channel();
        let (gate, opened) = mpsc::unbounded_channel();
        let gate_keeper = Mutex::new(opened);
        let application = Counter {
            counted,
            hooked,
            gate: gate_keeper,
        };
        let hub = Hub::builder(config, application)
            .auth(check)
            .store(store)
            .build();
        let app = Router::new()
            .route("/ws/{user}", get(ws))
            .with_state(hub.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(axum::serve(listener, app).into_future());
        Self {
            hub,
            address,
            counted: counts,
            hooked: hooks,
            gate,
        }
    }

    pub fn url(&self, user: &str) -> String {
        format!("ws://{}/ws/{user}", self.address)
    }

    /// What was handled next.
    pub async fn counted(&mut self) -> Value {
        timeout(LIMIT, self.counted.recv()).await.unwrap().unwrap()
    }

    /// Which hook ran next.
    pub async fn hooked(&mut self) -> String {
        timeout(LIMIT, self.hooked.recv()).await.unwrap().unwrap()
    }

    /// Waits until the hub is as it should be.
    pub async fn until(&self, is_so: impl Fn(&Hub) -> bool) {
        let polled = async {
            while !is_so(&self.hub) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LIMIT, polled).await.unwrap();
    }
}

async fn check(_: String, token: Token) -> Result<Grant, AuthError> {
    match token.as_str() {
        "good" => Ok(Grant::default()),
        _ => Err(AuthError::Unauthorized),
    }
}

async fn ws(
    State(hub): State<Hub>,
    Path(user): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    hub.connect(user, &headers, upgrade)
}
