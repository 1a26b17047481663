//! A client: the stream from it, its queue of messages to handle, its one session, and what is to be stored of it.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::auth::Token;
use super::super::frames::{Lost, Resume, Resumed};
use super::super::ids::SocketId;
use super::super::mutation::{self, Mutation};
use super::super::rate::TokenBucket;
use super::super::time::Instant;
use super::config::{ERRS, Intake};
use super::io::{HandlerId, Record, Write};
use super::ring::Ring;
use super::secrets;

/// All that is known of a `cid`.
#[derive(Debug)]
pub(super) struct Client<M, P> {
    pub(super) user: String,
    pub(super) fingerprint: String,
    /// The highest opening.
    pub(super) n: u64,
    /// The last one that was attached, 0 if there was none.
    pub(super) prior_n: u64,
    /// The socket that claims it or is attached.
    pub(super) socket: Option<SocketId>,
    pub(super) session: Option<Session<P>>,
    /// The session before, and why it is over.
    pub(super) ended: Option<(String, Lost)>,
    /// Accepted up to here.
    pub(super) got: u64,
    /// Handled up to here; `None` until the first message tells.
    pub(super) rx: Option<u64>,
    /// The store does not know yet what the first message told.
    pub(super) unadopted: bool,
    /// Handlers up to here had begun when an earlier process ended.
    pub(super) maybe: Option<u64>,
    pub(super) errs: VecDeque<(u64, String)>,
    pub(super) queue: VecDeque<Queued<M>>,
    pub(super) queued_bytes: u64,
    /// Taken from the queue since the client was last told how far it is.
    pub(super) unacked_bytes: u64,
    pub(super) work: Work<M>,
    /// Writes to the store, the first of them under way.
    pub(super) writes: VecDeque<(Write, After)>,
    pub(super) bucket: Option<TokenBucket>,
    pub(super) last_used: Instant,
}

/// A message that was accepted.
#[derive(Debug)]
pub(super) struct Queued<M> {
    /// Volatile without one.
    pub(super) seq: Option<u64>,
    pub(super) bytes: u32,
    /// `None` for a `$skip`.
    pub(super) message: Option<M>,
}

/// What becomes of the message at the head of the queue.
#[derive(Debug)]
pub(super) enum Work<M> {
    Idle,
    /// The store is told before the handler begins.
    Preparing {
        queued: Queued<M>,
        is_marked: Marked,
    },
    /// The handler runs.
    Handling {
        id: HandlerId,
        seq: Option<u64>,
    },
    /// The store is told after it ended.
    Settling,
}

/// Whether the store knows that a handler begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marked {
    Yes,
    No,
}

/// What follows a write to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// This socket is attached.
    Attach(SocketId),
    /// The message that is prepared goes on.
    Prepare,
    /// The seq is consumed, and the client is told why it was refused.
    Settle {
        seq: u64,
        refused: Option<(String, String)>,
    },
}

/// The stream to a client.
#[derive(Debug)]
pub(super) struct Session<P> {
    pub(super) sid: String,
    pub(super) keys: Keys,
    pub(super) ring: Ring<P>,
    pub(super) intake: Intake,
    /// Since when it has no socket.
    pub(super) detached: Option<Instant>,
}

/// The two keys that are valid: the client may not have received the newer one.
#[derive(Debug)]
pub(super) struct Keys {
    current: Token,
    pending: Option<Token>,
}

impl Keys {
    pub(super) fn new(key: Token) -> Self {
        Self {
            current: key,
            pending: None,
        }
    }

    /// Whether the key is valid. The older one dies when the newer one is used.
    fn accept(&mut self, key: &Token) -> bool {
        if let Some(pending) = self.pending.take_if(|pending| secrets::same(pending, key)) {
            self.current = pending;
            return true;
        }
        secrets::same(&self.current, key)
    }

    /// The one that the client is told.
    pub(super) fn newest(&self) -> &Token {
        self.pending.as_ref().unwrap_or(&self.current)
    }

    /// A newer key, valid beside the one just used.
    pub(super) fn rotate(&mut self, next: Token) {
        if mutation::is(Mutation::OneStepKeys) {
            self.current = next;
            return;
        }
        self.pending = Some(next);
    }
}

