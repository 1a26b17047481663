//! The page's life. In a worker most of these events never come, and nothing else changes.

use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::browser::{Event, is_hidden, listen, unlisten};
use crate::proto::PageEvent;

/// Each event that is listened to, what it means (`None`: ask whether the page is visible), and whether it is caught in
/// the capture phase: events of the document pass the window in no other, and `focus` would be heard for every element.
const EVENTS: [(&str, Option<PageEvent>, bool); 8] = [
    ("online", Some(PageEvent::Online), false),
    ("offline", Some(PageEvent::Offline), false),
    ("focus", Some(PageEvent::Visible), false),
    ("pagehide", Some(PageEvent::Leave), false),
    ("pageshow", Some(PageEvent::Return), false),
    ("visibilitychange", None, true),
    ("freeze", Some(PageEvent::Hidden), true),
    ("resume", Some(PageEvent::Visible), true),
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
        for (kind, _, capture) in EVENTS {
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
        for (kind, _, capture) in EVENTS {
            let _ = unlisten(kind, self.handler.as_ref(), capture);
        }
    }
}

fn meaning(event: &Event) -> Option<PageEvent> {
    let kind = event.kind();
    let (_, meaning, _) = EVENTS.iter().find(|(name, _, _)| *name == kind)?;
    let meaning = meaning.unwrap_or_else(Page::visibility);
    // A page that was just loaded is shown too, but comes back from nowhere.
    (meaning != PageEvent::Return || event.persisted()).then_some(meaning)
}
