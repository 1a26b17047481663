//! The task that keeps the time of all sessions, and writes what commands left.

use std::sync::Arc;
use std::time::Duration;

use everwire::proto::Instant;
use everwire::proto::server::Input;
use tokio::time::{Instant as Moment, sleep_until};

use super::Reliable;

/// Without a deadline the driver looks up so often.
const IDLE: Duration = Duration::from_secs(3_600);

/// Runs until the hub is gone.
pub(crate) async fn drive(reliable: Arc<Reliable>) {
    loop {
        let deadline = reliable.turn();
        tokio::select! {
            () = reliable.gone.cancelled() => return,
            () = reliable.woken.notified() => {}
            () = sleep_until(deadline) => {}
        }
    }
}

impl Reliable {
    /// Does what is due and says when to look again.
    fn turn(self: &Arc<Self>) -> Moment {
        let mut state = self.lock();
        let now = self.now();
        if state.sessions.poll_timeout().is_some_and(|at| at <= now) {
            state.sessions.handle_input(now, Input::Timeout);
        }
        // What is due before that is looked at here anyway.
        state.armed = Some(Instant::from_millis(0));
        self.act(&mut state);
        state.armed = state.sessions.poll_timeout();
        let after = state.armed.map(|at| Duration::from_millis(at.as_millis()));
        after.map_or_else(|| Moment::now() + IDLE, |after| self.started + after)
    }
}
