//! Is the other side still there? Any frame is life; death is declared only of a server that has shown that it answers.

use everwire::Config;

use super::script::check;

const PING: &str = r#"{"type":"ping","data":null}"#;

/// Writes `PING` where a script says `ping!`.
fn check_pings(configure: impl FnOnce(&mut Config), script: &str) {
    check(configure, &script.replace("ping!", PING));
}

/// An open connection whose server has answered a ping: 25,040 ms have passed.
const ANSWERED: &str = "
    ready
    wait 25_000
        > +25000 transmit 1 ping!
    wait 40
    frame 1 pong
        > latency 40
    ";

pub fn check_answered(script: &str) {
    check_pings(|_| {}, &format!("{ANSWERED}{script}"));
}

#[test]
fn a_server_that_never_answers_is_never_declared_dead() {
    check_pings(
        |_| {},
        "
        ready
        wait 24_999
        wait 100_001
            > +1 transmit 1 ping!
            > +25001 transmit 1 ping!
            > +50001 transmit 1 ping!
            > +75001 transmit 1 ping!
            > +100001 transmit 1 ping!
        # Not by a probe or after sleep either.
        page visible
        jump 28_800_000
        late
            > transmit 1 ping!
        wait 30_000
            > +25000 transmit 1 ping!
        ",
    );
}

#[test]
fn any_frame_is_life() {
    for frame in [
        "message",
        "invalid",
        "answer:m7",
        "pong",
        "message bytes=2_000_000",
    ] {
        let told = match frame {
            "invalid" => "warning invalid-frame",
            "message bytes=2_000_000" => "warning frame-too-large",
            _ => "message",
        };
        let script = format!(
            "
            ready
            wait 20_000
            frame 1 {frame}
                > {told}
            wait 24_999
            wait 1
                > +1 transmit 1 ping!
            "
        );
        check_pings(|_| {}, &script);
    }
}

#[test]
fn a_server_that_answered_and_falls_silent_is_dead() {
    check_answered(
        "
        wait 35_000
            > +25000 transmit 1 ping!
            > +35000 close 1 4408 heartbeat timeout
            > +35000 disconnected heartbeat-timeout
            > +35000 status reconnecting attempt=1 waiting
        retry 0 1000
        ",
    );
}

#[test]
fn a_message_instead_of_the_pong_is_life() {
    check_answered(
        "
        wait 34_000
            > +25000 transmit 1 ping!
        frame 1 message
            > message
        wait 24_999
        wait 1
            > +1 transmit 1 ping!
        ",
    );
}

#[test]
fn a_pong_that_a_message_overtook_is_still_ours() {
    check_pings(
        |_| {},
        "
        ready
        wait 25_000
            > +25000 transmit 1 ping!
        wait 30
        frame 1 message
            > message
        wait 30
        frame 1 pong
            > latency 60
        # And the server has shown that it answers.
        wait 35_000
            > +25000 transmit 1 ping!
            > +35000 close 1 4408 heartbeat timeout
            > +35000 disconnected heartbeat-timeout
            > +35000 status reconnecting attempt=1 waiting
        ",
    );
}

#[test]
fn a_round_trip_is_measured_only_where_it_is_clear_which_ping_was_answered() {
    check_answered(
        "
        wait 25_000
            > +25000 transmit 1 ping!
        wait 4_000
        page visible
            > transmit 1 ping!
        wait 10
        frame 1 pong
        wait 10
        frame 1 pong
            > latency 20
        # Nobody asked for this one.
        frame 1 pong
            > message
        ",
    );
}

#[test]
fn a_pong_nobody_asked_for_is_a_message() {
    check(
        |_| {},
        "
        ready
        frame 1 pong
            > message
        ",
    );
}

#[test]
fn a_ping_is_answered() {
    check(
        |_| {},
        r#"
        ready
        frame 1 ping
            > transmit 1 {"type":"pong","data":null}
        "#,
    );
}

#[test]
fn without_a_heartbeat_ping_and_pong_are_messages_and_silence_means_nothing() {
    check(
        |config| config.heartbeat = None,
        "
        ready
        frame 1 ping
            > message
        frame 1 pong
            > message
        wait 10_000
        page visible
        wait 3_600_000
        timer none
        ",
    );
}

