//! Writes batches. Payloads are texts of JavaScript and stay there.

use wasm_bindgen::{JsCast, JsValue};

use super::browser::Text;
use crate::proto::{Batch, Body, wire};

/// The frame of a batch: the object alone if it is one, else an array.
pub(super) fn write(batch: Batch<JsValue>) -> JsValue {
    let is_array = batch.messages.len() > 1;
    let mut ack = batch.ack;
    let mut frame = JsValue::from_str(if is_array { "[" } else { "" });
    let mut between = "";
    for (seq, body) in batch.messages {
        let tail = wire::tail(&body, seq, ack.take());
        frame = joined(&frame, &between.into());
        if let Body::Message(payload) | Body::Request(payload) = body {
            // Without its closing brace, which the tail has.
            frame = joined(&frame, &payload.unchecked_ref::<Text>().slice(0, -1));
        }
        frame = joined(&frame, &tail.into());
        between = ",";
    }
    match is_array {
        true => joined(&frame, &"]".into()),
        false => frame,
    }
}

fn joined(text: &JsValue, more: &JsValue) -> JsValue {
    text.unchecked_ref::<Text>().concat(more)
}
