//! The messages of reliable mode, as the facade has read and checked them.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use everwire::proto::Token;
use everwire::proto::frames::{AuthNews, Beat, Control, Lost, Part, Resumed, Run, Session, Terms};

use crate::facade::Facade;

// The kinds of part; `npm/src/frames.ts` has the same numbers.
const RUN: i32 = 0;
const SESSION: i32 = 1;
const ACK: i32 = 2;
const ERR: i32 = 3;
const PING: i32 = 4;
const PONG: i32 = 5;
const AUTH: i32 = 6;
const DRAIN: i32 = 7;
const RESYNC: i32 = 8;
const BYE: i32 = 9;
const SKIP: i32 = 10;
const OPEN: i32 = 11;

/// The parts of the kept frame.
pub(super) fn parts(facade: &Facade) -> Vec<Part> {
    let mut parts = Vec::new();
    loop {
        let kind = facade.part_();
        if kind < 0 {
            return parts;
        }
        parts.push(part(&Fields(facade), kind));
    }
}

/// The fields of the present part, by their places in the tables of `npm/src/frames.ts`.
struct Fields<'a>(&'a Facade);

impl Fields<'_> {
    /// NaN, an absent number, becomes 0.
    fn number(&self, index: usize) -> u64 {
        self.0.field_(index) as u64
    }

    fn maybe(&self, index: usize) -> Option<u64> {
        let value = self.0.field_(index);
        (value >= 0.0).then_some(value as u64)
    }

    fn word(&self, index: usize) -> String {
        self.0.word_(index).unwrap_or_default()
    }

    fn lost(&self, index: usize) -> Option<Lost> {
        let word = self.0.word_(index)?;
        let known = Lost::ALL.iter().find(|lost| lost.as_str() == word);
        Some(known.copied().unwrap_or(Lost::Unknown))
    }
}

fn part(fields: &Fields, kind: i32) -> Part {
    if kind == RUN {
        return Part::Run(Run {
            first: fields.maybe(0),
            count: fields.number(1) as u32,
            ack: fields.maybe(2),
            re: fields.maybe(3),
        });
    }
    Part::Control(control(fields, kind))
}

fn control(fields: &Fields, kind: i32) -> Control {
    let beat = || Beat {
        t: fields.number(0),
        ack: fields.maybe(1),
        tx: fields.maybe(2),
    };
    match kind {
        SESSION => Control::Session(Box::new(session(fields))),
        ACK => Control::Ack(fields.number(0)),
        ERR => Control::Err {
            seq: fields.number(0),
            code: fields.word(0),
            message: fields.word(1),
        },
        PING => Control::Ping(beat()),
        PONG => Control::Pong(beat()),
        AUTH => Control::Auth(match (fields.maybe(0), fields.maybe(1)) {
            (Some(0), _) => AuthNews::Refused,
            (Some(_), exp_ms) => AuthNews::Ok { exp_ms },
            (None, _) => AuthNews::Needed {
                in_ms: fields.number(2),
            },
        }),
        DRAIN => Control::Drain {
            after_ms: fields.number(0),
            spread_ms: fields.number(1),
        },
        RESYNC => Control::Resync {
            next: fields.number(0),
            reason: fields.lost(0).unwrap_or(Lost::Unknown),
        },
        BYE => Control::Bye {
            ack: fields.number(0),
        },
        // The client's own words do not come from a server: what they say does not matter.
        SKIP | OPEN => Control::Skip { seq: 0, ack: None },
        _ => Control::Unknown,
    }
}

fn session(fields: &Fields) -> Session {
    let resumed = match (fields.number(0), fields.lost(4)) {
        (0, None) => Resumed::Fresh,
        (0, Some(lost)) => Resumed::No(lost),
        _ => Resumed::Yes,
    };
    let mut errs = Vec::new();
    while let Some(seq) = fields.maybe(15 + errs.len()) {
        errs.push((seq, fields.word(5 + errs.len())));
    }
    Session {
        sid: fields.word(0),
        key: Token::new(fields.word(1)),
        epoch: fields.word(2),
        user: fields.word(3),
        resumed,
        got: fields.number(1),
        rx: fields.maybe(2),
        errs,
        maybe: fields.maybe(3),
        prior: fields.maybe(4),
        from: fields.number(5),
        terms: Terms {
            ping_ms: fields.number(6),
            timeout_ms: fields.number(7),
            ttl_ms: fields.number(8),
            max_frame: fields.number(9),
            window: fields.number(10),
            window_bytes: fields.number(11),
            rate: fields.maybe(12),
            burst: fields.maybe(13),
            exp_ms: fields.maybe(14),
        },
    }
}
