//! Heartbeat: is the other side still there?
//!
//! Any inbound frame is life, so a ping goes out only in silence. A plain server may not know pings: it is declared
//! dead for its silence only after it has shown that it answers, and one that closes at the first ping gets no more.

use super::time::Instant;
use crate::config::{ConfigOption, Settings};

/// A close so soon after a connection's first unanswered ping is blamed on the ping.
const REFUSED_WITHIN_MS: u64 = 5_000;
/// A server's interval lies between these.
const PING_MS: (u64, u64) = (5_000, 120_000);
/// A deadline met so much later than planned was slept through: the answer gets another chance.
const LATE_MS: u64 = 1_000;
/// A page that wakes needs no probe if a frame came so recently.
const FRESH_MS: u64 = 1_000;
/// So many dead connections in a row without a single pong: perhaps the server answers no longer.
const MUTE_DEATHS: u8 = 2;

#[derive(Debug)]
pub(crate) struct Heartbeat {
    times: Option<Times>,
    hidden: bool,
    /// The server has shown that it answers pings.
    answers: bool,
    mute_deaths: u8,
    link: Link,
}

#[derive(Debug)]
struct Times {
    interval: u64,
    timeout: u64,
    hidden_timeout: u64,
    probe_timeout: u64,
}

/// What belongs to one connection.
#[derive(Debug, Default)]
struct Link {
    last_heard: Instant,
    first_ping: Option<Instant>,
    last_ping: Instant,
    /// Pings whose pong has not come. Pongs carry nothing that would tell them apart.
    unanswered: u32,
    answered: bool,
    /// The silence after the last ping; any frame ends it.
    silence: Option<Silence>,
}

#[derive(Clone, Copy, Debug)]
struct Silence {
    deadline: Instant,
    second_chance: bool,
}

/// What a deadline or a wake-up asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Alive,
    SendPing,
    Dead,
}

impl Heartbeat {
    pub(crate) fn new(settings: &Settings) -> Self {
        let interval = settings.maybe(ConfigOption::HeartbeatInterval);
        Self {
            times: interval.map(|interval| Times {
                interval: u64::from(interval),
                timeout: settings.ms(ConfigOption::HeartbeatTimeout),
                hidden_timeout: settings.ms(ConfigOption::HeartbeatHiddenTimeout),
                probe_timeout: settings.ms(ConfigOption::HeartbeatProbeTimeout),
            }),
            hidden: false,
            answers: false,
            mute_deaths: 0,
            link: Link::default(),
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.times.is_some()
    }

    /// The server speaks everwire.v1: it answers, and pings after so many milliseconds of its own silence.
    pub(crate) fn agreed(&mut self, ping_ms: u64) {
        self.answers = true;
        if let Some(times) = &mut self.times {
            times.interval = times.interval.min(ping_ms.clamp(PING_MS.0, PING_MS.1));
        }
    }

    /// Whether a `pong` now answers a ping of ours.
    pub(crate) fn awaits_pong(&self) -> bool {
        self.link.unanswered > 0
    }

    pub(crate) fn hide(&mut self, hidden: bool) {
        self.hidden = hidden;
    }

    pub(crate) fn opened(&mut self, now: Instant) {
        self.link = Link {
            last_heard: now,
            ..Link::default()
        };
    }

    /// A frame came. Any is life.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.link.last_heard = now;
        self.link.silence = None;
    }

    /// The pong that was awaited came: the round trip in milliseconds, if it is clear which ping it answers.
    pub(crate) fn pong(&mut self, now: Instant) -> Option<u64> {
        let clear = self.link.unanswered == 1;
        self.heard(now);
        self.link.unanswered = self.link.unanswered.saturating_sub(1);
        self.link.answered = true;
        self.answers = true;
        self.mute_deaths = 0;
        clear.then(|| now.since(self.link.last_ping))
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let times = self.times.as_ref()?;
        Some(match self.link.silence {
            Some(silence) => silence.deadline,
            None => self.link.last_heard.after(times.interval),
        })
    }

    /// The deadline has passed.
    pub(crate) fn expired(&mut self, now: Instant) -> Verdict {
        let Some(times) = &self.times else {
            return Verdict::Alive;
        };
        let timeout = match self.hidden {
            true => times.hidden_timeout,
            false => times.timeout,
        };
        let probe_timeout = times.probe_timeout;
        let Some(silence) = self.link.silence else {
            // A pong that has not come for a whole interval while other frames did will not come.
            self.link.unanswered = 0;
            return self.ping(now, timeout, false);
        };
        if !self.answers {
            return self.ping(now, timeout, false);
        }
        if now.since(silence.deadline) > LATE_MS && !silence.second_chance {
            return self.ping(now, probe_timeout, true);
        }
        self.declare_dead();
        Verdict::Dead
    }

    /// The page woke up: ask at once, and do not wait long for the answer.
    pub(crate) fn wake(&mut self, now: Instant) -> Verdict {
        let Some(times) = &self.times else {
            return Verdict::Alive;
        };
        let probe_timeout = times.probe_timeout;
        if now.since(self.link.last_heard) < FRESH_MS {
            return Verdict::Alive;
        }
        let Some(silence) = self.link.silence else {
            return self.ping(now, probe_timeout, false);
        };
        // Where every timer is late, each one wakes: without an end to the chances, none would find a death.
        if silence.second_chance || now.since(self.link.last_ping) < probe_timeout {
            return Verdict::Alive;
        }
        self.ping(now, probe_timeout, silence.deadline <= now)
    }

