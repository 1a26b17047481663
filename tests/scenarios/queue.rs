//! From `send` to the socket: bounds, order, time to live, receipts.

use std::time::Duration;

use everwire::{Config, Overflow};

use super::script::check;

fn three_messages(overflow: Overflow) -> impl FnOnce(&mut Config) {
    move |config| {
        config.outbox.messages = 3;
        config.outbox.overflow = overflow;
    }
}

fn two_kilobytes(overflow: Overflow) -> impl FnOnce(&mut Config) {
    move |config| {
        config.outbox.bytes = 2_000;
        config.outbox.overflow = overflow;
    }
}

#[test]
fn an_open_connection_writes_at_once() {
    check(
        |_| {},
        "
        ready
        send a
            > transmit 1 a
            > sent m1
        send b
            > transmit 1 b
            > sent m2
        ",
    );
}

#[test]
fn what_waited_is_written_in_order_after_the_connection_is_said_to_be_open() {
    check(
        |_| {},
        "
        send a
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        send b
        opened 1
            > status open
            > transmit 1 a
            > sent m1
            > transmit 1 b
            > sent m2
        closed 1 1006
            > disconnected disconnected 1006
            > status reconnecting attempt=1 waiting
        send c
        next
            > status reconnecting attempt=1
            > open 2 ws://host/ws
        send d
        opened 2
            > status open
            > transmit 2 c
            > sent m3
            > transmit 2 d
            > sent m4
        ",
    );
}

#[test]
fn a_full_outbox_refuses_and_hands_back() {
    check(
        three_messages(Overflow::Reject),
        "
        send a
        send b
        send c
        send d
            > refused outbox-full d
        # The refused one took no id.
        withdraw m3
            > rejected m3 aborted c
        send e
        withdraw m4
            > rejected m4 aborted e
        ",
    );
}

#[test]
fn a_full_outbox_may_drop_its_oldest() {
    check(
        three_messages(Overflow::DropOldest),
        "
        send a
        send b
        send c
        send d
            > rejected m1 outbox-full a
        send e
            > rejected m2 outbox-full b
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        opened 1
            > status open
            > transmit 1 c
            > sent m3
            > transmit 1 d
            > sent m4
            > transmit 1 e
            > sent m5
        ",
    );
}

#[test]
fn a_full_outbox_may_drop_the_newest() {
    check(
        three_messages(Overflow::DropNewest),
        "
        send a
        send b
        send c
        send d
            > rejected m4 outbox-full d
        request e
            > rejected m5 outbox-full e
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        opened 1
            > status open
            > transmit 1 a
            > sent m1
            > transmit 1 b
            > sent m2
            > transmit 1 c
            > sent m3
        ",
    );
}

#[test]
fn bytes_are_bounded_too() {
    check(
        two_kilobytes(Overflow::Reject),
        "
        send a bytes=1_200
        send b bytes=801
            > refused outbox-full b
        send c bytes=800
        send d bytes=1
            > refused outbox-full d
        send huge bytes=2_001
            > refused message-too-large huge
        ",
    );
    check(
        two_kilobytes(Overflow::DropOldest),
        "
        send a bytes=600
        send b bytes=600
        send c bytes=600
        send d bytes=1_300
            > rejected m1 outbox-full a
            > rejected m2 outbox-full b
        # Nothing gives way to what can never fit.
        send huge bytes=2_001
            > refused message-too-large huge
        ",
    );
}

#[test]
fn a_message_that_waited_too_long_is_rejected() {
    check(
        |config| config.outbox.ttl = Some(Duration::from_secs(5)),
        "
        send a
        send b ttl=2_000
        send c ttl=60_000
        wait 10_000
            > +2000 rejected m2 expired b
            > +5000 rejected m1 expired a
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        opened 1
            > status open
            > transmit 1 c
            > sent m3
        ",
    );
}

#[test]
fn a_message_whose_time_ended_is_not_written_even_if_its_timer_is_late() {
    check(
        |config| config.outbox.ttl = Some(Duration::from_secs(5)),
        "
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        send a
        send b ttl=9_000
        request c ttl=60_000 timeout=7_000
        jump 8_000
        opened 1
            > status open
            > rejected m1 expired a
            > rejected m3 request-timeout c
            > transmit 1 b
            > sent m2
        wait 10_000
        ",
    );
}

#[test]
fn time_to_live_ends_with_the_write() {
    check(
        |_| {},
        "
        ready
        send a ttl=1_000
            > transmit 1 a
            > sent m1
        wait 5_000
        send at-once ttl=0
            > transmit 1 at-once
            > sent m2
        ",
    );
}

#[test]
fn withdrawing_takes_back_what_was_not_written_and_nothing_else() {
    check(
        |_| {},
        "
        send a
        send b
        withdraw m1
            > rejected m1 aborted a
        withdraw m1
        withdraw m99
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        opened 1
            > status open
            > transmit 1 b
            > sent m2
        withdraw m2
        ",
    );
}

#[test]
fn closing_settles_everything_that_waits() {
    check(
        |_| {},
        "
        send a ttl=60_000
        request b
        close
            > rejected m1 closed a
            > rejected m2 closed b
            > status closed closed
        timer none
        send c
            > refused closed c
        # And it may begin anew.
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        send d
        opened 1
            > status open
            > transmit 1 d
            > sent m3
        ",
    );
}

#[test]
fn a_stop_keeps_the_queue_until_somebody_decides() {
    let stopped = "
        ready
        closed 1 4403
            > disconnected refused 4403
            > status closed refused
        send a
        send b ttl=1_000
        wait 5_000
            > +1000 rejected m2 expired b
        ";
    let goes_on = "
        connect
            > status connecting attempt=1
            > open 2 ws://host/ws
        opened 2
            > status open
            > transmit 2 a
            > sent m1
        ";
    let gives_up = "
        close
            > rejected m1 closed a
            > status closed closed
        ";
    for end in [goes_on, gives_up] {
        check(|_| {}, &format!("{stopped}{end}"));
    }
}

#[test]
fn nothing_is_written_to_a_socket_that_closes() {
    check(
        |_| {},
        r#"
        ready
        closing 1
        send a
        frame 1 ping
        frame 1 message
            > message
        buffered 1 0
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
        "#,
    );
}
