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
        let items = Array::new();
        protocols.iter().for_each(|protocol| items.push(protocol));
        let raw = WebSocket::open(url, items).map_err(failure)?;
        let [opened, message, closed] = [(); 3].map(|()| listener.clone());
        let handlers = [
            Closure::<dyn Fn(JsValue)>::new(move |_| opened.opened(id)),
            Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
                message.message(id, event.unchecked_ref::<Event>().data());
            }),
            Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
                closed.closed(id, close_frame(event.unchecked_ref()));
            }),
        ];
        // An `error` event says nothing, and a `close` event always follows it.
        let [opened, message, closed] = &handlers;
        raw.set_onopen(opened.as_ref());
        raw.set_onmessage(message.as_ref());
        raw.set_onclose(closed.as_ref());
        Ok(Self {
            id,
            raw,
            _handlers: handlers,
        })
    }

    /// Writes a frame. A socket that is closing lets it vanish.
    pub(super) fn send(&self, data: &JsValue) {
        // It throws only while the socket is opening, when the engine writes nothing.
        let _ = self.raw.send(data);
    }

    pub(super) fn buffered(&self) -> u32 {
        self.raw.buffered_amount()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.raw.ready_state() > OPEN
    }

    /// Closes without waiting for the other side, which may be silent.
    pub(super) fn abandon(self, frame: &CloseFrame) {
        self.silence();
        // It throws for a code or reason that the engine does not give.
        let _ = self.raw.close(frame.code, &frame.reason);
    }

    fn silence(&self) {
        self.raw.set_onopen(&JsValue::NULL);
        self.raw.set_onmessage(&JsValue::NULL);
        self.raw.set_onclose(&JsValue::NULL);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.silence();
        // Closing what is closed already does nothing.
        self.raw.close_plainly();
    }
}

fn close_frame(event: &Event) -> CloseFrame {
    CloseFrame {
        code: event.code(),
        reason: event.reason(),
    }
}

/// A malformed URL or subprotocol throws a `SyntaxError`; a security policy may make the constructor throw anything.
fn failure(thrown: JsValue) -> OpenFailure {
    match thrown.unchecked_ref::<Thrown>().name() {
        Ok(Some(name)) if name == "SyntaxError" => OpenFailure::Malformed,
        _ => OpenFailure::Other,
    }
}
