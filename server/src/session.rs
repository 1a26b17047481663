//! The life of one socket in plain mode: authenticate, then read and handle, while a second task writes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use everwire::proto::Instant as BucketInstant;
use everwire::proto::rate::TokenBucket;
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tungstenite::Error as WsError;

use crate::auth::{AuthError, Grant, Token};
use crate::close::Close;
use crate::connection::Connection;
use crate::handler::Hook;
use crate::hub::Hub;
use crate::message::{Incoming, Outgoing};
use crate::queue::{End, SendQueue};
use crate::registry::Registration;
use crate::writer;

/// How long a socket that broke the framing is held after our close frame, since it can be read no further: to cut
/// at once would reset the connection, and a peer that is still sending would lose the close frame.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// A client that has as many sockets as a user may have comes back after this, in milliseconds.
const TOO_MANY_SOCKETS_RETRY_MS: u64 = 60_000;

/// Runs a socket to its end.
pub(crate) async fn run(
    socket: WebSocket,
    hub: Hub,
    connection: Connection,
    queue: Arc<SendQueue>,
) {
    let (sink, stream) = socket.split();
    let shared = hub.shared();
    let writing = tokio::spawn(writer::write(
        sink,
        Arc::clone(&queue),
        shared.shutdown.clone(),
        shared.config.close_timeout,
    ));
    let mut session = Session::new(stream, &hub, connection.clone(), queue);
    let end = session.serve().await;
    session.queue.end(end);
    session.drain().await;
    if let Err(error) = writing.await {
        tracing::error!(%error, "a socket's writer failed");
    }
    tracing::debug!(user = connection.user(), id = ?connection.id(), "socket ended");
}

/// The reading half of a socket.
struct Session<'h> {
    stream: SplitStream<WebSocket>,
    hub: &'h Hub,
    connection: Connection,
    queue: Arc<SendQueue>,
    started: Instant,
    bucket: Option<TokenBucket>,
    last_inbound: Instant,
    pinged: bool,
    expires: Option<Instant>,
    broken: bool,
}

impl<'h> Session<'h> {
    fn new(
        stream: SplitStream<WebSocket>,
        hub: &'h Hub,
        connection: Connection,
        queue: Arc<SendQueue>,
    ) -> Self {
        let now = Instant::now();
        let rate = hub.shared().config.rate;
        Self {
            stream,
            hub,
            connection,
            queue,
            started: now,
            bucket: rate.map(|rate| {
                TokenBucket::new(rate.per_second, rate.burst, BucketInstant::from_millis(0))
            }),
            last_inbound: now,
            pinged: false,
            expires: None,
            broken: false,
        }
    }

    async fn serve(&mut self) -> End {
        match self.serve_until_end().await {
            Err(end) => end,
            Ok(never) => match never {},
        }
    }

    async fn serve_until_end(&mut self) -> Result<std::convert::Infallible, End> {
        let limit = self.hub.shared().config.auth_timeout;
        timeout(limit, self.authenticate())
            .await
            .map_err(|_| unauthorized("no auth message came in time"))??;
        let _registration = self.register()?;
        tracing::debug!(user = self.connection.user(), id = ?self.connection.id(), "socket ready");
        self.hook(Hook::Connect).await;
        let Err(end) = self.serve_messages().await;
        self.queue.end(end.clone());
        self.hook(Hook::Disconnect).await;
        Err(end)
    }

    async fn serve_messages(&mut self) -> Result<std::convert::Infallible, End> {
        loop {
            let message = self.next_message().await?;
            self.handle(message).await?;
        }
    }

    async fn hook(&self, hook: Hook) {
        let handler = &self.hub.shared().handler;
        handler.hook(self.hub, &self.connection, hook).await;
    }

    async fn authenticate(&mut self) -> Result<(), End> {
        if self.hub.shared().authenticate.is_none() {
            return Ok(());
        }
        let message = self.next_message().await?;
        if message.kind != "auth" {
            return Err(unauthorized("the first message must be auth"));
        }
        self.check_token(message).await
    }

    fn register(&self) -> Result<Registration, End> {
        let shared = self.hub.shared();
        shared
            .registry
            .register(&self.connection, shared.config.max_connections_per_user)
            .ok_or_else(|| End::Close(Close::retry_after(TOO_MANY_SOCKETS_RETRY_MS)))
    }

    async fn handle(&mut self, message: Incoming) -> Result<(), End> {
        match message.kind.as_str() {
            "ping" => {
                let pong = match &message.id {
                    None => Outgoing::pong(),
                    Some(id) => Outgoing::pong_to(id),
                };
                self.connection.send(&pong);
                Ok(())
            }
            "auth" => self.check_token(message).await,
            kind if kind.starts_with('$') => {
                let text = "types that begin with $ are reserved: choose another";
                let error = Outgoing::error(message.id.as_ref(), "reserved-type", text);
                self.connection.send(&error);
                Ok(())
            }
            _ => {
                let handler = &self.hub.shared().handler;
                handler.handle(self.hub, &self.connection, message).await;
                Ok(())
            }
        }
    }

