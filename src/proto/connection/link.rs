//! The link: one socket from its opening to its end.

use super::super::auth::Token;
use super::super::close::{CloseAction, CloseFrame};
use super::super::heartbeat::Verdict;
use super::super::ids::SocketId;
use super::super::io::{Content, Event, Frame, Output, Transmit};
use super::super::retry::Pace;
use super::super::state::{State, Writable};
use super::super::time::Instant;
use super::super::timer::Timer;
use super::super::wire;
use super::Connection;
use crate::config::ConfigOption;
use crate::error::ErrorCode;
use alloc::borrow::ToOwned;
use alloc::string::String;

/// How long a socket that began to close may take to say why: browsers wait up to 60 s for a silent peer.
const CLOSING_MS: u64 = 2_000;

impl<P: Clone> Connection<P> {
    pub(super) fn handle_opened(&mut self, now: Instant) {
        let State::Opening {
            socket,
            token,
            refresh_at,
        } = &self.state
        else {
            return;
        };
        let (socket, token, refresh_at) = (*socket, token.clone(), *refresh_at);
        self.timers.set(Timer::TokenRefresh, refresh_at);
        self.became_ready(now);
        self.failed_handshakes = 0;
        self.counts.opened += 1;
        self.buffered = 0;
        self.heartbeat.opened(now);
        if let Some(token) = token {
            let frame = wire::auth(token.secret());
            self.write_control(socket, frame);
        }
        self.transition(State::Ready {
            socket,
            writable: Writable::Yes,
        });
        self.arm_heartbeat();
        self.flush(now);
    }

    /// Messages flow from here on.
    pub(super) fn became_ready(&mut self, now: Instant) {
        self.timers.cancel(Timer::Connect);
        let stable_at = now.after(self.config.ms(ConfigOption::BackoffResetAfter));
        self.timers.set(Timer::Stable, Some(stable_at));
        self.retry.connected();
        self.opened_before = true;
    }

    /// A frame of plain mode.
    pub(super) fn handle_frame(&mut self, now: Instant, frame: Frame) {
        if !matches!(self.state, State::Ready { .. }) {
            return;
        }
        self.counts.bytes_received += u64::from(frame.bytes);
        let heartbeat_frame = match frame.content {
            Content::Pong => self.heartbeat.awaits_pong(),
            Content::Ping => self.heartbeat.is_on(),
            Content::Message | Content::Answer(_) | Content::Batch(_) | Content::Invalid => false,
        };
        if heartbeat_frame && frame.content == Content::Pong {
            self.handle_pong(now);
        } else {
            self.heartbeat.heard(now);
        }
        self.arm_heartbeat();
        match frame.content {
            _ if frame.bytes > self.config.number(ConfigOption::MaxFrame) => {
                self.event(Event::Warning(ErrorCode::FrameTooLarge, None));
            }
            Content::Batch(_) | Content::Invalid => {
                self.event(Event::Warning(ErrorCode::InvalidFrame, None));
            }
            Content::Ping if heartbeat_frame => self.control(wire::PONG.to_owned()),
            Content::Pong if heartbeat_frame => {}
            Content::Answer(id) if self.requests.answered(id.0).is_some() => {
                self.arm_requests();
                self.counts.received += 1;
                self.event(Event::Answered(id));
            }
            Content::Message | Content::Answer(_) | Content::Ping | Content::Pong => {
                self.counts.received += 1;
                self.event(Event::Message);
            }
        }
    }

    pub(super) fn handle_pong(&mut self, now: Instant) {
        if let Some(latency) = self.heartbeat.pong(now) {
            self.counts.latency_ms = Some(latency);
            self.event(Event::Latency(latency));
        }
    }

    pub(super) fn heartbeat_due(&mut self, now: Instant) {
        if !self.takes_writes() {
            return;
        }
        match self.heartbeat.expired(now) {
            Verdict::Dead => {
                let frame = CloseFrame {
                    code: 4408,
                    reason: "heartbeat timeout".to_owned(),
                };
                self.abandon(frame, ErrorCode::HeartbeatTimeout);
                self.retry(now, Pace::Usual);
            }
            Verdict::SendPing => self.send_ping(now),
            Verdict::Alive => {}
        }
        self.arm_heartbeat();
    }

    /// Asks at once whether the other side is there.
    pub(super) fn probe(&mut self, now: Instant) {
        if self.takes_writes() && self.heartbeat.wake(now) == Verdict::SendPing {
            self.send_ping(now);
            self.arm_heartbeat();
        }
    }

    fn send_ping(&mut self, now: Instant) {
        match self.reliable {
            Some(_) => self.send_beat("$ping", now.as_millis()),
            None => self.control(wire::PING.to_owned()),
        }
    }

    pub(super) fn arm_heartbeat(&mut self) {
        let at = self.heartbeat.deadline().filter(|_| self.takes_writes());
        self.timers.set(Timer::Heartbeat, at);
    }

    pub(super) fn handle_closing(&mut self, now: Instant) {
        if let State::Ready { writable, .. } = &mut self.state
            && *writable != Writable::Closing
        {
            *writable = Writable::Closing;
            self.timers.set(Timer::Closing, Some(now.after(CLOSING_MS)));
            self.timers.cancel(Timer::Heartbeat);
        }
    }

