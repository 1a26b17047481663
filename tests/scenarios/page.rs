//! The page's life: the back-forward cache, sleep, a network that lies about itself.

use std::time::Duration;

use super::script::check;

#[test]
fn a_page_that_goes_away_closes_and_comes_back_with_its_queue() {
    check(
        |_| {},
        "
        ready
        page leave
            > close 1 1000
            > disconnected disconnected
            > status reconnecting attempt=1
        timer none
        # Nothing moves in the cache.
        page online
        page visible
        page hidden
        page leave
        send while-away
        jump 3_600_000
        late
        page return
            > open 2 ws://host/ws
        opened 2
            > status open
            > transmit 2 while-away
            > sent m1
        ",
    );
}

#[test]
fn a_page_that_goes_away_while_it_connects_begins_again_when_it_returns() {
    check(
        |_| {},
        "
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        page leave
            > close 1 1000
            > disconnected disconnected
        page return
            > open 2 ws://host/ws
        opened 2
            > status open
        closed 2 1006
            > disconnected disconnected 1006
            > status reconnecting attempt=1 waiting
        page leave
            > status reconnecting attempt=1
        timer none
        page return
            > open 3 ws://host/ws
        ",
    );
}

#[test]
fn a_hint_outlives_the_back_forward_cache() {
    check(
        |_| {},
        r#"
        ready
        closed 1 4429 {"retry_after_ms":60000}
            > disconnected disconnected 4429
            > status reconnecting attempt=1 waiting
        page leave
            > status reconnecting attempt=1
        jump 20_000
        page return
            > status reconnecting attempt=1 waiting
        retry 40_000 40_000
        "#,
    );
}

#[test]
fn a_page_that_was_never_connected_may_come_and_go() {
    check(
        |_| {},
        "
        page leave
        page return
        page visible
        page online
        timer none
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        ",
    );
}

#[test]
fn closing_in_the_cache_is_for_good() {
    check(
        |_| {},
        "
        ready
        page leave
            > close 1 1000
            > disconnected disconnected
            > status reconnecting attempt=1
        send queued
        close
            > rejected m1 closed queued
            > status closed closed
        page return
        ",
    );
}

#[test]
fn a_network_that_says_offline_is_not_believed() {
    check(
        |_| {},
        r#"
        ready
        wait 5_000
        page offline
            > transmit 1 {"type":"ping","data":null}
        frame 1 pong
            > latency 0
        send hello
            > transmit 1 hello
            > sent m1
        page online
        "#,
    );
}

#[test]
fn sleep_in_a_wait_ends_it() {
    check(
        |config| config.backoff.first = Duration::from_secs(60),
        "
        ready
        closed 1 1006
            > disconnected disconnected 1006
            > status reconnecting attempt=1 waiting
        jump 28_800_000
        late
            > status reconnecting attempt=1
            > open 2 ws://host/ws
        ",
    );
}

#[test]
fn sleep_in_a_handshake_gives_it_up() {
    check(
        |_| {},
        "
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        jump 28_800_000
        late
            > close 1 4408 connect timeout
            > disconnected connect-timeout
            > status connecting attempt=2 waiting
        retry 0 1000
        ",
    );
}
