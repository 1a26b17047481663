//! Openings that cross each other, and stores that take their time.

use everwire::proto::frames::{Lost, Resumed};
use everwire::proto::server::{Input, Loaded, Record, ServerConfig, Stored, Write};

use crate::house::{House, message, open, resume};

fn house() -> House {
    House::new(ServerConfig::default())
}

#[test]
fn a_socket_that_waits_for_its_claim_gives_way_to_a_later_one() {
    let mut house = house();
    let first = house.knock("ann", open("c", 1));
    let second = house.knock("ann", open("c", 2));
    house.serve_store();
    assert_eq!(house.close(first), Some((4409, r#"{"n":2}"#.to_owned())));
    assert!(house.session(first).is_none());
    assert!(house.session(second).is_some());
}

#[test]
fn a_socket_that_went_while_it_waited_changes_nothing_more() {
    let mut house = house();
    let first = house.knock("ann", open("c", 1));
    house.input(Input::Closed(first));
    house.serve_store();
    assert!(house.session(first).is_none());
    assert_eq!(house.sessions.stats().sockets, 0);
    house.enter("ann", open("c", 2));
}

#[test]
fn frames_of_the_old_socket_count_no_more_once_another_claims_the_client() {
    let mut house = house();
    let (old, _) = house.enter("ann", open("c", 1));
    let new = house.knock("ann", open("c", 2));
    assert_eq!(house.close(old), Some((4409, "superseded".to_owned())));
    house.frame(old, vec![message(1)]);
    house.serve_store();
    assert_eq!(house.session(new).unwrap().got, 0);
    assert_eq!(house.handle(), None);
}

#[test]
fn what_is_accepted_while_a_claim_is_stored_is_part_of_the_session() {
    let mut house = house();
    let (old, _) = house.enter("ann", open("c", 1));
    house.frame(old, vec![message(1), message(2)]);
    let handle = house.handle().unwrap();
    let new = house.knock("ann", open("c", 2));
    house.handled(&handle, everwire::proto::server::Outcome::Committed);
    house.serve_store();
    let session = house.session(new).unwrap();
    assert_eq!((session.got, session.rx), (2, Some(1)));
}

#[test]
fn the_record_of_another_user_is_not_kept() {
    let mut house = house();
    let stranger = house.knock("ben", open("c", 9));
    let record = Record {
        user: "fingerprint of ann".to_owned(),
        n: 3,
        rx: Some(4),
        ..Record::default()
    };
    house.outputs.clear();
    house.input(Input::Loaded(
        everwire::proto::server::Cid::new("c"),
        Loaded::Found(record),
    ));
    assert_eq!(house.close(stranger), Some((4409, "user".to_owned())));
    assert_eq!(house.sessions.stats().clients, 0);
}

#[test]
fn a_stale_key_is_refused_and_the_session_is_replaced() {
    let mut house = house();
    let (_, first) = house.enter("ann", open("c", 1));
    let mut again = open("c", 2);
    again.resume = resume(&first, 0);
    let (_, second) = house.enter("ann", again);
    assert_eq!(second.resumed, Resumed::Yes);
    let mut third = open("c", 3);
    third.resume = resume(&second, 0);
    house.enter("ann", third);
    let mut stale = open("c", 4);
    stale.resume = resume(&first, 0);
    let (_, session) = house.enter("ann", stale);
    assert_eq!(session.resumed, Resumed::No(Lost::Key));
    assert_ne!(session.sid, first.sid);
    assert_eq!(house.sessions.stats().sessions, 1);
}

#[test]
fn a_claim_that_cannot_be_stored_closes_its_socket_alone() {
    let mut house = house();
    let (old, session) = house.enter("ann", open("c", 1));
    house.input(Input::Closed(old));
    let failed = house.knock("ann", open("c", 2));
    let (cid, write) = house.write().unwrap();
    assert!(matches!(write, Write::Claim { n: 2, .. }));
    house.input(Input::Stored(cid, Stored::Failed));
    assert_eq!(house.close(failed).unwrap().0, 1013);
    let mut again = open("c", 3);
    again.resume = resume(&session, 0);
    assert_eq!(house.enter("ann", again).1.resumed, Resumed::Yes);
}
