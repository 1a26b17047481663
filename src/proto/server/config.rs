//! What the server's half keeps to, and the bounds of whatever is said to it.

use super::super::frames::Open;

/// How long a socket may wait for `$session`: as long as a client waits for a connection.
pub(super) const OPEN_MS: u64 = 10_000;
/// The most UTF-8 bytes of an `$open`.
pub(super) const OPEN_BYTES: u32 = 16 * 1024;
/// An ack waits for so long at most, since receipts wait for it.
pub(super) const ACK_MS: u64 = 200;
/// An ack waits for so many messages at most, and for no more than a quarter of the window.
pub(super) const ACK_MESSAGES: u64 = 256;
/// Refused seqs are remembered for so many seqs.
pub(super) const ERRS: u64 = 1_024;
/// The longest code and message of a refusal, in UTF-8 bytes.
pub(super) const CODE_BYTES: usize = 64;
pub(super) const MESSAGE_BYTES: usize = 1_024;
/// What a seq, an ack and a place in a batch add to a message, in UTF-8 bytes at most.
pub(super) const ENVELOPE_BYTES: u32 = 48;
/// The most messages of one client that may wait to be handled: the largest window there is.
pub(super) const QUEUE_MESSAGES: u64 = 1_024;
/// The same in UTF-8 bytes, one message beside.
pub(super) const QUEUE_BYTES: u64 = 1024 * 1024;
/// A client that is refused for want of room comes back after so long.
pub(super) const FULL_RETRY_MS: u64 = 60_000;

/// The options of [`Sessions`](super::Sessions). Out of range, the nearest bound is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Silence after which a ping is due, in milliseconds. 5,000 to 120,000, default 25,000: below the usual 60 s
    /// of proxies.
    pub ping_ms: u64,
    /// Patience with its answer, in milliseconds. 2,000 to 60,000, default 10,000.
    pub timeout_ms: u64,
    /// How long a session outlives its socket, in milliseconds. At most 24 hours, default 120,000.
    pub ttl_ms: u64,
    /// How long a client's record outlives its last use, in milliseconds. Default 24 hours.
    pub record_ms: u64,
    /// How long a socket outlives its token, in milliseconds. Default 25,000, room for a refresh on its way.
    pub expiry_grace_ms: u64,
    /// The largest frame taken, in UTF-8 bytes. 64 KiB to 16 MiB, default 1 MiB.
    pub max_frame: u32,
    /// The most messages a client may have written and not acked. 16 to 1,024, default 256.
    pub window: u32,
    /// The same in UTF-8 bytes. 64 KiB to 1 MiB, default 128 KiB.
    pub window_bytes: u32,
    /// The most messages a second and at once after a pause that a client may send. Default: no limit.
    pub rate: Option<MessageRate>,
    /// The most messages that a session holds until they are acked. Default 1,000.
    pub ring_messages: u32,
    /// The same in UTF-8 bytes. Default 1 MiB; a larger message goes alone.
    pub ring_bytes: u64,
    /// What all sessions hold together, in UTF-8 bytes. Default 256 MiB.
    pub rings_bytes: u64,
    /// Sessions of one user. Default 16.
    pub sessions_per_user: usize,
    /// Records of one user's clients. Default 64.
    pub clients_per_user: usize,
    /// How the store keeps `rx` and effects together.
    pub store: StoreKind,
}

/// How many messages a client may send. `$` messages are exempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRate {
    /// Messages a second in the long run.
    pub per_second: u32,
    /// Messages at once after a pause.
    pub burst: u32,
    /// What is taken at once beside the burst, and clients are not told: a network that stalls delivers at once what
    /// was written at leisure.
    pub leeway: u32,
}

/// What a store can promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreKind {
    /// Handlers write `rx` in the transaction of their effect, or the store dies with the process.
    #[default]
    Atomic,
    /// The store outlives the process, and handlers' effects happen elsewhere: it is told before each begins.
    Marked,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            ping_ms: 25_000,
            timeout_ms: 10_000,
            ttl_ms: 120_000,
            record_ms: DAY_MS,
            expiry_grace_ms: 25_000,
            max_frame: 1024 * 1024,
            window: 256,
            window_bytes: 128 * 1024,
            rate: None,
            ring_messages: 1_000,
            ring_bytes: 1024 * 1024,
            rings_bytes: 256 * 1024 * 1024,
            sessions_per_user: 16,
            clients_per_user: 64,
            store: StoreKind::Atomic,
        }
    }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl ServerConfig {
    pub(super) fn clamped(self) -> Self {
        Self {
            ping_ms: self.ping_ms.clamp(5_000, 120_000),
            timeout_ms: self.timeout_ms.clamp(2_000, 60_000),
            ttl_ms: self.ttl_ms.min(DAY_MS),
            max_frame: clamp_frame(self.max_frame),
            window: clamp_window(self.window),
            window_bytes: clamp_window_bytes(self.window_bytes),
            rate: self.rate.map(|rate| MessageRate {
                per_second: rate.per_second.max(1),
                burst: rate.burst.max(1),
                leeway: rate.leeway,
            }),
            ring_messages: self.ring_messages.max(1),
            sessions_per_user: self.sessions_per_user.max(1),
            clients_per_user: self.clients_per_user.max(1),
            ..self
        }
    }
}

/// What a client said it takes, within bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intake {
    pub(super) max_frame: u32,
    pub(super) window: u32,
    pub(super) window_bytes: u32,
}

impl Intake {
    pub(super) fn of(open: &Open) -> Self {
        Self {
            max_frame: clamp_frame(open.max_frame),
            window: clamp_window(open.window),
            window_bytes: clamp_window_bytes(open.window_bytes),
        }
    }
}

fn clamp_frame(bytes: u32) -> u32 {
    bytes.clamp(64 * 1024, 16 * 1024 * 1024)
}

fn clamp_window(messages: u32) -> u32 {
    messages.clamp(16, 1_024)
}

fn clamp_window_bytes(bytes: u32) -> u32 {
    bytes.clamp(64 * 1024, 1024 * 1024)
}

/// The life of a token: 10 s to a day.
pub(super) fn clamp_life(ms: u64) -> u64 {
    ms.clamp(10_000, DAY_MS)
}

/// A drain's window: 5 minutes at most.
pub(super) fn clamp_drain(ms: u64) -> u64 {
    ms.min(300_000)
}
