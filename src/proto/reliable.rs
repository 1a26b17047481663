//! The client's half of everwire.v1: who we are to the server, what it has of ours, and what we have of its.

mod inbound;
mod storage;
mod window;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::auth::Token;
use super::frames::{self, CLAIM_MAX, NUMBER_MAX, Open, Resume};
use super::rng::Rng;
use super::time::Instant;
use super::wire;
use crate::config;
use crate::error::ErrorCode;

pub(crate) use inbound::{Accepted, Inbound};
pub(crate) use storage::QUEUE_BYTES;
pub use storage::{Head, PageEnd, Saved, Slot, Store, Stored};
pub use window::Body;
pub(crate) use window::{Held, Receipt, Window};

/// The largest frame of a server that did not say.
const MAX_FRAME: u32 = 1 << 20;
/// Three protocol errors of the server within five minutes, and the client stops.
const OFFENCES_MS: u64 = 300_000;

#[derive(Debug)]
pub(crate) struct Reliable<P> {
    pub(crate) options: config::Reliable,
    /// Two, since a `cid` has 128 random bits.
    rngs: [Rng; 2],
    cid: String,
    n: u64,
    /// The last opening that the server answered.
    answered_n: Answered,
    /// What this page called the head that it left, 0 before it left any.
    left: u64,
    /// The fingerprint of the user, once the server has told it.
    user: Option<String>,
    /// The session to go on with. Its `rx` is that of its beginning: `inbound` knows the present one.
    session: Option<Resume>,
    pub(crate) window: Window<P>,
    pub(crate) inbound: Inbound,
    pub(crate) storage: Storage,
    /// What was found in storage and is being claimed.
    pub(crate) saved: Option<Saved<P>>,
    /// What left while the storage was not ours, and is stored still.
    pub(crate) forgotten: Vec<Slot>,
    /// The ids of what an earlier page left.
    pub(crate) restored: Range<u64>,
    /// The last place in the queue that was given in the storage: what is sent first is stored first.
    pub(crate) last_place: u64,
    /// The largest frame that the server takes, in UTF-8 bytes.
    pub(crate) max_frame: u32,
    /// Whether the server acted on messages up to this seq is not sure.
    pub(crate) uncertain_to: u64,
    /// Some `$session` came in this life of the page.
    pub(crate) had_session: bool,
    /// An earlier page of the tab had a session whose messages this page did not see.
    pub(crate) reloaded: bool,
    /// The opening was refused as stale once, and is tried again.
    pub(crate) raised_n: bool,
    /// A message seems too large for the server.
    pub(crate) suspect: Suspect,
    /// When the server broke the protocol before last, and last.
    offences: [Option<Instant>; 2],
}

/// Which opening the server answered last, as far as this page knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    /// None of this `cid`.
    Never,
    /// None of this page; that of the page before is not later than this.
    AtMost(u64),
    /// This one of this page.
    Last(u64),
}

/// Where storage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Not asked yet, or given up when the page went away.
    Unclaimed,
    /// What an earlier page left is being claimed.
    Claiming,
    /// It is ours.
    Used,
    /// It is not used: by choice, or because it failed.
    Off,
}

/// What is known of a message that may be too large for the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suspect {
    None,
    /// One of those that were underway: the next one goes alone.
    Some,
    /// This one, which went alone.
    Alone(u64),
    /// This one, unless the server turns out to have it.
    Guilty(u64),
}

impl<P: Clone> Reliable<P> {
    pub(crate) fn new(options: config::Reliable, rngs: [Rng; 2]) -> Self {
        let inbound = Inbound::new(options.window);
        let storage = match options.persist {
            config::Persist::Nothing => Storage::Off,
            config::Persist::Outbox | config::Persist::Session => Storage::Unclaimed,
        };
        let mut reliable = Self {
            options,
            rngs,
            cid: String::new(),
            n: 0,
            answered_n: Answered::Never,
            left: 0,
            user: None,
            session: None,
            window: Window::new(),
            inbound,
            storage,
            saved: None,
            forgotten: Vec::new(),
            restored: 0..0,
            last_place: 0,
            max_frame: MAX_FRAME,
            uncertain_to: 0,
            had_session: false,
            reloaded: false,
            raised_n: false,
            suspect: Suspect::None,
            offences: [None; 2],
        };
        reliable.take_fresh_cid();
        reliable
    }

    pub(crate) fn cid(&self) -> &str {
        &self.cid
    }

    /// Whether this page left this head when it went away, and no other has been there since.
    pub(crate) fn has_left(&self, head: &Head) -> bool {
        head.end == PageEnd::Clean(self.left)
    }

    /// Whether a message that may be too large is underway, alone.
    pub(crate) fn waits_alone(&self) -> bool {
        matches!(self.suspect, Suspect::Alone(seq) if seq <= self.window.written())
    }

