//! The hub: connect, disconnect, send_to_user and broadcast, for axum.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use axum::extract::WebSocketUpgrade;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use everwire::proto::frames::SUBPROTOCOL;
use everwire::proto::server::Sent;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{AuthError, Authenticate, Grant, Token};
use crate::close::Close;
use crate::config::HubConfig;
use crate::connection::Connection;
use crate::handler::{ErasedHandler, Handler};
use crate::message::Outgoing;
use crate::queue::SendQueue;
use crate::registry::Registry;
use crate::reliable::{self, Reliable};
use crate::session;
use crate::store::{ErasedStore, MemoryStore, SessionStore};

/// A socket buffers this much before it reads or writes: enough for many small messages in one call, and small
/// beside the 128 KiB each that tungstenite would reserve.
const IO_BUFFER_BYTES: usize = 16 * 1024;

/// How long a client that leaves waits for its acks, before it closes.
const LEAVE: Duration = Duration::from_secs(5);

/// All connections of an application. Clones are handles of the same hub.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) config: HubConfig,
    pub(crate) handler: Box<dyn ErasedHandler>,
    pub(crate) authenticate: Option<Box<dyn Authenticate>>,
    pub(crate) store: Box<dyn ErasedStore>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) shutdown: CancellationToken,
    sockets: TaskTracker,
    /// Sockets that speak everwire.v1.
    reliable_sockets: TaskTracker,
    /// Begins with the first of them.
    reliable: OnceLock<Arc<Reliable>>,
}

/// How many are connected, sockets still to be authenticated not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Open sockets.
    pub connections: usize,
    /// Users with at least one of them.
    pub users: usize,
}

/// A [`Hub`] to be.
pub struct HubBuilder {
    config: HubConfig,
    handler: Box<dyn ErasedHandler>,
    authenticate: Option<Box<dyn Authenticate>>,
    store: Box<dyn ErasedStore>,
}

impl HubBuilder {
    /// Sockets must bring a token, which `check` accepts or refuses for the user named in
    /// [`connect`](Hub::connect): as `{"type":"auth","data":{"token"}}` first, or in the `$open` of reliable delivery.
    /// Each later one is checked too, and replaces the life of the token before.
    pub fn auth<F, Fut>(mut self, check: F) -> Self
    where
        F: Fn(String, Token) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Grant, AuthError>> + Send + 'static,
    {
        self.authenticate = Some(Box::new(check));
        self
    }

    /// Where the records of reliable delivery are kept. Default: [`MemoryStore`].
    pub fn store(mut self, store: impl SessionStore) -> Self {
        self.store = Box::new(store);
        self
    }

    /// The hub. An option out of range is taken as the nearest bound, and a warning is logged.
    pub fn build(self) -> Hub {
        if let Err(error) = self.config.check() {
            tracing::warn!(%error, "the hub's configuration was adjusted");
        }
        Hub(Arc::new(Shared {
            config: self.config.clamped(),
            handler: self.handler,
            authenticate: self.authenticate,
            store: self.store,
            registry: Arc::default(),
            shutdown: CancellationToken::new(),
            sockets: TaskTracker::new(),
            reliable_sockets: TaskTracker::new(),
            reliable: OnceLock::new(),
        }))
    }
}

impl Hub {
    /// Begins a hub with these parts. Without more, it trusts the user named in [`connect`](Self::connect), and its
    /// records of reliable delivery end with the process.
    pub fn builder(config: HubConfig, handler: impl Handler) -> HubBuilder {
        HubBuilder {
            config,
            handler: Box::new(handler),
            authenticate: None,
            store: Box::new(MemoryStore),
        }
    }

    /// A hub that trusts the user named in [`connect`](Self::connect): for applications that know the user before
    /// the upgrade, for example by a cookie. `auth` messages are ignored.
    pub fn new(config: HubConfig, handler: impl Handler) -> Self {
        Self::builder(config, handler).build()
    }

    /// A hub whose sockets must bring a token: see [`HubBuilder::auth`].
    pub fn with_auth<F, Fut>(config: HubConfig, handler: impl Handler, check: F) -> Self
    where
        F: Fn(String, Token) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Grant, AuthError>> + Send + 'static,
    {
        Self::builder(config, handler).auth(check).build()
    }

