//! The session: opening it, and what follows from how the server answers.

use super::super::close::{CloseAction, CloseFrame};
use super::super::frames::{AuthNews, CLAIM_MAX, Lost, Resumed, Session};
use super::super::io::{Batch, Event, Output, Resync, Transmit};
use super::super::mutation::{self, Mutation};
use super::super::reliable::{Reliable, Slot, Store, Suspect};
use super::super::retry::Pace;
use super::super::state::{State, Writable};
use super::super::time::Instant;
use super::super::timer::Timer;
use super::super::wire;
use super::Connection;
use super::attempt::refresh_at;
use crate::config;
use crate::config::ConfigOption;
use crate::error::ErrorCode;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

impl<P: Clone> Connection<P> {
    /// The socket is open, and the server speaks the protocol: ask for a session.
    pub(super) fn handle_accepted(&mut self) {
        let State::Opening {
            socket,
            token,
            refresh_at,
        } = &self.state
        else {
            return;
        };
        let (socket, token, refresh_at) = (*socket, token.clone(), *refresh_at);
        let max_frame = self.config.number(ConfigOption::MaxFrame);
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        let open = wire::open(&reliable.open(token, max_frame));
        self.failed_handshakes = 0;
        self.counts.opened += 1;
        self.buffered = 0;
        self.store_head();
        self.transition(State::Handshaking { socket, refresh_at });
        self.write_control(socket, open);
        if mutation::is(Mutation::DataBeforeSession)
            && let Some(reliable) = &mut self.reliable
            && reliable.window.next_bytes().is_some()
        {
            let (seq, body, _) = reliable.window.write();
            let batch = Batch {
                messages: alloc::vec![(seq, body)],
                ack: None,
            };
            self.output(Output::Transmit(socket, Transmit::Batch(batch)));
        }
    }

    /// The server opened the socket without the protocol. One node of many may be older than the others.
    pub(super) fn unsupported_server(&mut self, now: Instant) {
        self.abandon_with(1000, "", ErrorCode::UnsupportedServer);
        match &self.reliable {
            Some(reliable) if reliable.had_session => self.retry(now, Pace::Usual),
            _ => self.stop(ErrorCode::UnsupportedServer),
        }
    }

    pub(super) fn handle_session(&mut self, now: Instant, session: &Session) {
        let State::Handshaking {
            socket,
            refresh_at: by_token,
        } = self.state
        else {
            return self.offended(now);
        };
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        if !is_sound(reliable, session) {
            return self.offended(now);
        }
        if !reliable.is_same_user(&session.user) {
            self.abandon_with(4100, "user changed", ErrorCode::UserChanged);
            return self.change_user(now);
        }
        reliable.max_frame =
            u32::try_from(session.terms.max_frame.clamp(64 << 10, 16 << 20)).unwrap_or(u32::MAX);
        reliable.window.set_limits(&session.terms);
        let refresh = refresh_at(now, session.terms.exp_ms).or(by_token);
        self.timers.set(Timer::TokenRefresh, refresh);
        self.heartbeat.opened(now);
        self.heartbeat.agreed(session.terms.ping_ms);
        self.limit_rate(now, session);
        self.became_ready(now);
        self.transition(State::Ready {
            socket,
            writable: Writable::Yes,
        });
        self.settle_by_session(session);
        self.go_on_or_begin(session);
        self.store_head();
        self.arm_heartbeat();
        self.flush(now);
    }

    /// What the server has of ours.
    fn settle_by_session(&mut self, session: &Session) {
        self.condemn(session.got);
        let Some(rx) = session.rx else {
            return self.record_lost();
        };
        let Some(reliable) = &self.reliable else {
            return;
        };
        let tx = reliable.window.tx();
        let lost = match reliable.estranged(session) {
            // What was stored is older than what was sent: what became of it since is not known.
            _ if session.got > tx => Some(ErrorCode::PageLost),
            // The server's record is an older one: what came after that may have been handled.
            None if reliable.window.goes_back(rx) => Some(ErrorCode::RecordLost),
            lost => lost,
        };
        if let Some(code) = lost {
            self.doubt(0, tx, code);
            self.doubt_restored();
        }
        self.settle_acked(rx, &session.errs);
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        let maybe = session.maybe.unwrap_or(0).min(reliable.window.tx());
        if maybe > rx && !mutation::is(Mutation::NoMaybe) {
            self.doubt(rx + 1, maybe, ErrorCode::RecordLost);
        }
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        let withdrawn = reliable.window.take_withdrawn(session.got);
        reliable.window.begin(session.got);
        for (seq, id, payload) in withdrawn {
            self.store(Store::Forget(Slot::Seq(seq)));
            self.rejected(id, ErrorCode::Aborted, payload);
        }
    }

