//! The invariants, checked at every output and after every step.

use std::collections::VecDeque;

use everwire::proto::{
    AuthVia, CloseAction, CloseFrame, Event, MessageId, Output, State, Status, StatusChange, Timer,
    TokenReason, Transmit, Writable,
};
use everwire::{ErrorCode, Heartbeat};

use crate::happening::Payload;
use crate::plan::Plan;
use crate::server::SECRET;
use crate::world::World;

const MINUTE: u64 = 60_000;
/// A hint is honoured up to 5 minutes.
const HINT_CAP: u64 = 300_000;
/// Deaths in a row, none with a pong, after which a server is no longer held to its answers.
const MUTE_DEATHS: u32 = 2;

#[derive(Debug)]
pub struct Checks {
    told: StatusChange,
    /// How often the application asked a stopped connection to go on, less how often it did.
    asked: i64,
    attempts: VecDeque<u64>,
    /// The server's hint: no attempt before this, unless the application asks.
    pub not_before: Option<u64>,
    pub last_heard: u64,
    pub last_disconnected: Option<u64>,
    last_written: MessageId,
    /// What was written on the socket that is open now.
    pub written_on_current: Vec<MessageId>,
    /// A token bucket of the simulation's own, in thousandths of a message.
    bucket: Option<Bucket>,
    /// The server answers pings, as far as the application was told.
    answers: bool,
    mute_deaths: u32,
    answered_on_current: bool,
    steps: u64,
    /// Tokens asked for while open and not written yet.
    refreshes: u64,
    ends_with_hint: bool,
}

#[derive(Debug)]
struct Bucket {
    level: u64,
    filled: u64,
    per_second: u64,
    burst: u64,
}

impl Checks {
    pub fn new(plan: &Plan, now: u64) -> Self {
        let bucket = plan.config.rate.map(|rate| Bucket {
            level: u64::from(rate.burst) * 1_000,
            filled: now,
            per_second: u64::from(rate.messages),
            burst: u64::from(rate.burst) * 1_000,
        });
        Self {
            told: StatusChange {
                status: Status::Idle,
                attempt: 0,
                retry_at: None,
                stopped: None,
            },
            asked: 0,
            attempts: VecDeque::new(),
            not_before: None,
            last_heard: now,
            last_disconnected: None,
            last_written: MessageId(0),
            written_on_current: Vec::new(),
            bucket,
            answers: false,
            mute_deaths: 0,
            answered_on_current: false,
            steps: 0,
            refreshes: 0,
            ends_with_hint: false,
        }
    }

    pub fn application_asks(&mut self, state: &State) {
        if matches!(state, State::Closed(_)) {
            self.asked += 1;
        }
    }

    pub fn server_closed(
        &mut self,
        now: u64,
        was_open: bool,
        frame: &CloseFrame,
        verdict: Option<CloseAction>,
    ) {
        let action = verdict.unwrap_or_else(|| CloseAction::for_close(frame));
        self.ends_with_hint = false;
        if let CloseAction::RetrySlowly(Some(hint)) = action
            && was_open
        {
            self.ends_with_hint = true;
            self.not_before = Some(now + hint.min(HINT_CAP));
        }
    }
}

impl World {
    pub fn check_output(&mut self, output: &Output<Payload>) {
        let due = self.ledger.due_sent;
        let is_sent = matches!(output, Output::Event(Event::Sent(_)));
        assert_eq!(due.is_some(), is_sent, "Sent follows its write at once");
        self.check_absorbed(output);
        match output {
            Output::Store(_) | Output::Transmit(_, Transmit::Batch(_)) => {
                panic!("reliable delivery in plain mode");
            }
            Output::Open { .. } => {
                if self.plan.config.auth == AuthVia::Nothing {
                    self.attempt_begins();
                }
                self.checks.written_on_current.clear();
                // The token of the opening is the first frame.
                self.checks.refreshes = 1;
                self.checks.answered_on_current = false;
                self.check_shows_no_secret(output);
            }
            Output::FetchToken(_, reason) => match reason {
                TokenReason::Refresh => self.checks.refreshes += 1,
                TokenReason::Connect | TokenReason::Refused => self.attempt_begins(),
            },
            Output::Transmit(_, Transmit::Message(payload)) => self.message_written(payload),
            Output::Transmit(_, Transmit::Control(frame)) => {
                if frame.contains(SECRET) {
                    let left = self.checks.refreshes.checked_sub(1);
                    self.checks.refreshes = left.expect("a token that nobody asked for");
                }
                self.check_shows_no_secret(output);
            }
            Output::Close(..) => {}
            Output::Event(event) => self.check_event(event),
        }
    }