    /// Whether the server closed because of the connection's first ping. If so, no more are sent.
    pub(crate) fn refused_at_close(&mut self, now: Instant) -> bool {
        let recent = |at: Instant| now.since(at) <= REFUSED_WITHIN_MS;
        let in_silence = self.link.silence.is_some();
        let blamed = !self.answers && in_silence && self.link.first_ping.is_some_and(recent);
        if blamed {
            self.times = None;
        }
        blamed
    }

    fn ping(&mut self, now: Instant, timeout: u64, second_chance: bool) -> Verdict {
        self.link.first_ping.get_or_insert(now);
        self.link.last_ping = now;
        self.link.unanswered = self.link.unanswered.saturating_add(1);
        let deadline = match &self.times {
            // Of a server that may not know pings nothing is due but the next one.
            Some(times) if !self.answers => now.after(times.interval),
            _ => now.after(timeout),
        };
        self.link.silence = Some(Silence {
            deadline,
            second_chance,
        });
        Verdict::SendPing
    }

    fn declare_dead(&mut self) {
        if !self.link.answered {
            self.mute_deaths += 1;
        }
        if self.mute_deaths >= MUTE_DEATHS {
            self.answers = false;
            self.mute_deaths = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::from_millis(1_000_000);

    fn opened() -> Heartbeat {
        let mut heartbeat = Heartbeat::new(&Settings::new(String::new()));
        heartbeat.opened(START);
        heartbeat
    }

    /// A ping of it was answered at once, 25 s after `START`.
    fn answered() -> (Heartbeat, Instant) {
        let mut heartbeat = opened();
        let now = START.after(25_000);
        assert_eq!(heartbeat.expired(now), Verdict::SendPing);
        assert_eq!(heartbeat.pong(now), Some(0));
        (heartbeat, now)
    }

    #[test]
    fn without_options_it_never_asks() {
        let mut settings = Settings::new(String::new());
        settings.set(ConfigOption::HeartbeatInterval, 0);
        let mut heartbeat = Heartbeat::new(&settings);
        heartbeat.opened(START);
        assert!(!heartbeat.is_on());
        assert_eq!(heartbeat.deadline(), None);
        assert_eq!(heartbeat.expired(START.after(60_000)), Verdict::Alive);
        assert_eq!(heartbeat.wake(START.after(60_000)), Verdict::Alive);
    }

    #[test]
    fn of_a_server_that_may_not_know_pings_nothing_is_due_but_the_next_one() {
        let mut heartbeat = opened();
        let mut now = START;
        for _ in 0..100 {
            now = now.after(25_000);
            assert_eq!(heartbeat.deadline(), Some(now));
            assert_eq!(heartbeat.expired(now), Verdict::SendPing);
        }
    }

    #[test]
    fn the_patience_is_that_of_the_moment_of_the_ping() {
        for (hidden, patience) in [(false, 10_000), (true, 70_000)] {
            let (mut heartbeat, now) = answered();
            heartbeat.hide(hidden);
            let asked = now.after(25_000);
            assert_eq!(heartbeat.expired(asked), Verdict::SendPing);
            heartbeat.hide(!hidden);
            let due = asked.after(patience);
            assert_eq!(heartbeat.deadline(), Some(due));
            assert_eq!(heartbeat.expired(due), Verdict::Dead);
        }
    }

    #[test]
    fn lateness_up_to_a_second_is_none() {
        for (late, verdict) in [(1_000, Verdict::Dead), (1_001, Verdict::SendPing)] {
            let (mut heartbeat, now) = answered();
            let asked = now.after(25_000);
            assert_eq!(heartbeat.expired(asked), Verdict::SendPing);
            assert_eq!(heartbeat.expired(asked.after(10_000 + late)), verdict);
        }
    }

    #[test]
    fn a_refusal_needs_a_first_ping_unanswered_and_recent() {
        let mut heartbeat = opened();
        assert!(!heartbeat.refused_at_close(START.after(1)));
        assert_eq!(heartbeat.wake(START.after(2_000)), Verdict::SendPing);
        assert!(!heartbeat.refused_at_close(START.after(7_001)));
        assert!(heartbeat.refused_at_close(START.after(7_000)));
        assert!(!heartbeat.is_on());

        let (mut heartbeat, now) = answered();
        heartbeat.opened(now);
        assert_eq!(heartbeat.wake(now.after(2_000)), Verdict::SendPing);
        assert!(!heartbeat.refused_at_close(now.after(2_000)));
    }

    #[test]
    fn a_pong_that_never_came_does_not_blur_later_round_trips() {
        let (mut heartbeat, now) = answered();
        let asked = now.after(25_000);
        assert_eq!(heartbeat.expired(asked), Verdict::SendPing);
        heartbeat.heard(asked.after(100));
        let again = asked.after(25_100);
        assert_eq!(heartbeat.expired(again), Verdict::SendPing);
        assert_eq!(heartbeat.pong(again.after(30)), Some(30));
        assert!(!heartbeat.awaits_pong());
    }
}
