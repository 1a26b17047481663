//! The page's life. In a worker most of these events never come, and nothing else changes.

use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::browser::{Event, is_hidden, listen, unlisten};
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
        match is_hidden().unwrap_or(false) {
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
        "pageshow" if event.persisted() => PageEvent::Return,
        "focus" | "resume" => PageEvent::Visible,
        _ => return None,
    })
}