    /// The socket never said why it closes: nobody waits for it any longer.
    pub(super) fn closing_ended(&mut self, now: Instant) {
        if let Some(socket) = self.state.socket() {
            let frame = CloseFrame {
                code: 1000,
                reason: String::new(),
            };
            self.output(Output::Close(socket, frame));
        }
        let frame = CloseFrame {
            code: 1006,
            reason: String::new(),
        };
        self.handle_closed(now, frame, CloseAction::Retry);
    }

    pub(super) fn handle_closed(&mut self, now: Instant, frame: CloseFrame, action: CloseAction) {
        if matches!(self.state, State::Opening { .. }) {
            self.disconnected(ErrorCode::ConnectFailed, Some(frame));
            return self.handshake_failed(now);
        }
        let refused_ping = self.heartbeat.refused_at_close(now);
        let is_patient = matches!(action, CloseAction::RetrySlowly(_));
        let action = match refused_ping && !is_patient {
            true => CloseAction::Retry,
            false => action,
        };
        let error = match action {
            CloseAction::Stop => ErrorCode::Refused,
            CloseAction::RefreshToken => ErrorCode::Unauthorized,
            CloseAction::TooLarge => ErrorCode::MessageTooLarge,
            CloseAction::RetrySlowly(_) | CloseAction::Retry => ErrorCode::Disconnected,
        };
        if action == CloseAction::TooLarge {
            match self.reliable {
                Some(_) => self.suspect_size(),
                None => {
                    let blamed = self.last_written;
                    self.event(Event::Warning(ErrorCode::MessageTooLarge, blamed));
                }
            }
        }
        if refused_ping {
            self.event(Event::Warning(ErrorCode::HeartbeatRefused, None));
        }
        self.disconnected(error, Some(frame));
        self.act_on_close(now, action);
    }

    /// The page goes away. If it comes back, so does the connection.
    pub(super) fn suspend(&mut self) {
        self.store_page();
        if matches!(
            self.state,
            State::Idle | State::Closed(_) | State::Suspended
        ) {
            return;
        }
        self.abandon_with(1000, "", ErrorCode::Disconnected);
        self.transition(State::Suspended);
    }

    /// Ends the present socket, token request or wait from our side.
    pub(super) fn abandon(&mut self, frame: CloseFrame, error: ErrorCode) {
        let busy = match self.state {
            State::Authenticating(_)
            | State::Opening { .. }
            | State::Handshaking { .. }
            | State::Ready { .. } => true,
            State::Idle
            | State::Claiming
            | State::Backoff { .. }
            | State::Suspended
            | State::Closed(_) => false,
        };
        if let Some(socket) = self.state.socket() {
            self.output(Output::Close(socket, frame));
        }
        if busy {
            self.disconnected(error, None);
        } else {
            self.leave_link();
        }
    }

    /// The present socket or attempt has ended; the caller says what comes next.
    pub(super) fn disconnected(&mut self, error: ErrorCode, frame: Option<CloseFrame>) {
        self.leave_link();
        self.event(Event::Disconnected(error, frame));
        // A session's answers may come over the next socket.
        if self.reliable.is_none() {
            self.lose_requests(u64::MAX);
        }
    }

    /// Stops until the application connects again. What is queued stays.
    pub(super) fn stop(&mut self, error: ErrorCode) {
        self.leave_link();
        // Nobody tells a stopped connection what becomes of the page.
        self.heartbeat.hide(false);
        self.transition(State::Closed(error));
    }

    pub(super) fn send_auth(&mut self, token: &Token) {
        self.control(match self.reliable {
            Some(_) => wire::fresh_token(token.secret()),
            None => wire::auth(token.secret()),
        });
    }

    pub(super) fn control(&mut self, frame: String) {
        if let Some(socket) = self.state.socket().filter(|_| self.takes_writes()) {
            self.write_control(socket, frame);
        }
    }

    pub(super) fn write_control(&mut self, socket: SocketId, frame: String) {
        self.buffered += frame.len() as u64;
        self.output(Output::Transmit(socket, Transmit::Control(frame)));
    }

    fn takes_writes(&self) -> bool {
        match self.state {
            State::Ready { writable, .. } => writable != Writable::Closing,
            State::Idle
            | State::Claiming
            | State::Authenticating(_)
            | State::Opening { .. }
            | State::Handshaking { .. }
            | State::Backoff { .. }
            | State::Suspended
            | State::Closed(_) => false,
        }
    }

    fn leave_link(&mut self) {
        for timer in [
            Timer::Connect,
            Timer::Retry,
            Timer::Heartbeat,
            Timer::Stable,
            Timer::Flush,
            Timer::Backpressure,
            Timer::TokenRefresh,
            Timer::Closing,
            Timer::Claim,
            Timer::Ack,
            Timer::Stalled,
            Timer::Drain,
        ] {
            self.timers.cancel(timer);
        }
        self.awaited_token = None;
        self.buffered = 0;
        self.last_written = None;
    }
}
