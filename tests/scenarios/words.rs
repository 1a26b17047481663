//! A script's step, word by word.

use everwire::proto::{
    Answer, CloseAction, CloseFrame, Content, Frame, Input, MessageId, OpenFailure, Outgoing,
    PageEvent, SocketEvent, SocketId, Token, TokenAnswer, TokenRequest,
};

pub struct Words<'a> {
    pub verb: &'a str,
    plain: Vec<&'a str>,
    named: Vec<(&'a str, &'a str)>,
}

impl<'a> Words<'a> {
    pub fn new(line: &'a str) -> Self {
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap();
        let names = ["bytes", "ttl", "timeout", "life", "url"];
        let named = |word: &&str| {
            word.split_once('=')
                .is_some_and(|(n, _)| names.contains(&n))
        };
        let (named, plain): (Vec<_>, Vec<_>) = words.partition(named);
        let named = named.iter().filter_map(|word| word.split_once('='));
        Self {
            verb,
            plain,
            named: named.collect(),
        }
    }

    pub fn get(&self, at: usize) -> Option<&'a str> {
        self.plain.get(at).copied()
    }

    pub fn text(&self, at: usize) -> &'a str {
        self.get(at)
            .unwrap_or_else(|| panic!("{} lacks a word", self.verb))
    }

    pub fn rest(&self, from: usize) -> String {
        self.plain.get(from..).unwrap_or_default().join(" ")
    }

    pub fn number(&self, at: usize) -> u64 {
        let text = self.text(at).replace('_', "");
        text.parse()
            .unwrap_or_else(|_| panic!("{text} is no number"))
    }

    fn named(&self, name: &str) -> Option<&'a str> {
        let found = self.named.iter().find(|(n, _)| *n == name);
        found.map(|(_, value)| *value)
    }

    fn named_number(&self, name: &str) -> Option<u64> {
        self.named(name)
            .map(|value| value.replace('_', "").parse().unwrap())
    }

    fn socket(&self) -> SocketId {
        SocketId(self.number(0) as u32)
    }

    pub fn outgoing(&self) -> Outgoing<String> {
        let name = self.text(0);
        let bytes = self.named_number("bytes").unwrap_or(name.len() as u64) as u32;
        let answer = match self.verb {
            "request" => Answer::Within(self.named_number("timeout")),
            "send" => Answer::No,
            other => panic!("no step is called {other}"),
        };
        Outgoing {
            payload: name.to_owned(),
            bytes,
            ttl_ms: self.named_number("ttl"),
            answer,
        }
    }

    pub fn input(&self, secrets: &mut Vec<String>) -> Input {
        match self.verb {
            "page" => Input::Page(self.page_event()),
            "buffered" => Input::Buffered(self.socket(), self.number(1) as u32),
            "token" => Input::Token(
                TokenRequest(self.number(0) as u32),
                self.token_answer(secrets),
            ),
            _ => Input::Socket(self.socket(), self.socket_event()),
        }
    }

    fn socket_event(&self) -> SocketEvent {
        match self.verb {
            "opened" => SocketEvent::Opened,
            "closing" => SocketEvent::Closing,
            "closed" => SocketEvent::Closed(self.close_frame(self.rest(2)), None),
            "policy" => SocketEvent::Closed(self.close_frame(String::new()), Some(self.verdict())),
            "failed" => SocketEvent::Failed(match self.text(1) {
                "malformed" => OpenFailure::Malformed,
                _ => OpenFailure::Other,
            }),
            "frame" => SocketEvent::Frame(Frame {
                bytes: self.named_number("bytes").unwrap_or(30) as u32,
                content: self.content(),
            }),
            other => panic!("no step is called {other}"),
        }
    }

    fn close_frame(&self, reason: String) -> CloseFrame {
        CloseFrame {
            code: self.number(1) as u16,
            reason,
        }
    }

    fn verdict(&self) -> CloseAction {
        match self.text(2) {
            "stop" => CloseAction::Stop,
            "refresh" => CloseAction::RefreshToken,
            "slowly" => CloseAction::RetrySlowly(None),
            "too-large" => CloseAction::TooLarge,
            "retry" => CloseAction::Retry,
            other => panic!("no action is called {other}"),
        }
    }

    fn content(&self) -> Content {
        match self.text(1) {
            "message" => Content::Message,
            "ping" => Content::Ping,
            "pong" => Content::Pong,
            "invalid" => Content::Invalid,
            answer => Content::Answer(message_id(
                answer.strip_prefix("answer:").expect("a content"),
            )),
        }
    }

    fn token_answer(&self, secrets: &mut Vec<String>) -> TokenAnswer {
        let token = match self.text(1) {
            "failed" => return TokenAnswer::Failed,
            "unauthorized" => return TokenAnswer::Unauthorized,
            "none" => None,
            secret => {
                secrets.push(secret.to_owned());
                Some(Token::new(secret))
            }
        };
        TokenAnswer::Granted {
            token,
            url: self.named("url").map(str::to_owned),
            expires_in_ms: self.named_number("life"),
        }
    }

    fn page_event(&self) -> PageEvent {
        match self.text(0) {
            "online" => PageEvent::Online,
            "offline" => PageEvent::Offline,
            "visible" => PageEvent::Visible,
            "hidden" => PageEvent::Hidden,
            "leave" => PageEvent::Leave,
            "return" => PageEvent::Return,
            other => panic!("no page event is called {other}"),
        }
    }
}

pub fn message_id(text: &str) -> MessageId {
    let number = text.strip_prefix('m').and_then(|n| n.parse().ok());
    MessageId(number.unwrap_or_else(|| panic!("{text} is no message")))
}
