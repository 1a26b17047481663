//! Deliberate bugs, so that the simulation can show that it finds them. Without the feature `mutations`, which no build
//! of use has, none of them exists.

macro_rules! mutations {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A deliberate bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutation {
            $($(#[$doc])* $variant,)*
        }

        #[cfg(feature = "mutations")]
        impl Mutation {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// What is wrong, in a few words.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

mutations! {
    /// The queue gives seqs, so that what leaves it leaves a hole.
    SeqAtSend = "seq given at send()",
    /// A seq that is no longer held is left out.
    NoSkip = "no $skip",
    /// A page that forgot seqs gives them again.
    NoTxMax = "no tx = max(tx, got)",
    /// What was accepted counts as handled.
    OneInteger = "one integer instead of got and rx",
    /// A stale opening takes the client.
    NoN = "no n",
    /// A refusal is told once.
    ErrNotRepeated = "$err not repeated in $session",
    /// A lost record is told once.
    NullToldOnce = "rx:null told once",
    /// The window is written after `$open` at once.
    DataBeforeSession = "data before $session",
    /// The store is not told that a handler begins.
    NoBegun = "a non-atomic store without begun",
    /// What the server says of begun handlers is ignored.
    NoMaybe = "maybe ignored",
    /// A page that crashed is taken for one that went away in good order.
    NoUncleanEnd = "no rule for unclean ends",
    /// A message that came before is handed over again.
    NoClientDedupe = "no dedupe at the client",
    /// A message that came before is handled again.
    NoServerDedupe = "no dedupe at the server",
    /// A process goes on with clients that another one has.
    NoFence = "no fence",
    /// Events of older sockets are taken for the present one's.
    OldSocketClient = "an older socket's events are taken at the client",
    /// What was written before counts as received by the server.
    NoReplay = "no replay by the client",
    /// What was written before counts as received by the client.
    NoReplayServer = "no replay by the server",
    /// A slow consumer loses messages untold.
    SilentDrop = "a slow consumer loses messages silently",
    /// A client acks what it was handed.
    AckBeforeHandled = "the client acks before it has handled",
    /// The store is told that a handler ended when it begins.
    RxBeforeHandling = "rx stored before handling",
    /// The old key dies when a new one is told.
    OneStepKeys = "keys rotate in one step",
    /// Nothing is too much for a ring.
    UnboundedRing = "an unbounded ring",
    /// Acks go out before the place is stored.
    AckAboveStored = "an ack above what was stored",
    /// Messages are handed over across a hole.
    OverHole = "delivery over a hole",
    /// The window has no end.
    NoWindow = "no window",
    /// What the server may have handled before it lost its record counts as not handled.
    NoDoubt = "a lost record leaves no doubt",
    /// Messages are written without being stored.
    NotStored = "written, and not stored",
    /// Nothing is told of a session that could not go on.
    NoResync = "a refused resume is not told",
}

#[cfg(feature = "mutations")]
mod active {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::Mutation;

    /// The place in the list plus one.
    static ACTIVE: AtomicUsize = AtomicUsize::new(0);

    /// Makes the bug real, for every connection and server of the process.
    pub fn activate(mutation: Mutation) {
        ACTIVE.store(mutation as usize + 1, Ordering::Relaxed);
    }

    pub(crate) fn is(mutation: Mutation) -> bool {
        ACTIVE.load(Ordering::Relaxed) == mutation as usize + 1
    }
}

#[cfg(feature = "mutations")]
pub use active::activate;
#[cfg(feature = "mutations")]
pub(crate) use active::is;

/// Never, without the feature.
#[cfg(not(feature = "mutations"))]
pub(crate) const fn is(_: Mutation) -> bool {
    false
}
