//! Faults, one at a time and at random; and the end of them all.

use everwire::proto::{Input, PageEvent};

use crate::happening::Happening;
use crate::network::Mode;
use crate::plan::Pings;
use crate::server::ProviderMode;
use crate::world::World;

/// Every code that the policy knows, and some that it does not.
const CODES: &[u16] = &[
    1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3003, 3500,
    4400, 4401, 4403, 4404, 4406, 4409, 4410, 4413, 4429, 4500,
];

impl World {
    pub fn fault_ticks(&mut self) {
        if self.quiet {
            return;
        }
        let next = self.now + self.dice.within(0..=self.plan.calm);
        // While the page sleeps, one fault is as good as many.
        let next = next.max(self.page.asleep_until);
        self.queue.push(next, Happening::Fault);
        let fault = self.dice.within(0..=13);
        self.note(|_| format!("fault {fault}"));
        match fault {
            0 => self.handshakes_fail(),
            1 => self.on_current(Self::cut),
            2 => self.on_current(Self::die_silently),
            3 | 4 => self.hole(),
            5 | 6 => self.server_closes(),
            7 => self.server.stalled_until = self.now + self.dice.within(5_000..=60_000),
            8 => self.server_stops(),
            9 => self.server.valid_from = self.dice.within(0..=20),
            10 => self.provider_changes(),
            11 => self.network.flaps = self.dice.within(1..=6),
            12 => self.network.bandwidth = self.dice.pick(&[1, 20, 1_000]),
            _ => self.spurious_timer(),
        }
    }

    fn on_current(&mut self, fault: impl FnOnce(&mut Self, everwire::proto::SocketId)) {
        if let Some(id) = self.current {
            fault(self, id);
        }
    }

    fn handshakes_fail(&mut self) {
        self.network.mode = self.dice.pick(&[
            Mode::Refuses,
            Mode::Hangs,
            Mode::Throws,
            Mode::Fails,
            Mode::Resets,
        ]);
        self.network.mode_until = self.now + self.dice.within(1_000..=90_000);
    }

    fn hole(&mut self) {
        let until = self.now + self.dice.within(1_000..=90_000);
        let (up, down) = self.dice.pick(&[(until, 0), (0, until), (until, until)]);
        self.on_current(|world, id| world.dig_hole(id, up, down));
    }

    fn server_closes(&mut self) {
        let code = self.dice.pick(CODES);
        let hint = self.dice.pick(&[0, 1_000, 20_000, 400_000]);
        let reason = match self.dice.within(0..=3) {
            0 => String::new(),
            1 => "x".repeat(123),
            _ => format!(r#"{{"retry_after_ms":{hint}}}"#),
        };
        self.see("the server closes");
        self.on_current(|world, id| world.close_down(id, world.now, code, reason));
    }

    /// Politely or by force, and it is away for a while.
    fn server_stops(&mut self) {
        self.network.mode = Mode::Refuses;
        self.network.mode_until = self.now + self.dice.within(0..=20_000);
        match self.dice.one_in(2) {
            true => self.on_current(|world, id| {
                world.see("the server says 1012");
                world.close_down(id, world.now, 1012, String::new());
            }),
            false => self.on_current(Self::cut),
        }
    }

    fn provider_changes(&mut self) {
        self.provider.mode = self.dice.pick(&[
            ProviderMode::Good,
            ProviderMode::Good,
            ProviderMode::Good,
            ProviderMode::Fails,
            ProviderMode::Hangs,
            ProviderMode::Repeats,
            ProviderMode::Unauthorized,
        ]);
    }

    fn spurious_timer(&mut self) {
        if self.page.asleep_until <= self.now {
            self.input(Input::Timeout);
        }
    }

    pub fn end_all_faults(&mut self) {
        self.network.mode = Mode::Accepts;
        self.network.flaps = 0;
        self.network.bandwidth = self.plan.bandwidth;
        self.server.stalled_until = self.now;
        self.server.valid_from = 0;
        match self.plan.pings {
            Pings::Answered | Pings::Ignored => {}
            Pings::Fatal => self.plan.pings = Pings::Ignored,
            Pings::Mixed => {
                self.plan.pings = Pings::Answered;
                self.on_current(|world, id| world.socket(id).server.answers_pings = true);
            }
        }
        self.provider.mode = ProviderMode::Good;
        if let Some(id) = self.current {
            self.queue.push(self.now + 1_000, Happening::GiveUp(id));
        }
        if self.page.left {
            self.page.left = false;
            self.input(Input::Page(PageEvent::Return));
        }
        self.show();
    }
}
