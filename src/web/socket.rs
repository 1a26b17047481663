//! One browser WebSocket.

use js_sys::{Array, Function};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use crate::proto::{CloseFrame, OpenFailure, SocketId};

#[wasm_bindgen]
extern "C" {
    /// The socket again, since `web_sys` would copy a text into wasm and out again to send it.
    type Sender;
    #[wasm_bindgen(method, catch)]
    fn send(this: &Sender, data: &JsValue) -> Result<(), JsValue>;

    type Thrown;
    #[wasm_bindgen(method, getter, catch)]
    fn name(this: &Thrown) -> Result<JsValue, JsValue>;
}

/// What a socket tells, until it is dropped.
pub(super) trait Listener: Clone + 'static {
    fn opened(&self, socket: SocketId);
    fn message(&self, socket: SocketId, data: JsValue);
    fn closed(&self, socket: SocketId, frame: CloseFrame);
}

/// A socket of a generation. Dropped, it is closed and heard of no more.
pub(super) struct Socket {
    pub(super) id: SocketId,
    raw: WebSocket,
    _handlers: [Closure<dyn Fn(JsValue)>; 3],
}

impl Socket {
    /// Opens a socket. Its handlers are attached before the browser can have anything to tell.
    pub(super) fn open(
        id: SocketId,
        url: &str,
        protocols: Vec<String>,
        listener: &impl Listener,
    ) -> Result<Self, OpenFailure> {
        let protocols: Array = protocols.into_iter().map(JsValue::from).collect();
        let raw = WebSocket::new_with_str_sequence(url, &protocols).map_err(failure)?;
        let [opened, message, closed] = [(); 3].map(|()| listener.clone());
        let handlers = [
            Closure::<dyn Fn(JsValue)>::new(move |_| opened.opened(id)),
            Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
                message.message(id, event.unchecked_into::<MessageEvent>().data());
            }),
            Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
                closed.closed(id, close_frame(event.unchecked_ref()));
            }),
        ];
        // An `error` event says nothing, and a `close` event always follows it.
        let [opened, message, closed] = &handlers;
        raw.set_onopen(Some(function(opened)));
        raw.set_onmessage(Some(function(message)));
        raw.set_onclose(Some(function(closed)));
        Ok(Self {
            id,
            raw,
            _handlers: handlers,
        })
    }

    /// Writes a frame. A socket that is closing lets it vanish.
    pub(super) fn send(&self, data: &JsValue) {
        // It throws only while the socket is opening, when the engine writes nothing.
        let _ = self.raw.unchecked_ref::<Sender>().send(data);
    }

    pub(super) fn buffered(&self) -> u32 {
        self.raw.buffered_amount()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.raw.ready_state() > WebSocket::OPEN
    }

    /// Closes without waiting for the other side, which may be silent.
    pub(super) fn abandon(self, frame: &CloseFrame) {
        self.silence();
        let _ = self
            .raw
            .close_with_code_and_reason(frame.code, &frame.reason);
    }

    fn silence(&self) {
        self.raw.set_onopen(None);
        self.raw.set_onmessage(None);
        self.raw.set_onclose(None);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.silence();
        // Closing what is closed already does nothing.
        let _ = self.raw.close();
    }
}

fn function(closure: &Closure<dyn Fn(JsValue)>) -> &Function {
    closure.as_ref().unchecked_ref()
}

fn close_frame(event: &CloseEvent) -> CloseFrame {
    CloseFrame {
        code: event.code(),
        reason: event.reason(),
    }
}

/// A malformed URL or subprotocol throws a `SyntaxError`; a security policy may make the constructor throw anything.
fn failure(thrown: JsValue) -> OpenFailure {
    let name = thrown.unchecked_ref::<Thrown>().name().ok();
    match name.and_then(|name| name.as_string()).as_deref() {
        Some("SyntaxError") => OpenFailure::Malformed,
        _ => OpenFailure::Other,
    }
}
