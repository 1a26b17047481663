//! What comes in over a session: messages in order, acks, and the protocol's own words.

use alloc::string::String;
use alloc::vec::Vec;

use super::super::frames::{Beat, Control, Part, Run};
use super::super::ids::MessageId;
use super::super::io::{Content, Delivered, Event, Frame, Resync};
use super::super::mutation::{self, Mutation};
use super::super::reliable::{Accepted, Body, Receipt, Slot, Store, Suspect};
use super::super::state::State;
use super::super::time::Instant;
use super::super::timer::Timer;
use super::super::wire;
use super::Connection;
use crate::config::ConfigOption;
use crate::error::ErrorCode;

/// An ack waits no longer for company.
const ACK_MS: u64 = 5_000;
/// A handler that gave up on a message, which may have had its effect.
const TIMEOUT_CODE: &str = "timeout";

impl<P: Clone> Connection<P> {
    /// The application has handled everything up to this position.
    pub fn handled(&mut self, now: Instant, position: u64) {
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        reliable.inbound.handled(position);
        self.ack_when_due(now);
    }

    /// A frame of reliable mode.
    pub(super) fn handle_session_frame(&mut self, now: Instant, frame: Frame) {
        let opening = matches!(self.state, State::Handshaking { .. });
        if !opening && !matches!(self.state, State::Ready { .. }) {
            return;
        }
        self.counts.bytes_received += u64::from(frame.bytes);
        self.heartbeat.heard(now);
        self.arm_heartbeat();
        match frame.content {
            _ if frame.bytes > self.config.number(ConfigOption::MaxFrame) => {
                self.event(Event::Warning(ErrorCode::FrameTooLarge, None));
                self.offended(now);
            }
            Content::Batch(parts) => self.handle_batch(now, parts, frame.bytes),
            _ if opening => self.offended(now),
            Content::Message
            | Content::Answer(_)
            | Content::Ping
            | Content::Pong
            | Content::Invalid => {
                // Perhaps it was a message that something on the way has broken: it comes again.
                self.event(Event::Warning(ErrorCode::InvalidFrame, None));
                self.resume_after_hole(now);
            }
        }
    }

    fn handle_batch(&mut self, now: Instant, parts: Vec<Part>, bytes: u32) {
        let socket = self.state.socket();
        let mut index = 0;
        for part in parts {
            if self.state.socket() != socket {
                return;
            }
            match part {
                Part::Control(Control::Session(session)) => self.handle_session(now, &session),
                _ if !matches!(self.state, State::Ready { .. }) => return self.offended(now),
                Part::Control(control) => {
                    self.handle_control(now, control);
                    index += 1;
                }
                Part::Run(run) => {
                    self.handle_run(now, run, index, bytes);
                    index += run.count;
                }
            }
        }
        self.ack_when_due(now);
    }

    fn handle_run(&mut self, now: Instant, run: Run, index: u32, bytes: u32) {
        // An ack over a hole may cover a refusal that is missing.
        if run.first.is_some_and(|first| self.leaves_a_hole(first)) {
            return self.resume_after_hole(now);
        }
        if let Some(ack) = run.ack
            && !self.handle_ack(now, ack)
        {
            return;
        }
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        let accepted = match run.first {
            Some(first) => reliable.inbound.accept(first, run.count, bytes),
            None => Accepted::Deliver {
                skip: 0,
                count: run.count,
                position: reliable.inbound.accept_volatile(run.count),
            },
        };
        match accepted {
            Accepted::Nothing => {}
            Accepted::Hole => self.resume_after_hole(now),
            Accepted::Deliver {
                skip,
                count,
                position,
            } => {
                self.counts.received += u64::from(count);
                let delivered = Delivered {
                    index: index + skip,
                    count,
                    position,
                };
                let asked = run.re.and_then(|re| self.requests.answered(re));
                if let Some(id) = asked {
                    self.settle_handled(id);
                }
                self.arm_requests();
                self.event(match asked {
                    Some(id) => Event::AnsweredBy(id, delivered),
                    None => Event::Deliver(delivered),
                });
            }
        }
    }

    /// What was answered or refused was handled. Should the server forget that, it must not be handled again.
    fn settle_handled(&mut self, id: MessageId) {
        let Some(held) = self.held(id) else {
            return;
        };
        held.receipt = Receipt::Settled;
        held.body = Body::Skip;
        let seq = held.seq;
        self.store(Store::Forget(Slot::Seq(seq)));
    }

    fn handle_control(&mut self, now: Instant, control: Control) {
        match control {
            Control::Ack(ack) => {
                self.handle_ack(now, ack);
            }
            Control::Err { seq, code, message } => self.handle_refusal(seq, code, message),
            Control::Ping(beat) => self.handle_ping(now, beat),
            Control::Pong(beat) => {
                if self.handle_beat(now, beat) {
                    self.handle_pong(now);
                    self.arm_heartbeat();
                }
            }
            Control::Auth(news) => self.handle_auth_news(now, news),
            Control::Drain {
                after_ms,
                spread_ms,
            } => self.handle_drain(now, after_ms, spread_ms),
            Control::Resync { next, reason } => {
                let Some(reliable) = &mut self.reliable else {
                    return;
                };
                if let Some(missed) = reliable.inbound.jump(next) {
                    let position = reliable.inbound.position();
                    self.event(Event::Resync(Resync {
                        reason,
                        missed: Some(missed),
                        position,
                    }));
                }
            }
            Control::Bye { .. } => {
                self.abandon_with(1000, "", ErrorCode::Refused);
                self.stop(ErrorCode::Refused);
            }
            Control::Unknown => {}
            Control::Open(_) | Control::Session(_) | Control::Token(_) | Control::Skip { .. } => {
                self.offended(now);
            }
        }
    }

