//! The one orchestrator: commands and inputs in, outputs and one deadline out.

mod attempt;
mod batch;
mod drain;
mod inward;
mod link;
mod persistence;
mod queue;
mod session;
mod stats;

use alloc::borrow::ToOwned;
use alloc::vec::{self, Vec};
use core::mem;

use super::auth::TokenReason;
use super::close::{self, CloseFrame};
use super::heartbeat::Heartbeat;
use super::ids::{MessageId, SocketId, TokenRequest};
use super::io::{Event, Input, OpenFailure, Output, PageEvent, SocketEvent, StatusChange};
use super::mutation::{self, Mutation};
use super::outbox::{Entry, Outbox};
use super::rate::TokenBucket;
use super::reliable::Reliable;
use super::requests::Requests;
use super::retry::{Pace, Retry};
use super::rng::Rng;
use super::state::{State, Status};
use super::time::Instant;
use super::timer::{Timer, TimerTable};
use crate::compiled::Compiled;
use crate::config::{Config, ConfigError, ConfigOption, Delivery, Settings};
use crate::error::ErrorCode;

pub use persistence::Loaded;
pub use queue::{Answer, Outgoing, SendError};
use stats::Counts;
pub use stats::Stats;

/// A timer that fires so much later than asked slept: the machine or the page did.
const SLEPT_MS: u64 = 2_000;
/// The longest close reason that browsers take, in UTF-8 bytes.
const REASON_BYTES: usize = 123;

/// A connection that comes back: the whole engine for one URL, without IO.
///
/// Its methods are of four kinds:
///
/// 1. **Commands** are the application's: [`connect`](Self::connect), [`send`](Self::send),
///    [`withdraw`](Self::withdraw), [`reconnect`](Self::reconnect), [`close`](Self::close). They may be refused.
/// 2. **Inputs** are the world's: [`handle_input`](Self::handle_input). They cannot fail.
/// 3. **Outputs**: after every command and input, call [`poll_output`](Self::poll_output) until it gives `None` and act
///    on each output in order; then arm one timer for [`poll_timeout`](Self::poll_timeout) and hand in
///    [`Input::Timeout`] when it fires. An output may lead to commands (a handler that sends): they may be given at
///    once, but their outputs are acted on after those that were there.
/// 4. **Getters** change nothing.
///
/// Before a command or input that may write, hand in [`SocketEvent::Closing`] if the socket no longer takes
/// writes, and [`Input::Buffered`]: a write to a closing socket vanishes silently.
///
/// ```
/// use everwire::Config;
/// use everwire::proto::{Connection, Input, Instant, Outgoing, Output, SocketEvent, Transmit};
///
/// let now = Instant::from_millis(0);
/// let mut connection = Connection::new(Config::new("ws://localhost:8000/ws/user-123"), 42, now)?;
/// connection.connect(now);
/// connection.send(now, Outgoing::message("hello", 5))?;
/// while let Some(output) = connection.poll_output() {
///     match output {
///         Output::Open { socket, .. } => {
///             connection.handle_input(now, Input::Socket(socket, SocketEvent::Opened));
///         }
///         Output::Transmit(_, Transmit::Message(payload)) => assert_eq!(payload, "hello"),
///         _ => {}
///     }
/// }
/// assert_eq!(connection.stats(now).sent, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection<P> {
    config: Settings,
    state: State,
    timers: TimerTable,
    outputs: Vec<Output<P>>,
    /// Outputs from before those, which are being acted on.
    earlier_outputs: vec::IntoIter<Output<P>>,
    retry: Retry,
    heartbeat: Heartbeat,
    outbox: Outbox<P>,
    requests: Requests,
    /// The session of reliable mode.
    reliable: Option<Compiled<Reliable<P>>>,
    message_rate: Option<TokenBucket>,
    byte_rate: Option<TokenBucket>,
    /// Bytes in the socket's send buffer: as last told, and what was written since.
    buffered: u64,
    /// The page left, and has not returned: whatever it is asked for, it does then.
    is_away: bool,
    last_id: MessageId,
    last_socket: SocketId,
    last_token_request: TokenRequest,
    awaited_token: Option<TokenRequest>,
    last_written: Option<MessageId>,
    token_reason: TokenReason,
    /// A fresh token was asked for since a connection last was stable.
    asked_fresh: bool,
    /// Handshakes in a row that never opened.
    failed_handshakes: u32,
    opened_before: bool,
    /// The status that the application was told last.
    told: StatusChange,
    counts: Counts,
}

