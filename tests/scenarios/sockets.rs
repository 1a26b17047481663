//! One socket of many: its opening, its end, and what an older one still says.

use everwire::proto::AuthVia;

use super::script::check;

#[test]
fn a_handshake_that_never_ends_is_given_up() {
    check(
        |_| {},
        "
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        wait 10_000
            > +10000 close 1 4408 connect timeout
            > +10000 disconnected connect-timeout
            > +10000 status connecting attempt=2 waiting
        # It opens after all: too late.
        opened 1
        ",
    );
}

#[test]
fn token_and_handshake_share_one_limit() {
    check(
        |config| config.auth = AuthVia::Message,
        "
        connect
            > status connecting attempt=1
            > fetch-token 1 connect
        wait 7_000
        token 1 hunter2
            > open 1 ws://host/ws
        wait 2_999
        wait 1
            > +1 close 1 4408 connect timeout
            > +1 disconnected connect-timeout
            > +1 status connecting attempt=2 waiting
        ",
    );
}

#[test]
fn a_socket_that_cannot_be_made_is_tried_again_unless_its_url_is_malformed() {
    check(
        |_| {},
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
        failed 2 malformed
            > disconnected invalid-url
            > status closed invalid-url
        timer none
        ",
    );
}

#[test]
fn an_older_socket_is_heard_no_more() {
    check(
        |_| {},
        "
        ready
        closed 1 1006
            > disconnected disconnected 1006
            > status reconnecting attempt=1 waiting
        # While none is open.
        frame 1 message
        opened 1
        closed 1 4403
        next
            > status reconnecting attempt=1
            > open 2 ws://host/ws
        # While the next one opens.
        opened 1
        closed 1 4403
        failed 1 malformed
        opened 2
            > status open
        # While the next one is open.
        frame 1 message
        frame 1 ping
        closing 1
        closed 1 4403
        buffered 1 9_000_000
        send hello
            > transmit 2 hello
            > sent m1
        ",
    );
}

#[test]
fn a_frame_before_the_socket_opened_is_nobodys() {
    check(
        |_| {},
        "
        connect
            > status connecting attempt=1
            > open 1 ws://host/ws
        frame 1 message
        frame 1 ping
        opened 1
            > status open
        opened 1
        ",
    );
}

#[test]
fn a_socket_that_closes_without_saying_why_is_given_up_after_two_seconds() {
    check(
        |_| {},
        "
        ready
        closing 1
        wait 1_500
        closing 1
        wait 500
            > +500 close 1 1000
            > +500 disconnected disconnected 1006
            > +500 status reconnecting attempt=1 waiting
        closed 1 4403
        ",
    );
}

#[test]
fn the_reason_counts_if_it_comes_in_time() {
    check(
        |_| {},
        "
        ready
        closing 1
        wait 1_999
        closed 1 4403
            > disconnected refused 4403
            > status closed refused
        timer none
        ",
    );
}

#[test]
fn only_closes_that_browsers_permit_are_taken() {
    check(
        |_| {},
        "
        ready
        close 1001
            > refused invalid-close
        close 1006
            > refused invalid-close
        close 2999
            > refused invalid-close
        close 5000
            > refused invalid-close
        close 4999 bye
            > close 1 4999 bye
            > disconnected closed
            > status closed closed
        ",
    );
    let reason = "x".repeat(124);
    let script = format!("close 1000 {reason}\n > refused invalid-close");
    check(|_| {}, &script);
}
