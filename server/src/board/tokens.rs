//! Short-lived random tokens, in memory: after a restart of the process every client asks for a fresh one.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use everwire_server::{AuthError, Grant};

/// Tokens that are remembered; past that the oldest one dies.
const TOKENS_MAX: usize = 10_000;

/// The tokens that were given out and still live.
pub struct Tokens {
    lifetime: Duration,
    issued: Mutex<Issued>,
}

#[derive(Default)]
struct Issued {
    by_token: HashMap<String, Life>,
    /// All live as long, so the oldest is the first to die.
    oldest_first: VecDeque<String>,
}

struct Life {
    user: String,
    until: Instant,
}

impl Tokens {
    pub fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            issued: Mutex::default(),
        }
    }

    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// A fresh token of 128 random bits, or the error of the system's random source.
    pub fn issue(&self, user: &str) -> Result<String, getrandom::Error> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes)?;
        let mut token = String::new();
        for byte in bytes {
            // Writing to a String cannot fail.
            let _ = write!(token, "{byte:02x}");
        }
        let now = Instant::now();
        let life = Life {
            user: user.to_owned(),
            until: now + self.lifetime,
        };
        let mut issued = self.lock();
        issued.forget_dead(now);
        issued.by_token.insert(token.clone(), life);
        issued.oldest_first.push_back(token.clone());
        Ok(token)
    }

    /// Accepts a living token of `user`.
    pub fn check(&self, user: &str, token: &str) -> Result<Grant, AuthError> {
        let issued = self.lock();
        let life = issued.by_token.get(token).ok_or(AuthError::Unauthorized)?;
        let left = life.until.saturating_duration_since(Instant::now());
        if life.user != user || left.is_zero() {
            return Err(AuthError::Unauthorized);
        }
        Ok(Grant {
            expires_in: Some(left),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Issued> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Issued {
    /// Makes room for one more.
    fn forget_dead(&mut self, now: Instant) {
        while let Some(oldest) = self.oldest_first.front() {
            let dead = self
                .by_token
                .get(oldest)
                .is_none_or(|life| life.until <= now);
            if !dead && self.oldest_first.len() < TOKENS_MAX {
                return;
            }
            self.by_token.remove(oldest);
            self.oldest_first.pop_front();
        }
    }
}
