//! The class under the npm package. Numbers cross the boundary, and a text only where something rare has to be said;
//! payloads pass by as JS values.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

#[cfg(feature = "trace")]
use alloc::string::String;

mod facade;
mod frames;
mod options;
#[cfg(target_arch = "wasm32")]
mod runtime;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use everwire::ErrorCode;
use everwire::proto::{Answer, MessageId, Outgoing, Token, TokenAnswer, TokenRequest};
use everwire::web::Driver;
use facade::{Facade, Host, REFUSED};

const TOKEN_GRANTED: u32 = 0;
const TOKEN_UNAUTHORIZED: u32 = 1;

/// One connection. A number that is not given is NaN.
#[wasm_bindgen]
pub struct Engine(Driver<Host>);

#[wasm_bindgen]
impl Engine {
    /// An idle connection with the options of the facade, which has checked them.
    #[wasm_bindgen(constructor)]
    pub fn new(facade: Facade) -> Engine {
        let settings = options::settings(&facade);
        Self(Driver::unchecked(settings, Host::new(facade)))
    }

    /// Connects (0), connects anew (1), withdraws a message of this id (2), or closes with this code (3); the reason is a
    /// text of the facade's. Whether it could.
    #[wasm_bindgen(js_name = command_)]
    pub fn command(&self, command: u32, number: f64) -> bool {
        match command {
            0 => self.0.connect(),
            1 => self.0.reconnect(),
            2 => self.0.withdraw(MessageId(number as u64)),
            _ => {
                let reason = self.0.host().text(0).unwrap_or_default();
                return self.accepted(self.0.close(number as u16, &reason).err());
            }
        }
        true
    }

    /// Takes a frame of so many UTF-8 bytes. `ttl` is its time to live; `timeout` makes it a request, 0 with the
    /// configured patience. Whether it was taken.
    #[wasm_bindgen(js_name = send_)]
    pub fn send(&self, payload: JsValue, bytes: u32, ttl: f64, timeout: f64) -> bool {
        let message = Outgoing {
            payload,
            bytes,
            ttl_ms: number(ttl),
            answer: match number(timeout) {
                None => Answer::No,
                Some(0) => Answer::Within(None),
                Some(ms) => Answer::Within(Some(ms)),
            },
        };
        self.accepted(self.0.send(message).err().map(|error| error.code))
    }

    /// Writes a frame of so many UTF-8 bytes at once or not at all. Whether it was written.
    #[wasm_bindgen(js_name = volatile_)]
    pub fn send_volatile(&self, payload: JsValue, bytes: u32) -> bool {
        let error = self.0.send_volatile(payload, bytes).err();
        self.accepted(error.map(|error| error.code))
    }

    /// The application has handled everything up to this position.
    #[wasm_bindgen(js_name = handled_)]
    pub fn handled(&self, position: f64) {
        self.0.handled(position as u64);
    }

    /// The answer to `Facade::token_`; token and URL are texts of the facade's.
    #[wasm_bindgen(js_name = answer_)]
    pub fn answer(&self, request: u32, outcome: u32, expires_in: f64) {
        let answer = match outcome {
            TOKEN_GRANTED => TokenAnswer::Granted {
                token: self.0.host().text(0).map(Token::new),
                url: self.0.host().text(1),
                expires_in_ms: number(expires_in),
            },
            TOKEN_UNAUTHORIZED => TokenAnswer::Unauthorized,
            _ => TokenAnswer::Failed,
        };
        self.0.answer_token(TokenRequest(request), answer);
    }

    /// A number to look at, by its place in `Stats`; NaN if there is none.
    #[wasm_bindgen(js_name = stat_)]
    pub fn stat(&self, index: u32) -> f64 {
        let stats = self.0.stats();
        let number = match index {
            0 => stats.sent,
            1 => stats.received,
            2 => stats.bytes_sent,
            3 => stats.bytes_received,
            4 => stats.opened,
            5 => stats.rejected,
            6 => stats.queued,
            7 => stats.queued_bytes,
            8 => stats.buffered,
            9 => u64::from(stats.attempt),
            10 => stats.unacked,
            11 => stats.position,
            12 => return stats.retry_in_ms.map_or(f64::NAN, |ms| ms as f64),
            _ => return stats.latency_ms.map_or(f64::NAN, |ms| ms as f64),
        };
        number as f64
    }

    fn accepted(&self, error: Option<ErrorCode>) -> bool {
        if let Some(code) = error {
            self.0.host().tell(REFUSED, 0.0, code);
        }
        error.is_none()
    }
}

#[cfg(feature = "trace")]
#[wasm_bindgen]
impl Engine {
    /// The recording, as JSON.
    #[wasm_bindgen(js_name = trace_)]
    pub fn trace(&self) -> String {
        self.0.trace()
    }
}

fn number(value: f64) -> Option<u64> {
    (value >= 0.0).then_some(value as u64)
}
