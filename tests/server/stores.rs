//! What is stored when, and what follows when that fails.

use everwire::proto::frames::Control;
use everwire::proto::server::{
    Cid, Inbound, Input, Outcome, ServerConfig, StoreKind, Stored, Write,
};

use crate::house::{House, message, open};

fn marked() -> House {
    House::new(ServerConfig {
        store: StoreKind::Marked,
        ..ServerConfig::default()
    })
}

#[test]
fn a_marked_store_is_told_before_a_handler_begins_and_after_it_ended() {
    let mut house = marked();
    let (socket, _) = house.enter("ann", open("c", 1));
    house.frame(socket, vec![message(1)]);
    assert_eq!(house.handle(), None);
    let cid = Cid::new("c");
    assert_eq!(house.write(), Some((cid.clone(), Write::Begin { seq: 1 })));
    house.input(Input::Stored(cid.clone(), Stored::Done));
    let handle = house.handle().unwrap();
    house.handled(&handle, Outcome::Done);
    let settle = Write::Settle {
        seq: 1,
        refused: None,
    };
    assert_eq!(house.write(), Some((cid.clone(), settle)));
    house.pass(1_000);
    assert!(!acks(&house, 1), "what is not stored is not acked");
    house.input(Input::Stored(cid, Stored::Done));
    house.pass(199);
    assert!(!acks(&house, 1));
    house.pass(1);
    assert!(acks(&house, 1));
}

#[test]
fn a_skip_is_stored_and_needs_no_mark() {
    let mut house = marked();
    let (socket, _) = house.enter("ann", open("c", 1));
    let skip = Control::Skip { seq: 1, ack: None };
    house.frame(socket, vec![Inbound::Control(skip)]);
    let (_, write) = house.write().unwrap();
    assert!(matches!(
        write,
        Write::Settle {
            seq: 1,
            refused: None
        }
    ));
}

#[test]
fn a_write_that_is_fenced_or_fails_ends_the_client_here() {
    for (answer, code) in [(Stored::Fenced, 4410), (Stored::Failed, 1013)] {
        let mut house = marked();
        let (socket, _) = house.enter("ann", open("c", 1));
        house.frame(socket, vec![message(1), message(2)]);
        let (cid, _) = house.write().unwrap();
        house.input(Input::Stored(cid, answer));
        assert_eq!(house.close(socket).unwrap().0, code);
        assert_eq!(house.handle(), None);
        assert_eq!(house.sessions.stats().clients, 0);
    }
}

#[test]
fn a_handler_of_a_client_that_was_given_up_settles_nothing() {
    let mut house = House::new(ServerConfig::default());
    let (socket, _) = house.enter("ann", open("c", 1));
    house.frame(socket, vec![message(1)]);
    let old = house.handle().unwrap();
    house.knock("ann", open("c", 2));
    let (cid, _) = house.write().unwrap();
    house.input(Input::Stored(cid, Stored::Fenced));
    let (socket, session) = house.enter("ann", open("c", 3));
    assert_eq!(session.got, 0);
    house.frame(socket, vec![message(1)]);
    let new = house.handle().unwrap();
    house.handled(&old, Outcome::Committed);
    house.pass(1_000);
    assert!(!acks(&house, 1));
    house.handled(&new, Outcome::Committed);
    house.pass(1_000);
    assert!(acks(&house, 1));
}

#[test]
fn a_record_that_is_being_deleted_is_not_loaded_before_it_is_gone() {
    let mut house = House::new(ServerConfig {
        record_ms: 1_000,
        ttl_ms: 500,
        ..ServerConfig::default()
    });
    let (socket, _) = house.enter("ann", open("c", 1));
    house.input(Input::Closed(socket));
    house.pass(5_000);
    let (cid, write) = house.write().unwrap();
    assert_eq!(write, Write::Forget);
    let late = house.knock("ann", open("c", 2));
    house.serve_store();
    assert!(house.session(late).is_none());
    house.input(Input::Stored(cid, Stored::Done));
    house.serve_store();
    assert!(house.session(late).is_some());
}

#[test]
fn a_record_is_not_loaded_before_the_last_write_of_a_client_that_was_given_up() {
    let mut house = House::new(ServerConfig::default());
    let (socket, _) = house.enter("ann", open("c", 1));
    house.frame(socket, vec![message(1)]);
    let handle = house.handle().unwrap();
    house.knock("ann", open("c", 2));
    let (cid, claim) = house.write().unwrap();
    assert!(matches!(claim, Write::Claim { n: 2, .. }));
    house.handled(&handle, Outcome::Fenced);
    let late = house.knock("ann", open("c", 3));
    house.serve_store();
    assert!(house.session(late).is_none());
    house.input(Input::Stored(cid, Stored::Done));
    house.serve_store();
    assert!(house.session(late).is_some());
}

#[test]
fn a_quarter_of_the_window_is_acked_without_waiting() {
    for (count, bytes) in [(64, 20), (4, 8 * 1024)] {
        let mut house = House::new(ServerConfig::default());
        let (socket, _) = house.enter("ann", open("c", 1));
        for seq in 1..=count {
            assert!(!acks(&house, 1), "{seq} messages of {bytes} bytes");
            let message = Inbound::Message {
                seq: Some(seq),
                ack: None,
                bytes,
                message: 0,
            };
            house.frame(socket, vec![message]);
            let handle = house.handle().unwrap();
            house.handled(&handle, Outcome::Committed);
        }
        assert!(acks(&house, count));
    }
}

/// Whether so much was acked, in whatever message.
fn acks(house: &House, seq: u64) -> bool {
    use everwire::proto::server::{Item, Output};
    house.outputs.iter().any(|output| match output {
        Output::Transmit(_, items) => items.iter().any(|item| match item {
            Item::Message { ack, .. } => ack.is_some_and(|ack| ack >= seq),
            Item::Control(Control::Ack(ack)) => *ack >= seq,
            Item::Control(Control::Ping(beat) | Control::Pong(beat)) => {
                beat.ack.is_some_and(|ack| ack >= seq)
            }
            Item::Control(_) => false,
        }),
        _ => false,
    })
}