    /// The server has handled everything up to here. Whether that can be.
    fn handle_ack(&mut self, now: Instant, ack: u64) -> bool {
        let Some(reliable) = &self.reliable else {
            return false;
        };
        if ack > reliable.window.written() {
            self.offended(now);
            return false;
        }
        if self.settle_acked(ack, &[]) {
            self.timers.cancel(Timer::Stalled);
            self.leave_when_acked(now);
            self.flush(now);
        }
        true
    }

    /// Settles what was handled. Whether that is news.
    pub(super) fn settle_acked(&mut self, rx: u64, errs: &[(u64, String)]) -> bool {
        let Some(reliable) = &mut self.reliable else {
            return false;
        };
        // What was skipped is not held, and leaves room all the same.
        let is_news = reliable.window.is_news(rx);
        let handled = reliable.window.acked(rx);
        if let Suspect::Alone(seq) = reliable.suspect
            && seq <= rx
        {
            reliable.suspect = Suspect::None;
        }
        for held in &handled {
            let refused = errs.iter().find(|(seq, _)| *seq == held.seq);
            match refused {
                _ if !held.is_open() => {}
                Some((_, code)) => self.refused(held.id, code.clone(), String::new()),
                // A request goes on to its answer.
                None if self.requests.contains(held.id) => {}
                None => self.event(Event::Acked(held.id)),
            }
        }
        for held in &handled {
            self.store(Store::Forget(Slot::Seq(held.seq)));
        }
        is_news
    }

    fn handle_refusal(&mut self, seq: u64, code: String, message: String) {
        let held = self
            .reliable
            .as_mut()
            .and_then(|reliable| reliable.window.find(seq));
        let Some(held) = held else {
            return;
        };
        let (id, was_open) = (held.id, held.is_open());
        self.settle_handled(id);
        if was_open {
            self.refused(id, code, message);
        }
    }

    fn refused(&mut self, id: MessageId, code: String, message: String) {
        self.requests.remove(id);
        self.arm_requests();
        self.event(match code == TIMEOUT_CODE {
            true => Event::Uncertain(id, ErrorCode::RequestTimeout),
            false => Event::Refused(id, code, message),
        });
    }

    fn handle_ping(&mut self, now: Instant, beat: Beat) {
        if self.handle_beat(now, beat) {
            self.send_beat("$pong", beat.t);
        }
    }

    /// What a ping and a pong have in common. Whether the connection goes on.
    fn handle_beat(&mut self, now: Instant, beat: Beat) -> bool {
        if beat
            .tx
            .is_some_and(|tx| self.leaves_a_hole(tx.saturating_add(1)))
        {
            self.resume_after_hole(now);
            return false;
        }
        if let Some(ack) = beat.ack
            && !self.handle_ack(now, ack)
        {
            return false;
        }
        matches!(self.state, State::Ready { .. })
    }

    /// Whether something is missing before this seq.
    fn leaves_a_hole(&self, seq: u64) -> bool {
        let reliable = self.reliable.as_ref();
        let is_above = reliable.is_some_and(|reliable| seq > reliable.inbound.got() + 1);
        is_above && !mutation::is(Mutation::OverHole)
    }

    /// `$ping` or `$pong`, with what there is to tell.
    pub(super) fn send_beat(&mut self, kind: &str, t: u64) {
        // Even one that was told before: it may not have arrived.
        let _ = self.take_ack();
        let reliable = self.reliable.as_mut();
        let ack = reliable.map(|reliable| reliable.inbound.take_ack());
        let tx = self
            .reliable
            .as_ref()
            .map(|reliable| reliable.window.written());
        self.store_place();
        self.control(wire::beat(kind, Beat { t, ack, tx }));
    }

    pub(super) fn ack_when_due(&mut self, now: Instant) {
        let Some(reliable) = self.reliable.as_ref() else {
            return;
        };
        if !matches!(self.state, State::Ready { .. }) {
            return;
        }
        if reliable.inbound.ack_is_due() {
            self.write_ack();
        } else if reliable.inbound.ack_waits() && !self.timers.is_set(Timer::Ack) {
            self.timers.set(Timer::Ack, Some(now.after(ACK_MS)));
        }
    }

    pub(super) fn write_ack(&mut self) {
        if let Some(ack) = self.take_ack() {
            self.store_place();
            self.control(wire::ack(ack));
        }
    }

    /// The ack that goes out with something, if there is one to tell.
    pub(super) fn take_ack(&mut self) -> Option<u64> {
        let inbound = &mut self.reliable.as_mut()?.inbound;
        let waits = inbound.ack_waits() || inbound.ack_is_due();
        self.timers.cancel(Timer::Ack);
        waits.then(|| inbound.take_ack())
    }
}
