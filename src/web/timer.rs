//! The one timer.

use core::cell::Cell;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::Closure;

use super::browser::{clear_timeout, set_timeout};
use super::clock::Clock;
use crate::proto::Instant;

/// `setTimeout` fires at once beyond this: 2³¹ − 1 ms.
const LONGEST_MS: u64 = 0x7fff_ffff;

/// A timer that is armed for one moment at a time, with the same closure each time.
pub(super) struct Timer {
    fire: Closure<dyn Fn(JsValue)>,
    armed: Cell<Option<Armed>>,
}

struct Armed {
    at: Instant,
    handle: JsValue,
}

impl Timer {
    pub(super) fn new(fire: impl Fn() + 'static) -> Self {
        Self {
            fire: Closure::<dyn Fn(JsValue)>::new(move |_| fire()),
            armed: Cell::default(),
        }
    }

    /// Sees to it that the timer fires at `at` or earlier. One that is armed for an earlier moment stays: most
    /// deadlines only ever move away, and an early call does no harm.
    pub(super) fn arm(&self, clock: &Clock, at: Option<Instant>) {
        match (self.armed.take(), at) {
            (Some(armed), Some(at)) if armed.at <= at => self.armed.set(Some(armed)),
            (armed, at) => {
                if let Some(armed) = armed {
                    clear_timeout(armed.handle);
                }
                self.armed.set(at.map(|at| self.start(clock.now(), at)));
            }
        }
    }

    /// It fired.
    pub(super) fn fired(&self) {
        self.armed.take();
    }

    fn start(&self, now: Instant, at: Instant) -> Armed {
        let wait = at.since(now).min(LONGEST_MS);
        Armed {
            at: now.after(wait),
            handle: set_timeout(self.fire.as_ref(), wait as f64),
        }
    }
}
