//! The class under the npm package. Numbers cross the boundary, and a text only where something rare has to be said;
//! payloads pass by as JS values.

mod facade;
mod options;
#[cfg(not(feature = "client"))]
mod runtime;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::ErrorCode;
use crate::proto::{Answer, MessageId, Outgoing, Token, TokenAnswer, TokenRequest};
use crate::web::Driver;
use facade::{Facade, Host, REFUSED};

const TOKEN_GRANTED: u32 = 0;
const TOKEN_UNAUTHORIZED: u32 = 1;

/// One connection. A number that is not given is NaN.
#[wasm_bindgen]
pub struct Engine(Driver<Host>);

#[wasm_bindgen]
impl Engine {
    /// An idle connection. `text` holds the URL, the name of the query parameter and the subprotocols, a line each;
    /// `numbers` the options in the order of `option`, then the switches.
    ///
    /// # Errors
    /// The index of the option that lies outside of its range.
    #[wasm_bindgen(constructor)]
    pub fn new(facade: Facade, text: &str, numbers: &[f64]) -> Result<Engine, u32> {
        let config = options::config(text, numbers).map_err(|option| option as u32)?;
        let driver = Driver::new(config, Host::new(facade));
        driver.map(Self).map_err(|error| error.option as u32)
    }

    /// Begins to connect.
    #[wasm_bindgen(js_name = connect_)]
    pub fn connect(&self) {
        self.0.connect();
    }

    /// Gives up the present socket or wait and connects anew.
    #[wasm_bindgen(js_name = reconnect_)]
    pub fn reconnect(&self) {
        self.0.reconnect();
    }

    /// Closes for good. Whether it could: a code or reason that browsers do not take is refused.
    #[wasm_bindgen(js_name = close_)]
    pub fn close(&self, code: u16, reason: &str) -> bool {
        self.accepted(self.0.close(code, reason).err())
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

    /// Withdraws a message.
    #[wasm_bindgen(js_name = withdraw_)]
    pub fn withdraw(&self, id: f64) {
        self.0.withdraw(MessageId(id as u64));
    }

    /// The answer to `Facade::token_`.
    #[wasm_bindgen(js_name = answer_)]
    pub fn answer(
        &self,
        request: u32,
        outcome: u32,
        token: Option<String>,
        url: Option<String>,
        expires_in: f64,
    ) {
        let answer = match outcome {
            TOKEN_GRANTED => TokenAnswer::Granted {
                token: token.map(Token::new),
                url,
                expires_in_ms: number(expires_in),
            },
            TOKEN_UNAUTHORIZED => TokenAnswer::Unauthorized,
            _ => TokenAnswer::Failed,
        };
        self.0.answer_token(TokenRequest(request), answer);
    }

    /// The numbers to look at, in the order of `Stats`; NaN where there is none.
    #[wasm_bindgen(js_name = stats_)]
    pub fn stats(&self) -> Vec<f64> {
        let stats = self.0.stats();
        let optional = |number: Option<u64>| number.map_or(f64::NAN, |number| number as f64);
        vec![
            stats.sent as f64,
            stats.received as f64,
            stats.bytes_sent as f64,
            stats.bytes_received as f64,
            stats.opened as f64,
            stats.rejected as f64,
            stats.queued as f64,
            stats.queued_bytes as f64,
            stats.buffered as f64,
            f64::from(stats.attempt),
            optional(stats.retry_in_ms),
            optional(stats.latency_ms),
        ]
    }

    fn accepted(&self, error: Option<ErrorCode>) -> bool {
        if let Some(code) = error {
            self.0.host().tell(REFUSED, 0.0, code);
        }
        error.is_none()
    }
}

fn number(value: f64) -> Option<u64> {
    (value >= 0.0).then_some(value as u64)
}
