//! Values of the protocol: likely ones, and such that no honest peer writes.

use everwire::proto::frames::{
    AuthNews, Beat, Control, Lost, NUMBER_MAX, Open, Part, Resume, Resumed, Run, Session, Terms,
};
use everwire::proto::server::Inbound;
use everwire::proto::{CloseFrame, Token};

use crate::bytes::Bytes;

/// Close codes that mean something, and some that do not.
const CODES: [u16; 28] = [
    0, 999, 1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000,
    3003, 3500, 4001, 4100, 4400, 4401, 4403, 4408, 4409, 4410, 4429, 4500,
];

pub(crate) fn close_frame(bytes: &mut Bytes) -> CloseFrame {
    let reason = match bytes.below(6) {
        0..=2 => String::new(),
        3 => format!(r#"{{"retry_after_ms":{}}}"#, bytes.number()),
        4 => format!(r#"{{"n":{}}}"#, bytes.number()),
        _ => bytes.text(),
    };
    let code = match bytes.below(8) {
        0 => u16::from_be_bytes([bytes.byte(), bytes.byte()]),
        _ => bytes.one(&CODES),
    };
    CloseFrame { code, reason }
}

fn lost(bytes: &mut Bytes) -> Lost {
    bytes.one(&Lost::ALL)
}

pub(crate) fn beat(bytes: &mut Bytes, seq: u64) -> Beat {
    Beat {
        t: bytes.number(),
        ack: bytes.perhaps(|bytes| bytes.near(seq)),
        tx: bytes.perhaps(|bytes| bytes.near(seq)),
    }
}

/// What a server says: `ack` is what the client last wrote, `next` the seq that is due from the server.
pub(crate) fn server_part(bytes: &mut Bytes, ack: u64, next: u64) -> Part {
    match bytes.below(12) {
        0..=4 => Part::Run(run(bytes, ack, next)),
        5 => Part::Control(Control::Ack(bytes.near(ack))),
        6 => Part::Control(Control::Err {
            seq: bytes.near(ack),
            code: bytes
                .one(&["handler", "timeout", "no-such-task"])
                .to_owned(),
            message: bytes.text(),
        }),
        7 => Part::Control(Control::Ping(beat(bytes, ack))),
        8 => Part::Control(Control::Pong(beat(bytes, ack))),
        9 => Part::Control(Control::Resync {
            next: bytes.near(next + 2),
            reason: lost(bytes),
        }),
        10 => Part::Control(Control::Session(Box::new(session(bytes, ack)))),
        _ => Part::Control(odd_control(bytes, ack)),
    }
}

fn run(bytes: &mut Bytes, ack: u64, next: u64) -> Run {
    let first = (bytes.below(6) > 0).then(|| bytes.near(next));
    // No codec lets a seq above the limit through.
    let room = first.map_or(NUMBER_MAX, |first| NUMBER_MAX + 1 - first);
    let count = (bytes.below(5) + 1).min(room);
    Run {
        first,
        count: u32::try_from(count).unwrap_or_default(),
        ack: bytes.perhaps(|bytes| bytes.near(ack)),
        re: (bytes.below(4) == 0).then(|| bytes.near(ack)),
    }
}

fn odd_control(bytes: &mut Bytes, seq: u64) -> Control {
    match bytes.below(8) {
        0 => Control::Auth(AuthNews::Ok {
            exp_ms: bytes.perhaps(Bytes::number),
        }),
        1 => Control::Auth(AuthNews::Refused),
        2 => Control::Auth(AuthNews::Needed {
            in_ms: bytes.number(),
        }),
        3 => Control::Drain {
            after_ms: bytes.number(),
            spread_ms: bytes.number(),
        },
        4 => Control::Bye {
            ack: bytes.near(seq),
        },
        5 => Control::Skip {
            seq: bytes.near(seq),
            ack: bytes.perhaps(Bytes::number),
        },
        6 => Control::Open(Box::new(open(bytes, seq, None))),
        _ => Control::Unknown,
    }
}

pub(crate) fn session(bytes: &mut Bytes, written: u64) -> Session {
    let resumed = match bytes.below(3) {
        0 => Resumed::Yes,
        1 => Resumed::Fresh,
        _ => Resumed::No(lost(bytes)),
    };
    let errs = (0..bytes.below(3))
        .map(|_| (bytes.near(written), "refused".to_owned()))
        .collect();
    Session {
        sid: bytes.name(),
        key: Token::new(bytes.name()),
        epoch: bytes.name(),
        user: bytes.name(),
        resumed,
        got: bytes.near(written),
        rx: (bytes.below(6) > 0).then(|| bytes.near(written)),
        errs,
        maybe: (bytes.below(6) == 0).then(|| bytes.near(written)),
        prior: (bytes.below(6) == 0).then(|| bytes.number()),
        from: bytes.near(1),
        terms: terms(bytes),
    }
}

fn terms(bytes: &mut Bytes) -> Terms {
    if bytes.below(4) > 0 {
        return Terms {
            ping_ms: 25_000,
            timeout_ms: 10_000,
            ttl_ms: 120_000,
            max_frame: 1 << 20,
            window: 256,
            window_bytes: 1 << 17,
            ..Terms::default()
        };
    }
    Terms {
        ping_ms: bytes.number(),
        timeout_ms: bytes.number(),
        ttl_ms: bytes.number(),
        max_frame: bytes.number(),
        window: bytes.number(),
        window_bytes: bytes.number(),
        rate: bytes.perhaps(Bytes::number),
        burst: bytes.perhaps(Bytes::number),
        exp_ms: bytes.perhaps(Bytes::number),
    }
}

/// An `$open` of a client that has given seqs up to `tx`.
pub(crate) fn open(bytes: &mut Bytes, tx: u64, resume: Option<Resume>) -> Open {
    let small = |bytes: &mut Bytes, usual| u32::try_from(bytes.near(usual)).unwrap_or(u32::MAX);
    let strange = Resume {
        sid: bytes.name(),
        key: Token::new(bytes.name()),
        epoch: bytes.name(),
        rx: bytes.number(),
    };
    Open {
        cid: bytes.name(),
        n: bytes.number(),
        token: bytes.perhaps(|bytes| Token::new(bytes.name())),
        tx0: bytes.near(tx + 1),
        tx: bytes.near(tx),
        max_frame: small(bytes, 1 << 20),
        window: small(bytes, 1_000),
        window_bytes: small(bytes, 1 << 20),
        resume: resume.or_else(|| bytes.perhaps(|_| strange)),
    }
}

/// What a client says: `seq` is the one that is due from it, `sent` what the server last wrote.
pub(crate) fn client_message(bytes: &mut Bytes, seq: u64, sent: u64) -> Inbound<()> {
    let control = match bytes.below(16) {
        0 => Control::Ack(bytes.near(sent)),
        1 => Control::Skip {
            seq: bytes.near(seq).max(1),
            ack: bytes.perhaps(|bytes| bytes.near(sent)),
        },
        2 => Control::Ping(beat(bytes, sent)),
        3 => Control::Pong(beat(bytes, sent)),
        4 => Control::Bye {
            ack: bytes.near(sent),
        },
        5 => Control::Token(Token::new(bytes.name())),
        6 => Control::Open(Box::new(open(bytes, seq, None))),
        7 => Control::Unknown,
        _ => {
            return Inbound::Message {
                seq: (bytes.below(8) > 0).then(|| bytes.near(seq).max(1)),
                ack: bytes.perhaps(|bytes| bytes.near(sent)),
                bytes: 20,
                message: (),
            };
        }
    };
    Inbound::Control(control)
}