    async fn check_token(&mut self, message: Incoming) -> Result<(), End> {
        let Some(authenticate) = &self.hub.shared().authenticate else {
            return Ok(());
        };
        let Some(token) = token(message) else {
            return Err(unauthorized("the auth message has no token"));
        };
        let user = self.connection.user().to_owned();
        match authenticate.check(user, token).await {
            Ok(Grant { expires_in }) => {
                let grace = self.hub.shared().config.expiry_grace;
                self.expires = expires_in
                    .and_then(|life| Instant::now().checked_add(life.saturating_add(grace)));
                Ok(())
            }
            Err(error @ AuthError::Unauthorized) => Err(unauthorized(error.to_string())),
            Err(error @ AuthError::Forbidden) => {
                Err(End::Close(Close::new(Close::FORBIDDEN, error.to_string())))
            }
        }
    }

    async fn next_message(&mut self) -> Result<Incoming, End> {
        let text = self.next_text().await?;
        self.take_from_bucket()?;
        Incoming::parse(&text).map_err(End::Close)
    }

    fn take_from_bucket(&mut self) -> Result<(), End> {
        let (Some(bucket), Some(rate)) = (&mut self.bucket, self.hub.shared().config.rate) else {
            return Ok(());
        };
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let now = BucketInstant::from_millis(millis);
        bucket
            .take(now, 1)
            .map_err(|_| End::Close(Close::rate_limited(bucket, now, rate.burst)))
    }

    /// The next text frame. Pings are answered by tungstenite, and every frame counts as life.
    async fn next_text(&mut self) -> Result<Utf8Bytes, End> {
        loop {
            let deadline = self.deadline();
            let frame = tokio::select! {
                biased;
                () = self.queue.ended() => return Err(End::Gone),
                frame = self.stream.next() => frame,
                () = sleep_until(deadline) => {
                    self.on_deadline()?;
                    continue;
                }
            };
            self.last_inbound = Instant::now();
            self.pinged = false;
            self.check_expiry()?;
            match frame {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Binary(_))) => {
                    let close =
                        Close::new(Close::UNSUPPORTED_DATA, "binary frames are not spoken here");
                    return Err(End::Close(close));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Err(End::Gone),
                Some(Err(error)) => return Err(self.on_error(error)),
            }
        }
    }

    fn deadline(&self) -> Instant {
        let config = &self.hub.shared().config;
        let silence = if self.pinged {
            config.dead_after
        } else {
            config.ping_after.min(config.dead_after)
        };
        let silent = self.last_inbound + silence;
        self.expires.map_or(silent, |expires| silent.min(expires))
    }

    fn on_deadline(&mut self) -> Result<(), End> {
        self.check_expiry()?;
        if self.last_inbound + self.hub.shared().config.dead_after <= Instant::now() {
            let close = Close::new(Close::TIMEOUT, "nothing came for too long");
            return Err(End::Close(close));
        }
        self.pinged = true;
        self.queue.push(Message::Ping(Default::default()));
        Ok(())
    }

    fn check_expiry(&self) -> Result<(), End> {
        match self.expires {
            Some(expires) if expires <= Instant::now() => {
                Err(unauthorized("the token has expired"))
            }
            _ => Ok(()),
        }
    }

    /// A frame that could not be read. What follows it cannot be read either.
    fn on_error(&mut self, error: axum::Error) -> End {
        let close = match error.into_inner().downcast_ref::<WsError>() {
            Some(WsError::Capacity(_)) => Close::new(Close::TOO_BIG, "the message is too large"),
            Some(WsError::Utf8(_)) => Close::new(Close::INVALID_PAYLOAD, "the text is not UTF-8"),
            Some(WsError::Protocol(error)) => {
                if matches!(
                    error,
                    tungstenite::error::ProtocolError::ResetWithoutClosingHandshake
                ) {
                    return End::Gone;
                }
                Close::new(Close::PROTOCOL_ERROR, error.to_string())
            }
            _ => return End::Gone,
        };
        self.broken = true;
        End::Close(close)
    }

    /// Reads on until the peer has closed too, so that it is not reset while our close frame is on its way.
    async fn drain(&mut self) {
        let limit = self.hub.shared().config.close_timeout;
        if self.broken {
            sleep(LINGER.min(limit)).await;
            return;
        }
        let drained = async { while let Some(Ok(_)) = self.stream.next().await {} };
        // Nothing to do if the peer never answers: the drop that follows cuts the connection.
        let _ = timeout(limit, drained).await;
    }
}

/// A handler that panics takes its task along; this keeps the writer, and with it the socket, from staying behind.
impl Drop for Session<'_> {
    fn drop(&mut self) {
        let close = Close::new(Close::INTERNAL_ERROR, "the server failed");
        self.queue.end(End::Close(close));
    }
}

fn token(mut message: Incoming) -> Option<Token> {
    let token = message.data.get_mut("token")?.take();
    token.as_str().map(|token| Token::new(token.to_owned()))
}

fn unauthorized(reason: impl Into<String>) -> End {
    End::Close(Close::new(Close::UNAUTHORIZED, reason))
}
