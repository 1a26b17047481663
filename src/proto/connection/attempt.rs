//! Attempts: the token, the handshake, and what follows a failure.

use super::super::auth::{self, AuthVia, Token, TokenReason};
use super::super::close::{CloseAction, CloseFrame};
use super::super::frames::SUBPROTOCOL;
use super::super::ids::{SocketId, TokenRequest};
use super::super::io::{Event, Output, TokenAnswer};
use super::super::retry::Pace;
use super::super::state::State;
use super::super::time::Instant;
use super::super::timer::Timer;
use super::Connection;
use crate::config::{ConfigOption, UrlFrom};
use crate::error::ErrorCode;
use alloc::borrow::ToOwned;
use alloc::string::String;

/// Handshakes in a row that never open before a fresh token is asked for: browsers hide a refused one's status.
const SUSPECT_TOKEN_AFTER: u32 = 3;
/// A token's life is taken to lie between these: 10 s and 24 h.
const LIFE_MS: (u64, u64) = (10_000, 86_400_000);
/// How long to wait after a refresh that failed.
const REFRESH_RETRY_MS: u64 = 10_000;

impl<P: Clone> Connection<P> {
    pub(super) fn attempt_when_permitted(&mut self, now: Instant) {
        let permitted_at = self.retry.permitted_at(now);
        if permitted_at > now {
            return self.back_off(permitted_at);
        }
        self.timers.cancel(Timer::Retry);
        self.retry.begin(now);
        let deadline = now.after(self.config.ms(ConfigOption::ConnectTimeout));
        self.timers.set(Timer::Connect, Some(deadline));
        let needs_token = self.config.auth != AuthVia::Nothing;
        if needs_token || self.config.url_from == UrlFrom::Provider {
            let request = self.next_token_request();
            self.transition(State::Authenticating(request));
            self.output(Output::FetchToken(request, self.token_reason));
        } else {
            self.open(None, None, None);
        }
    }

    pub(super) fn handle_token(
        &mut self,
        now: Instant,
        request: TokenRequest,
        answer: TokenAnswer,
    ) {
        if self.awaited_token != Some(request) {
            return;
        }
        self.awaited_token = None;
        match self.state {
            State::Authenticating(_) => self.handle_first_token(now, answer),
            State::Ready { .. } => self.handle_refreshed_token(now, answer),
            State::Idle
            | State::Claiming
            | State::Opening { .. }
            | State::Handshaking { .. }
            | State::Backoff { .. }
            | State::Suspended
            | State::Closed(_) => {}
        }
    }

    fn handle_first_token(&mut self, now: Instant, answer: TokenAnswer) {
        match answer {
            TokenAnswer::Granted {
                token,
                url,
                expires_in_ms,
            } => {
                self.token_reason = TokenReason::Connect;
                self.open(token, url, refresh_at(now, expires_in_ms));
            }
            TokenAnswer::Failed => {
                self.abandon(
                    CloseFrame {
                        code: 1000,
                        reason: String::new(),
                    },
                    ErrorCode::TokenFailed,
                );
                self.retry(now, Pace::Usual);
            }
            TokenAnswer::Unauthorized => self.unauthorized(),
        }
    }

    fn handle_refreshed_token(&mut self, now: Instant, answer: TokenAnswer) {
        match answer {
            TokenAnswer::Granted {
                token,
                expires_in_ms,
                ..
            } => {
                self.timers
                    .set(Timer::TokenRefresh, refresh_at(now, expires_in_ms));
                if let Some(token) = token.filter(|_| self.config.auth == AuthVia::Message) {
                    self.send_auth(&token);
                }
            }
            TokenAnswer::Failed => {
                self.event(Event::Warning(ErrorCode::TokenFailed, None));
                self.retry_refresh(now);
            }
            TokenAnswer::Unauthorized => self.unauthorized(),
        }
    }

    pub(super) fn retry_refresh(&mut self, now: Instant) {
        self.timers
            .set(Timer::TokenRefresh, Some(now.after(REFRESH_RETRY_MS)));
    }

