//! When and how often the next attempt comes, and what ends them.

use std::time::Duration;

use everwire::Config;
use everwire::proto::AuthVia;

use super::script::{SECOND, check, check_seed};

/// The first retry comes at once, later ones after at least 100 ms: a script can tell them apart.
fn first_retry_at_once(config: &mut Config) {
    config.backoff.first = Duration::ZERO;
}

fn as_fast_as_permitted(config: &mut Config) {
    config.backoff.first = Duration::ZERO;
    config.backoff.min = Duration::ZERO;
    config.backoff.base = Duration::from_millis(1);
    config.backoff.max = Duration::from_millis(100);
}

#[test]
fn connecting_opens_a_socket_and_says_so() {
    check(
        |_| {},
        "
        timer none
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        timer connect
        # Asking again changes nothing.
        connect
        opened 1
            > status open
        connect
        ",
    );
}

#[test]
fn a_lost_connection_comes_back_within_a_second() {
    for seed in 0..100 {
        check_seed(
            seed,
            |_| {},
            "
            ready
            closed 1 1006
                > disconnected disconnected 1006
                > status reconnecting attempt=1 waiting
            retry 0 1000
            next
                > status reconnecting attempt=1
                > open 2 ws://host/ws
            opened 2
                > status open
            ",
        );
    }
}

#[test]
fn the_wait_grows_with_every_failure_up_to_its_ceiling() {
    for seed in 0..50 {
        check_seed(
            seed,
            |config| config.backoff.attempts_per_minute = 600,
            "
            connect
                > status connecting attempt=1
                > open 1 ws://host/ws
            failed 1 other
                > disconnected connect-failed
                > status connecting attempt=2 waiting
            retry 0 1000
            next
                > status connecting attempt=2
                > open 2 ws://host/ws
            closed 2 1006
                > disconnected connect-failed 1006
                > status connecting attempt=3 waiting
            retry 100 2000
            next
                > status connecting attempt=3
                > open 3 ws://host/ws
            failed 3 other
                > disconnected connect-failed
                > status connecting attempt=4 waiting
            retry 100 4000
            next
                > status connecting attempt=4
                > open 4 ws://host/ws
            failed 4 other
                > disconnected connect-failed
                > status connecting attempt=5 waiting
            retry 100 8000
            ",
        );
    }
}

#[test]
fn ten_seconds_of_connection_forget_earlier_failures() {
    check(
        first_retry_at_once,
        "
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        failed 1 other
            > disconnected connect-failed
            > status connecting attempt=2 waiting
        retry 0 0
        next
            > status connecting attempt=2
            > open 2 ws://host/ws
        opened 2
            > status open
        wait 10_000
        closed 2 1006
            > disconnected disconnected 1006
            > status reconnecting attempt=1 waiting
        retry 0 0
        ",
    );
}

#[test]
fn a_link_that_flaps_is_a_row_of_failures() {
    check(
        first_retry_at_once,
        "
        ready
        closed 1 1006
            > disconnected disconnected 1006
            > status reconnecting attempt=1 waiting
        next
            > status reconnecting attempt=1
            > open 2 ws://host/ws
        opened 2
            > status open
        wait 9_999
        closed 2 1006
            > disconnected disconnected 1006
            > status reconnecting attempt=2 waiting
        retry 100 2000
        next
            > status reconnecting attempt=2
            > open 3 ws://host/ws
        opened 3
            > status open
        wait 100
        closed 3 1006
            > disconnected disconnected 1006
            > status reconnecting attempt=3 waiting
        retry 100 4000
        ",
    );
}

#[test]
fn an_eleventh_attempt_in_a_minute_waits_for_the_first_to_be_a_minute_old() {
    let mut script = String::from(
        "connect
            > status connecting attempt=1
            > open 1 ws://host/ws",
    );
    for attempt in 1..10 {
        let next = attempt + 1;
        script += &format!(
            "
            failed {attempt} other
                > disconnected connect-failed
                > status connecting attempt={next} waiting
            retry 0 100
            next
                > status connecting attempt={next}
                > open {next} ws://host/ws
            "
        );
    }
    script += "
        failed 10 other
            > disconnected connect-failed
            > status connecting attempt=11 waiting
        retry 59_000 60_000
        # Neither hand nor page can force it.
        page online
        reconnect
            > status connecting attempt=1 waiting
        retry 59_000 60_000
        close
            > status closed closed
        connect
            > status connecting attempt=1 waiting
        retry 59_000 60_000
        next
            > status connecting attempt=1
            > open 11 ws://host/ws
        ";
    check(as_fast_as_permitted, &script);
}

