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
    /// Sockets of one user; one more is closed with 4429. Default: 64.
    pub max_connections_per_user: usize,
}

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
            max_connections: 10_000,
            max_connections_per_user: 64,
        }
    }
}
