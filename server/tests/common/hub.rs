//! A hub with a small application, on a free port.

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
    AuthError, Connection, Grant, Handler, Hub, HubConfig, Incoming, Outgoing, Token,
};
use serde_json::json;
use tokio::sync::mpsc;

use super::Client;

/// Answers `echo`, and takes `slow` messages only as fast as the test lets it.
pub struct Application {
    /// Says that a `slow` message is being handled, and that it has been.
    pub progress: mpsc::UnboundedSender<&'static str>,
    /// Lets it be handled.
    pub gate: tokio::sync::Mutex<mpsc::UnboundedReceiver<()>>,
}

impl Handler for Application {
    async fn on_message(&self, _: &Hub, connection: &Connection, message: Incoming) {
        match message.kind.as_str() {
            "echo" => {
                let echo = match &message.id {
                    Some(id) => Outgoing::answer(id, "echo", &message.data),
                    None => Outgoing::new("echo", &message.data),
                };
                connection.send(&echo.unwrap());
            }
            "slow" => {
                self.progress.send("begun").unwrap();
                self.gate.lock().await.recv().await.unwrap();
                self.progress.send("done").unwrap();
            }
            "fail" => panic!("as the test asked"),
            _ => {}
        }
    }
}

/// A running hub and the application's strings.
pub struct Running {
    pub hub: Hub,
    pub address: String,
    pub progress: mpsc::UnboundedReceiver<&'static str>,
    pub gate: mpsc::UnboundedSender<()>,
}

impl Running {
    /// A hub whose users' tokens are `good`; `short` dies after 100 ms, and `forbidden` is.
    pub async fn start(config: HubConfig) -> Self {
        let (progress, seen) = mpsc::unbounded_channel();
        let (gate, opened) = mpsc::unbounded_channel();
        let application = Application {
            progress,
            gate: tokio::sync::Mutex::new(opened),
        };
        let hub = Hub::with_auth(config, application, check);
        let app = Router::new()
            .route("/ws/{user}", get(ws))
            .with_state(hub.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(axum::serve(listener, app).into_future());
        Self {
            hub,
            address,
            progress: seen,
            gate,
        }
    }

    pub fn url(&self, user: &str) -> String {
        format!("ws://{}/ws/{user}", self.address)
    }

    /// An authenticated socket that the hub has registered.
    pub async fn client(&self, user: &str) -> Client {
        let mut client = Client::authenticated(&self.url(user), "good").await;
        client.ask("echo", json!(null), 1).await;
        client
    }
}

async fn check(_: String, token: Token) -> Result<Grant, AuthError> {
    match token.as_str() {
        "good" => Ok(Grant::default()),
        "short" => Ok(Grant {
            expires_in: Some(Duration::from_millis(100)),
        }),
        "forbidden" => Err(AuthError::Forbidden),
        "hangs" => std::future::pending().await,
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
