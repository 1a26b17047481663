//! The TypeScript facade as the engine sees it.

use alloc::string::String;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use everwire::ErrorCode;
use everwire::proto::{
    CloseAction, CloseFrame, Content, Event, Frame, MessageId, StatusChange, TokenReason,
    TokenRequest,
};
use everwire::web;

// The kinds of event; `npm/src/engine.ts` has the same numbers.
const STATUS: u32 = 0;
const STOPPED: u32 = 1;
const ANSWERED: u32 = 2;
const REJECTED: u32 = 3;
const UNCERTAIN: u32 = 4;
const LATENCY: u32 = 5;
const DISCONNECTED: u32 = 6;
const WARNING: u32 = 7;
pub(super) const REFUSED: u32 = 8;

#[wasm_bindgen]
extern "C" {
    /// None of these may throw: the outputs that wait would be stuck.
    pub type Facade;

    /// An option by its place in `option`, NaN if it is not given; behind them the switches.
    #[wasm_bindgen(method)]
    pub(super) fn number_(this: &Facade, index: usize) -> f64;

    /// The URL (0), the name of the query parameter (1), and the subprotocols, while there are any.
    #[wasm_bindgen(method)]
    pub(super) fn text_(this: &Facade, index: usize) -> Option<String>;

    /// Parses a frame and keeps it. Answers 8 × its UTF-8 bytes + its content.
    #[wasm_bindgen(method)]
    fn decode_(this: &Facade, data: JsValue) -> f64;

    /// The request that the kept frame answers.
    #[wasm_bindgen(method)]
    fn re_(this: &Facade) -> f64;

    /// The kept frame is for the application.
    #[wasm_bindgen(method)]
    fn message_(this: &Facade);

    #[wasm_bindgen(method)]
    fn sent_(this: &Facade, id: f64);

    /// Anything rarer. `name` is a status, or the code of an error with what it says.
    #[wasm_bindgen(method)]
    fn event_(
        this: &Facade,
        kind: u32,
        number: f64,
        name: &str,
        text: &str,
        retryable: bool,
        payload: JsValue,
    );

    #[wasm_bindgen(method)]
    fn token_(this: &Facade, request: u32, reason: u32);

    /// What to do after a close: 0 is for the default policy to say.
    #[wasm_bindgen(method)]
    fn verdict_(this: &Facade, code: u16, reason: &str) -> u32;
}

pub(super) struct Host(Facade);

impl Host {
    pub(super) fn new(facade: Facade) -> Self {
        Self(facade)
    }

    pub(super) fn tell(&self, kind: u32, number: f64, code: ErrorCode) {
        self.tell_with(kind, number, code, JsValue::UNDEFINED);
    }

    fn tell_with(&self, kind: u32, number: f64, code: ErrorCode, payload: JsValue) {
        let (name, text) = (code.as_str(), code.message());
        self.0
            .event_(kind, number, name, text, code.is_retryable(), payload);
    }

    fn plain(&self, kind: u32, number: f64, name: &str) {
        self.0
            .event_(kind, number, name, "", false, JsValue::UNDEFINED);
    }

    fn status(&self, change: StatusChange) {
        self.plain(STATUS, 0.0, change.status.as_str());
        if let Some(code) = change.stopped {
            self.tell(STOPPED, 0.0, code);
        }
    }
}

impl web::Host for Host {
    fn decode(&self, data: JsValue) -> Frame {
        let decoded = self.0.decode_(data) as u64;
        let content = match decoded & 7 {
            0 => Content::Message,
            1 => Content::Answer(MessageId(self.0.re_() as u64)),
            2 => Content::Ping,
            3 => Content::Pong,
            _ => Content::Invalid,
        };
        let bytes = u32::try_from(decoded >> 3).unwrap_or(u32::MAX);
        Frame { bytes, content }
    }

    fn fetch_token(&self, request: TokenRequest, reason: TokenReason) {
        self.0.token_(request.0, reason as u32);
    }

    fn event(&self, event: Event<JsValue>) {
        match event {
            Event::Message => self.0.message_(),
            Event::Sent(id) => self.0.sent_(id.0 as f64),
            Event::Status(change) => self.status(change),
            Event::Answered(id) => self.plain(ANSWERED, id.0 as f64, ""),
            Event::Rejected(id, code, payload) => {
                self.tell_with(REJECTED, id.0 as f64, code, payload);
            }
            Event::Uncertain(id, code) => self.tell(UNCERTAIN, id.0 as f64, code),
            Event::Deliver(_)
            | Event::AnsweredBy(..)
            | Event::Acked(_)
            | Event::Refused(..)
            | Event::Restored(..)
            | Event::Resync(_) => {}
            Event::Latency(ms) => self.plain(LATENCY, ms as f64, ""),
            Event::Disconnected(code, frame) => {
                let (number, reason) = frame.map_or((0.0, JsValue::UNDEFINED), |frame| {
                    (f64::from(frame.code), frame.reason.into())
                });
                self.tell_with(DISCONNECTED, number, code, reason);
            }
            Event::Warning(code, id) => {
                self.tell(WARNING, id.map_or(0.0, |id| id.0 as f64), code);
            }
        }
    }

    fn verdict(&self, frame: &CloseFrame) -> Option<CloseAction> {
        match self.0.verdict_(frame.code, &frame.reason) {
            1 => Some(CloseAction::Stop),
            2 => Some(CloseAction::Retry),
            3 => Some(CloseAction::RetrySlowly(None)),
            4 => Some(CloseAction::RefreshToken),
            _ => None,
        }
    }
}
