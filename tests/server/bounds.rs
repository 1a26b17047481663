//! Nothing grows without a bound, and what must go is the least recently used.

use everwire::proto::frames::{Lost, Resumed};
use everwire::proto::server::{Cid, Inbound, Input, Outcome, Sent, ServerConfig};

use crate::house::{House, message, open, resume};

#[test]
fn a_users_clients_are_bounded_and_another_users_are_left_alone() {
    let mut house = House::new(ServerConfig {
        clients_per_user: 3,
        sessions_per_user: 3,
        ..ServerConfig::default()
    });
    house.enter("ben", open("b", 1));
    for cid in ["c1", "c2", "c3"] {
        let (socket, _) = house.enter("ann", open(cid, 1));
        house.input(Input::Closed(socket));
        house.pass(1_000);
    }
    house.enter("ann", open("c1", 2));
    house.enter("ann", open("c4", 1));
    assert_eq!(house.sessions.stats().clients, 4);
    assert!(
        !house.sessions.has_session(&Cid::new("c2")),
        "it was away longest"
    );
    house.enter("ann", open("c5", 1));
    let refused = house.knock("ann", open("c6", 1));
    house.serve_store();
    assert_eq!(
        house.close(refused),
        Some((4429, r#"{"retry_after_ms":60000}"#.to_owned()))
    );
    assert!(house.sessions.is_attached(&Cid::new("b")));
}

#[test]
fn a_client_with_work_is_not_forgotten() {
    let mut house = House::new(ServerConfig {
        clients_per_user: 1,
        sessions_per_user: 1,
        record_ms: 1_000,
        ttl_ms: 500,
        ..ServerConfig::default()
    });
    let (socket, _) = house.enter("ann", open("c", 1));
    house.frame(socket, vec![message(1)]);
    let handle = house.handle().unwrap();
    house.input(Input::Closed(socket));
    house.pass(10_000);
    let other = house.knock("ann", open("d", 1));
    house.serve_store();
    assert_eq!(house.close(other).unwrap().0, 4429);
    house.handled(&handle, Outcome::Committed);
    house.serve_store();
    let (_, session) = house.enter("ann", open("c", 2));
    assert_eq!(session.rx, Some(1));
}

#[test]
fn when_all_rings_are_full_the_largest_detached_goes_and_resumes_as_gap() {
    let mut house = House::new(ServerConfig {
        rings_bytes: 1_000,
        ..ServerConfig::default()
    });
    let (large, large_session) = house.enter("ann", open("large", 1));
    let (small, small_session) = house.enter("ben", open("small", 1));
    for socket in [large, small] {
        house.input(Input::Closed(socket));
    }
    house.sessions.send_to_user(house.now, "ann", 1, 600);
    house.sessions.send_to_user(house.now, "ben", 2, 300);
    let sent = house.sessions.send_to_user(house.now, "ben", 3, 300);
    assert_eq!(
        sent,
        Sent {
            sessions: 1,
            attached: 0
        }
    );
    assert_eq!(house.sessions.stats().ring_bytes, 600);
    let mut again = open("large", 2);
    again.resume = resume(&large_session, 0);
    assert_eq!(house.enter("ann", again).1.resumed, Resumed::No(Lost::Gap));
    let mut again = open("small", 2);
    again.resume = resume(&small_session, 0);
    let (socket, session) = house.enter("ben", again);
    assert_eq!(session.resumed, Resumed::Yes);
    assert_eq!(house.written(socket), [1, 2]);
}

#[test]
fn the_attached_do_not_outgrow_all_rings_either() {
    let mut house = House::new(ServerConfig {
        rings_bytes: 1_000,
        ..ServerConfig::default()
    });
    house.enter("ann", open("c", 1));
    for payload in 0..50 {
        house.sessions.send_to_user(house.now, "ann", payload, 100);
        house.gather();
        assert!(house.sessions.stats().ring_bytes <= 1_000);
    }
}

#[test]
fn a_queue_of_messages_is_bounded_by_the_largest_window() {
    let mut house = House::new(ServerConfig::default());
    let (socket, _) = house.enter("ann", open("c", 1));
    let volatile = || Inbound::Message {
        seq: None,
        ack: None,
        bytes: 20,
        message: 0,
    };
    for _ in 0..8 {
        house.frame(socket, (0..256).map(|_| volatile()).collect());
    }
    assert_eq!(house.sessions.stats().longest_queue, 1_024);
    assert_eq!(
        house.close(socket),
        None,
        "volatile messages may be dropped"
    );
    house.frame(socket, vec![message(1)]);
    assert_eq!(house.close(socket).unwrap().0, 4400);
}

#[test]
fn when_all_are_gone_nothing_is_left_but_for_its_time() {
    let mut house = House::new(ServerConfig::default());
    for nth in 0..100 {
        let (socket, _) = house.enter("ann", open(&format!("c{}", nth % 20), nth + 1));
        house.sessions.send_to_user(house.now, "ann", 1, 100);
        house.input(Input::Closed(socket));
        house.pass(1_000);
    }
    assert!(house.sessions.stats().sessions <= 16);
    house.pass(120_000);
    let stats = house.sessions.stats();
    assert_eq!((stats.sockets, stats.sessions, stats.ring_bytes), (0, 0, 0));
    assert!(house.ended() > 0);
    house.pass(24 * 3_600_000);
    house.serve_store();
    assert_eq!(house.sessions.stats().clients, 0);
    assert_eq!(house.sessions.poll_timeout(), None, "no timer is left");
}
