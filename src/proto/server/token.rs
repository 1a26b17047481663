//! Tokens: the first with `$open`, later ones in band, and the end of their life.

use alloc::vec;

use super::super::auth::Token;
use super::super::frames::{AuthNews, Control};
use super::super::ids::SocketId;
use super::super::time::Instant;
use super::Sessions;
use super::config::clamp_life;
use super::io::{Cid, Grant, Item, Output, Refusal};
use super::socket::{Phase, TokenCheck};

impl<M, P: Clone> Sessions<M, P> {
    /// Asks every attached client of a user for a fresh token within so many milliseconds, and says how many.
    pub fn ask_for_token(&mut self, now: Instant, user: &str, in_ms: u64) -> usize {
        self.now = self.now.max(now);
        let mut asked = 0;
        for cid in self.cids_of(user) {
            if let Some(id) = self.attached_socket(&cid) {
                self.write_news(id, AuthNews::Needed { in_ms });
                asked += 1;
            }
        }
        asked
    }

    pub(super) fn handle_authenticated(&mut self, id: SocketId, answer: Result<Grant, Refusal>) {
        let Some(socket) = self.sockets.get_mut(&id) else {
            return;
        };
        match core::mem::replace(&mut socket.phase, Phase::Waiting) {
            Phase::Checking(open) => match answer {
                Ok(grant) => self.handle_granted(id, open, grant),
                Err(refusal) => self.close_refused(id, refusal),
            },
            Phase::Attached(cid) => {
                socket.phase = Phase::Attached(cid.clone());
                self.handle_refreshed(id, &cid, answer);
            }
            phase @ (Phase::Waiting | Phase::Loading(..) | Phase::Claiming(..)) => {
                socket.phase = phase
            }
        }
    }

    /// A token came in band. While one is checked, the newest of those that came since waits.
    pub(super) fn check_token(&mut self, id: SocketId, token: Token) {
        let Some(socket) = self.sockets.get_mut(&id) else {
            return;
        };
        if let TokenCheck::UnderWay(next) = &mut socket.check {
            *next = Some(token);
            return;
        }
        socket.check = TokenCheck::UnderWay(None);
        self.outputs
            .push_back(Output::Authenticate(id, Some(token)));
    }

    fn handle_refreshed(&mut self, id: SocketId, cid: &Cid, answer: Result<Grant, Refusal>) {
        let Some(socket) = self.sockets.get_mut(&id) else {
            return;
        };
        let next = match core::mem::replace(&mut socket.check, TokenCheck::None) {
            TokenCheck::None => return,
            TokenCheck::UnderWay(next) => next,
        };
        match answer {
            Ok(grant) if !self.is_user_of(cid, &grant) => {
                return self.close(id, 4403, "the token is another user's");
            }
            Ok(grant) => {
                self.set_expiry(id, grant.life_ms);
                let exp_ms = grant.life_ms.map(clamp_life);
                self.write_news(id, AuthNews::Ok { exp_ms });
            }
            Err(Refusal::Unauthorized) => self.write_news(id, AuthNews::Refused),
            Err(refusal @ Refusal::Forbidden) => return self.close_refused(id, refusal),
        }
        if let Some(token) = next {
            self.check_token(id, token);
        }
    }

    fn is_user_of(&self, cid: &Cid, grant: &Grant) -> bool {
        let client = self.clients.get(cid);
        client.is_some_and(|client| client.fingerprint == grant.fingerprint)
    }

    fn close_refused(&mut self, id: SocketId, refusal: Refusal) {
        match refusal {
            Refusal::Unauthorized => self.close(id, 4401, "the token is missing, wrong or expired"),
            Refusal::Forbidden => self.close(id, 4403, "this user is not allowed here"),
        }
    }

    /// The life runs from now; a refresh that is on its way when it ends still counts.
    pub(super) fn set_expiry(&mut self, id: SocketId, life_ms: Option<u64>) {
        let (now, grace) = (self.now, self.config.expiry_grace_ms);
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.expires = life_ms.map(|life| now.after(clamp_life(life)).after(grace));
        }
        self.arm_socket(id);
    }

    fn write_news(&mut self, id: SocketId, news: AuthNews) {
        self.transmit(id, vec![Item::Control(Control::Auth(news))]);
    }
}