    /// Takes a socket of `user`: the answer to its handshake. From then on the hub runs it by itself. A client that
    /// offers the subprotocol `everwire.v1` gets reliable delivery, every other one plain frames.
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
        let sockets = self.0.sockets.len() + self.0.reliable_sockets.len();
        if self.0.shutdown.is_cancelled() || sockets >= config.max_connections {
            return come_back_later();
        }
        let upgrade = upgrade
            .max_frame_size(config.max_frame_bytes)
            .max_message_size(config.max_frame_bytes)
            .read_buffer_size(IO_BUFFER_BYTES)
            .write_buffer_size(IO_BUFFER_BYTES);
        if offers_reliable(headers) {
            return self.connect_reliable(user.into(), upgrade);
        }
        let queue = Arc::new(SendQueue::new(
            config.send_queue_messages,
            config.send_queue_bytes,
        ));
        let connection = Connection::plain(user.into(), Arc::clone(&queue));
        let hub = self.clone();
        let counted = self.0.sockets.token();
        upgrade.on_upgrade(async move |socket| {
            session::run(socket, hub, connection, queue).await;
            drop(counted);
        })
    }

    fn connect_reliable(&self, user: String, upgrade: WebSocketUpgrade) -> Response {
        let Some(reliable) = self.reliable_or_begin() else {
            return come_back_later();
        };
        let hub = self.clone();
        let counted = self.0.reliable_sockets.token();
        let upgrade = upgrade.protocols([SUBPROTOCOL]);
        upgrade.on_upgrade(async move |socket| {
            reliable::run(socket, hub, reliable, user).await;
            drop(counted);
        })
    }

    /// Closes every socket of `user` and says how many there were.
    pub fn disconnect(&self, user: &str, close: &Close) -> usize {
        let reliable = self.0.reliable.get();
        let sessions = reliable.map_or(0, |reliable| reliable.disconnect(user, close));
        let sockets = self
            .0
            .registry
            .count_of_user(user, |socket| socket.close(close.clone()));
        sockets + sessions
    }

    /// Takes a user's right to be here: closes every socket with 4403 and ends the sessions of reliable delivery. Says
    /// how many connections it met.
    pub fn revoke(&self, user: &str) -> usize {
        let reliable = self.0.reliable.get();
        let sessions = reliable.map_or(0, |reliable| reliable.revoke(user));
        let close = Close::new(Close::FORBIDDEN, "revoked");
        sessions
            + self
                .0
                .registry
                .count_of_user(user, |socket| socket.close(close.clone()))
    }

    /// Asks the clients of `user` with reliable delivery for a fresh token, and says how many are there.
    pub fn ask_for_token(&self, user: &str, within: Duration) -> usize {
        let reliable = self.0.reliable.get();
        reliable.map_or(0, |reliable| reliable.ask_for_token(user, within))
    }

    /// Sends to every connection of `user` and says how many hold it: plain sockets that got it into their queue, and
    /// sessions of reliable delivery, attached or not. 0: nobody will get it, keep it in the database.
    pub fn send_to_user(&self, user: &str, message: &Outgoing) -> usize {
        self.deliver_to_user(user, message).sessions
    }

    /// As [`send_to_user`](Self::send_to_user), and says besides how many of them have a socket now.
    pub fn deliver_to_user(&self, user: &str, message: &Outgoing) -> Sent {
        let plain = self
            .0
            .registry
            .count_of_user(user, |socket| socket.send(message));
        let reliable = self.0.reliable.get();
        plus(
            plain,
            reliable.map(|reliable| reliable.send_to_user(user, message)),
        )
    }

    /// Sends to every connection of every user and says how many hold it.
    pub fn broadcast(&self, message: &Outgoing) -> usize {
        let plain = self.0.registry.count_of_all(|socket| socket.send(message));
        let reliable = self.0.reliable.get();
        plus(plain, reliable.map(|reliable| reliable.broadcast(message))).sessions
    }

    /// Sends what is worthless later, a cursor for example, to those of `user` who are there, and says how many. With
    /// reliable delivery it is neither held nor sent again, and dropped where the network is slow.
    pub fn send_volatile_to_user(&self, user: &str, message: &Outgoing) -> usize {
        let plain = self
            .0
            .registry
            .count_of_user(user, |socket| socket.send(message));
        let reliable = self.0.reliable.get();
        plain + reliable.map_or(0, |reliable| reliable.send_volatile_to_user(user, message))
    }

    /// How many are connected.
    pub fn stats(&self) -> Stats {
        let (attached, mut users) = self
            .0
            .reliable
            .get()
            .map(|reliable| reliable.attached())
            .unwrap_or_default();
        users.extend(self.0.registry.users());
        Stats {
            connections: self.0.registry.count_of_all(Connection::is_open) + attached,
            users: users.len(),
        }
    }

    /// Refuses new sockets and closes the plain ones with 1012 after what they have queued. Clients with reliable
    /// delivery are asked to leave within [`HubConfig::drain`]; those that have not left some seconds later get 1012
    /// too. Waits until all are gone and what is being handled is done, no longer than the drain,
    /// [`HubConfig::close_timeout`] and some seconds.
    pub async fn shutdown(&self) {
        self.0.shutdown.cancel();
        self.0.sockets.close();
        self.0.reliable_sockets.close();
        tokio::join!(self.end_plain(), self.end_reliable());
    }

    async fn end_plain(&self) {
        let limit = self.0.config.close_timeout + session::LINGER;
        let ended = tokio::time::timeout(limit, self.0.sockets.wait()).await;
        if ended.is_err() {
            tracing::warn!(
                sockets = self.0.sockets.len(),
                "gave up waiting for sockets"
            );
        }
    }

    async fn end_reliable(&self) {
        let Some(reliable) = self.0.reliable.get() else {
            return;
        };
        let config = &self.0.config;
        reliable.drain(config.drain);
        // Nothing to do about those that have not left: they are closed.
        let _ = tokio::time::timeout(config.drain + LEAVE, self.0.reliable_sockets.wait()).await;
        reliable.stop.cancel();
        reliable.tasks.close();
        let ended = async { tokio::join!(self.0.reliable_sockets.wait(), reliable.tasks.wait()) };
        let limit = config.close_timeout + session::LINGER;
        if tokio::time::timeout(limit, ended).await.is_err() {
            tracing::warn!("gave up waiting for clients or handlers");
        }
        reliable.gone.cancel();
    }

    /// What runs reliable delivery; `None` if the system gives no random numbers.
    fn reliable_or_begin(&self) -> Option<Arc<Reliable>> {
        if let Some(reliable) = self.0.reliable.get() {
            return Some(Arc::clone(reliable));
        }
        let mut seed = [0; 32];
        if let Err(error) = getrandom::fill(&mut seed) {
            tracing::error!(%error, "no random numbers for keys");
            return None;
        }
        let begin = || {
            let kind = self.0.store.kind();
            let reliable = Reliable::new(&self.0.config, kind, seed, self.downgrade());
            tokio::spawn(reliable::drive(Arc::clone(&reliable)));
            reliable
        };
        Some(Arc::clone(self.0.reliable.get_or_init(begin)))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }

    pub(crate) fn downgrade(&self) -> Weak<Shared> {
        Arc::downgrade(&self.0)
    }

    pub(crate) fn upgrade(shared: &Weak<Shared>) -> Option<Self> {
        shared.upgrade().map(Self)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(reliable) = self.reliable.get() {
            reliable.gone.cancel();
        }
    }
}

fn come_back_later() -> Response {
    let retry = [(header::RETRY_AFTER, "5")];
    (StatusCode::SERVICE_UNAVAILABLE, retry, "come back later\n").into_response()
}

fn offers_reliable(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    let mut offered = offers
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    offered.any(|protocol| protocol.trim() == SUBPROTOCOL)
}

/// Plain sockets hold what they get for as long as they are there.
fn plus(plain: usize, sent: Option<Sent>) -> Sent {
    let sent = sent.unwrap_or_default();
    Sent {
        sessions: sent.sessions + plain,
        attached: sent.attached + plain,
    }
}
