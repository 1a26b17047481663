//! Close codes: what to do after a close frame.

use super::wire;
use alloc::string::String;

/// A hint never keeps a client away for longer: 5 minutes, and the tenth that spreads the clients.
const HINT_CAP_MS: u64 = 300_000;

/// How a socket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// The close code; 1005 for a frame without one, 1006 for an end without a frame.
    pub code: u16,
    /// The reason, at most 123 bytes of it.
    pub reason: String,
}

/// What to do after a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseAction {
    /// Stay away until the application connects again.
    Stop,
    /// Ask for a fresh token and come back; stop if the fresh one is refused too.
    RefreshToken,
    /// Come back slowly: after the server's hint in milliseconds, else at random within 10 s, then backoff from 10 s.
    RetrySlowly(Option<u64>),
    /// A message was too large for the server: report the one written last, and come back.
    TooLarge,
    /// Come back with the usual backoff.
    Retry,
}

impl CloseAction {
    /// The default policy of reliable mode: only `$bye` ends a session, so 1000 alone does not.
    pub fn for_reliable_close(frame: &CloseFrame) -> Self {
        match frame.code {
            1000 => Self::Retry,
            _ => Self::for_close(frame),
        }
    }

    /// The default policy of plain mode, a function of code and reason.
    pub fn for_close(frame: &CloseFrame) -> Self {
        match frame.code {
            1000 | 1002 | 1003 | 1007 | 1010 | 3003 | 3500..=3999 => Self::Stop,
            4400 | 4403 | 4404 | 4406 | 4409 | 4413 | 4500..=4999 => Self::Stop,
            1008 | 3000 | 4401 => Self::RefreshToken,
            1001 | 1012 | 1013 | 4429 => Self::RetrySlowly(hint(&frame.reason)),
            1009 => Self::TooLarge,
            _ => Self::Retry,
        }
    }
}

fn hint(reason: &str) -> Option<u64> {
    wire::retry_after_ms(reason).map(|ms| ms.min(HINT_CAP_MS))
}

/// Whether a browser lets `close()` be called with this code: 1000 and 3000–4999.
pub(crate) fn is_sendable(code: u16) -> bool {
    code == 1000 || (3000..=4999).contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(code: u16, reason: &str) -> CloseAction {
        CloseAction::for_close(&CloseFrame {
            code,
            reason: reason.to_owned(),
        })
    }

    #[test]
    fn every_code_of_the_policy_has_its_action() {
        let stop = [
            1000, 1002, 1003, 1007, 1010, 3003, 3500, 3999, 4400, 4403, 4404, 4406, 4409, 4413,
            4500, 4999,
        ];
        for code in stop {
            assert_eq!(action(code, ""), CloseAction::Stop, "{code}");
        }
        for code in [1008, 3000, 4401] {
            assert_eq!(action(code, ""), CloseAction::RefreshToken, "{code}");
        }
        for code in [1001, 1012, 1013, 4429] {
            assert_eq!(action(code, ""), CloseAction::RetrySlowly(None), "{code}");
        }
        assert_eq!(action(1009, ""), CloseAction::TooLarge);
        for code in [1005, 1006, 1011, 1014, 1015, 3001, 4410, 4499] {
            assert_eq!(action(code, ""), CloseAction::Retry, "{code}");
        }
    }

    #[test]
    fn a_hint_is_read_and_capped() {
        let slowly = |reason| {
            let CloseAction::RetrySlowly(hint) = action(4429, reason) else {
                panic!("4429 asks for patience");
            };
            hint
        };
        assert_eq!(slowly(r#"{"retry_after_ms":1500}"#), Some(1_500));
        assert_eq!(
            slowly(r#"{ "retry_after_ms" : 9999999999 }"#),
            Some(HINT_CAP_MS)
        );
        assert_eq!(slowly("slow down"), None);
        assert_eq!(slowly(r#"{"retry_after_ms":-5}"#), None);
    }
}
