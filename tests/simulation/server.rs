//! The model server: an ordinary one that speaks `{"type","data"}`, with a temper; and the token provider.

use std::collections::{BTreeMap, VecDeque};

use everwire::proto::{
    AuthVia, Content, Frame, Input, SocketId, Token, TokenAnswer, TokenReason, TokenRequest,
};

use crate::happening::{Down, Happening, Payload, Up};
use crate::plan::Pings;
use crate::world::World;

/// Every secret begins so, and nothing else does.
pub const SECRET: &str = "sekrit-";
const PING: &str = r#"{"type":"ping","data":null}"#;
const PONG: &str = r#"{"type":"pong","data":null}"#;
/// What the server takes at most.
const TAKES: u32 = 60_000;

#[derive(Debug, Default)]
pub struct Server {
    /// Tokens below this number are revoked.
    pub valid_from: u64,
    pub stalled_until: u64,
    /// Messages that were handled, and on which socket.
    pub handled: BTreeMap<u64, SocketId>,
    pub pongs: u64,
}

/// The server's end of one socket.
#[derive(Debug, Default)]
pub struct End {
    pub open: bool,
    frames: u64,
    last_handled: u64,
    pub token: Option<u64>,
    pub answers_pings: bool,
    inbox: VecDeque<Up>,
}

#[derive(Debug, Default)]
pub struct Provider {
    pub mode: ProviderMode,
    /// The number of the last token made.
    last: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProviderMode {
    #[default]
    Good,
    Fails,
    Hangs,
    /// It gives the same token again and again.
    Repeats,
    Unauthorized,
}

impl World {
    /// Whether the handshake succeeds.
    pub fn server_accepts(&mut self, id: SocketId, url: &str, protocols: &[String]) -> bool {
        let via = self.plan.config.auth.clone();
        let carried = match via {
            AuthVia::Query(_) => url.split_once("token=").map(|(_, token)| token.to_owned()),
            AuthVia::Subprotocol => protocols.last().cloned(),
            AuthVia::Nothing | AuthVia::Message | AuthVia::Cookie => {
                assert!(!url.contains(SECRET), "invariant 11: a token in a URL");
                assert!(protocols.is_empty(), "a subprotocol nobody asked for");
                None
            }
        };
        let answers_pings = match self.plan.pings {
            Pings::Answered => true,
            Pings::Mixed => self.dice.one_in(2),
            Pings::Ignored | Pings::Fatal => false,
        };
        let end = &mut self.socket(id).server;
        end.open = true;
        end.answers_pings = answers_pings;
        let Some(carried) = carried else {
            return true;
        };
        let number = number_of(&carried).expect("a token that the provider made");
        self.socket(id).server.token = Some(number);
        if number >= self.server.valid_from {
            return true;
        }
        self.see("a token is refused");
        let opened = self.now + 2 * self.plan.latency;
        match self.dice.one_in(2) {
            true => {
                self.close_down(id, opened + 5, 4401, String::new());
                true
            }
            false => false,
        }
    }

    pub fn arrives_at_server(&mut self, id: SocketId, up: Up) {
        let now = self.now;
        let stalled_until = self.server.stalled_until;
        let socket = self.socket(id);
        if socket.lost_on_the_way_up(now) || !socket.server.open {
            return;
        }
        socket.server.inbox.push_back(up);
        if stalled_until > now {
            // What wakes it is handled like any frame: it is none.
            let nothing = Happening::Up(id, Up::Control(String::new()));
            return self.queue.push(stalled_until, nothing);
        }
        while let Some(up) = self.next_for_server(id) {
            match up {
                Up::Control(text) if text.is_empty() => {}
                Up::Control(text) => self.control_arrives(id, &text),
                Up::Message(payload) => self.message_arrives(id, payload),
                Up::Closed => self.socket(id).server.open = false,
            }
        }
    }

    fn next_for_server(&mut self, id: SocketId) -> Option<Up> {
        let end = &mut self.socket(id).server;
        if !end.open {
            return None;
        }
        end.inbox.pop_front()
    }