    /// The server knows nothing of this client, and may have acted on all that is held.
    fn record_lost(&mut self) {
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        let (from, to) = (reliable.window.tx0(), reliable.window.tx());
        reliable.window.begin_without_record();
        if mutation::is(Mutation::NoDoubt) {
            return;
        }
        self.doubt(from, to, ErrorCode::RecordLost);
    }

    /// Whether the server acted on these is not sure.
    pub(super) fn doubt(&mut self, from: u64, to: u64, code: ErrorCode) {
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        reliable.uncertain_to = reliable.uncertain_to.max(to);
        let settled = reliable.window.settle_range(from, to);
        if reliable.options.uncertain == config::Uncertain::Drop {
            reliable.window.skip_range(from, to);
        }
        for id in settled {
            self.requests.remove(id);
            self.event(Event::Uncertain(id, code));
        }
        self.arm_requests();
    }

    /// What we have of the server's.
    fn go_on_or_begin(&mut self, session: &Session) {
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        let news = match session.resumed {
            Resumed::Yes => None,
            _ if mutation::is(Mutation::NoResync) => None,
            _ if reliable.reloaded => Some(Lost::Reload),
            Resumed::No(reason) => Some(reason),
            Resumed::Fresh if reliable.had_session => Some(Lost::Unknown),
            Resumed::Fresh => None,
        };
        if session.resumed == Resumed::Yes {
            reliable.inbound.resume();
            return reliable.remember(session);
        }
        let had_session = reliable.has_session();
        reliable.inbound.begin(news.is_some());
        reliable.remember(session);
        let position = reliable.inbound.position();
        if let Some(reason) = news {
            self.event(Event::Resync(Resync {
                reason,
                missed: None,
                position,
            }));
        }
        if had_session {
            self.lose_requests(session.got);
        }
    }

    /// The server's own limits hold, so that a flush never trips them.
    fn limit_rate(&mut self, now: Instant, session: &Session) {
        let Some(rate) = session.terms.rate.and_then(|rate| u32::try_from(rate).ok()) else {
            return;
        };
        let burst = session
            .terms
            .burst
            .and_then(|burst| u32::try_from(burst).ok());
        let burst = burst.unwrap_or(rate);
        self.message_rate
            .get_or_insert_with(|| super::TokenBucket::new(rate, burst, now))
            .limit(rate, burst);
    }

    /// Somebody else signed in: nothing of the former user's is sent.
    fn change_user(&mut self, now: Instant) {
        let Some(reliable) = &self.reliable else {
            return;
        };
        let (had_session, tx) = (reliable.had_session, reliable.window.tx());
        self.doubt(0, tx, ErrorCode::UserChanged);
        // What this page queued before its first session is of the user who opens it.
        let former = match had_session {
            true => self.take_queue(),
            false => self.outbox.take_stored(),
        };
        for entry in former {
            self.reject(entry, ErrorCode::UserChanged);
        }
        self.become_another();
        self.attempt_when_permitted(now);
    }

    /// A close with 4409: this opening is stale, or another page goes on as this client, or another user has the `cid`.
    pub(super) fn handle_conflict(&mut self, now: Instant, frame: CloseFrame) {
        let opening = matches!(self.state, State::Handshaking { .. });
        let highest = wire::highest_n(&frame.reason);
        let is_user = frame.reason == "user";
        self.disconnected(ErrorCode::Superseded, Some(frame));
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        match highest {
            _ if !opening => self.stop(ErrorCode::Superseded),
            Some(highest) => {
                let first = !core::mem::replace(&mut reliable.raised_n, true);
                reliable.raise_n(highest);
                // Somebody else was this client, and may have given the same seqs.
                let tx = reliable.window.tx();
                self.doubt(0, tx, ErrorCode::PageLost);
                match first {
                    true => self.attempt_when_permitted(now),
                    // More openings of others were on their way.
                    false => self.retry(now, Pace::Usual),
                }
            }
            None if is_user => self.change_user(now),
            _ => self.stop(ErrorCode::Superseded),
        }
    }

    /// A message is too large for the server: which one shows when they go alone.
    pub(super) fn suspect_size(&mut self) {
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        let Suspect::Alone(seq) = reliable.suspect else {
            reliable.suspect = Suspect::Some;
            return;
        };
        reliable.suspect = Suspect::Guilty(seq);
    }

