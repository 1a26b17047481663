//! The one timer.

use core::cell::RefCell;

use gloo_timers::callback::Timeout;

use crate::proto::Instant;

/// `setTimeout` fires at once beyond this: 2³¹ − 1 ms.
const LONGEST_MS: u64 = 0x7fff_ffff;

#[derive(Default)]
pub(super) struct Timer(RefCell<Option<Armed>>);

struct Armed {
    at: Instant,
    _timeout: Timeout,
}

impl Timer {
    /// Sees to it that `fire` is called at `at` or earlier. A timer that is already armed for an earlier moment stays:
    /// most deadlines only ever move away, and an early call does no harm.
    pub(super) fn arm(&self, now: Instant, at: Option<Instant>, fire: impl FnOnce() + 'static) {
        let mut armed = self.0.borrow_mut();
        let Some(at) = at else {
            *armed = None;
            return;
        };
        if armed.as_ref().is_some_and(|armed| armed.at <= at) {
            return;
        }
        let wait = at.since(now).min(LONGEST_MS);
        *armed = Some(Armed {
            at: now.after(wait),
            _timeout: Timeout::new(wait as u32, fire),
        });
    }

    /// It fired, or is not wanted any more.
    pub(super) fn clear(&self) {
        self.0.replace(None);
    }
}
