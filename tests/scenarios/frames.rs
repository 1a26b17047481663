//! What comes in: sizes, garbage, and what is passed on.

use super::script::check;

#[test]
fn a_message_is_passed_on() {
    check(
        |_| {},
        "
        ready
        frame 1 message
            > message
        frame 1 message bytes=1_048_576
            > message
        ",
    );
}

#[test]
fn a_frame_above_the_limit_is_left_out_whatever_it_is() {
    for content in ["message", "ping", "invalid", "answer:m1"] {
        let script = format!(
            "
            ready
            request a
                > transmit 1 a
                > sent m1
            frame 1 {content} bytes=1_048_577
                > warning frame-too-large
            "
        );
        check(|_| {}, &script);
    }
}

#[test]
fn garbage_is_reported_and_the_connection_goes_on() {
    check(
        |_| {},
        "
        ready
        frame 1 invalid
            > warning invalid-frame
        frame 1 invalid bytes=17_000_000
            > warning frame-too-large
        frame 1 message
            > message
        ",
    );
}
