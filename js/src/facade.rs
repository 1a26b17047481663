//! The TypeScript facade as the engine sees it.

use alloc::string::String;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use everwire::ErrorCode;
use everwire::proto::{
    CloseAction, CloseFrame, Content, Delivered, Event, Frame, MessageId, Resync, StatusChange,
    TokenReason, TokenRequest,
};
use everwire::web;

use crate::frames::parts;

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
const ACKED: u32 = 9;
const RESTORED: u32 = 10;

/// What only serves reliable delivery is left out of a module without it.
pub(super) const RELIABLE: bool = cfg!(feature = "reliable");

#[wasm_bindgen]
extern "C" {
    /// None of these may throw but `socket_`: the outputs that wait would be stuck.
    pub type Facade;

    /// An option by its place in `option`, NaN if it is not given; behind them the switches.
    #[wasm_bindgen(method)]
    pub(super) fn number_(this: &Facade, index: usize) -> f64;

    /// A text that goes with what the engine was just asked, by its place; `None` past the last.
    #[wasm_bindgen(method)]
    pub(super) fn text_(this: &Facade, index: usize) -> Option<String>;

    /// Makes a WebSocket.
    #[wasm_bindgen(method, catch)]
    fn socket_(this: &Facade, url: &str, protocols: JsValue) -> Result<JsValue, JsValue>;

    /// Parses a frame and keeps it. Answers 8 × its UTF-8 bytes + its content.
    #[wasm_bindgen(method)]
    fn decode_(this: &Facade, data: JsValue) -> f64;

    /// The request that the kept frame answers.
    #[wasm_bindgen(method)]
    fn re_(this: &Facade) -> f64;

    /// The kept frame is for the application.
    #[wasm_bindgen(method)]
    fn message_(this: &Facade);

    /// Goes to the next part of the kept frame, and answers its kind; -1 after the last.
    #[wasm_bindgen(method)]
    pub(super) fn part_(this: &Facade) -> i32;

    /// A number of the part, NaN if it is not there.
    #[wasm_bindgen(method)]
    pub(super) fn field_(this: &Facade, index: usize) -> f64;

    /// A word of the part.
    #[wasm_bindgen(method)]
    pub(super) fn word_(this: &Facade, index: usize) -> Option<String>;

    /// So many messages of the kept frame, from this one on, are for the application, at this position.
    #[wasm_bindgen(method)]
    fn deliver_(this: &Facade, index: u32, count: u32, position: f64);

    /// This message of the kept frame, at this position, answers the request.
    #[wasm_bindgen(method)]
    fn answer_(this: &Facade, id: f64, index: u32, position: f64);

    /// What the application missed, at this position: seqs from 0 are not known.
    #[wasm_bindgen(method)]
    fn resync_(this: &Facade, reason: &str, position: f64, from: f64, to: f64);

    #[wasm_bindgen(method)]
    fn sent_(this: &Facade, id: f64);

    /// The server refused this message, with its code and what it said.
    #[wasm_bindgen(method)]
    fn denied_(this: &Facade, id: f64, code: &str, message: &str);

    /// Anything rarer. `which` is the place of a status or an error in its list.
    #[wasm_bindgen(method)]
    fn event_(this: &Facade, kind: u32, number: f64, which: u32, payload: JsValue);

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
        self.0.event_(kind, number, code.index(), payload);
    }

    fn plain(&self, kind: u32, number: f64) {
        self.0.event_(kind, number, 0, JsValue::UNDEFINED);
    }

    /// See [`Facade::text_`].
    pub(super) fn text(&self, index: usize) -> Option<String> {
        self.0.text_(index)
    }

    fn status(&self, change: StatusChange) {
        self.plain(STATUS, f64::from(change.status as u32));
        if let Some(code) = change.stopped {
            self.tell(STOPPED, 0.0, code);
        }
    }
}

impl web::Host for Host {
    fn socket(&self, url: &str, protocols: JsValue) -> Result<JsValue, JsValue> {
        self.0.socket_(url, protocols)
    }

    fn decode(&self, data: JsValue) -> Frame {
        let decoded = self.0.decode_(data) as u64;
        let content = match decoded & 7 {
            0 => Content::Message,
            1 => Content::Answer(MessageId(self.0.re_() as u64)),
            2 => Content::Ping,
            3 => Content::Pong,
            5 if RELIABLE => Content::Batch(parts(&self.0)),
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
            Event::Answered(id) => self.plain(ANSWERED, id.0 as f64),
            Event::Rejected(id, code, payload) => {
                self.tell_with(REJECTED, id.0 as f64, code, payload);
            }
            Event::Uncertain(id, code) => self.tell(UNCERTAIN, id.0 as f64, code),
            Event::Deliver(Delivered {
                index,
                count,
                position,
            }) if RELIABLE => self.0.deliver_(index, count, position as f64),
            Event::AnsweredBy(
                id,
                Delivered {
                    index, position, ..
                },
            ) if RELIABLE => {
                self.0.answer_(id.0 as f64, index, position as f64);
            }
            Event::Acked(id) if RELIABLE => self.plain(ACKED, id.0 as f64),
            Event::Refused(id, code, message) if RELIABLE => {
                self.0.denied_(id.0 as f64, &code, &message);
            }
            Event::Restored(id, payload) if RELIABLE => {
                self.0.event_(RESTORED, id.0 as f64, 0, payload);
            }
            Event::Resync(Resync {
                reason,
                missed,
                position,
            }) if RELIABLE => {
                let (from, to) = missed.unwrap_or_default();
                let reason = reason.as_str();
                self.0
                    .resync_(reason, position as f64, from as f64, to as f64);
            }
            Event::Latency(ms) => self.plain(LATENCY, ms as f64),
            Event::Disconnected(code, frame) => {
                let (number, reason) = frame.map_or((0.0, JsValue::UNDEFINED), |frame| {
                    (f64::from(frame.code), frame.reason.into())
                });
                self.tell_with(DISCONNECTED, number, code, reason);
            }
            Event::Warning(code, id) => {
                self.tell(WARNING, id.map_or(0.0, |id| id.0 as f64), code);
            }
            Event::Deliver(_)
            | Event::AnsweredBy(..)
            | Event::Acked(_)
            | Event::Refused(..)
            | Event::Restored(..)
            | Event::Resync(_) => {}
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
