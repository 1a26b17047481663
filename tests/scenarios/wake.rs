//! Silence on a page that was hidden, slept or woke up.

use super::heartbeat::check_answered;

#[test]
fn a_page_that_wakes_asks_at_once_and_does_not_wait_long() {
    for event in ["visible", "online", "offline", "return"] {
        let script = format!(
            "
            wait 5_000
            page {event}
                > transmit 1 ping!
            # Waking again before the answer is due asks nothing more.
            page {event}
            wait 2_999
            page {event}
            wait 1
                > +1 close 1 4408 heartbeat timeout
                > +1 disconnected heartbeat-timeout
                > +1 status reconnecting attempt=1 waiting
            "
        );
        check_answered(&script);
    }
}

#[test]
fn a_page_that_heard_something_just_now_need_not_ask() {
    check_answered(
        "
        wait 999
        page visible
        wait 1
        page visible
            > transmit 1 ping!
        wait 50
        frame 1 pong
            > latency 50
        ",
    );
}

#[test]
fn waking_shortens_a_wait_that_is_under_way() {
    check_answered(
        "
        wait 29_000
            > +25000 transmit 1 ping!
        page visible
            > transmit 1 ping!
        wait 3_000
            > +3000 close 1 4408 heartbeat timeout
            > +3000 disconnected heartbeat-timeout
            > +3000 status reconnecting attempt=1 waiting
        ",
    );
}

#[test]
fn a_hidden_page_is_patient() {
    check_answered(
        "
        page hidden
        wait 95_000
            > +25000 transmit 1 ping!
            > +95000 close 1 4408 heartbeat timeout
            > +95000 disconnected heartbeat-timeout
            > +95000 status reconnecting attempt=1 waiting
        ",
    );
}

#[test]
fn patience_with_a_hidden_page_ends_with_a_stop() {
    check_answered(
        "
        page hidden
        closed 1 4403
            > disconnected refused 4403
            > status closed refused
        connect
            > status connecting attempt=1
            > open 2 ws://host/ws
        opened 2
            > status open
        wait 35_000
            > +25000 transmit 2 ping!
            > +35000 close 2 4408 heartbeat timeout
            > +35000 disconnected heartbeat-timeout
            > +35000 status reconnecting attempt=1 waiting
        ",
    );
}

#[test]
fn after_sleep_the_server_gets_a_chance_to_answer() {
    check_answered(
        "
        jump 28_800_000
        late
            > transmit 1 ping!
        wait 100
        frame 1 pong
            > latency 100
        wait 24_999
        wait 1
            > +1 transmit 1 ping!
        ",
    );
    check_answered(
        "
        jump 28_800_000
        late
            > transmit 1 ping!
        wait 3_000
            > +3000 close 1 4408 heartbeat timeout
            > +3000 disconnected heartbeat-timeout
            > +3000 status reconnecting attempt=1 waiting
        ",
    );
}

#[test]
fn an_answer_due_during_sleep_gets_a_second_chance_and_no_third() {
    check_answered(
        "
        wait 25_000
            > +25000 transmit 1 ping!
        jump 11_500
        late
            > transmit 1 ping!
        jump 4_500
        late
            > close 1 4408 heartbeat timeout
            > disconnected heartbeat-timeout
            > status reconnecting attempt=1 waiting
        ",
    );
}

#[test]
fn a_dead_server_is_found_even_if_timers_run_once_a_minute() {
    check_answered(
        "
        page hidden
        jump 60_000
        late
            > transmit 1 ping!
        jump 60_000
        late
            > transmit 1 ping!
        jump 60_000
        late
            > close 1 4408 heartbeat timeout
            > disconnected heartbeat-timeout
            > status reconnecting attempt=1 waiting
        ",
    );
}

#[test]
fn a_late_timer_does_not_declare_death_if_the_answer_came() {
    check_answered(
        "
        page hidden
        wait 25_000
            > +25000 transmit 1 ping!
        jump 100
        frame 1 pong
            > latency 100
        jump 60_000
        late
            > transmit 1 ping!
        ",
    );
}

#[test]
fn an_early_timer_does_nothing() {
    check_answered(
        "
        jump 10_000
        late
        wait 14_999
        wait 1
            > +1 transmit 1 ping!
        late
        jump 9_999
        late
        ",
    );
}
