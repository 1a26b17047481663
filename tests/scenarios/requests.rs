//! Requests: one outcome each, and the truth about whether the server may have acted.

use super::script::check;

#[test]
fn an_answer_settles_its_request() {
    check(
        |_| {},
        "
        ready
        request a
            > transmit 1 a
            > sent m1
        send b
            > transmit 1 b
            > sent m2
        request c
            > transmit 1 c
            > sent m3
        frame 1 answer:m3
            > answered m3
        frame 1 answer:m1
            > answered m1
        # Answered already, or never asked: messages like any other.
        frame 1 answer:m1
            > message
        frame 1 answer:m2
            > message
        frame 1 answer:m99
            > message
        wait 20_000
        ",
    );
}

#[test]
fn a_request_that_was_written_and_not_answered_in_time_is_uncertain() {
    check(
        |_| {},
        "
        ready
        request a
            > transmit 1 a
            > sent m1
        wait 2_000
        request b timeout=3_000
            > transmit 1 b
            > sent m2
        wait 10_000
            > +3000 uncertain m2 request-timeout
            > +8000 uncertain m1 request-timeout
        # The answer comes after all.
        frame 1 answer:m1
            > message
        ",
    );
}

#[test]
fn a_request_that_was_never_written_is_rejected() {
    check(
        |_| {},
        "
        request a
        wait 10_000
            > +10000 rejected m1 request-timeout a
        request b ttl=500
        wait 10_000
            > +500 rejected m2 expired b
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        opened 1
            > status open
        timer stable
        ",
    );
}

#[test]
fn an_answer_to_a_request_that_was_never_written_is_a_message() {
    check(
        |config| {
            config.rate = Some(everwire::Rate {
                messages: 1,
                burst: 1,
                bytes: None,
            });
        },
        "
        ready
        send a
            > transmit 1 a
            > sent m1
        request b
        frame 1 answer:m2
            > message
        wait 1_000
            > +1000 transmit 1 b
            > +1000 sent m2
        frame 1 answer:m2
            > answered m2
        ",
    );
}

#[test]
fn withdrawing_a_request_tells_whether_it_was_written() {
    check(
        |_| {},
        "
        request a
        withdraw m1
            > rejected m1 aborted a
        ready
        request b
            > transmit 1 b
            > sent m2
        withdraw m2
            > uncertain m2 aborted
        withdraw m2
        frame 1 answer:m2
            > message
        wait 20_000
        ",
    );
}

#[test]
fn a_lost_connection_takes_the_answers_with_it() {
    check(
        |_| {},
        "
        ready
        request a
            > transmit 1 a
            > sent m1
        buffered 1 2_000_000
        request b
        closed 1 1006
            > disconnected disconnected 1006
            > uncertain m1 connection-lost
            > status reconnecting attempt=1 waiting
        next
            > status reconnecting attempt=1
            > open 2 ws://host/ws
        opened 2
            > status open
            > transmit 2 b
            > sent m2
        frame 2 answer:m1
            > message
        frame 2 answer:m2
            > answered m2
        ",
    );
}

#[test]
fn every_way_of_losing_a_connection_settles_what_was_written() {
    let ways = [
        (
            "reconnect",
            "> close 1 1000
             > disconnected disconnected
             > uncertain m1 connection-lost
             > status reconnecting attempt=1
             > open 2 ws://host/ws",
        ),
        (
            "close",
            "> close 1 1000
             > disconnected closed
             > uncertain m1 connection-lost
             > status closed closed",
        ),
        (
            "page leave",
            "> close 1 1000
             > disconnected disconnected
             > uncertain m1 connection-lost
             > status reconnecting attempt=1",
        ),
        (
            "closed 1 4403",
            "> disconnected refused 4403
             > uncertain m1 connection-lost
             > status closed refused",
        ),
    ];
    for (way, outputs) in ways {
        let script = format!(
            "
            ready
            request a timeout=60_000
                > transmit 1 a
                > sent m1
            {way}
                {outputs}
            "
        );
        check(|_| {}, &script);
    }
}

#[test]
fn the_table_of_requests_is_bounded() {
    let mut script = String::from("ready\n");
    for id in 1..=1_000 {
        script += &format!("request x\n > transmit 1 x\n > sent m{id}\n");
    }
    script += "
        request over
            > refused too-many-requests over
        send plain
            > transmit 1 plain
            > sent m1001
        frame 1 answer:m500
            > answered m500
        request again
            > transmit 1 again
            > sent m1002
        ";
    check(|config| config.rate = None, &script);
}