#[test]
fn a_server_that_closes_at_the_first_ping_gets_no_more() {
    for code in [1000, 1003, 1006, 1007, 1011, 4400] {
        let script = format!(
            "
            ready
            wait 25_000
                > +25000 transmit 1 ping!
            wait 5_000
            closed 1 {code}
                > warning heartbeat-refused
                > disconnected disconnected {code}
                > status reconnecting attempt=1 waiting
            retry 0 1000
            next
                > status reconnecting attempt=1
                > open 2 ws://host/ws
            opened 2
                > status open
            wait 3_600_000
            page visible
            "
        );
        check_pings(|_| {}, &script);
    }
}

#[test]
fn a_hint_holds_even_if_the_ping_is_blamed() {
    check_pings(
        |_| {},
        r#"
        ready
        wait 25_000
            > +25000 transmit 1 ping!
        closed 1 4429 {"retry_after_ms":30000}
            > warning heartbeat-refused
            > disconnected disconnected 4429
            > status reconnecting attempt=1 waiting
        retry 30_000 33_000
        "#,
    );
}

#[test]
fn a_close_long_after_the_first_ping_is_not_blamed_on_it() {
    check_pings(
        |_| {},
        "
        ready
        wait 25_000
            > +25000 transmit 1 ping!
        wait 5_001
        closed 1 1003
            > disconnected refused 1003
            > status closed refused
        ",
    );
}

#[test]
fn a_close_after_the_ping_was_followed_by_life_is_not_blamed_on_it() {
    check_pings(
        |_| {},
        "
        ready
        wait 25_000
            > +25000 transmit 1 ping!
        frame 1 message
            > message
        closed 1 1003
            > disconnected refused 1003
            > status closed refused
        ",
    );
}

#[test]
fn a_server_that_has_answered_once_is_never_blamed_for_its_closes() {
    check_answered(
        "
        closed 1 1006
            > disconnected disconnected 1006
            > status reconnecting attempt=1 waiting
        next
            > status reconnecting attempt=1
            > open 2 ws://host/ws
        opened 2
            > status open
        wait 26_000
            > +25000 transmit 2 ping!
        closed 2 1003
            > disconnected refused 1003
            > status closed refused
        ",
    );
}

#[test]
fn a_ping_that_was_never_written_is_not_blamed() {
    check_pings(
        |_| {},
        "
        ready
        wait 24_500
        closing 1
        wait 1_000
        page visible
        closed 1 1003
            > disconnected refused 1003
            > status closed refused
        ",
    );
}

#[test]
fn a_replacement_server_that_answers_no_longer_is_left_alone_after_two_deaths() {
    // It greets, so that something was heard on every connection.
    check_answered(
        "
        closed 1 1012
            > disconnected disconnected 1012
            > status reconnecting attempt=1 waiting
        next
            > status reconnecting attempt=1
            > open 2 ws://host/ws
        opened 2
            > status open
        frame 2 message
            > message
        wait 35_000
            > +25000 transmit 2 ping!
            > +35000 close 2 4408 heartbeat timeout
            > +35000 disconnected heartbeat-timeout
            > +35000 status reconnecting attempt=1 waiting
        next
            > status reconnecting attempt=1
            > open 3 ws://host/ws
        opened 3
            > status open
        frame 3 message
            > message
        wait 35_000
            > +25000 transmit 3 ping!
            > +35000 close 3 4408 heartbeat timeout
            > +35000 disconnected heartbeat-timeout
            > +35000 status reconnecting attempt=1 waiting
        next
            > status reconnecting attempt=1
            > open 4 ws://host/ws
        opened 4
            > status open
        wait 100_000
            > +25000 transmit 4 ping!
            > +50000 transmit 4 ping!
            > +75000 transmit 4 ping!
            > +100000 transmit 4 ping!
        # It answers again, and is held to it.
        frame 4 pong
        wait 35_000
            > +25000 transmit 4 ping!
            > +35000 close 4 4408 heartbeat timeout
            > +35000 disconnected heartbeat-timeout
            > +35000 status reconnecting attempt=1 waiting
        ",
    );
}
