//! The hub: connect, disconnect, send_to_user and broadcast, for axum.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::WebSocketUpgrade;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{AuthError, Authenticate, Grant, Token};
use crate::close::Close;
use crate::config::HubConfig;
use crate::connection::Connection;
use crate::message::{Incoming, Outgoing};
use crate::queue::SendQueue;
use crate::registry::Registry;
use crate::session;

/// A socket buffers this much before it reads or writes: enough for many small messages in one call, and small
/// beside the 128 KiB each that tungstenite would reserve.
const IO_BUFFER_BYTES: usize = 16 * 1024;

/// What the application does with messages.
pub trait Handler: Send + Sync + 'static {
    /// Handles one message. Those of one connection come one at a time and in order; the next is read once this
    /// returns. The end of the socket does not cancel it.
    ///
    /// A message with an `id` waits for an answer: send [`Outgoing::answer`] or [`Outgoing::error`].
    fn on_message(
        &self,
        hub: &Hub,
        connection: &Connection,
        message: Incoming,
    ) -> impl Future<Output = ()> + Send;
}

type Handled<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A [`Handler`] behind one type.
pub(crate) trait ErasedHandler: Send + Sync {
    fn handle<'a>(
        &'a self,
        hub: &'a Hub,
        connection: &'a Connection,
        message: Incoming,
    ) -> Handled<'a>;
}

impl<H: Handler> ErasedHandler for H {
    fn handle<'a>(
        &'a self,
        hub: &'a Hub,
        connection: &'a Connection,
        message: Incoming,
    ) -> Handled<'a> {
        Box::pin(self.on_message(hub, connection, message))
    }
}

/// All sockets of an application. Clones are handles of the same hub.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) config: HubConfig,
    pub(crate) handler: Box<dyn ErasedHandler>,
    pub(crate) authenticate: Option<Box<dyn Authenticate>>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) shutdown: CancellationToken,
    sockets: TaskTracker,
}

/// How many are connected, sockets still to be authenticated not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Open sockets.
    pub connections: usize,
    /// Users with at least one of them.
    pub users: usize,
}

impl Hub {
    /// A hub that trusts the user named in [`connect`](Self::connect): for applications that know the user before
    /// the upgrade, for example by a cookie. `auth` messages are ignored.
    pub fn new(config: HubConfig, handler: impl Handler) -> Self {
        Self::build(config, Box::new(handler), None)
    }

    /// A hub whose sockets must send `{"type":"auth","data":{"token"}}` first, which `check` accepts or refuses
    /// for the user named in [`connect`](Self::connect). Each later `auth` message is checked too, and replaces
    /// the life of the token before.
    pub fn with_auth<F, Fut>(config: HubConfig, handler: impl Handler, check: F) -> Self
    where
        F: Fn(String, Token) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Grant, AuthError>> + Send + 'static,
    {
        Self::build(config, Box::new(handler), Some(Box::new(check)))
    }

    fn build(
        config: HubConfig,
        handler: Box<dyn ErasedHandler>,
        authenticate: Option<Box<dyn Authenticate>>,
    ) -> Self {
        Self(Arc::new(Shared {
            config,
            handler,
            authenticate,
            registry: Arc::default(),
            shutdown: CancellationToken::new(),
            sockets: TaskTracker::new(),
        }))
    }

    /// Takes a socket of `user`: the answer to its handshake. From then on the hub runs it by itself.
    ///
    /// Refused are pages of other origins (403), and everyone while the hub is full or shuts down (503).
    pub fn connect(
        &self,
        user: impl Into<String>,
        headers: &HeaderMap,
        upgrade: WebSocketUpgrade,
    ) -> Response {
        let config = &self.0.config;
        if !config.origins.allow(headers) {
            return (StatusCode::FORBIDDEN, "this origin is not allowed\n").into_response();
        }
        if self.0.shutdown.is_cancelled() || self.0.sockets.len() >= config.max_connections {
            let retry = [(header::RETRY_AFTER, "5")];
            return (StatusCode::SERVICE_UNAVAILABLE, retry, "come back later\n").into_response();
        }
        let queue = SendQueue::new(config.send_queue_messages, config.send_queue_bytes);
        let connection = Connection::new(user.into(), queue);
        let hub = self.clone();
        let counted = self.0.sockets.token();
        upgrade
            .max_frame_size(config.max_frame_bytes)
            .max_message_size(config.max_frame_bytes)
            .read_buffer_size(IO_BUFFER_BYTES)
            .write_buffer_size(IO_BUFFER_BYTES)
            .on_upgrade(async move |socket| {
                session::run(socket, hub, connection).await;
                drop(counted);
            })
    }

    /// Closes every socket of `user` and says how many there were.
    pub fn disconnect(&self, user: &str, close: &Close) -> usize {
        self.0
            .registry
            .count_of_user(user, |socket| socket.close(close.clone()))
    }

    /// Sends to every socket of `user` and says how many got it into their queue. 0: nobody will get it.
    pub fn send_to_user(&self, user: &str, message: &Outgoing) -> usize {
        self.0
            .registry
            .count_of_user(user, |socket| socket.send(message))
    }

    /// Sends to every socket of every user and says how many got it into their queue.
    pub fn broadcast(&self, message: &Outgoing) -> usize {
        self.0.registry.count_of_all(|socket| socket.send(message))
    }

    /// How many are connected.
    pub fn stats(&self) -> Stats {
        Stats {
            connections: self.0.registry.count_of_all(Connection::is_open),
            users: self.0.registry.users(),
        }
    }

    /// Refuses new sockets, closes the open ones with 1012 after what they have queued, and waits until all are
    /// gone, no longer than [`HubConfig::close_timeout`] and one second.
    pub async fn shutdown(&self) {
        self.0.shutdown.cancel();
        self.0.sockets.close();
        let limit = self.0.config.close_timeout + session::LINGER;
        if tokio::time::timeout(limit, self.0.sockets.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                sockets = self.0.sockets.len(),
                "gave up waiting for sockets"
            );
        }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }
}
