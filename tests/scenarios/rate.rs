//! Pace: the rate limit, and the browser's send buffer.

use everwire::{ByteRate, Config, Rate};

use super::script::check;

/// Ten messages a second, two at once.
fn slow(config: &mut Config) {
    config.heartbeat = None;
    config.rate = Some(Rate {
        messages: 10,
        burst: 2,
        bytes: None,
    });
}

#[test]
fn the_excess_waits_and_a_new_message_never_overtakes_it() {
    check(
        slow,
        "
        ready
        send a
            > transmit 1 a
            > sent m1
        send b
            > transmit 1 b
            > sent m2
        send c
        wait 99
        # Room is near, but it belongs to c.
        send d
        wait 500
            > +1 transmit 1 c
            > +1 sent m3
            > +101 transmit 1 d
            > +101 sent m4
        send e
            > transmit 1 e
            > sent m5
        ",
    );
}

#[test]
fn what_waited_for_the_connection_is_paced() {
    check(
        slow,
        "
        send a
        send b
        send c
        send d
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        opened 1
            > status open
            > transmit 1 a
            > sent m1
            > transmit 1 b
            > sent m2
        wait 1_000
            > +100 transmit 1 c
            > +100 sent m3
            > +200 transmit 1 d
            > +200 sent m4
        ",
    );
}

#[test]
fn what_the_limit_holds_back_survives_the_connection() {
    check(
        slow,
        "
        ready
        send a
            > transmit 1 a
            > sent m1
        send b
            > transmit 1 b
            > sent m2
        send c
        closed 1 1006
            > disconnected disconnected 1006
            > status reconnecting attempt=1 waiting
        next
            > status reconnecting attempt=1
            > open 2 ws://host/ws
        wait 1_000
        opened 2
            > status open
            > transmit 2 c
            > sent m3
        ",
    );
}

#[test]
fn bytes_have_a_limit_of_their_own() {
    check(
        |config| {
            config.heartbeat = None;
            config.rate = Some(Rate {
                bytes: Some(ByteRate {
                    per_second: 1_000,
                    burst: 500,
                }),
                ..Rate::default()
            });
        },
        "
        ready
        send a bytes=400
            > transmit 1 a
            > sent m1
        send b bytes=200
        wait 1_000
            > +100 transmit 1 b
            > +100 sent m2
        # Larger than the burst: it waits for a full bucket and leaves a debt.
        send c bytes=1_500
            > transmit 1 c
            > sent m3
        send d bytes=100
        wait 2_000
            > +1100 transmit 1 d
            > +1100 sent m4
        ",
    );
}

#[test]
fn without_a_limit_all_is_written_at_once() {
    let mut script = String::from("ready\n");
    for id in 1..=900 {
        script += &format!("send x\n > transmit 1 x\n > sent m{id}\n");
    }
    check(|config| config.rate = None, &script);
}

#[test]
fn heartbeat_and_authentication_do_not_wait_for_the_limit() {
    check(
        |config| {
            config.rate = Some(Rate {
                messages: 1,
                burst: 1,
                bytes: None,
            });
        },
        r#"
        ready
        send a
            > transmit 1 a
            > sent m1
        send b
        frame 1 ping
            > transmit 1 {"type":"pong","data":null}
        "#,
    );
}

#[test]
fn a_full_send_buffer_stops_writing_until_it_has_drained() {
    check(
        |config| config.heartbeat = None,
        "
        ready
        send a bytes=1_000_000
            > transmit 1 a
            > sent m1
        buffered 1 1_048_576
        send b
        wait 100
        timer backpressure
        # Below the high mark is not enough.
        buffered 1 262_145
        send c
        wait 100
        buffered 1 262_144
            > transmit 1 b
            > sent m2
            > transmit 1 c
            > sent m3
        send d
            > transmit 1 d
            > sent m4
        ",
    );
}

#[test]
fn what_was_written_counts_until_the_buffer_is_asked() {
    check(
        |config| {
            config.heartbeat = None;
            config.backpressure.high = 2_000;
            config.backpressure.low = 1_000;
        },
        "
        ready
        send a bytes=1_999
            > transmit 1 a
            > sent m1
        send b bytes=1
            > transmit 1 b
            > sent m2
        send c
        wait 100
        buffered 1 1_001
        buffered 1 1_000
            > transmit 1 c
            > sent m3
        ",
    );
}

#[test]
fn what_the_engine_writes_itself_counts_too() {
    check(
        |config| {
            config.backpressure.high = 2_000;
            config.backpressure.low = 1_000;
        },
        r#"
        ready
        buffered 1 1_990
        frame 1 ping
            > transmit 1 {"type":"pong","data":null}
        send a
        buffered 1 1_000
            > transmit 1 a
            > sent m1
        "#,
    );
}

#[test]
fn a_full_send_buffer_is_forgotten_with_its_socket() {
    check(
        |_| {},
        "
        ready
        buffered 1 2_000_000
        send a
        closed 1 1006
            > disconnected disconnected 1006
            > status reconnecting attempt=1 waiting
        next
            > status reconnecting attempt=1
            > open 2 ws://host/ws
        opened 2
            > status open
            > transmit 2 a
            > sent m1
        ",
    );
}

#[test]
fn a_low_mark_above_the_high_one_does_not_undo_it() {
    check(
        |config| {
            config.heartbeat = None;
            config.backpressure.high = 2_000;
            config.backpressure.low = 9_000;
        },
        "
        ready
        buffered 1 5_000
        send a
        wait 1_000
        buffered 1 2_001
        buffered 1 2_000
            > transmit 1 a
            > sent m1
        ",
    );
}
