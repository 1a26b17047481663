//! The Rust API: typed messages over a connection that comes back.

mod batch;
mod codec;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod host;
mod inbox;
mod options;
mod receipt;
mod reply;

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::rc::{Rc, Weak};

use futures_core::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

use crate::config::{Config, ConfigError, Delivery, UrlFrom};
use crate::error::ErrorCode;
use crate::proto::frames::Lost;
use crate::proto::{
    AuthVia, CloseAction, CloseFrame, MessageId, Outgoing, Stats, Status, StatusChange, Token,
    TokenReason,
};
use crate::web::Driver;
use host::{ClientHost, Policy, Provider};
use inbox::Inbox;

use receipt::Ledger;
pub use receipt::{Outcome, Receipt, RequestError};
pub use reply::Reply;

/// A typed connection. `In` and `Out` are enums with `#[serde(tag = "type", content = "data")]`.
///
/// Clones share the connection; it is closed when the last one is dropped.
///
/// ```no_run
/// use everwire::{Client, ClientEvent, Config};
/// use futures_util::StreamExt;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize)]
/// struct Task { id: u64, title: String }
///
/// #[derive(Deserialize)]
/// #[serde(tag = "type", content = "data", rename_all = "snake_case")]
/// enum Incoming { TaskCreated(Task), TaskUpdated(Task) }
///
/// #[derive(Serialize)]
/// #[serde(tag = "type", content = "data", rename_all = "snake_case")]
/// enum Outgoing { CreateTask { title: String } }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::new("wss://api.example.com/ws/user-123");
/// let (client, mut events) = Client::<Incoming, Outgoing>::connect(config)?;
/// client.send(&Outgoing::CreateTask { title: "New task".into() })?;
/// while let Some(event) = events.next().await {
///     if let ClientEvent::Message(Incoming::TaskCreated(task)) = event {
///         println!("{}: {}", task.id, task.title);
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Client<In: 'static, Out> {
    driver: Rc<Driver<ClientHost<In>>>,
    out: PhantomData<fn(Out)>,
}

/// What a connection tells, in order. Ends once the application has closed it.
///
/// It holds 1,000 events that were not read; then further ones are left out until there is room, and
/// [`ClientEvent::Dropped`] says how many once those are read. Messages of reliable delivery are never left out: one is
/// acked when the next event is asked for, and the server stops at a thousand.
pub struct Events<In: 'static> {
    inbox: Rc<Inbox<In>>,
    driver: Weak<Driver<ClientHost<In>>>,
}

/// Something the application may want to know.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent<In> {
    /// A message.
    Message(In),
    /// The status, the attempt or the time of the next one changed.
    Status(StatusChange),
    /// A ping was answered after this time.
    Latency(Duration),
    /// A connection or an attempt ended; the close frame if there was one.
    Disconnected(ErrorCode, Option<CloseFrame>),
    /// Something is worth a warning, and the connection goes on.
    Warning(ErrorCode),
    /// A message came that `In` does not read. It was left out.
    Unreadable {
        /// Its type.
        kind: String,
        /// What serde says of it.
        error: String,
    },
    /// Messages were lost at this place in the order; the first and the last seq of them if that is known. What is fetched
    /// now has all of them. Reliable delivery only.
    Resync(Lost, Option<(u64, u64)>),
    /// An earlier page of this tab left this message to be sent. Reliable delivery only.
    Restored(Receipt),
    /// So many events were left out because these were not read in time.
    Dropped(u64),
}

/// What a token provider gives. Any part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The token.
    pub token: Option<Token>,
    /// The URL of this attempt, instead of the configured one.
    pub url: Option<String>,
    /// The token's life from now: it is refreshed at 80 % of it.
    pub expires_in: Option<Duration>,
}

impl Credentials {
    /// A token without a known life.
    pub fn token(secret: impl Into<String>) -> Self {
        Self {
            token: Some(Token::new(secret)),
            ..Self::default()
        }
    }
}

