//! A WebSocket client for tests. Every wait has a limit, so that a failing test ends.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and no test file uses all of this"
)]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Far longer than anything here takes on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(10);

/// One WebSocket.
pub struct Client(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

/// How a socket ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// With a close frame.
    Close(u16, String),
    /// Without one.
    Cut,
}

impl Client {
    /// Opens a socket, or gives the status that refused it.
    pub async fn open(url: &str, origin: Option<&str>) -> Result<Self, u16> {
        let mut request = url.into_client_request().unwrap();
        if let Some(origin) = origin {
            let headers = request.headers_mut();
            headers.insert("origin", origin.parse().unwrap());
        }
        match timeout(LIMIT, connect_async(request)).await.unwrap() {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens a socket and authenticates.
    pub async fn authenticated(url: &str, token: &str) -> Self {
        let mut client = Self::open(url, None).await.unwrap();
        client.send("auth", json!({ "token": token })).await;
        client
    }

    pub async fn send(&mut self, kind: &str, data: Value) {
        let frame = json!({ "type": kind, "data": data });
        self.send_raw(Message::text(frame.to_string())).await;
    }

    pub async fn send_raw(&mut self, message: Message) {
        let sent = timeout(LIMIT, self.0.send(message)).await;
        sent.expect("the server takes the frame").unwrap();
    }

    /// The next message.
    pub async fn receive(&mut self) -> Value {
        loop {
            let frame = timeout(LIMIT, self.0.next()).await;
            match frame.expect("a message comes").unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Sends a request and gives its answer, past the pushes before it.
    pub async fn ask(&mut self, kind: &str, data: Value, id: u64) -> Value {
        let frame = json!({ "type": kind, "data": data, "id": id });
        self.send_raw(Message::text(frame.to_string())).await;
        loop {
            let message = self.receive().await;
            if message.get("re") == Some(&json!(id)) {
                return message;
            }
        }
    }

    /// How the socket ends, past all that comes before it.
    pub async fn ended(&mut self) -> Ended {
        loop {
            match timeout(LIMIT, self.0.next()).await.expect("an end comes") {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Ended::Close(frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ended::Cut,
            }
        }
    }

    /// The code of the close frame that ends the socket.
    pub async fn close_code(&mut self) -> u16 {
        match self.ended().await {
            Ended::Close(code, _) => code,
            Ended::Cut => panic!("cut without a close frame"),
        }
    }
}