#[test]
fn the_last_permitted_attempt_stops_it() {
    check(
        |config| config.backoff.max_attempts = Some(2),
        "
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        failed 1 other
            > disconnected connect-failed
            > status connecting attempt=2 waiting
        next
            > status connecting attempt=2
            > open 2 ws://host/ws
        failed 2 other
            > disconnected connect-failed
            > status closed attempts-exhausted
        timer none
        ",
    );
}

#[test]
fn losing_a_connection_is_not_a_failed_attempt() {
    check(
        |config| config.backoff.max_attempts = Some(1),
        "
        ready
        closed 1 1006
            > disconnected disconnected 1006
            > status reconnecting attempt=1 waiting
        next
            > status reconnecting attempt=1
            > open 2 ws://host/ws
        failed 2 other
            > disconnected connect-failed
            > status closed attempts-exhausted
        ",
    );
}

#[test]
fn reconnecting_by_hand_begins_afresh_from_any_state() {
    check(
        first_retry_at_once,
        "
        # Idle.
        reconnect
            > status connecting attempt=1
            > open 1 ws://host/ws
        failed 1 other
            > disconnected connect-failed
            > status connecting attempt=2 waiting
        # Waiting.
        reconnect
            > status connecting attempt=1
            > open 2 ws://host/ws
        failed 2 other
            > disconnected connect-failed
            > status connecting attempt=2 waiting
        next
            > status connecting attempt=2
            > open 3 ws://host/ws
        # Opening.
        reconnect
            > close 3 1000
            > disconnected disconnected
            > status connecting attempt=1
            > open 4 ws://host/ws
        opened 4
            > status open
        # Open.
        reconnect
            > close 4 1000
            > disconnected disconnected
            > status reconnecting attempt=1
            > open 5 ws://host/ws
        opened 5
            > status open
        closed 5 4403
            > disconnected refused 4403
            > status closed refused
        # Stopped.
        reconnect
            > status reconnecting attempt=1
            > open 6 ws://host/ws
        ",
    );
}

#[test]
fn a_connection_that_stopped_absorbs_everything_until_it_is_asked_to_connect() {
    let script = "
        opened 1
        frame 1 message
        frame 1 ping
        closing 1
        closed 1 1006
        failed 1 other
        buffered 1 5
        token 1 hunter2
        page hidden
        page offline
        page online
        page visible
        page leave
        page return
        jump 60_000
        late
        jump 28_800_000
        late
        timer none
        connect
            > status connecting attempt=1
            > fetch-token 2 connect
        ";
    let terminal = [
        "closed 1 4403
            > disconnected refused 4403
            > status closed refused",
        "closed 1 1000
            > disconnected refused 1000
            > status closed refused",
        "close
            > close 1 1000
            > disconnected closed
            > status closed closed",
    ];
    for end in terminal {
        let script = format!(
            "
            connect
                > status connecting attempt=1
                > fetch-token 1 connect
            token 1 correct-horse life=600_000
                > open 1 ws://host/ws
            opened 1
                > transmit 1 {{\"type\":\"auth\",\"data\":{{\"token\":\"***\"}}}}
                > status open
            {end}
            {script}"
        );
        check(|config| config.auth = AuthVia::Message, &script);
    }
}

#[test]
fn the_network_that_comes_back_ends_the_wait() {
    check(
        |config| config.backoff.first = 60 * SECOND,
        "
        ready
        closed 1 1006
            > disconnected disconnected 1006
            > status reconnecting attempt=1 waiting
        page offline
        page online
            > status reconnecting attempt=1
            > open 2 ws://host/ws
        # It says so again while an attempt is under way.
        page online
        ",
    );
}
