//! The few names of the browser that the driver uses.
//!
//! Bound here and not through `web-sys`: that one copies a text into wasm and out again to send it, and brings a runtime
//! for promises along.

use alloc::string::String;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(super) fn monotonic_ms() -> f64;

    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    pub(super) fn wall_ms() -> f64;

    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    pub(super) fn fill_randomly(bytes: &mut [u8]);

    #[wasm_bindgen(js_name = setTimeout)]
    pub(super) fn set_timeout(handler: &JsValue, ms: f64) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    pub(super) fn clear_timeout(timeout: JsValue);
}

#[wasm_bindgen]
extern "C" {
    /// Fails where the global object is no event target.
    #[wasm_bindgen(catch, js_name = addEventListener)]
    pub(super) fn listen(kind: &str, handler: &JsValue, capture: bool) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = removeEventListener)]
    pub(super) fn unlisten(kind: &str, handler: &JsValue, capture: bool) -> Result<(), JsValue>;

    /// Fails where there is no document.
    #[wasm_bindgen(catch, js_namespace = ["document", "hidden"], js_name = valueOf)]
    pub(super) fn is_hidden() -> Result<bool, JsValue>;

    /// Any event. Its kind decides which properties it has.
    pub(super) type Event;
    #[wasm_bindgen(method, getter, js_name = type)]
    pub(super) fn kind(this: &Event) -> String;
    #[wasm_bindgen(method, getter)]
    pub(super) fn persisted(this: &Event) -> bool;
    #[wasm_bindgen(method, getter)]
    pub(super) fn data(this: &Event) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub(super) fn code(this: &Event) -> Option<u16>;
    #[wasm_bindgen(method, getter)]
    pub(super) fn reason(this: &Event) -> String;
}

#[wasm_bindgen]
extern "C" {
    // Each fails where there is no session storage, or it is switched off or full.
    #[wasm_bindgen(catch, js_namespace = sessionStorage, js_name = getItem)]
    pub(super) fn stored(key: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_namespace = sessionStorage, js_name = key)]
    pub(super) fn stored_key(index: u32) -> Result<Option<String>, JsValue>;
    #[wasm_bindgen(catch, js_namespace = sessionStorage, js_name = setItem)]
    pub(super) fn store(key: &str, value: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_namespace = sessionStorage, js_name = removeItem)]
    pub(super) fn unstore(key: &str) -> Result<(), JsValue>;

    /// Fails where there are no locks.
    #[wasm_bindgen(catch, js_namespace = ["navigator", "locks"], js_name = request)]
    pub(super) fn request_lock(name: &str, granted: &JsValue) -> Result<Promise, JsValue>;

    pub(super) type Promise;
    #[wasm_bindgen(constructor)]
    pub(super) fn new(executor: &JsValue) -> Promise;
    #[wasm_bindgen(method, js_name = catch)]
    pub(super) fn or_else(this: &Promise, handler: &JsValue);

    pub(super) type Function;
    #[wasm_bindgen(method)]
    pub(super) fn call(this: &Function);

    /// A text that stays in JavaScript.
    #[wasm_bindgen(js_name = String)]
    pub(super) type Text;
    #[wasm_bindgen(method)]
    pub(super) fn slice(this: &Text, start: i32, end: i32) -> JsValue;
    #[wasm_bindgen(method)]
    pub(super) fn concat(this: &Text, other: &JsValue) -> JsValue;
}

#[wasm_bindgen]
extern "C" {
    pub(super) type Array;
    #[wasm_bindgen(constructor)]
    pub(super) fn new() -> Array;
    #[wasm_bindgen(method)]
    pub(super) fn push(this: &Array, text: &str);

    /// Whatever was thrown.
    pub(super) type Thrown;
    #[wasm_bindgen(method, getter, catch)]
    pub(super) fn name(this: &Thrown) -> Result<Option<String>, JsValue>;

    pub(super) type WebSocket;
    #[wasm_bindgen(constructor, catch)]
    pub(super) fn open(url: &str, protocols: JsValue) -> Result<WebSocket, JsValue>;
    #[wasm_bindgen(method, setter, js_name = onopen)]
    pub(super) fn set_onopen(this: &WebSocket, handler: &JsValue);
    #[wasm_bindgen(method, setter, js_name = onmessage)]
    pub(super) fn set_onmessage(this: &WebSocket, handler: &JsValue);
    #[wasm_bindgen(method, setter, js_name = onclose)]
    pub(super) fn set_onclose(this: &WebSocket, handler: &JsValue);
    #[wasm_bindgen(method, getter)]
    pub(super) fn protocol(this: &WebSocket) -> Option<String>;
    #[wasm_bindgen(method, getter, js_name = bufferedAmount)]
    pub(super) fn buffered_amount(this: &WebSocket) -> u32;
    #[wasm_bindgen(method, getter, js_name = readyState)]
    pub(super) fn ready_state(this: &WebSocket) -> u32;
    #[wasm_bindgen(method, catch)]
    pub(super) fn send(this: &WebSocket, data: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) fn close(this: &WebSocket, code: u16, reason: &str) -> Result<(), JsValue>;
    /// Without a code, which is not the same as an undefined one: Chromium throws at that.
    #[wasm_bindgen(method, js_name = close)]
    pub(super) fn close_plainly(this: &WebSocket);
}
