//! A seeded sequence of faults.

use serde::Deserialize;

use crate::fault::{Ending, Fault, Garbage, Toward};

/// Close codes of the policy after which a client comes back at once, or slowly.
const PASSING_CODES: [u16; 8] = [1005, 1001, 1006, 1011, 1012, 1013, 4408, 4410];
const STATUSES: [u16; 4] = [403, 426, 502, 503];

/// Which faults there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mix {
    /// Cuts alone.
    Cuts,
    /// Faults of the network, which no peer may be stopped by.
    Network,
    /// Those, and frames that are lost, late or twice.
    Frames,
    /// Frames that no peer should write, and frames on the wrong connection, after which either may stop.
    Garbage,
}

/// Faults without end, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Schedule {
    random: fastrand::Rng,
    mix: Mix,
}

impl Schedule {
    /// The faults of `mix`, in the order that `seed` makes of them.
    pub fn new(seed: u64, mix: Mix) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { random, mix }
    }

    fn cut(&mut self) -> Fault {
        Fault::Cut {
            ending: self.one(&[Ending::Reset, Ending::End]),
        }
    }

    fn network(&mut self) -> Fault {
        match self.random.u32(0..100) {
            0..40 => self.cut(),
            40..50 => Fault::BlackHole {
                toward: self.toward(),
            },
            50..58 => Fault::Hold {
                toward: self.toward(),
                ms: self.random.u64(50..2_000),
            },
            58..66 => Fault::Close {
                code: self.passing_code(),
                reason: String::new(),
            },
            66..71 => Fault::Reset { times: 1 },
            71..76 => Fault::Status {
                code: self.one(&STATUSES),
                times: 1,
            },
            76..80 => Fault::Refuse {
                ms: self.random.u64(50..500),
            },
            80..82 => Fault::Silent { times: 1 },
            82..87 => Fault::HoldSession {
                ms: self.random.u64(50..1_500),
                times: 1,
            },
            87..93 => Fault::Flap {
                times: self.random.u32(1..=2),
                within_ms: 500,
            },
            93..95 => Fault::CloseUnanswered,
            _ => self.shape(),
        }
    }

    fn frames(&mut self) -> Fault {
        let toward = self.one(&[Toward::Server, Toward::Client]);
        match self.random.u32(0..6) {
            0..3 => self.network(),
            3 => Fault::Drop { toward },
            4 => Fault::Late { toward },
            _ => Fault::Twice { toward },
        }
    }

    fn garbage(&mut self) -> Fault {
        let toward = self.one(&[Toward::Server, Toward::Client]);
        let kind = self.random.u32(0..8);
        if kind == 0 {
            return Fault::Carry { toward };
        }
        if kind < 4 {
            let garbage = self.one(&[
                Garbage::Text,
                Garbage::InvalidUtf8,
                Garbage::Binary,
                Garbage::Deep,
                Garbage::Large,
                Garbage::Reserved,
                Garbage::Prototype,
            ]);
            return Fault::Inject { toward, garbage };
        }
        // Not what a message says, nor that it has a seq: the protocol does not sign its frames.
        let field = self.one(&["seq", "ack"]);
        let value = match self.random.u32(0..4) {
            0 => 0.into(),
            1 => (-1).into(),
            2 => (1_u64 << 53).into(),
            _ => "x".into(),
        };
        Fault::Rewrite {
            toward,
            field: field.to_owned(),
            value,
        }
    }

    fn shape(&mut self) -> Fault {
        Fault::Shape {
            latency_ms: self.random.u64(0..150),
            jitter_ms: self.random.u64(0..150),
            bytes_per_second: self.one(&[0, 20_000, 100_000]),
            slice: self.one(&[0, 1, 7, 100]),
            ms: self.random.u64(200..2_000),
        }
    }

    fn toward(&mut self) -> Toward {
        self.one(&[Toward::Server, Toward::Client, Toward::Both])
    }

    /// 1006 cannot be written; it stands for no close frame.
    fn passing_code(&mut self) -> u16 {
        match self.one(&PASSING_CODES) {
            1006 => 1005,
            code => code,
        }
    }

    #[allow(
        clippy::indexing_slicing,
        reason = "the index is below the length, and no list is empty"
    )]
    fn one<T: Clone>(&mut self, among: &[T]) -> T {
        let at = self.random.usize(0..among.len());
        among[at].clone()
    }
}

impl Iterator for Schedule {
    type Item = Fault;

    fn next(&mut self) -> Option<Fault> {
        Some(match self.mix {
            Mix::Cuts => self.cut(),
            Mix::Network => self.network(),
            Mix::Frames => self.frames(),
            Mix::Garbage => self.garbage(),
        })
    }
}
