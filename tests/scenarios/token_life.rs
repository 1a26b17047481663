//! A token's life: its refresh, its end, and the fresh one asked for after a refusal.

use everwire::Config;
use everwire::proto::AuthVia;

use super::authentication::{by_message, check_auth};

/// Open, authenticated by message with a token that lives for a minute.
const OPEN: &str = "
    connect
        > status connecting attempt=1
        > fetch-token 1 connect
    token 1 hunter2 life=60_000
        > open 1 ws://host/ws
    opened 1
        > transmit 1 auth!
        > status open
    ";

fn check_open(configure: impl FnOnce(&mut Config), script: &str) {
    check_auth(configure, &format!("{OPEN}{script}"));
}

#[test]
fn a_token_is_refreshed_in_band_at_four_fifths_of_its_life() {
    check_open(
        by_message,
        "
        wait 47_999
        wait 1
            > +1 fetch-token 2 refresh
        wait 500
        token 2 correct-horse life=100_000
            > transmit 1 auth!
        wait 79_999
        wait 1
            > +1 fetch-token 3 refresh
        # No life named: no refresh planned.
        token 3 battery-staple
            > transmit 1 auth!
        wait 3_600_000
        ",
    );
}

#[test]
fn a_life_too_short_to_be_true_is_taken_as_ten_seconds() {
    check_auth(
        by_message,
        "
        connect
            > status connecting attempt=1
            > fetch-token 1 connect
        token 1 hunter2 life=1
            > open 1 ws://host/ws
        opened 1
            > transmit 1 auth!
            > status open
        wait 8_000
            > +8000 fetch-token 2 refresh
        ",
    );
}

#[test]
fn a_refresh_that_fell_due_during_the_handshake_is_made_up_for() {
    check_auth(
        by_message,
        "
        connect
            > status connecting attempt=1
            > fetch-token 1 connect
        token 1 hunter2 life=10_000
            > open 1 ws://host/ws
        wait 9_000
        opened 1
            > transmit 1 auth!
            > status open
        wait 0
            > fetch-token 2 refresh
        ",
    );
}

#[test]
fn a_refresh_that_fails_is_tried_again_after_ten_seconds() {
    check_open(
        by_message,
        "
        wait 48_000
            > +48000 fetch-token 2 refresh
        token 2 failed
            > warning token-failed
        wait 10_000
            > +10000 fetch-token 3 refresh
        token 2 too-late
        token 3 correct-horse
            > transmit 1 auth!
        ",
    );
}

#[test]
fn a_refresh_that_says_unauthorized_stops_it() {
    check_open(
        by_message,
        "
        wait 48_000
            > +48000 fetch-token 2 refresh
        token 2 unauthorized
            > close 1 1000
            > disconnected unauthorized
            > status closed unauthorized
        ",
    );
}

#[test]
fn the_answer_to_a_refresh_of_a_lost_connection_is_ignored() {
    check_open(
        by_message,
        "
        wait 48_000
            > +48000 fetch-token 2 refresh
        closed 1 1006
            > disconnected disconnected 1006
            > status reconnecting attempt=1 waiting
        token 2 too-late
        next
            > status reconnecting attempt=1
            > fetch-token 3 connect
        token 2 too-late
        token 3 correct-horse
            > open 2 ws://host/ws
        opened 2
            > transmit 2 auth!
            > status open
        token 2 too-late
        ",
    );
}

#[test]
fn a_token_in_the_url_is_not_refreshed_in_band() {
    check_auth(
        |config| {
            config.auth = AuthVia::Query("token".to_owned());
            config.heartbeat = None;
        },
        "
        connect
            > status connecting attempt=1
            > fetch-token 1 connect
        token 1 hunter2 life=60_000
            > open 1 ws://host/ws?token=***
        opened 1
            > status open
        wait 3_600_000
        ",
    );
}

#[test]
fn a_fresh_token_that_is_refused_too_stops_it() {
    check_open(
        by_message,
        "
        closed 1 4401
            > disconnected unauthorized 4401
            > status reconnecting attempt=1 waiting
        next
            > status reconnecting attempt=1
            > fetch-token 2 refused
        token 2 correct-horse
            > open 2 ws://host/ws
        opened 2
            > transmit 2 auth!
            > status open
        wait 9_999
        closed 2 4401
            > disconnected unauthorized 4401
            > status closed unauthorized
        ",
    );
}

#[test]
fn a_fresh_token_that_lasted_may_be_refused_again() {
    check_open(
        by_message,
        "
        closed 1 4401
            > disconnected unauthorized 4401
            > status reconnecting attempt=1 waiting
        next
            > status reconnecting attempt=1
            > fetch-token 2 refused
        # The need for a fresh one outlives a provider that fails.
        token 2 failed
            > disconnected token-failed
            > status reconnecting attempt=2 waiting
        next
            > status reconnecting attempt=2
            > fetch-token 3 refused
        token 3 correct-horse
            > open 2 ws://host/ws
        opened 2
            > transmit 2 auth!
            > status open
        wait 10_000
        closed 2 4401
            > disconnected unauthorized 4401
            > status reconnecting attempt=1 waiting
        next
            > status reconnecting attempt=1
            > fetch-token 4 refused
        ",
    );
}

#[test]
fn three_handshakes_that_never_open_ask_for_a_fresh_token() {
    let mut script = String::from("connect\n > status connecting attempt=1\n");
    for attempt in 1..=6 {
        let reason = if attempt == 4 { "refused" } else { "connect" };
        let next = attempt + 1;
        script += &format!(
            "    > fetch-token {attempt} {reason}
             token {attempt} hunter{attempt}
                 > open {attempt} ws://host/ws
             failed {attempt} other
                 > disconnected connect-failed
                 > status connecting attempt={next} waiting
             next
                 > status connecting attempt={next}
             "
        );
    }
    script += "    > fetch-token 7 refused";
    check_auth(by_message, &script);
}