    pub(crate) fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// Becomes another client to the server. The window must be empty.
    pub(crate) fn take_fresh_cid(&mut self) {
        self.cid.clear();
        for rng in &mut self.rngs {
            for byte in rng.next().to_be_bytes() {
                wire::push_hex(&mut self.cid, byte);
            }
        }
        self.user = None;
        self.session = None;
        self.window = Window::new();
        self.uncertain_to = 0;
        self.answered_n = Answered::Never;
        self.left = 0;
        self.suspect = Suspect::None;
    }

    /// The application closed: the next session is another client's.
    pub(crate) fn forget(&mut self) {
        self.take_fresh_cid();
        self.had_session = false;
        self.reloaded = false;
    }

    /// Goes on as the page that left this head.
    pub(crate) fn adopt(&mut self, head: &Head, held: Vec<Held<P>>) {
        self.cid.clone_from(&head.cid);
        // Should the page that left it come back, this shows that another one was there.
        self.raise_n(head.n + 1);
        self.answered_n = Answered::AtMost(head.answered_n);
        self.user = Some(head.user.clone()).filter(|user| !user.is_empty());
        self.uncertain_to = head.uncertain_to;
        self.window = Window::restore(head.tx, held);
        self.reloaded = true;
        if let Some(place) = &head.place {
            self.reloaded = false;
            self.inbound.restore(place.rx);
            self.session = Some(place.clone());
        }
    }

    /// Why what was sent cannot be told by a session, if the one before it is not the one that this page knows.
    pub(crate) fn estranged(&self, session: &frames::Session) -> Option<ErrorCode> {
        let prior = session.prior?;
        match self.answered_n {
            // Another page may have been this client, and have given the same seqs.
            Answered::AtMost(n) if prior > n => Some(ErrorCode::PageLost),
            // The server's record is an older one.
            Answered::Last(n) if prior < n => Some(ErrorCode::RecordLost),
            Answered::Never | Answered::AtMost(_) | Answered::Last(_) => None,
        }
    }

    /// The number of the next opening is at least this.
    pub(crate) fn raise_n(&mut self, least: u64) {
        self.n = self.n.max(least.min(CLAIM_MAX));
    }

    /// The next opening.
    pub(crate) fn open(&mut self, token: Option<Token>, max_frame: u32) -> Open {
        self.n += 1;
        Open {
            cid: self.cid.clone(),
            n: self.n,
            token,
            tx0: self.window.tx0(),
            tx: self.window.tx(),
            max_frame,
            window: self.options.window,
            window_bytes: self.options.window_bytes,
            resume: self.resume(),
        }
    }

    /// The session to go on with, and how far the application has handled it.
    fn resume(&self) -> Option<Resume> {
        let mut resume = self.session.clone()?;
        resume.rx = self.inbound.rx();
        Some(resume)
    }

    /// Whether the user of the session is the one whose messages are held.
    pub(crate) fn is_same_user(&self, user: &str) -> bool {
        self.user.as_deref().is_none_or(|known| known == user)
    }

    pub(crate) fn remember(&mut self, session: &frames::Session) {
        self.user = Some(session.user.clone());
        self.session = Some(Resume {
            sid: session.sid.clone(),
            key: session.key.clone(),
            epoch: session.epoch.clone(),
            rx: 0,
        });
        self.answered_n = Answered::Last(self.n);
        self.had_session = true;
        self.reloaded = false;
        self.raised_n = false;
    }

    /// The head of a page that goes away.
    pub(crate) fn last_head(&mut self) -> Box<Head> {
        let [rng, _] = &mut self.rngs;
        self.left = rng.between(1, NUMBER_MAX);
        self.head_with(PageEnd::Clean(self.left))
    }

    pub(crate) fn head(&self) -> Box<Head> {
        self.head_with(PageEnd::Open)
    }

    fn head_with(&self, end: PageEnd) -> Box<Head> {
        let keeps_place = self.options.persist == config::Persist::Session;
        Box::new(Head {
            cid: self.cid.clone(),
            n: self.n,
            answered_n: match self.answered_n {
                Answered::Never => 0,
                Answered::AtMost(n) | Answered::Last(n) => n,
            },
            tx: self.window.tx(),
            uncertain_to: self.uncertain_to,
            user: self.user.clone().unwrap_or_default(),
            place: keeps_place.then(|| self.resume()).flatten(),
            end,
        })
    }

    /// The server broke the protocol. Whether it did so too often.
    pub(crate) fn offended(&mut self, now: Instant) -> bool {
        let [before_last, last] = self.offences;
        self.offences = [last, Some(now)];
        before_last.is_some_and(|at| now.since(at) < OFFENCES_MS)
    }
}
