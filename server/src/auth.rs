//! The token check that the application gives.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use sha2::{Digest, Sha256};

/// A token as a client sent it. It never shows in a debug print.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    pub(crate) fn new(token: String) -> Self {
        Self(token)
    }

    /// The token's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What a client is told of its user, to see when it is another: the same at any time, and nothing else about it.
pub(crate) fn fingerprint(user: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"everwire user ")
        .chain_update(user)
        .finalize();
    let half = digest.iter().take(16);
    half.map(|byte| format!("{byte:02x}")).collect()
}

/// A token that was accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// How long the token still lives. The socket is closed with 4401 some time after that
    /// ([`HubConfig::expiry_grace`](crate::HubConfig::expiry_grace)), unless a later `auth` message brought a fresh
    /// one. `None`: for as long as the socket.
    pub expires_in: Option<Duration>,
}

/// A token that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The token is wrong or expired: close 4401, after which a client asks for a fresh one.
    #[error("the token is wrong or expired")]
    Unauthorized,
    /// Whoever this is may not be this user: close 4403, after which a client stays away.
    #[error("this user is not allowed here")]
    Forbidden,
}

type Checked<'a> = Pin<Box<dyn Future<Output = Result<Grant, AuthError>> + Send + 'a>>;

/// The application's check, behind one type.
pub(crate) trait Authenticate: Send + Sync {
    fn check(&self, user: String, token: Token) -> Checked<'_>;
}

impl<F, Fut> Authenticate for F
where
    F: Fn(String, Token) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Grant, AuthError>> + Send + 'static,
{
    fn check(&self, user: String, token: Token) -> Checked<'_> {
        Box::pin(self(user, token))
    }
}
