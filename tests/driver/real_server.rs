//! Against the board's server, which makes its faults on request.

use std::rc::Rc;
use std::time::Duration;

use everwire::proto::{AuthVia, Outgoing, Status};
use everwire::web::Driver;
use everwire::{Config, ErrorCode, Heartbeat};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::recorder::{Recorder, connect, send, until, until_open};

const SERVER: &str = match option_env!("EVERWIRE_TEST_SERVER") {
    Some(url) => url,
    None => "ws://127.0.0.1:18431",
};

#[wasm_bindgen(inline_js = r#"
    export async function post(url, body) {
        const headers = { "Content-Type": "application/json" };
        return (await fetch(url, { method: "POST", headers, body: JSON.stringify(body) })).json();
    }
    export async function token(http) { return (await post(`${http}/api/token`, { user: "ben" })).token; }
    export async function fault(http, kind, tab) { return (await post(`${http}/api/faults/${kind}`, { tab })).sockets; }
    export function is_webkit() { return /AppleWebKit/.test(navigator.userAgent) && !/Chrom/.test(navigator.userAgent); }
    export function random() { return Math.random().toString(36).slice(2); }
"#)]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn token(http: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn fault(http: &str, kind: &str, tab: &str) -> Result<JsValue, JsValue>;
    fn is_webkit() -> bool;
    fn random() -> String;
}

struct Board {
    driver: Rc<Driver<Recorder>>,
    tab: String,
}

impl Board {
    /// Connected and open, with a heartbeat that notices a stall within a second or two.
    async fn open() -> Self {
        let board = Self::connect(Self::config).await;
        until_open(&board.driver).await;
        board
    }

    async fn connect(config: impl Fn(&str) -> Config) -> Self {
        let tab = random();
        let recorder = Recorder::default();
        let token = token(&http()).await.expect("the server is there");
        recorder.token.replace(token.as_string());
        let driver = connect(config(&tab), recorder);
        Self { driver, tab }
    }

    fn config(tab: &str) -> Config {
        let mut config = Config::new(format!("{SERVER}/ws/ben?tab={tab}"));
        config.auth = AuthVia::Message;
        config.heartbeat = Some(Heartbeat {
            interval: Duration::from_millis(400),
            timeout: Duration::from_millis(800),
            ..Heartbeat::default()
        });
        config.backoff.max = Duration::from_secs(1);
        config.backoff.attempts_per_minute = 60;
        config
    }

    async fn fault(&self, kind: &str) {
        let met = fault(&http(), kind, &self.tab).await;
        let met = met.expect("the server is there").as_f64();
        assert!(
            kind == "restart" || met == Some(1.0),
            "{kind} met {met:?} sockets"
        );
    }

    fn create(&self, title: &str) -> u64 {
        let frame =
            format!(r#"{{"type":"create_task","data":{{"title":"{title}","assignee":"ben"}}}}"#);
        send(&self.driver, &frame)
    }

    fn has(&self, title: &str) -> bool {
        let messages = self.driver.host().messages.borrow();
        messages
            .iter()
            .any(|text| text.contains("task_created") && text.contains(title))
    }

    async fn until_reopened(&self) {
        until("open again", || self.driver.stats().opened == 2).await;
        assert_eq!(self.driver.status(), Status::Open);
    }
}

fn http() -> String {
    SERVER.replacen("ws", "http", 1)
}

#[wasm_bindgen_test]
async fn the_token_goes_first_and_what_was_queued_follows_in_order() {
    let board = Board::connect(Board::config).await;
    let titles: Vec<String> = (0..20).map(|i| format!("{}-{i}", board.tab)).collect();
    for title in &titles {
        board.create(title);
    }
    assert_eq!(board.driver.stats().sent, 0);
    until("all created", || {
        titles.iter().all(|title| board.has(title))
    })
    .await;
    let messages = board.driver.host().messages.borrow();
    let seen: Vec<usize> = messages
        .iter()
        .filter_map(|text| {
            titles
                .iter()
                .position(|title| text.contains(&format!("\"{title}\"")))
        })
        .collect();
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
}

#[wasm_bindgen_test]
async fn a_wrong_token_is_refused_and_a_fresh_one_asked_for_once() {
    let recorder = Recorder::default();
    recorder.token.replace(Some("wrong".to_owned()));
    let driver = connect(Board::config(&random()), recorder);
    until("stopped", || driver.status() == Status::Closed).await;
    assert_eq!(driver.stats().opened, 2);
    let ends = driver.host().ends.borrow();
    let codes: Vec<_> = ends
        .iter()
        .map(|(code, frame)| (*code, frame.as_ref().map(|f| f.code)))
        .collect();
    assert_eq!(codes, [(ErrorCode::Unauthorized, Some(4401)); 2]);
}

#[wasm_bindgen_test]
async fn a_request_gets_its_answer() {
    let board = Board::open().await;
    let id = board.driver.next_id().0;
    let text = format!(r#"{{"type":"list_tasks","data":null,"id":{id}}}"#);
    let request = Outgoing::request(JsValue::from_str(&text), text.len() as u32);
    board.driver.send(request).expect("taken");
    until("answered", || {
        !board.driver.host().answers.borrow().is_empty()
    })
    .await;
    let answers = board.driver.host().answers.borrow();
    assert!(
        answers
            .iter()
            .all(|(of, text)| *of == id && text.contains(r#""type":"tasks""#))
    );
}

#[wasm_bindgen_test]
async fn a_silent_connection_is_kept_alive_by_pings() {
    let board = Board::open().await;
    until("three answered pings", || {
        board.driver.host().latencies.get() >= 3
    })
    .await;
    assert_eq!(board.driver.stats().opened, 1);
}

#[wasm_bindgen_test]
async fn it_survives_a_cut_and_sends_what_came_meanwhile() {
    let board = Board::open().await;
    board.fault("drop").await;
    until("noticed", || board.driver.status() == Status::Reconnecting).await;
    board.create(&board.tab);
    board.until_reopened().await;
    until("created", || board.has(&board.tab)).await;
}

#[wasm_bindgen_test]
async fn it_survives_a_server_that_stalls() {
    let board = Board::open().await;
    until("the server has answered a ping", || {
        board.driver.host().latencies.get() > 0
    })
    .await;
    board.fault("stall").await;
    board.until_reopened().await;
    let ends = board.driver.host().ends.borrow();
    assert_eq!(
        ends.first().map(|(code, _)| *code),
        Some(ErrorCode::HeartbeatTimeout)
    );
}

#[wasm_bindgen_test]
async fn it_survives_refused_handshakes() {
    let board = Board::open().await;
    board.fault("refuse").await;
    board.until_reopened().await;
    let ends = board.driver.host().ends.borrow();
    assert!(
        ends.iter()
            .any(|(code, _)| *code == ErrorCode::ConnectFailed),
        "{ends:?}"
    );
}

#[wasm_bindgen_test]
async fn it_survives_a_restart() {
    let board = Board::open().await;
    board.fault("restart").await;
    until("noticed", || board.driver.status() == Status::Reconnecting).await;
    board.until_reopened().await;
    let first = board.driver.host().ends.borrow().first().cloned();
    let code = first.and_then(|(_, frame)| frame).map(|frame| frame.code);
    // WebKit makes 1006 of it: the server hangs up before the browser has answered its close frame.
    assert!(
        code == Some(1012) || (is_webkit() && code == Some(1006)),
        "{code:?}"
    );
}
