//! What follows each close code, and what a hint does.

use everwire::proto::AuthVia;

use super::script::{check, check_seed};

const STOP: &[u16] = &[
    1000, 1002, 1003, 1007, 1010, 3003, 3500, 3999, 4400, 4403, 4404, 4406, 4409, 4413, 4500, 4999,
];
const REFRESH: &[u16] = &[1008, 3000, 4401];
const SLOWLY: &[u16] = &[1001, 1012, 1013, 4429];
const RETRY: &[u16] = &[
    1005, 1006, 1011, 1014, 1015, 3001, 3499, 4000, 4408, 4410, 4499,
];

#[test]
fn some_codes_stop_for_good() {
    for code in STOP {
        let script = format!(
            "ready
             closed 1 {code} whatever
                 > disconnected refused {code}
                 > status closed refused
             timer none"
        );
        check(|_| {}, &script);
    }
}

#[test]
fn most_codes_come_back_within_a_second() {
    for code in RETRY {
        let script = format!(
            "ready
             closed 1 {code}
                 > disconnected disconnected {code}
                 > status reconnecting attempt=1 waiting
             retry 0 1000"
        );
        check(|_| {}, &script);
    }
}

#[test]
fn some_codes_ask_for_patience_and_spread_over_ten_seconds() {
    for code in SLOWLY {
        let mut longest_seen = false;
        for seed in 0..40 {
            let script = |range| {
                format!(
                    "ready
                     closed 1 {code}
                         > disconnected disconnected {code}
                         > status reconnecting attempt=1 waiting
                     retry {range}"
                )
            };
            check_seed(seed, |_| {}, &script("0 10000"));
            longest_seen |=
                std::panic::catch_unwind(|| check_seed(seed, |_| {}, &script("5000 10000")))
                    .is_ok();
        }
        assert!(longest_seen, "{code} never waited for 5 s of 40 times");
    }
}

#[test]
fn after_patience_was_asked_for_the_backoff_is_slow_until_a_stable_connection() {
    let mut script = String::from(
        "ready
         closed 1 1012
             > disconnected disconnected 1012
             > status reconnecting attempt=1 waiting
         next
             > status reconnecting attempt=1
             > open 2 ws://host/ws
         failed 2 other
             > disconnected connect-failed
             > status reconnecting attempt=2 waiting
         retry 10_000 10_000
         next
             > status reconnecting attempt=2
             > open 3 ws://host/ws
         opened 3
             > status open
         wait 10_000
         closed 3 1006
             > disconnected disconnected 1006
             > status reconnecting attempt=1 waiting
         retry 0 1_000",
    );
    // With a floor as high as the slow backoff's base, only a slow ceiling lets a wait be longer than usual.
    let slow_only = |config: &mut everwire::Config| {
        config.backoff.min = std::time::Duration::from_secs(10);
        config.backoff.max = std::time::Duration::from_secs(10);
    };
    check(slow_only, &script);
    script = script.replace("retry 10_000 10_000", "retry 100 10_000");
    for seed in 0..30 {
        check_seed(seed, |_| {}, &script);
    }
}

#[test]
fn a_hint_is_never_undercut_and_hardly_exceeded() {
    for seed in 0..40 {
        check_seed(
            seed,
            |_| {},
            r#"
            ready
            closed 1 4429 {"retry_after_ms":20000}
                > disconnected disconnected 4429
                > status reconnecting attempt=1 waiting
            retry 20_000 22_000
            # No page event undercuts it either.
            page online
                > status reconnecting attempt=1 waiting
            retry 20_000 20_000
            page visible
            wait 19_999
            wait 1
                > +1 status reconnecting attempt=1
                > +1 open 2 ws://host/ws
            "#,
        );
    }
}

#[test]
fn a_hint_is_capped_at_five_minutes() {
    for hint in ["300000", "300001", "99999999999999999999"] {
        let script = format!(
            r#"
            ready
            closed 1 1013 {{"retry_after_ms":{hint}}}
                > disconnected disconnected 1013
                > status reconnecting attempt=1 waiting
            retry 300_000 330_000
            "#
        );
        check(|_| {}, &script);
    }
}

#[test]
fn a_reason_that_is_no_hint_changes_nothing() {
    let garbage = "x".repeat(123);
    for reason in [
        "slow down",
        r#"{"retry_after_ms":"5"}"#,
        r#"{"retry_after_ms":-5}"#,
        r#"{"retry_after_ms":"#,
        garbage.as_str(),
    ] {
        let script = format!(
            "ready
             closed 1 1012 {reason}
                 > disconnected disconnected 1012
                 > status reconnecting attempt=1 waiting
             retry 0 10_000"
        );
        check(|_| {}, &script);
    }
}

#[test]
fn a_refused_token_stops_at_once_where_there_is_none_to_fetch() {
    for code in REFRESH {
        let script = format!(
            "ready
             closed 1 {code}
                 > disconnected unauthorized {code}
                 > status closed unauthorized"
        );
        check(|_| {}, &script);
    }
}

#[test]
fn a_refused_token_asks_for_a_fresh_one() {
    for code in REFRESH {
        let script = format!(
            r#"
            connect
                > status connecting attempt=1
                > fetch-token 1 connect
            token 1 hunter2
                > open 1 ws://host/ws
            opened 1
                > transmit 1 {{"type":"auth","data":{{"token":"***"}}}}
                > status open
            closed 1 {code}
                > disconnected unauthorized {code}
                > status reconnecting attempt=1 waiting
            retry 0 1000
            next
                > status reconnecting attempt=1
                > fetch-token 2 refused
            "#
        );
        check(|config| config.auth = AuthVia::Message, &script);
    }
}

#[test]
fn a_message_too_large_for_the_server_is_reported() {
    check(
        |_| {},
        "
        ready
        send small
            > transmit 1 small
            > sent m1
        send huge
            > transmit 1 huge
            > sent m2
        closed 1 1009
            > warning message-too-large m2
            > disconnected message-too-large 1009
            > status reconnecting attempt=1 waiting
        next
            > status reconnecting attempt=1
            > open 2 ws://host/ws
        opened 2
            > status open
        # Nothing was written on this one.
        closed 2 1009
            > warning message-too-large
            > disconnected message-too-large 1009
            > status reconnecting attempt=2 waiting
        ",
    );
}

#[test]
fn a_replaced_policy_decides_instead() {
    check(
        |_| {},
        "
        ready
        policy 1 4403 retry
            > disconnected disconnected 4403
            > status reconnecting attempt=1 waiting
        next
            > status reconnecting attempt=1
            > open 2 ws://host/ws
        opened 2
            > status open
        policy 2 1006 stop
            > disconnected refused 1006
            > status closed refused
        ",
    );
    check(
        |_| {},
        "
        ready
        policy 1 1006 slowly
            > disconnected disconnected 1006
            > status reconnecting attempt=1 waiting
        retry 0 10_000
        ",
    );
}
