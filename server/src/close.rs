//! Close frames: the codes the hub uses and what a browser lets a reason hold.

use axum::extract::ws::{CloseFrame, Utf8Bytes};
use everwire::proto::Instant;
use everwire::proto::rate::TokenBucket;

/// RFC 6455 lets a control frame carry 125 bytes, two of which are the code.
const REASON_MAX_BYTES: usize = 123;

/// A close code and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The close code.
    pub code: u16,
    /// The reason, at most 123 bytes.
    reason: String,
}

impl Close {
    /// The frames break RFC 6455.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// A binary frame came where JSON text is spoken.
    pub const UNSUPPORTED_DATA: u16 = 1003;
    /// A text frame was no UTF-8 or no JSON.
    pub const INVALID_PAYLOAD: u16 = 1007;
    /// A frame was larger than [`HubConfig::max_frame_bytes`](crate::HubConfig::max_frame_bytes).
    pub const TOO_BIG: u16 = 1009;
    /// A handler failed.
    pub const INTERNAL_ERROR: u16 = 1011;
    /// The server goes down for a moment: come back.
    pub const RESTART: u16 = 1012;
    /// This socket read more slowly than messages came: come back and fetch the state anew.
    pub const TRY_AGAIN_LATER: u16 = 1013;
    /// JSON, but no message object.
    pub const BAD_MESSAGE: u16 = 4400;
    /// The token is missing, late, wrong or expired.
    pub const UNAUTHORIZED: u16 = 4401;
    /// The token is good, but not for this.
    pub const FORBIDDEN: u16 = 4403;
    /// Nothing came from the peer for [`HubConfig::dead_after`](crate::HubConfig::dead_after).
    pub const TIMEOUT: u16 = 4408;
    /// Too many messages or too many sockets. The reason is `{"retry_after_ms":N}`.
    pub const RATE_LIMITED: u16 = 4429;

    /// A close with a reason, cut to the 123 bytes that fit.
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        reason.truncate(reason.floor_char_boundary(REASON_MAX_BYTES));
        Self { code, reason }
    }

    /// The reason.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    pub(crate) fn restart() -> Self {
        Self::new(Self::RESTART, "the server restarts")
    }

    pub(crate) fn slow_consumer() -> Self {
        Self::new(Self::TRY_AGAIN_LATER, "too slow: the send queue is full")
    }

    /// 4429 with the time after which the whole burst is there again.
    pub(crate) fn rate_limited(bucket: &mut TokenBucket, now: Instant, burst: u32) -> Self {
        Self::retry_after(bucket.wait(now, burst))
    }

    pub(crate) fn retry_after(ms: u64) -> Self {
        Self::new(Self::RATE_LIMITED, format!(r#"{{"retry_after_ms":{ms}}}"#))
    }

    pub(crate) fn into_frame(self) -> CloseFrame {
        CloseFrame {
            code: self.code,
            reason: Utf8Bytes::from(self.reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let close = Close::new(Close::BAD_MESSAGE, "ä".repeat(100));
        assert_eq!(close.reason(), "ä".repeat(61));
    }
}