/// Why a token provider has nothing to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// It failed: it will be asked again.
    Unavailable,
    /// The user is signed out or not allowed: the connection stops.
    Unauthorized,
}

/// Why no connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// An option is out of its range.
    Config(ConfigError),
    /// The configuration asks for a token or a URL by provider, and there is none: see [`Client::builder`].
    MissingProvider,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::MissingProvider => f.write_str(
                "the configuration asks for a token or URL by provider: give one with Client::builder(config).auth(…)",
            ),
        }
    }
}

impl core::error::Error for ConnectError {}

/// Why a message was not taken. It is still the caller's.
#[derive(Debug)]
pub enum SendError {
    /// The connection refuses it.
    Refused(ErrorCode),
    /// It is not `{"type","data"}`, or nested deeper than 100 levels, or serde cannot write it.
    Unwritable(serde_json::Error),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code) => code.fmt(f),
            Self::Unwritable(error) => write!(
                f,
                "the message cannot be written as {{\"type\",\"data\"}}: {error}"
            ),
        }
    }
}

impl core::error::Error for SendError {}

impl<In: DeserializeOwned + 'static, Out: Serialize> Client<In, Out> {
    /// Connects without a token. It gives the client at once; what is sent waits for the first open.
    pub fn connect(config: Config) -> Result<(Self, Events<In>), ConnectError> {
        Self::builder(config).connect()
    }

    /// To connect with a token provider or a close policy.
    pub fn builder(config: Config) -> ClientBuilder<In, Out> {
        ClientBuilder {
            config,
            provider: None,
            policy: None,
            types: PhantomData,
        }
    }

    /// Takes a message: written at once, or queued while the connection is away. The receipt may be dropped.
    pub fn send(&self, message: &Out) -> Result<Receipt, SendError> {
        let frame = codec::write(message, None).map_err(SendError::Unwritable)?;
        let id = self.driver.next_id();
        let slot = self.ledger().receipts.expect(id);
        self.hand_over(id, Outgoing::message(frame.to_js(), frame.bytes))?;
        Ok(Receipt { id, slot })
    }

    /// Writes a message at once or not at all: it waits for nothing, and nobody confirms it.
    pub fn send_volatile(&self, message: &Out) -> Result<(), SendError> {
        let frame = codec::write(message, None).map_err(SendError::Unwritable)?;
        self.driver
            .send_volatile(frame.to_js(), frame.bytes)
            .map_err(|error| SendError::Refused(error.code))
    }

    /// Sends a request, `{"type","data","id"}`, and gives its answer: the message that carries `"re"`.
    ///
    /// Dropping the reply withdraws the request if it was not written.
    pub fn request(&self, message: &Out) -> Result<Reply<In>, SendError> {
        let id = self.driver.next_id();
        // A reliable request is known by its seq, which the engine gives.
        let written_id = match self.driver.host().delivery {
            Delivery::Plain => Some(id),
            Delivery::Reliable(_) => None,
        };
        let frame = codec::write(message, written_id).map_err(SendError::Unwritable)?;
        let slot = self.ledger().replies.expect(id);
        self.hand_over(id, Outgoing::request(frame.to_js(), frame.bytes))?;
        Ok(Reply {
            id,
            slot,
            driver: Rc::downgrade(&self.driver),
        })
    }

    /// Where the connection stands.
    pub fn status(&self) -> Status {
        self.driver.status()
    }

    /// Numbers to look at.
    pub fn stats(&self) -> Stats {
        self.driver.stats()
    }

    /// The recording of the engine, as JSON: `docs/trace.md` says what it has. It holds 1 MiB at most.
    #[cfg(feature = "trace")]
    pub fn trace(&self) -> String {
        self.driver.trace()
    }

    /// The last round trip of a ping, if there was one.
    pub fn latency(&self) -> Option<Duration> {
        self.stats().latency_ms.map(Duration::from_millis)
    }

    /// Connects again after a stop or [`close`](Self::close).
    pub fn resume(&self) {
        self.driver.host().inbox.reopen();
        self.driver.connect();
    }

    /// Gives up the present socket or wait and connects anew, as soon as the budget of attempts permits.
    pub fn reconnect(&self) {
        self.driver.reconnect();
    }

    /// Closes for good: everything that waits settles, and the events end. Takes code 1000 or 3000–4999 and a reason of
    /// at most 123 bytes.
    pub fn close(&self, code: u16, reason: &str) -> Result<(), ErrorCode> {
        self.driver.close(code, reason)
    }

    fn hand_over(&self, id: MessageId, outgoing: Outgoing<JsValue>) -> Result<(), SendError> {
        self.driver.send(outgoing).map(drop).map_err(|error| {
            self.ledger().forget(id);
            SendError::Refused(error.code)
        })
    }

    fn ledger(&self) -> &Ledger<In> {
        &self.driver.host().ledger
    }
}

