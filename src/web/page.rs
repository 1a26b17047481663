//! The page's life. In a worker most of these events never come, and nothing else changes.

use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};

use crate::proto::PageEvent;

/// Each event that is listened to, and the phase: `focus` is caught on the window alone, since in the capture phase it
/// would be heard for every element; events of the document pass the window in the capture phase only.
const EVENTS: [(&str, bool); 8] = [
    ("online", false),
    ("offline", false),
    ("focus", false),
    ("pagehide", false),
    ("pageshow", false),
    ("visibilitychange", true),
    ("freeze", true),
    ("resume", true),
];

#[wasm_bindgen]
extern "C" {
    /// Fails where the global object is no event target.
    #[wasm_bindgen(catch, js_name = addEventListener)]
    fn listen(kind: &str, handler: &JsValue, capture: bool) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = removeEventListener)]
    fn unlisten(kind: &str, handler: &JsValue, capture: bool) -> Result<(), JsValue>;

    type Event;
    #[wasm_bindgen(method, getter, js_name = type)]
    fn kind(this: &Event) -> String;
    #[wasm_bindgen(method, getter)]
    fn persisted(this: &Event) -> JsValue;

    type Document;
    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static DOCUMENT: Option<Document>;
    #[wasm_bindgen(method, getter)]
    fn hidden(this: &Document) -> bool;
}

/// Listens until it is dropped.
pub(super) struct Page {
    handler: Closure<dyn Fn(JsValue)>,
}

impl Page {
    pub(super) fn watch(tell: impl Fn(PageEvent) + 'static) -> Self {
        let handler = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
            if let Some(event) = meaning(event.unchecked_ref()) {
                tell(event);
            }
        });
        for (kind, capture) in EVENTS {
            // Without an event target there are no such events to miss.
            let _ = listen(kind, handler.as_ref(), capture);
        }
        Self { handler }
    }

    /// Whether the page is visible; a worker always is.
    pub(super) fn visibility() -> PageEvent {
        let hidden =
            DOCUMENT.with(|document| document.as_ref().is_some_and(|document| document.hidden()));
        match hidden {
            true => PageEvent::Hidden,
            false => PageEvent::Visible,
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        for (kind, capture) in EVENTS {
            let _ = unlisten(kind, self.handler.as_ref(), capture);
        }
    }
}

fn meaning(event: &Event) -> Option<PageEvent> {
    Some(match event.kind().as_str() {
        "online" => PageEvent::Online,
        "offline" => PageEvent::Offline,
        "visibilitychange" => Page::visibility(),
        "freeze" => PageEvent::Hidden,
        "pagehide" => PageEvent::Leave,
        "pageshow" if event.persisted().is_truthy() => PageEvent::Return,
        "focus" | "resume" => PageEvent::Visible,
        _ => return None,
    })
}