    fn check_event(&mut self, event: &Event<Payload>) {
        match event {
            Event::Deliver(_)
            | Event::AnsweredBy(..)
            | Event::Acked(_)
            | Event::Refused(..)
            | Event::Restored(..)
            | Event::Resync(_) => panic!("an event of reliable delivery in plain mode"),
            Event::Status(change) => self.status_changes(*change),
            Event::Latency(_) => {
                self.see("a round trip");
                self.checks.answers = true;
                self.checks.answered_on_current = true;
                self.checks.mute_deaths = 0;
            }
            Event::Disconnected(code, _) => self.disconnected(*code),
            Event::Warning(ErrorCode::HeartbeatRefused, _) => {
                self.see("a heartbeat is refused");
                self.checks.answers = false;
            }
            Event::Message
            | Event::Answered(_)
            | Event::Sent(_)
            | Event::Rejected(..)
            | Event::Uncertain(..)
            | Event::Warning(..) => {}
        }
    }

    /// Invariant 10: a terminal state absorbs everything until the application asks.
    fn check_absorbed(&mut self, output: &Output<Payload>) {
        if self.checks.told.status != Status::Closed {
            return;
        }
        let fine = match output {
            Output::Event(Event::Status(change)) => {
                if change.status != Status::Closed {
                    self.checks.asked -= 1;
                }
                self.checks.asked >= 0
            }
            Output::Event(Event::Rejected(..) | Event::Uncertain(..)) => true,
            _ => false,
        };
        assert!(fine, "invariant 10: {output:?} from a closed connection");
    }

    fn status_changes(&mut self, change: StatusChange) {
        assert_ne!(change, self.checks.told, "nothing changed");
        if change.status == Status::Open {
            self.checks.last_heard = self.checks.last_heard.max(self.now);
        }
        if change.status == Status::Closed {
            self.see("stopped");
        }
        self.checks.told = change;
    }

    fn disconnected(&mut self, code: ErrorCode) {
        self.checks.last_disconnected = Some(self.now);
        if code != ErrorCode::HeartbeatTimeout {
            return;
        }
        self.see("declared dead");
        assert!(
            self.server.pongs > 0,
            "invariant 8: a server that never answered was declared dead"
        );
        if !self.checks.answered_on_current {
            self.checks.mute_deaths += 1;
        }
        if self.checks.mute_deaths >= MUTE_DEATHS {
            self.checks.answers = false;
        }
    }

    /// Invariant 9: the budget of attempts, and the server's hints.
    fn attempt_begins(&mut self) {
        let now = self.now;
        let checks = &mut self.checks;
        while checks.attempts.front().is_some_and(|at| now - at >= MINUTE) {
            checks.attempts.pop_front();
        }
        checks.attempts.push_back(now);
        let permitted = self.plan.config.backoff.attempts_per_minute as usize;
        assert!(
            checks.attempts.len() <= permitted,
            "invariant 9: {} attempts in a minute",
            checks.attempts.len()
        );
        let early = checks.not_before.take().is_some_and(|at| now < at);
        assert!(!early, "invariant 9: an attempt before the server's hint");
        if std::mem::take(&mut checks.ends_with_hint) {
            self.see("a hint was honoured");
        }
        if self.checks.attempts.len() == permitted {
            self.see("the budget of attempts is spent");
        }
    }

    fn message_written(&mut self, payload: &Payload) {
        assert_eq!(
            self.checks.told.status,
            Status::Open,
            "written before the application was told of the open"
        );
        assert!(payload.id > self.checks.last_written, "a send overtook");
        self.checks.last_written = payload.id;
        self.checks.written_on_current.push(payload.id);
        self.ledger.written(self.now, payload);
        let buffered = self.current.map_or(0, |id| {
            let now = self.now;
            self.socket(id).buffered(now)
        });
        let high = u64::from(self.plan.config.backpressure.high);
        assert!(buffered < high, "written into a full send buffer");
        let now = self.now;
        if let Some(bucket) = &mut self.checks.bucket {
            bucket.take(now);
        }
    }

