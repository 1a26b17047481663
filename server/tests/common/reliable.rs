//! A client of everwire.v1 for tests: it sends what it is told and forgets nothing.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and no test file uses all of this"
)]

use std::collections::VecDeque;

use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::common::{Client, Ended, LIMIT};

/// One socket that speaks everwire.v1.
pub struct Reliable {
    pub socket: Client,
    /// Messages of frames that came and were not asked for yet.
    inbox: VecDeque<Value>,
    /// The highest ack that came.
    pub acked: u64,
    /// How many frames came.
    pub frames: usize,
}

/// What an `$open` says, with what matters least filled in.
pub fn open_data(cid: &str, n: u64, token: &str, held: (u64, u64)) -> Value {
    json!({
        "v": 1, "cid": cid, "n": n, "token": token, "tx0": held.0, "tx": held.1,
        "max_frame": 1 << 20, "window": 1_000, "window_bytes": 1 << 20,
    })
}

/// What a `$session` says to resume it behind `rx`.
pub fn resume(session: &Value, rx: u64) -> Value {
    json!({ "sid": session["sid"], "key": session["key"], "epoch": session["epoch"], "rx": rx })
}

impl Reliable {
    /// A socket whose subprotocol was accepted.
    pub async fn connect(url: &str) -> Self {
        let mut request = url.into_client_request().unwrap();
        let offer = "other, everwire.v1".parse().unwrap();
        request
            .headers_mut()
            .insert("sec-websocket-protocol", offer);
        let (socket, answer) = timeout(LIMIT, connect_async(request))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(answer.headers()["sec-websocket-protocol"], "everwire.v1");
        Self {
            socket: Client(socket),
            inbox: VecDeque::new(),
            acked: 0,
            frames: 0,
        }
    }

    /// A socket and the data of the `$session` that answers this `$open`.
    pub async fn open(url: &str, data: Value) -> (Self, Value) {
        let mut client = Self::connect(url).await;
        client.control("$open", data).await;
        let session = client.receive().await;
        assert_eq!(session["type"], "$session", "{session}");
        client.acked = session["data"]["rx"].as_u64().unwrap_or(0);
        (client, session["data"].clone())
    }

    pub async fn control(&mut self, kind: &str, data: Value) {
        self.frame(&json!({ "type": kind, "data": data })).await;
    }

    pub async fn frame(&mut self, frame: &Value) {
        self.socket.send_raw(Message::text(frame.to_string())).await;
    }

    /// Writes a sequenced message.
    pub async fn send(&mut self, seq: u64, kind: &str, data: Value) {
        self.frame(&json!({ "type": kind, "data": data, "seq": seq }))
            .await;
    }

    /// The next message that is not just an ack.
    pub async fn receive(&mut self) -> Value {
        loop {
            while let Some(message) = self.inbox.pop_front() {
                if let Some(ack) = message["ack"].as_u64().or(message["data"]["ack"].as_u64()) {
                    assert!(ack >= self.acked, "an ack went back");
                    self.acked = ack;
                }
                if message["type"] != "$ack" {
                    return message;
                }
            }
            self.read_frame().await;
        }
    }

    /// Waits until so much is acked. Whatever else comes stays for later.
    pub async fn acked(&mut self, seq: u64) {
        loop {
            let acks = self
                .inbox
                .iter()
                .filter_map(|message| message["ack"].as_u64().or(message["data"]["ack"].as_u64()));
            self.acked = acks.fold(self.acked, u64::max);
            self.inbox.retain(|message| message["type"] != "$ack");
            if self.acked >= seq {
                return;
            }
            self.read_frame().await;
        }
    }

    async fn read_frame(&mut self) {
        self.frames += 1;
        match self.socket.receive().await {
            Value::Array(messages) => self.inbox.extend(messages),
            message => self.inbox.push_back(message),
        }
    }

    pub async fn ended(&mut self) -> Ended {
        self.socket.ended().await
    }
}