    /// A message that is too large for the server gives way, as the server has not got it.
    fn condemn(&mut self, got: u64) {
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        let Suspect::Guilty(seq) = reliable.suspect else {
            return;
        };
        reliable.suspect = Suspect::None;
        let Some(held) = reliable.window.find(seq).filter(|_| seq > got) else {
            return;
        };
        let was_open = held.is_open();
        let emptied = held.empty().filter(|_| was_open);
        self.store(Store::Forget(Slot::Seq(seq)));
        if let Some((id, payload)) = emptied {
            self.rejected(id, ErrorCode::MessageTooLarge, payload);
        }
    }

    /// The server broke the protocol.
    pub(super) fn offended(&mut self, now: Instant) {
        self.abandon_with(4400, "protocol error", ErrorCode::ProtocolError);
        self.go_on_after_offence(now);
    }

    /// The server says that we broke the protocol. A frame that something on the way put in the wrong place looks the same.
    pub(super) fn accused(&mut self, now: Instant, frame: CloseFrame) {
        self.disconnected(ErrorCode::ProtocolError, Some(frame));
        self.go_on_after_offence(now);
    }

    fn go_on_after_offence(&mut self, now: Instant) {
        match self
            .reliable
            .as_mut()
            .is_some_and(|reliable| reliable.offended(now))
        {
            true => self.stop(ErrorCode::ProtocolError),
            false => self.retry(now, Pace::Usual),
        }
    }

    /// Something is missing: the session is resumed after what came.
    pub(super) fn resume_after_hole(&mut self, now: Instant) {
        self.abandon_with(4410, "a message is missing", ErrorCode::Disconnected);
        self.retry(now, Pace::Usual);
    }

    pub(super) fn handle_auth_news(&mut self, now: Instant, news: AuthNews) {
        match news {
            AuthNews::Ok { exp_ms } => {
                self.timers
                    .set(Timer::TokenRefresh, refresh_at(now, exp_ms));
            }
            AuthNews::Refused => {
                self.event(Event::Warning(ErrorCode::TokenFailed, None));
                self.retry_refresh(now);
            }
            AuthNews::Needed { .. } => self.refresh_token(),
        }
    }

    /// The application closed: what the server has is not known any more, and nothing is left to resume.
    pub(super) fn end_session(&mut self) {
        let Some(reliable) = &self.reliable else {
            return;
        };
        let tx = reliable.window.tx();
        self.doubt(0, tx, ErrorCode::Closed);
        self.lose_requests(u64::MAX);
        self.clear_storage();
        if let Some(reliable) = &mut self.reliable {
            reliable.forget();
        }
    }

    pub(super) fn say_bye(&mut self) {
        let is_ready = matches!(self.state, State::Ready { .. });
        if let Some(reliable) = self.reliable.as_mut().filter(|_| is_ready) {
            let bye = wire::bye(reliable.inbound.take_ack());
            self.control(bye);
        }
    }

    pub(super) fn abandon_with(&mut self, code: u16, reason: &str, error: ErrorCode) {
        let reason = reason.to_owned();
        self.abandon(CloseFrame { code, reason }, error);
    }

    pub(super) fn default_action(&self, frame: &CloseFrame) -> CloseAction {
        match self.reliable {
            Some(_) => CloseAction::for_reliable_close(frame),
            None => CloseAction::for_close(frame),
        }
    }

    /// The page goes on as a client that the server has never seen.
    pub(super) fn become_another(&mut self) {
        // The other's answers would seem to be these requests'.
        self.lose_requests(u64::MAX);
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        reliable.take_fresh_cid();
        let cid: String = reliable.cid().to_owned();
        self.claim_afresh(cid);
    }

    /// Everything that was queued, settled or not.
    pub(super) fn take_queue(&mut self) -> Vec<super::Entry<P>> {
        core::iter::from_fn(|| self.outbox.pop_front()).collect()
    }

    pub(super) fn push_store(&mut self, store: Store<P>) {
        self.output(Output::Store(store));
    }
}

/// Whether the answer can be true.
fn is_sound<P: Clone>(reliable: &Reliable<P>, session: &Session) -> bool {
    let rx = session.rx.unwrap_or(session.got);
    let goes_on = match session.resumed {
        Resumed::Yes => reliable.has_session() && session.from <= reliable.inbound.got() + 1,
        Resumed::Fresh | Resumed::No(_) => session.from == 1,
    };
    goes_on && rx <= session.got && session.got <= CLAIM_MAX
}