    fn control_arrives(&mut self, id: SocketId, text: &str) {
        let end = &mut self.socket(id).server;
        end.frames += 1;
        let first = end.frames == 1;
        match text {
            PING => self.ping_arrives(id),
            PONG => {}
            _ => {
                let token = text
                    .strip_prefix(r#"{"type":"auth","data":{"token":""#)
                    .and_then(|rest| rest.strip_suffix(r#""}}"#));
                let Some(token) = token else {
                    panic!("invariant 12: the server got {text}");
                };
                assert_eq!(self.plan.config.auth, AuthVia::Message);
                self.token_arrives(id, token, first);
            }
        }
    }

    fn ping_arrives(&mut self, id: SocketId) {
        if self.plan.pings == Pings::Fatal {
            self.see("a ping kills");
            let code = self.dice.pick(&[1000, 1003, 1006, 1011, 1007]);
            return self.close_down(id, self.now, code, String::new());
        }
        if self.socket(id).server.answers_pings {
            self.server.pongs += 1;
            let later = self.now + self.dice.pick(&[0, 5, 500]);
            self.say(id, later, Content::Pong, 27);
        }
    }

    fn token_arrives(&mut self, id: SocketId, token: &str, first: bool) {
        let number = number_of(token).expect("a token that the provider made");
        let known = self.socket(id).server.token.replace(number);
        assert_eq!(known.is_none(), first, "the first frame is the token");
        if number < self.server.valid_from {
            self.see("a token is refused");
            let code = self.dice.pick(&[4401, 1008, 3000]);
            self.close_down(id, self.now, code, "unauthorized".to_owned());
        }
    }

    fn message_arrives(&mut self, id: SocketId, payload: Payload) {
        let needs_token = self.plan.config.auth == AuthVia::Message;
        let end = &mut self.socket(id).server;
        end.frames += 1;
        assert!(
            end.token.is_some() || !needs_token,
            "the token is not first"
        );
        assert!(payload.id.0 > end.last_handled, "out of order on a socket");
        end.last_handled = payload.id.0;
        if payload.bytes > TAKES && !self.quiet {
            self.see("a message is too large for the server");
            return self.close_down(id, self.now, 1009, String::new());
        }
        let again = self.server.handled.insert(payload.id.0, id);
        assert_eq!(again, None, "a message was delivered twice");
        if payload.poison && !self.quiet {
            self.see("a message kills its handler");
            return self.close_down(id, self.now, 1011, String::new());
        }
        if payload.is_request && (self.quiet || !self.dice.one_in(6)) {
            let thinks = self.dice.pick(&[0, 50, 3_000, 12_000]);
            self.say(id, self.now + thinks, Content::Answer(payload.id), 80);
            if self.dice.one_in(10) {
                self.say(id, self.now + thinks, Content::Answer(payload.id), 80);
            }
        }
    }

    pub fn server_pushes(&mut self, id: SocketId) {
        if !self.socket(id).server.open {
            return;
        }
        let contents = [
            Content::Message,
            Content::Message,
            Content::Message,
            Content::Ping,
            Content::Invalid,
            Content::Pong,
            Content::Answer(self.ledger.some_id(&mut self.dice)),
        ];
        let knows_pongs = matches!(self.plan.pings, Pings::Answered | Pings::Mixed);
        let content = match self.dice.pick(&contents) {
            Content::Pong if !knows_pongs => Content::Message,
            _ if self.quiet => Content::Message,
            content => content,
        };
        if content == Content::Pong {
            // Nothing tells it from an answer if one is awaited.
            self.server.pongs += 1;
        }
        let bytes = match self.dice.one_in(30) {
            true => 17_000_000,
            false => self.dice.within(20..=5_000) as u32,
        };
        self.say(id, self.now, content, bytes);
        let next = self.now + self.dice.pick(&[100, 5_000, 40_000, 90_000]);
        self.queue.push(next, Happening::Push(id));
    }

    fn say(&mut self, id: SocketId, not_before: u64, content: Content, bytes: u32) {
        let stalled = self.server.stalled_until;
        let frame = Frame { bytes, content };
        self.push_down(id, not_before.max(stalled), Down::Frame(frame));
    }

    pub fn token_ends(&mut self, id: SocketId, token: u64) {
        let end = &self.socket(id).server;
        if end.open && end.token == Some(token) && !self.quiet {
            self.see("a token runs out");
            self.close_down(id, self.now, 4401, String::new());
        }
    }

    pub fn ask_provider(&mut self, request: TokenRequest, reason: TokenReason) {
        let slow = self.dice.pick(&[0, 20, 1_500]);
        let answer = match self.provider.mode {
            ProviderMode::Hangs => {
                self.see("the provider hangs");
                let late = self.now + self.dice.within(5_000..=60_000);
                let answer = self.grant(reason);
                return self.queue.push(late, Happening::Provider(request, answer));
            }
            ProviderMode::Fails => TokenAnswer::Failed,
            ProviderMode::Unauthorized => TokenAnswer::Unauthorized,
            ProviderMode::Good | ProviderMode::Repeats => self.grant(reason),
        };
        let happening = Happening::Provider(request, answer);
        if self.dice.one_in(10) {
            // It answers twice.
            self.queue.push(self.now + slow + 700, happening.clone());
        }
        self.queue.push(self.now + slow, happening);
    }

    fn grant(&mut self, reason: TokenReason) -> TokenAnswer {
        let repeats = self.provider.mode == ProviderMode::Repeats && self.provider.last > 0;
        if !repeats {
            self.provider.last += 1;
        }
        if reason == TokenReason::Refused {
            self.see("a fresh token was asked for");
        }
        let life = match self.quiet {
            true => None,
            false => self.dice.pick(&[None, Some(15_000), Some(60_000)]),
        };
        TokenAnswer::Granted {
            token: Some(Token::new(format!("{SECRET}{}", self.provider.last))),
            url: None,
            expires_in_ms: life,
        }
    }

    pub fn provider_answers(&mut self, request: TokenRequest, answer: TokenAnswer) {
        let life = match answer {
            TokenAnswer::Granted { expires_in_ms, .. } => expires_in_ms,
            TokenAnswer::Failed | TokenAnswer::Unauthorized => None,
        };
        self.input(Input::Token(request, answer));
        // The token's life is the server's business too.
        if let (Some(life), Some(id)) = (life, self.current) {
            let token = self.provider.last;
            self.queue
                .push(self.now + life, Happening::TokenEnds(id, token));
        }
    }
}

fn number_of(token: &str) -> Option<u64> {
    token.strip_prefix(SECRET)?.parse().ok()
}
