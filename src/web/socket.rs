//! One browser WebSocket.

use alloc::string::String;
use alloc::vec::Vec;

use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::browser::{Array, Event, Thrown, WebSocket};
use crate::proto::{CloseFrame, OpenFailure, SocketId};

/// `WebSocket.OPEN`: beyond it the socket takes no writes.
const OPEN: u32 = 1;

/// What a socket tells, until it is dropped.
pub(super) enum Told {
    Opened,
    Message(JsValue),
    Closed(CloseFrame),
}

/// A socket of a generation. Dropped, it is closed and heard of no more.
pub(super) struct Socket {
    pub(super) id: SocketId,
    raw: WebSocket,
    handler: Closure<dyn Fn(JsValue)>,
}

impl Socket {
    /// Opens a socket. Its handler is attached before the browser can have anything to tell.
    pub(super) fn open(
        id: SocketId,
        make: impl Fn(JsValue) -> Result<JsValue, JsValue>,
        protocols: Vec<String>,
        tell: impl Fn(SocketId, Told) + 'static,
    ) -> Result<Self, OpenFailure> {
        let items = Array::new();
        protocols.iter().for_each(|protocol| items.push(protocol));
        let raw = make(items.into()).map_err(failure)?.unchecked_into();
        let handler = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
            tell(id, read(event.unchecked_ref()));
        });
        let socket = Self { id, raw, handler };
        socket.attach(socket.handler.as_ref());
        Ok(socket)
    }

    /// Writes a frame. A socket that is closing lets it vanish.
    pub(super) fn send(&self, data: &JsValue) {
        // It throws only while the socket is opening, when the engine writes nothing.
        let _ = self.raw.send(data);
    }

    /// The subprotocol that the server chose.
    pub(super) fn protocol(&self) -> Option<String> {
        self.raw.protocol()
    }

    pub(super) fn buffered(&self) -> u32 {
        self.raw.buffered_amount()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.raw.ready_state() > OPEN
    }

    /// Closes without waiting for the other side, which may be silent.
    pub(super) fn abandon(self, frame: &CloseFrame) {
        self.attach(&JsValue::NULL);
        // It throws for a code or reason that the engine does not give.
        let _ = self.raw.close(frame.code, &frame.reason);
    }

    /// An `error` event says nothing, and a `close` event always follows it.
    fn attach(&self, handler: &JsValue) {
        self.raw.set_onopen(handler);
        self.raw.set_onmessage(handler);
        self.raw.set_onclose(handler);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.attach(&JsValue::NULL);
        // Closing what is closed already does nothing.
        self.raw.close_plainly();
    }
}

/// A message alone has data, and a close alone has a code.
fn read(event: &Event) -> Told {
    if let Some(code) = event.code() {
        let reason = event.reason();
        return Told::Closed(CloseFrame { code, reason });
    }
    match event.data() {
        data if data.is_undefined() => Told::Opened,
        data => Told::Message(data),
    }
}

/// A malformed URL or subprotocol throws a `SyntaxError`; a security policy may make the constructor throw anything.
fn failure(thrown: JsValue) -> OpenFailure {
    match thrown.unchecked_ref::<Thrown>().name() {
        Ok(Some(name)) if name == "SyntaxError" => OpenFailure::Malformed,
        _ => OpenFailure::Other,
    }
}
