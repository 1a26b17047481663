//! Every option of the hub: its unit, its default and where the default comes from.

use std::time::Duration;

use crate::origin::Origins;

/// How many messages one connection may send: a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Messages a second in the long run.
    pub per_second: u32,
    /// Messages at once after a pause.
    pub burst: u32,
}

/// The options of a [`Hub`](crate::Hub).
///
/// ```
/// use everwire_server::{HubConfig, Origins};
///
/// let config = HubConfig {
///     origins: Origins::List(vec!["https://app.example.com".to_owned()]),
///     ..HubConfig::default()
/// };
/// ```
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// Which pages may open a socket. Default: pages of the same host.
    pub origins: Origins,
    /// How long a new socket has for its `auth` message and the check of its token. Default: 10 s, as long as a
    /// client waits for a connection.
    pub auth_timeout: Duration,
    /// How long a socket outlives its token, room for a refresh that is on its way. Default: 25 s, as long as a
    /// client may be silent.
    pub expiry_grace: Duration,
    /// What one connection may send, heartbeats and `auth` included; more closes with 4429. Default: 400 a second
    /// and 2,000 at once, well above a client's own 200 and 400, since a network that stalls for some seconds
    /// delivers at once what was written at leisure. `None`: no limit.
    pub rate: Option<RateLimit>,
    /// The largest message a client may send, in bytes of UTF-8; a larger one closes with 1009. Default: 1 MiB.
    pub max_frame_bytes: usize,
    /// Messages that may wait for one socket; one more closes it with 1013. Default: 1,000.
    pub send_queue_messages: usize,
    /// Bytes that may wait for one socket, likewise. Default: 1 MiB.
    pub send_queue_bytes: usize,
    /// Silence of the peer after which it gets a protocol ping, which every browser answers by itself. Default:
    /// 25 s, below the 60 s after which most proxies cut an idle connection.
    pub ping_after: Duration,
    /// Silence of the peer after which it counts as dead: close 4408. Default: 70 s, two pings and a margin.
    pub dead_after: Duration,
    /// How long a close may take: writing what is queued, the close frame, the peer's answer. Then the TCP
    /// connection is cut. Default: 5 s.
    pub close_timeout: Duration,
    /// Sockets in all, those not yet authenticated included; one more is refused with 503. Default: 10,000.
    pub max_connections: usize,
    /// How long a session of reliable delivery outlives its socket, and how much can be sent to it meanwhile is bounded.
    /// Default: 120 s.
    pub session_life: Duration,
    /// How long a handler of reliable delivery may take, until its message is reported as `uncertain`, its task is
    /// stopped and the next one begins. Default: 60 s. `None`: as long as it likes, while its client's messages wait.
    pub handler_timeout: Option<Duration>,
    /// At [`shutdown`](crate::Hub::shutdown), clients with reliable delivery leave at random within this time, so that
    /// they do not all come back at once. 5 minutes at most, default 2 s.
    pub drain: Duration,
    /// Sockets of one user; one more is closed with 4429. Default: 64.
    pub max_connections_per_user: usize,
}

/// An option that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{option} must lie within {range}")]
pub struct ConfigError {
    /// The option's name.
    pub option: &'static str,
    /// Its range, for people.
    pub range: &'static str,
}

impl HubConfig {
    /// Looks whether every option is in range.
    ///
    /// # Errors
    /// The first option that is not.
    pub fn check(&self) -> Result<(), ConfigError> {
        let clamped = self.clone().clamped();
        let rate = |config: &Self| config.rate.map(|rate| (rate.per_second, rate.burst));
        let checks = [
            (
                self.auth_timeout == clamped.auth_timeout,
                "auth_timeout",
                "1 ms to 5 minutes",
            ),
            (
                self.expiry_grace == clamped.expiry_grace,
                "expiry_grace",
                "0 to 1 day",
            ),
            (rate(self) == rate(&clamped), "rate", "1 message and more"),
            (
                self.max_frame_bytes == clamped.max_frame_bytes,
                "max_frame_bytes",
                "1 KiB to 16 MiB",
            ),
            (
                self.send_queue_messages == clamped.send_queue_messages,
                "send_queue_messages",
                "1 and more",
            ),
            (
                self.send_queue_bytes == clamped.send_queue_bytes,
                "send_queue_bytes",
                "1 and more",
            ),
            (
                self.ping_after == clamped.ping_after,
                "ping_after",
                "1 ms to 1 day",
            ),
            (
                self.dead_after == clamped.dead_after,
                "dead_after",
                "1 ms to 1 day",
            ),
            (
                self.close_timeout == clamped.close_timeout,
                "close_timeout",
                "1 ms to 5 minutes",
            ),
            (
                self.session_life == clamped.session_life,
                "session_life",
                "0 to 1 day",
            ),
            (self.drain == clamped.drain, "drain", "0 to 5 minutes"),
            (
                self.max_connections == clamped.max_connections,
                "max_connections",
                "1 and more",
            ),
            (
                self.max_connections_per_user == clamped.max_connections_per_user,
                "max_connections_per_user",
                "1 and more",
            ),
        ];
        match checks.into_iter().find(|(is_fine, ..)| !is_fine) {
            None => Ok(()),
            Some((_, option, range)) => Err(ConfigError { option, range }),
        }
    }

    /// With every option in range.
    pub(crate) fn clamped(self) -> Self {
        Self {
            auth_timeout: self.auth_timeout.clamp(SHORTEST, MINUTES_5),
            expiry_grace: self.expiry_grace.min(DAY),
            rate: self.rate.map(|rate| RateLimit {
                per_second: rate.per_second.max(1),
                burst: rate.burst.max(1),
            }),
            max_frame_bytes: self.max_frame_bytes.clamp(1_024, 16 * 1024 * 1024),
            send_queue_messages: self.send_queue_messages.max(1),
            send_queue_bytes: self.send_queue_bytes.max(1),
            ping_after: self.ping_after.clamp(SHORTEST, DAY),
            dead_after: self.dead_after.clamp(SHORTEST, DAY),
            close_timeout: self.close_timeout.clamp(SHORTEST, MINUTES_5),
            session_life: self.session_life.min(DAY),
            drain: self.drain.min(MINUTES_5),
            max_connections: self.max_connections.max(1),
            max_connections_per_user: self.max_connections_per_user.max(1),
            ..self
        }
    }
}

const SHORTEST: Duration = Duration::from_millis(1);
const MINUTES_5: Duration = Duration::from_secs(300);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            origins: Origins::default(),
            auth_timeout: Duration::from_secs(10),
            expiry_grace: Duration::from_secs(25),
            rate: Some(RateLimit {
                per_second: 400,
                burst: 2_000,
            }),
            max_frame_bytes: 1024 * 1024,
            send_queue_messages: 1_000,
            send_queue_bytes: 1024 * 1024,
            ping_after: Duration::from_secs(25),
            dead_after: Duration::from_secs(70),
            close_timeout: Duration::from_secs(5),
            session_life: Duration::from_secs(120),
            handler_timeout: Some(Duration::from_secs(60)),
            drain: Duration::from_secs(2),
            max_connections: 10_000,
            max_connections_per_user: 64,
        }
    }
}
