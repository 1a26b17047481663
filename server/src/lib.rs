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
//! - **Not here**: delivery guarantees. A message that was sent while a user was away is lost; keep state in a
//!   database, and let a client fetch it when it comes back.

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