impl<P: Clone> Connection<P> {
    /// A connection that is idle. The seed must be random: clients with the same one retry at the same
    /// moments, and are the same to a server of reliable mode.
    pub fn new(config: Config, seed: u128, now: Instant) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self::unchecked(config, seed, now))
    }

    /// The same for a caller that has checked the options itself. Numbers out of range make it wait oddly, no more.
    /// Without the feature `reliable`, delivery is plain whatever is asked for.
    pub fn unchecked(config: impl Into<Settings>, seed: u128, now: Instant) -> Self {
        let config = config.into();
        let rate = |each, burst| {
            let each = config.maybe(each)?;
            Some(TokenBucket::new(each, config.number(burst), now))
        };
        let (low, high) = (seed as u64, (seed >> 64) as u64);
        let reliable = match &config.delivery {
            Delivery::Plain => None,
            Delivery::Reliable(options) => {
                let rngs = [Rng::new(!low), Rng::new(high)];
                Compiled::make(|| Reliable::new(options.clone(), rngs))
            }
        };
        Self {
            state: State::Idle,
            timers: TimerTable::default(),
            outputs: Vec::new(),
            earlier_outputs: vec::IntoIter::default(),
            retry: Retry::new(&config, Rng::new(low)),
            heartbeat: Heartbeat::new(&config),
            outbox: Outbox::new(&config),
            requests: Requests::default(),
            reliable,
            message_rate: rate(ConfigOption::RateMessages, ConfigOption::RateBurst),
            byte_rate: rate(ConfigOption::RateBytes, ConfigOption::RateBytesBurst),
            buffered: 0,
            is_away: false,
            last_id: MessageId::default(),
            last_socket: SocketId::default(),
            last_token_request: TokenRequest::default(),
            awaited_token: None,
            last_written: None,
            token_reason: TokenReason::Connect,
            asked_fresh: false,
            failed_handshakes: 0,
            opened_before: false,
            told: StatusChange {
                status: Status::Idle,
                attempt: 0,
                retry_at: None,
                stopped: None,
            },
            counts: Counts::default(),
            config,
        }
    }

    /// Begins to connect. Does nothing unless the connection is idle or closed; the outbox of a stopped one goes on.
    pub fn connect(&mut self, now: Instant) {
        if matches!(self.state, State::Idle | State::Closed(_)) {
            self.opened_before = false;
            self.start_afresh();
            self.claim_or_attempt(now);
        }
    }

    /// Gives up the present socket or wait and connects anew, as soon as the budget of attempts permits.
    pub fn reconnect(&mut self, now: Instant) {
        if matches!(self.state, State::Claiming) {
            return;
        }
        self.abandon_with(1000, "", ErrorCode::Disconnected);
        self.start_afresh();
        self.claim_or_attempt(now);
    }

    /// Closes for good: everything that waits settles. A later `connect` begins anew.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), ErrorCode> {
        if !close::is_sendable(code) || reason.len() > REASON_BYTES {
            return Err(ErrorCode::InvalidClose);
        }
        self.say_bye();
        self.abandon_with(code, reason, ErrorCode::Closed);
        self.reject_all(ErrorCode::Closed);
        self.end_session();
        self.stop(ErrorCode::Closed);
        Ok(())
    }

    /// Hands in what happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Timeout => self.handle_timeouts(now),
            Input::Token(request, answer) => self.handle_token(now, request, answer),
            Input::Page(event) => self.handle_page(now, event),
            Input::Storage(event) => self.handle_storage(now, event),
            Input::Buffered(socket, bytes) if self.state.socket() == Some(socket) => {
                self.handle_buffered(now, bytes);
            }
            Input::Socket(socket, event)
                if self.state.socket() == Some(socket)
                    || mutation::is(Mutation::OldSocketClient) =>
            {
                self.handle_socket(now, event);
            }
            Input::Buffered(..) | Input::Socket(..) => {}
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<P>> {
        if self.earlier_outputs.as_slice().is_empty() {
            self.earlier_outputs = mem::take(&mut self.outputs).into_iter();
        }
        self.earlier_outputs.next()
    }

    /// When to hand in [`Input::Timeout`], and what for.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.timers.next()
    }

    /// The state with its data.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What the application sees of the state.
    pub fn status(&self) -> Status {
        Status::of(&self.state, self.opened_before)
    }

    /// The id that the next message will get: a request carries it in its frame.
    pub fn next_id(&self) -> MessageId {
        MessageId(self.last_id.0 + 1)
    }

    fn handle_timeouts(&mut self, now: Instant) {
        let due = self.timers.next().map_or(now, |(at, _)| at);
        if now.since(due) > SLEPT_MS {
            self.wake(now);
        }
        while let Some((_, timer)) = self.timers.take_expired(now) {
            match timer {
                Timer::Connect => {
                    let frame = CloseFrame {
                        code: 4408,
                        reason: "connect timeout".to_owned(),
                    };
                    let opened = matches!(self.state, State::Handshaking { .. });
                    self.abandon(frame, ErrorCode::ConnectTimeout);
                    match opened {
                        true => self.retry(now, Pace::Usual),
                        false => self.handshake_failed(now),
                    }
                }
                Timer::Retry => self.attempt_when_permitted(now),
                Timer::Heartbeat => self.heartbeat_due(now),
                Timer::Stable => {
                    self.retry.reset();
                    self.asked_fresh = false;
                }
                Timer::Flush | Timer::Backpressure => self.flush(now),
                Timer::Expiry => {
                    self.expire_messages(now);
                    self.flush(now);
                }
                Timer::Request => self.expire_requests(now),
                Timer::TokenRefresh => self.refresh_token(),
                Timer::Closing => self.closing_ended(now),
                Timer::Claim => self.claim_failed(now),
                Timer::Ack => self.write_ack(),
                Timer::Stalled => self.stalled(now),
                Timer::Drain => self.drain_due(now),
            }
        }
    }

    fn handle_socket(&mut self, now: Instant, event: SocketEvent) {
        match event {
            SocketEvent::Opened | SocketEvent::Accepted if self.reliable.is_none() => {
                self.handle_opened(now);
            }
            SocketEvent::Opened => self.unsupported_server(now),
            SocketEvent::Accepted => self.handle_accepted(),
            SocketEvent::Frame(frame) => match self.reliable {
                Some(_) => self.handle_session_frame(now, frame),
                None => self.handle_frame(now, frame),
            },
            SocketEvent::Closing => self.handle_closing(now),
            SocketEvent::Closed(frame, None) if self.reliable.is_some() && frame.code == 4409 => {
                self.handle_conflict(now, frame);
            }
            SocketEvent::Closed(frame, None) if self.reliable.is_some() && frame.code == 4400 => {
                self.accused(now, frame);
            }
            SocketEvent::Closed(frame, verdict) => {
                let action = verdict.unwrap_or_else(|| self.default_action(&frame));
                self.handle_closed(now, frame, action);
            }
            SocketEvent::Failed(OpenFailure::Malformed) => {
                self.disconnected(ErrorCode::InvalidUrl, None);
                self.stop(ErrorCode::InvalidUrl);
            }
            SocketEvent::Failed(OpenFailure::Other) => {
                self.disconnected(ErrorCode::ConnectFailed, None);
                self.handshake_failed(now);
            }
        }
    }

    fn handle_page(&mut self, now: Instant, event: PageEvent) {
        match event {
            PageEvent::Online => self.wake(now),
            PageEvent::Visible => {
                self.heartbeat.hide(false);
                self.wake(now);
            }
            PageEvent::Offline => self.probe(now),
            PageEvent::Hidden => self.heartbeat.hide(true),
            PageEvent::Leave => {
                self.is_away = true;
                self.suspend();
            }
            PageEvent::Return => {
                self.is_away = false;
                self.heartbeat.hide(false);
                if matches!(self.state, State::Suspended) {
                    self.claim_or_attempt(now);
                } else {
                    self.wake(now);
                }
            }
        }
    }

    /// The page or the machine woke up: prove the connection, or do not wait any longer for the next attempt.
    fn wake(&mut self, now: Instant) {
        match self.state {
            State::Ready { .. } => self.probe(now),
            State::Backoff { .. } => self.attempt_when_permitted(now),
            State::Idle
            | State::Claiming
            | State::Authenticating(_)
            | State::Opening { .. }
            | State::Handshaking { .. }
            | State::Suspended
            | State::Closed(_) => {}
        }
    }

    fn transition(&mut self, state: State) {
        self.state = state;
        let change = self.status_change();
        if change != self.told {
            self.told = change;
            self.event(Event::Status(change));
        }
    }

    fn status_change(&self) -> StatusChange {
        let (waiting, retry_at, stopped) = match self.state {
            State::Idle | State::Ready { .. } => (false, None, None),
            State::Closed(error) => (false, None, Some(error)),
            State::Backoff { retry_at } => (true, Some(retry_at), None),
            State::Claiming
            | State::Authenticating(_)
            | State::Opening { .. }
            | State::Handshaking { .. }
            | State::Suspended => (true, None, None),
        };
        StatusChange {
            status: self.status(),
            attempt: if waiting {
                self.retry.failed_attempts().saturating_add(1)
            } else {
                0
            },
            retry_at,
            stopped,
        }
    }

    fn event(&mut self, event: Event<P>) {
        self.output(Output::Event(event));
    }

    fn output(&mut self, output: Output<P>) {
        self.outputs.push(output);
    }

    fn start_afresh(&mut self) {
        self.retry.reset();
        self.asked_fresh = false;
        self.failed_handshakes = 0;
        self.token_reason = TokenReason::Connect;
    }

    fn request_timeout_ms(&self) -> u64 {
        self.config.ms(ConfigOption::RequestTimeout)
    }
}