    /// Invariants 6, 7, 8 and 11 after every step.
    pub fn check_state(&mut self) {
        self.checks.steps += 1;
        assert_eq!(self.ledger.due_sent, None, "written, and never Sent");
        assert_eq!(
            self.connection.status(),
            self.checks.told.status,
            "the application was told another status"
        );
        let stats = self.connection.stats(self.at());
        let outbox = self.plan.config.outbox;
        assert!(
            stats.queued <= u64::from(outbox.messages),
            "invariant 6: {} messages",
            stats.queued
        );
        assert!(
            stats.queued_bytes <= u64::from(outbox.bytes),
            "invariant 6: {} bytes",
            stats.queued_bytes
        );
        assert!(
            self.ledger.waiting_requests() <= 1_000,
            "invariant 6: requests"
        );
        let is_open = matches!(self.connection.state(), State::Ready { .. });
        assert!(
            is_open || self.ledger.written_requests() == 0,
            "invariant 4: a request waits for an answer that cannot come"
        );
        self.check_timer_fits_state();
        self.check_silence();
        if self.checks.steps.is_multiple_of(64) {
            let prints = format!("{:?}", self.connection);
            assert!(!prints.contains(SECRET), "invariant 11: {prints}");
        }
    }

    /// Invariant 7: no timer outlives what it was for.
    fn check_timer_fits_state(&self) {
        let Some((_, timer)) = self.connection.poll_timeout() else {
            return;
        };
        let fits = match timer {
            Timer::Claim | Timer::Ack | Timer::Stalled | Timer::Drain => false,
            Timer::Expiry | Timer::Request => true,
            Timer::Connect => matches!(
                self.connection.state(),
                State::Authenticating(_) | State::Opening { .. }
            ),
            Timer::Retry => matches!(self.connection.state(), State::Backoff { .. }),
            Timer::Heartbeat
            | Timer::Stable
            | Timer::Flush
            | Timer::Backpressure
            | Timer::TokenRefresh
            | Timer::Closing => matches!(self.connection.state(), State::Ready { .. }),
        };
        assert!(
            fits,
            "invariant 7: {timer:?} in {:?}",
            self.connection.state()
        );
    }

    /// Invariant 8 as far as adaptive pings can hold it: a server that has answered a ping, and was not declared dead
    /// twice since without another answer, is not reported open after interval + timeout of silence. A probe is added
    /// where a timer was late, and each of the three timers may be as late as the page makes it.
    fn check_silence(&self) {
        let State::Ready { writable, .. } = self.connection.state() else {
            return;
        };
        let Some(heartbeat) = self.plan.config.heartbeat else {
            return;
        };
        if !self.checks.answers || *writable == Writable::Closing {
            return;
        }
        let since = self.checks.last_heard.max(self.page.changed);
        let silence = self.now.saturating_sub(since);
        let bound = longest_silence(&heartbeat) + 3 * (self.page.timers.lateness() + 1);
        assert!(
            silence <= bound,
            "invariant 8: open after {silence} ms of silence, {bound} at most"
        );
    }

    fn check_shows_no_secret(&self, output: &Output<Payload>) {
        let prints = format!("{output:?}");
        assert!(!prints.contains(SECRET), "invariant 11: {prints}");
    }
}

/// Without late timers: a ping sent while hidden has the longest patience.
fn longest_silence(heartbeat: &Heartbeat) -> u64 {
    let longest = heartbeat.timeout.max(heartbeat.hidden_timeout);
    (heartbeat.interval + longest + heartbeat.probe_timeout).as_millis() as u64
}

impl Bucket {
    fn take(&mut self, now: u64) {
        let gained = (now - self.filled) * self.per_second;
        self.level = (self.level + gained).min(self.burst);
        self.filled = now;
        let left = self.level.checked_sub(1_000);
        self.level = left.expect("more messages than the rate limit permits");
    }
}
