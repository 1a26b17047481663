//! A hub for axum that Everwire clients talk to, and any client that speaks `{"type","data"}`.
//!
//! ```
//! use axum::extract::{Path, State, WebSocketUpgrade};
//! use axum::http::HeaderMap;
//! use axum::routing::get;
//! use axum::{Router, response::Response};
//! use everwire_server::{AuthError, Connection, Grant, Handler, Hub, HubConfig, Incoming, Outgoing, Token};
//!
//! struct Chat;
//!
//! impl Handler for Chat {
//!     async fn on_message(&self, hub: &Hub, connection: &Connection, message: Incoming) {
//!         let sent = match message.kind.as_str() {
//!             "say" => Outgoing::new("said", &(connection.user(), message.data)),
//!             _ => Ok(Outgoing::error(message.id.as_ref(), "unknown-type", "Send say.")),
//!         };
//!         if let Ok(sent) = sent {
//!             hub.broadcast(&sent);
//!         }
//!     }
//! }
//!
//! async fn check(user: String, token: Token) -> Result<Grant, AuthError> {
//!     if token.as_str() == format!("secret of {user}") {
//!         Ok(Grant::default())
//!     } else {
//!         Err(AuthError::Unauthorized)
//!     }
//! }
//!
//! async fn ws(State(hub): State<Hub>, Path(user): Path<String>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
//!     hub.connect(user, &headers, upgrade)
//! }
//!
//! let hub = Hub::with_auth(HubConfig::default(), Chat, check);
//! let app: Router = Router::new().route("/ws/{user_id}", get(ws)).with_state(hub.clone());
//! // axum::serve(listener, app), and at the end hub.shutdown().await.
//! ```
//!
//! - **Heartbeat**: `{"type":"ping"}` is answered with `{"type":"pong"}`; silent peers are pinged and in the end cut.
//! - **Bounds**: messages a second, bytes a message, what waits for a slow reader, sockets a user and in all. Each has
//!   its close code in [`Close`] and its option in [`HubConfig`].
//! - **Plain frames** carry no guarantee: a message that was sent while a user was away is lost. Keep state in a
//!   database, and let a client fetch it when it comes back.
//! - **Reliable delivery**: a client that offers the subprotocol `everwire.v1` has its messages handled once and in
//!   order, over reconnects, reloads and restarts, and gets what was sent to it while it was away for up to
//!   [`HubConfig::session_life`]. Or it is told what became of them: nothing is lost in silence. It needs no other
//!   route, and [`Handler::on_message`] serves both.
//!
//! # Reliable delivery
//!
//! A handler may refuse a message, and the client's receipt says so. What it must not do is have its effect twice when a
//! message comes again after a crash. With a database of its own, it stores that the message is handled in the
//! transaction of the effect; [`Delivery`] says how, and the `sqlite` module does it for SQLite. Without, give the hub a
//! store that is told before each handler begins, and clients learn which message is uncertain.
//!
//! ```
//! use everwire_server::{Connection, Delivery, Handler, HandlerError, Hub, HubConfig, Incoming, Lost, MemoryStore, Outgoing};
//!
//! struct Orders;
//!
//! impl Handler for Orders {
//!     // Plain clients, and what reliable ones send without a guarantee.
//!     async fn on_message(&self, _: &Hub, connection: &Connection, message: Incoming) {
//!         connection.send(&Outgoing::error(message.id.as_ref(), "unreliable", "Connect with delivery: reliable."));
//!     }
//!
//!     async fn on_delivery(
//!         &self,
//!         hub: &Hub,
//!         connection: &Connection,
//!         delivery: &Delivery,
//!         message: Incoming,
//!     ) -> Result<(), HandlerError> {
//!         if message.kind != "order" {
//!             return Err(HandlerError::refused("unknown-type", "Send order."));
//!         }
//!         println!("order {} of {}", delivery.seq(), connection.user());
//!         let placed = Outgoing::new("placed", &message.data).map_err(|error| HandlerError::Failed(error.to_string()))?;
//!         if hub.send_to_user(connection.user(), &placed) == 0 {
//!             // The session has ended: the client fetches the state when it is back.
//!         }
//!         Ok(())
//!     }
//!
//!     // This client has missed messages: what it is sent now stands behind the gap.
//!     async fn on_resync(&self, _: &Hub, connection: &Connection, _: Lost) {
//!         if let Ok(snapshot) = Outgoing::new("snapshot", &["order 1"]) {
//!             connection.send(&snapshot);
//!         }
//!     }
//! }
//!
//! let hub = Hub::builder(HubConfig::default(), Orders).store(MemoryStore).build();
//! # let _ = hub;
//! ```

mod auth;
mod close;
mod config;
mod connection;
mod delivery;
mod handler;
mod hub;
mod message;
mod origin;
mod queue;
mod registry;
mod reliable;
mod session;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod store;
pub mod v1;
mod writer;

pub use auth::{AuthError, Grant, Token};
pub use close::Close;
pub use config::{ConfigError, HubConfig, RateLimit};
pub use connection::{Connection, ConnectionId};
pub use delivery::{Delivery, HandlerError};
pub use everwire::proto::frames::Lost;
pub use everwire::proto::server::{Record, Sent, StoreKind, Stored, Write};
pub use handler::Handler;
pub use hub::{Hub, HubBuilder, Stats};
pub use message::{Incoming, MessageError, Outgoing, RequestId};
pub use origin::Origins;
pub use store::{LoadResult, MemoryStore, SessionStore, StoreError, WriteResult};