impl<In: 'static, Out> Clone for Client<In, Out> {
    fn clone(&self) -> Self {
        Self {
            driver: Rc::clone(&self.driver),
            out: PhantomData,
        }
    }
}

impl<In: 'static, Out> fmt::Debug for Client<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// A client in the making.
pub struct ClientBuilder<In, Out> {
    config: Config,
    provider: Option<Provider>,
    policy: Option<Policy>,
    types: PhantomData<fn(Out) -> In>,
}

impl<In: DeserializeOwned + 'static, Out: Serialize> ClientBuilder<In, Out> {
    /// Asks `provider` before every attempt. The token goes as the first frame unless `Config::auth` says otherwise.
    pub fn auth<F>(mut self, provider: impl Fn(TokenReason) -> F + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, TokenError>> + 'static,
    {
        if self.config.auth == AuthVia::Nothing && self.config.url_from == UrlFrom::Config {
            self.config.auth = AuthVia::Message;
        }
        self.provider = Some(Box::new(move |reason| Box::pin(provider(reason))));
        self
    }

    /// Replaces the close policy: what to do after a close frame. `None` leaves a frame to the default.
    pub fn close_policy(
        mut self,
        policy: impl Fn(&CloseFrame) -> Option<CloseAction> + 'static,
    ) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    /// Connects. It gives the client at once; what is sent waits for the first open.
    pub fn connect(self) -> Result<(Client<In, Out>, Events<In>), ConnectError> {
        let asks =
            self.config.auth != AuthVia::Nothing || self.config.url_from == UrlFrom::Provider;
        if asks && self.provider.is_none() {
            return Err(ConnectError::MissingProvider);
        }
        let inbox = Rc::new(Inbox::new());
        let delivery = self.config.delivery.clone();
        let host = ClientHost::new(Rc::clone(&inbox), delivery, self.provider, self.policy);
        let driver = Driver::new(self.config, host).map_err(ConnectError::Config)?;
        let driver = Rc::new(driver);
        driver.host().attach(Rc::downgrade(&driver));
        driver.connect();
        let client = Client {
            driver,
            out: PhantomData,
        };
        let driver = Rc::downgrade(&client.driver);
        Ok((client, Events { inbox, driver }))
    }
}

impl<In, Out> fmt::Debug for ClientBuilder<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl<In> Stream for Events<In> {
    type Item = ClientEvent<In>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<ClientEvent<In>>> {
        let polled = self.inbox.poll(context);
        self.report();
        polled
    }
}

impl<In> Drop for Events<In> {
    fn drop(&mut self) {
        self.inbox.deafen();
        self.report();
    }
}

impl<In> Events<In> {
    fn report(&self) {
        if let Some(driver) = self.driver.upgrade() {
            driver.host().report();
        }
    }
}

impl<In> fmt::Debug for Events<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
