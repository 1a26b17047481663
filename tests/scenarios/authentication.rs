//! Tokens: how they are asked for, how they travel, what a bad provider or a refusal leads to. The harness checks after
//! every step that no debug print shows one.

use everwire::Config;
use everwire::proto::AuthVia;

use super::script::check;

pub fn by_message(config: &mut Config) {
    config.auth = AuthVia::Message;
    config.heartbeat = None;
}

/// Writes the auth frame where a script says `auth!`.
pub fn check_auth(configure: impl FnOnce(&mut Config), script: &str) {
    let frame = r#"{"type":"auth","data":{"token":"***"}}"#;
    check(configure, &script.replace("auth!", frame));
}

#[test]
fn by_message_the_token_is_the_first_frame() {
    check_auth(
        by_message,
        "
        send early
        connect
            > status connecting attempt=1
            > fetch-token 1 connect
        token 1 hunter2
            > open 1 ws://host/ws
        opened 1
            > transmit 1 auth!
            > status open
            > transmit 1 early
            > sent m1
        ",
    );
}

#[test]
fn by_query_the_token_is_in_the_url_and_nothing_is_written() {
    check_auth(
        |config| {
            config.auth = AuthVia::Query("access token".to_owned());
            config.url = "ws://host/ws?v=1".to_owned();
        },
        "
        connect
            > status connecting attempt=1
            > fetch-token 1 connect
        token 1 hunter2
            > open 1 ws://host/ws?v=1&access%20token=***
        opened 1
            > status open
        ",
    );
}

#[test]
fn by_subprotocol_the_token_is_the_last_one_offered() {
    check_auth(
        |config| {
            config.auth = AuthVia::Subprotocol;
            config.protocols = vec!["json".to_owned()];
        },
        "
        connect
            > status connecting attempt=1
            > fetch-token 1 connect
        token 1 hunter2
            > open 1 ws://host/ws json ***
        opened 1
            > status open
        ",
    );
}

#[test]
fn a_token_that_no_subprotocol_can_carry_stops() {
    check_auth(
        |config| config.auth = AuthVia::Subprotocol,
        "
        connect
            > status connecting attempt=1
            > fetch-token 1 connect
        token 1 a=b
            > disconnected invalid-token
            > status closed invalid-token
        ",
    );
}

#[test]
fn by_cookie_the_provider_is_awaited_and_nothing_is_sent() {
    for answer in ["none", "hunter2"] {
        let script = format!(
            "
            connect
                > status connecting attempt=1
                > fetch-token 1 connect
            token 1 {answer} life=60_000
                > open 1 ws://host/ws
            opened 1
                > status open
            wait 48_000
                > +48000 fetch-token 2 refresh
            token 2 {answer} life=60_000
            wait 48_000
                > +48000 fetch-token 3 refresh
            "
        );
        let by_cookie = |config: &mut Config| {
            config.auth = AuthVia::Cookie;
            config.heartbeat = None;
        };
        check_auth(by_cookie, &script);
    }
}

#[test]
fn a_provider_may_have_no_token() {
    check_auth(
        by_message,
        "
        connect
            > status connecting attempt=1
            > fetch-token 1 connect
        token 1 none
            > open 1 ws://host/ws
        opened 1
            > status open
        ",
    );
}

#[test]
fn a_url_may_be_new_for_every_attempt() {
    check_auth(
        |config| config.url_from = everwire::UrlFrom::Provider,
        "
        connect
            > status connecting attempt=1
            > fetch-token 1 connect
        token 1 none url=ws://a/1
            > open 1 ws://a/1
        failed 1 other
            > disconnected connect-failed
            > status connecting attempt=2 waiting
        next
            > status connecting attempt=2
            > fetch-token 2 connect
        token 2 none url=ws://b/2
            > open 2 ws://b/2
        ",
    );
}

#[test]
fn a_provider_that_fails_is_asked_again_later() {
    check_auth(
        by_message,
        "
        connect
            > status connecting attempt=1
            > fetch-token 1 connect
        token 1 failed
            > disconnected token-failed
            > status connecting attempt=2 waiting
        retry 0 1000
        next
            > status connecting attempt=2
            > fetch-token 2 connect
        token 2 failed
            > disconnected token-failed
            > status connecting attempt=3 waiting
        retry 100 2000
        ",
    );
}

#[test]
fn a_provider_that_says_unauthorized_stops_it() {
    check_auth(
        by_message,
        "
        connect
            > status connecting attempt=1
            > fetch-token 1 connect
        token 1 unauthorized
            > disconnected unauthorized
            > status closed unauthorized
        timer none
        ",
    );
}

#[test]
fn a_provider_that_hangs_is_given_up_and_its_late_answer_ignored() {
    check_auth(
        by_message,
        "
        connect
            > status connecting attempt=1
            > fetch-token 1 connect
        wait 10_000
            > +10000 disconnected connect-timeout
            > +10000 status connecting attempt=2 waiting
        token 1 too-late
        next
            > status connecting attempt=2
            > fetch-token 2 connect
        token 1 too-late
        token 1 unauthorized
        token 1 failed
        token 2 hunter2
            > open 1 ws://host/ws
        token 1 too-late
        # Neither does an answer that comes twice count.
        token 2 hunter2
        opened 1
            > transmit 1 auth!
            > status open
        token 2 hunter2
        token 2 failed
        token 2 unauthorized
        ",
    );
}