    /// Only a token in a frame can be refreshed on an open socket; a cookie's provider renews it by being asked.
    pub(super) fn refresh_token(&mut self) {
        let in_band = matches!(self.config.auth, AuthVia::Message | AuthVia::Cookie);
        if in_band && matches!(self.state, State::Ready { .. }) {
            let request = self.next_token_request();
            let fetch = Output::FetchToken(request, TokenReason::Refresh);
            self.output(fetch);
        }
    }

    fn open(&mut self, token: Option<Token>, url: Option<String>, refresh_at: Option<Instant>) {
        let mut url = url.unwrap_or_else(|| self.config.url.clone());
        let mut protocols = self.config.protocols.clone();
        if self.reliable.is_some() {
            protocols.insert(0, SUBPROTOCOL.to_owned());
        }
        let mut first_frame = None;
        if let Some(token) = token {
            match &self.config.auth {
                AuthVia::Message => first_frame = Some(token),
                AuthVia::Query(name) => auth::push_query(&mut url, name, token.secret()),
                AuthVia::Subprotocol if auth::is_subprotocol(token.secret()) => {
                    protocols.push(token.secret().to_owned());
                }
                AuthVia::Subprotocol => return self.fail_for_good(ErrorCode::InvalidToken),
                AuthVia::Nothing | AuthVia::Cookie => {}
            }
        }
        let socket = SocketId(self.last_socket.0.wrapping_add(1));
        self.last_socket = socket;
        self.transition(State::Opening {
            socket,
            token: first_frame,
            refresh_at,
        });
        self.output(Output::Open {
            socket,
            url,
            protocols,
        });
    }

    /// The attempt ended before the socket opened; browsers do not say why.
    pub(super) fn handshake_failed(&mut self, now: Instant) {
        self.failed_handshakes = self.failed_handshakes.saturating_add(1);
        if self.failed_handshakes.is_multiple_of(SUSPECT_TOKEN_AFTER) {
            self.token_reason = TokenReason::Refused;
            if self
                .reliable
                .as_ref()
                .is_some_and(|reliable| !reliable.had_session)
            {
                self.event(Event::Warning(ErrorCode::UnsupportedServer, None));
            }
        }
        self.retry(now, Pace::Usual);
    }

    pub(super) fn act_on_close(&mut self, now: Instant, action: CloseAction) {
        match action {
            CloseAction::Stop => self.stop(ErrorCode::Refused),
            CloseAction::RefreshToken => {
                let has_provider = self.config.auth != AuthVia::Nothing;
                if self.asked_fresh || !has_provider {
                    return self.stop(ErrorCode::Unauthorized);
                }
                self.asked_fresh = true;
                self.token_reason = TokenReason::Refused;
                self.retry(now, Pace::Usual);
            }
            CloseAction::RetrySlowly(hint) => self.retry(now, Pace::Slow(hint)),
            CloseAction::TooLarge | CloseAction::Retry => self.retry(now, Pace::Usual),
        }
    }

    pub(super) fn retry(&mut self, now: Instant, pace: Pace) {
        match self.retry.failed(now, pace) {
            Some(at) => self.back_off(at),
            None => self.stop(ErrorCode::AttemptsExhausted),
        }
    }

    fn back_off(&mut self, retry_at: Instant) {
        self.timers.set(Timer::Retry, Some(retry_at));
        self.transition(State::Backoff { retry_at });
    }

    fn unauthorized(&mut self) {
        self.fail_for_good(ErrorCode::Unauthorized);
    }

    fn fail_for_good(&mut self, error: ErrorCode) {
        self.abandon(
            CloseFrame {
                code: 1000,
                reason: String::new(),
            },
            error,
        );
        self.stop(error);
    }

    fn next_token_request(&mut self) -> TokenRequest {
        self.last_token_request = TokenRequest(self.last_token_request.0.wrapping_add(1));
        self.awaited_token = Some(self.last_token_request);
        self.last_token_request
    }
}

/// At four fifths of a token's life.
pub(super) fn refresh_at(now: Instant, expires_in_ms: Option<u64>) -> Option<Instant> {
    let life = expires_in_ms?.clamp(LIFE_MS.0, LIFE_MS.1);
    Some(now.after(life / 10 * 8))
}
