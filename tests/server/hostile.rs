//! Whatever comes in whatever order: nothing panics, and all stays within its bounds.

use everwire::proto::frames::{Beat, Control};
use everwire::proto::server::{
    Cid, Frame, Grant, Inbound, Input, Loaded, MessageRate, Outcome, Output, Record, Refusal,
    ServerConfig, Sessions, StoreKind, Stored, Unreadable,
};
use everwire::proto::{Instant, SocketId, Token};
use proptest::prelude::*;

use crate::house::open;

const SOCKETS: u32 = 6;

/// A number that is often near something that matters.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0_u64..5,
        0_u64..400,
        Just((1 << 53) - 1),
        Just(1 << 53),
        any::<u64>()
    ]
}

fn inbound() -> impl Strategy<Value = Inbound<u32>> {
    let beat = || {
        (
            any::<u64>(),
            prop::option::of(number()),
            prop::option::of(number()),
        )
    };
    let beat = move || beat().prop_map(|(t, ack, tx)| Beat { t, ack, tx });
    prop_oneof![
        6 => (prop::option::of(number()), prop::option::of(number()), any::<u32>()).prop_map(|(seq, ack, bytes)| {
            Inbound::Message { seq, ack, bytes, message: 7 }
        }),
        3 => (0_u32..4, number(), number(), number()).prop_map(|(cid, n, tx0, tx)| {
            let mut open = open(&format!("c{cid}"), n);
            (open.tx0, open.tx) = (tx0, tx);
            Inbound::Control(Control::Open(open.into()))
        }),
        1 => number().prop_map(|ack| Inbound::Control(Control::Ack(ack))),
        1 => (number(), prop::option::of(number())).prop_map(|(seq, ack)| Inbound::Control(Control::Skip { seq, ack })),
        1 => beat().prop_map(|beat| Inbound::Control(Control::Ping(beat))),
        1 => beat().prop_map(|beat| Inbound::Control(Control::Pong(beat))),
        1 => number().prop_map(|ack| Inbound::Control(Control::Bye { ack })),
        1 => Just(Inbound::Control(Control::Token(Token::new("t")))),
        1 => Just(Inbound::Control(Control::Unknown)),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Open(u32),
    Frame(u32, Vec<Inbound<u32>>, u32),
    Unreadable(u32),
    Closed(u32),
    Pass(u64),
    Send(u32),
    Answer(usize, u8),
    Revoke,
}

fn step() -> impl Strategy<Value = Step> {
    let socket = || 1..=SOCKETS;
    prop_oneof![
        2 => socket().prop_map(Step::Open),
        8 => (socket(), prop::collection::vec(inbound(), 0..4), 0_u32..100_000)
            .prop_map(|(socket, frame, bytes)| Step::Frame(socket, frame, bytes)),
        1 => socket().prop_map(Step::Unreadable),
        2 => socket().prop_map(Step::Closed),
        2 => (0_u64..200_000).prop_map(Step::Pass),
        4 => any::<u32>().prop_map(Step::Send),
        8 => (0_usize..4, any::<u8>()).prop_map(|(which, how)| Step::Answer(which, how)),
        1 => Just(Step::Revoke),
    ]
}

/// An answer to a question that was asked; `how` picks one of the ways it may turn out.
fn answer(question: &Output<u32, u32>, how: u8) -> Option<Input<u32>> {
    let pick = how % 4;
    Some(match question {
        Output::Authenticate(socket, _) => Input::Authenticated(
            *socket,
            match pick {
                0 => Err(Refusal::Forbidden),
                1 => Err(Refusal::Unauthorized),
                _ => Ok(Grant {
                    user: "ann".to_owned(),
                    fingerprint: "f".to_owned(),
                    life_ms: (pick == 2).then_some(u64::from(how) * 1_000),
                }),
            },
        ),
        Output::Load(cid) => {
            let record = Record {
                user: "f".to_owned(),
                n: 1,
                rx: (how > 100).then_some(u64::from(how)),
                begun: (how > 200).then_some(u64::from(how) + 1),
                errs: Vec::new(),
            };
            let loaded = match pick {
                0 => Loaded::Failed,
                1 => Loaded::Absent,
                _ => Loaded::Found(record),
            };
            Input::Loaded(cid.clone(), loaded)
        }
        Output::Store(cid, _) => Input::Stored(
            cid.clone(),
            match how {
                0..8 => Stored::Fenced,
                8..16 => Stored::Failed,
                _ => Stored::Done,
            },
        ),
        Output::Handle(handle) => Input::Handled(
            handle.id,
            match how {
                0..8 => Outcome::Fenced,
                8..40 => Outcome::Failed,
                40..60 => Outcome::TimedOut,
                60..150 => Outcome::Committed,
                _ => Outcome::Done,
            },
        ),
        _ => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_all_stays_within_its_bounds(
        steps in prop::collection::vec(step(), 1..120),
        is_marked in any::<bool>(),
        is_limited in any::<bool>(),
    ) {
        let config = ServerConfig {
            store: if is_marked { StoreKind::Marked } else { StoreKind::Atomic },
            rate: is_limited.then_some(MessageRate { per_second: 10, burst: 20, leeway: 0 }),
            rings_bytes: 100_000,
            ..ServerConfig::default()
        };
        let mut now = Instant::from_millis(0);
        let mut sessions: Sessions<u32, u32> = Sessions::new(config, [9; 32], now);
        let mut questions: Vec<Output<u32, u32>> = Vec::new();
        let mut fresh = 100;
        let mut ids: Vec<u32> = (0..=SOCKETS).collect();
        for step in steps {
            let id = |socket: u32| SocketId(ids[socket as usize]);
            match step {
                Step::Open(socket) => {
                    sessions.handle_input(now, Input::Closed(id(socket)));
                    fresh += 1;
                    ids[socket as usize] = fresh;
                    sessions.handle_input(now, Input::Opened(SocketId(fresh)));
                }
                Step::Frame(socket, messages, bytes) => {
                    sessions.handle_input(now, Input::Frame(id(socket), Frame { bytes, messages }));
                }
                Step::Unreadable(socket) => {
                    sessions.handle_input(now, Input::Unreadable(id(socket), Unreadable::Malformed));
                }
                Step::Closed(socket) => sessions.handle_input(now, Input::Closed(id(socket))),
                Step::Pass(ms) => {
                    now = now.after(ms);
                    sessions.handle_input(now, Input::Timeout);
                    prop_assert!(sessions.poll_timeout().is_none_or(|at| at > now), "a timer stands still");
                }
                Step::Send(bytes) => {
                    sessions.send_to_user(now, "ann", 1, bytes % 50_000);
                    sessions.send_volatile(now, &Cid::new("c1"), 2);
                }
                Step::Answer(which, how) if !questions.is_empty() => {
                    let question = questions.remove(which % questions.len());
                    if let Some(input) = answer(&question, how) {
                        sessions.handle_input(now, input);
                    }
                }
                Step::Answer(..) => {}
                Step::Revoke => {
                    sessions.revoke(now, "ann");
                }
            }
            while let Some(output) = sessions.poll_output() {
                if answer(&output, 0).is_some() {
                    questions.push(output);
                }
            }
            let stats = sessions.stats();
            prop_assert!(stats.sockets <= SOCKETS as usize && stats.clients <= 4);
            prop_assert!(stats.ring_bytes <= 100_000 && stats.longest_ring <= 1_001 && stats.longest_queue <= 1_024);
            let asked = |kind: fn(&Output<u32, u32>) -> Option<Cid>| {
                let mut cids: Vec<Cid> = questions.iter().filter_map(kind).collect();
                let count = cids.len();
                cids.sort();
                cids.dedup();
                cids.len() == count
            };
            prop_assert!(asked(|output| match output {
                Output::Load(cid) | Output::Store(cid, _) => Some(cid.clone()),
                _ => None,
            }), "two questions to the store about one client");
        }
    }
}