impl<M, P: Clone> Client<M, P> {
    /// A client as its record says, or a new one.
    pub(super) fn new(
        user: String,
        record: Record,
        bucket: Option<TokenBucket>,
        now: Instant,
    ) -> Self {
        let got = record.rx.unwrap_or(0);
        Self {
            user,
            fingerprint: record.user,
            prior_n: record.n,
            n: record.n,
            socket: None,
            session: None,
            ended: None,
            got,
            rx: record.rx,
            unadopted: false,
            maybe: record.begun.filter(|begun| *begun > got),
            errs: record.errs.into(),
            queue: VecDeque::new(),
            queued_bytes: 0,
            unacked_bytes: 0,
            work: Work::Idle,
            writes: VecDeque::new(),
            bucket,
            last_used: now,
        }
    }

    /// Whether the session goes on, at which seq if so.
    pub(super) fn resume(
        &mut self,
        resume: Option<&Resume>,
        epoch: &str,
        ttl_ms: u64,
        now: Instant,
    ) -> Resumed {
        let Some(resume) = resume else {
            return Resumed::Fresh;
        };
        match self.refuse_resume(resume, epoch, ttl_ms, now) {
            Some(reason) => Resumed::No(reason),
            None => Resumed::Yes,
        }
    }

    fn refuse_resume(
        &mut self,
        resume: &Resume,
        epoch: &str,
        ttl_ms: u64,
        now: Instant,
    ) -> Option<Lost> {
        if resume.epoch != epoch {
            return Some(Lost::Epoch);
        }
        let before = self.ended.as_ref().filter(|(sid, _)| *sid == resume.sid);
        if let Some((_, reason)) = before {
            return Some(*reason);
        }
        let Some(session) = self
            .session
            .as_mut()
            .filter(|session| session.sid == resume.sid)
        else {
            return Some(Lost::Unknown);
        };
        if !session.keys.accept(&resume.key) {
            return Some(Lost::Key);
        }
        if session.is_expired(ttl_ms, now) {
            return Some(Lost::Expired);
        }
        (!session.ring.resume(resume.rx)).then_some(Lost::Gap)
    }

    /// Its record was lost, and it holds everything from `first` on: that is the only seq with which it goes on.
    pub(super) fn expect_first(&mut self, first: u64) {
        if self.rx.is_none() {
            self.got = first - 1;
        }
    }

    /// The first seq of a stream whose record was lost: what came before it is taken as handled.
    pub(super) fn adopt(&mut self, first: u64) {
        if self.rx.is_none() && first == self.got + 1 {
            self.rx = Some(self.got);
            self.unadopted = true;
        }
    }

    /// A seq is consumed.
    pub(super) fn settle(&mut self, seq: u64, refused: Option<String>) {
        self.rx = Some(seq);
        if let Some(code) = refused {
            self.errs.push_back((seq, code));
        }
        forget_old(&mut self.errs, seq);
        self.maybe = self.maybe.filter(|maybe| *maybe > seq);
    }

    pub(super) fn errs(&self) -> Vec<(u64, String)> {
        self.errs.iter().cloned().collect()
    }

    /// Whether it has neither a socket nor work.
    pub(super) fn is_unused(&self) -> bool {
        self.socket.is_none()
            && self.queue.is_empty()
            && self.writes.is_empty()
            && matches!(self.work, Work::Idle)
    }

    /// A session stands or is about to.
    pub(super) fn has_session(&self) -> bool {
        self.session.is_some() || self.socket.is_some()
    }

    pub(super) fn ring_bytes(&self) -> u64 {
        self.session
            .as_ref()
            .map_or(0, |session| session.ring.bytes())
    }

    /// Since when its session has had no socket, if that is so.
    pub(super) fn detached(&self) -> Option<Instant> {
        self.session.as_ref().and_then(|session| session.detached)
    }
}

fn forget_old(errs: &mut VecDeque<(u64, String)>, rx: u64) {
    while errs.front().is_some_and(|(seq, _)| seq + ERRS <= rx) {
        errs.pop_front();
    }
}

impl<P> Session<P> {
    pub(super) fn is_expired(&self, ttl_ms: u64, now: Instant) -> bool {
        self.detached
            .is_some_and(|since| now >= since.after(ttl_ms))
    }
}

impl<M> Work<M> {
    pub(super) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_key_dies_when_the_newer_one_is_used() {
        let key = |text| Token::new(text);
        let mut keys = Keys::new(key("a"));
        assert!(!keys.accept(&key("b")));
        assert!(keys.accept(&key("a")));
        keys.rotate(key("b"));
        assert!(keys.accept(&key("a")), "the newer one may not have arrived");
        keys.rotate(key("c"));
        assert!(!keys.accept(&key("b")), "two are valid, no more");
        assert!(keys.accept(&key("c")));
        assert!(!keys.accept(&key("a")));
        assert!(keys.accept(&key("c")));
    }
}
