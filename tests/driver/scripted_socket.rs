//! On a socket that the test plays: what the driver does to it, and that it leaves nothing behind.

use std::rc::Rc;

use everwire::proto::Status;
use everwire::web::Driver;
use everwire::{Config, ErrorCode};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::recorder::{Recorder, connect, send, until};

#[wasm_bindgen(inline_js = r#"
    const RealWebSocket = globalThis.WebSocket;
    const realSetTimeout = globalThis.setTimeout;
    const realClearTimeout = globalThis.clearTimeout;
    const realAdd = globalThis.addEventListener;
    const realRemove = globalThis.removeEventListener;
    let sockets, timers, listeners, fault;

    class ScriptedSocket {
        constructor(url, protocols) {
            if (fault) throw new DOMException("played", fault);
            Object.assign(this, { url, protocols, readyState: 0, bufferedAmount: 0, frames: [], closes: [] });
            sockets.push(this);
        }
        send(data) { this.frames.push(data); }
        close(code, reason) { this.closes.push([code, reason]); this.readyState = 2; }
    }

    export function play(constructorFault) {
        [sockets, timers, listeners, fault] = [[], new Set(), 0, constructorFault];
        globalThis.WebSocket = ScriptedSocket;
        globalThis.setTimeout = (f, ms, ...rest) => {
            const id = realSetTimeout(() => { timers.delete(id); f(...rest); }, ms);
            timers.add(id);
            return id;
        };
        globalThis.clearTimeout = (id) => { timers.delete(id); realClearTimeout(id); };
        globalThis.addEventListener = (...rest) => { listeners++; realAdd.apply(globalThis, rest); };
        globalThis.removeEventListener = (...rest) => { listeners--; realRemove.apply(globalThis, rest); };
    }
    export function stop() {
        globalThis.WebSocket = RealWebSocket;
        globalThis.setTimeout = realSetTimeout;
        globalThis.clearTimeout = realClearTimeout;
        globalThis.addEventListener = realAdd;
        globalThis.removeEventListener = realRemove;
    }
    export function heal() { fault = undefined; }
    export function count() { return sockets.length; }
    export function live_timers() { return timers.size; }
    export function live_listeners() { return listeners; }
    export function had_handlers(n) { const s = sockets[n]; return !!(s.onopen && s.onmessage && s.onclose); }
    export function open(n) { const s = sockets[n]; s.readyState = 1; s.onopen?.({ type: "open" }); }
    export function tell(n, data) { sockets[n].onmessage?.({ type: "message", data }); }
    export function end(n, code, reason) {
        const s = sockets[n];
        s.readyState = 3;
        s.onclose?.({ type: "close", code, reason });
    }
    export function closing(n) { sockets[n].readyState = 2; }
    export function fill(n, bytes) { sockets[n].bufferedAmount = bytes; }
    export function frames(n) { return sockets[n].frames.join("\n"); }
    export function closes(n) { return JSON.stringify(sockets[n].closes); }
    export function protocols(n) { return JSON.stringify(sockets[n].protocols); }
    export function page(kind) { globalThis.dispatchEvent(new Event(kind)); }
"#)]
extern "C" {
    fn play(fault: Option<&str>);
    fn stop();
    fn heal();
    fn count() -> u32;
    fn live_timers() -> u32;
    fn live_listeners() -> i32;
    fn had_handlers(n: u32) -> bool;
    fn open(n: u32);
    fn tell(n: u32, data: &JsValue);
    fn end(n: u32, code: u16, reason: &str);
    fn closing(n: u32);
    fn fill(n: u32, bytes: u32);
    fn frames(n: u32) -> String;
    fn closes(n: u32) -> String;
    fn protocols(n: u32) -> String;
    fn page(kind: &str);
}

/// The script's globals stand from here to the end of the test, whatever its outcome.
struct Playing;

impl Playing {
    fn start() -> Self {
        play(None);
        Self
    }

    fn with_fault(fault: &str) -> Self {
        play(Some(fault));
        Self
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        stop();
    }
}

const URL: &str = "ws://scripted.example/ws";
const HELLO: &str = r#"{"type":"hello","data":1}"#;

fn connected() -> Rc<Driver<Recorder>> {
    let driver = connect(Config::new(URL), Recorder::default());
    open(0);
    assert_eq!(driver.status(), Status::Open);
    driver
}

#[wasm_bindgen_test]
fn handlers_are_attached_before_anything_can_arrive() {
    let _playing = Playing::start();
    let driver = connect(Config::new(URL), Recorder::default());
    assert!(had_handlers(0));
    open(0);
    tell(0, &HELLO.into());
    assert_eq!(*driver.host().messages.borrow(), [HELLO]);
}

#[wasm_bindgen_test]
fn each_subprotocol_is_an_item_of_its_own() {
    let _playing = Playing::start();
    let mut config = Config::new(URL);
    config.protocols = vec!["chat".to_owned(), "v2.chat".to_owned()];
    let _driver = connect(config, Recorder::default());
    assert_eq!(protocols(0), r#"["chat","v2.chat"]"#);
}

#[wasm_bindgen_test]
fn what_is_queued_goes_out_in_order_once_it_is_open() {
    let _playing = Playing::start();
    let driver = connect(Config::new(URL), Recorder::default());
    for text in ["one", "two", "three"] {
        send(&driver, text);
    }
    assert_eq!(frames(0), "");
    open(0);
    send(&driver, "four");
    assert_eq!(frames(0), "one\ntwo\nthree\nfour");
    assert_eq!(*driver.host().sent.borrow(), [1, 2, 3, 4]);
}

#[wasm_bindgen_test]
fn a_socket_that_is_closing_gets_no_writes() {
    let _playing = Playing::start();
    let driver = connected();
    closing(0);
    send(&driver, "kept");
    assert_eq!(frames(0), "");
    assert_eq!(driver.stats().queued, 1);
}

#[wasm_bindgen_test]
async fn a_full_send_buffer_holds_messages_back_until_it_drains() {
    let _playing = Playing::start();
    let driver = connected();
    fill(0, 2 << 20);
    send(&driver, "held");
    assert_eq!(frames(0), "");
    fill(0, 0);
    until("written", || frames(0) == "held").await;
}

#[wasm_bindgen_test]
fn closing_closes_the_socket_with_its_code_and_takes_its_handlers_off() {
    let _playing = Playing::start();
    let driver = connected();
    driver
        .close(4001, "bye")
        .expect("a code that browsers take");
    assert!(closes(0).starts_with(r#"[[4001,"bye"]"#), "{}", closes(0));
    assert!(!had_handlers(0));
    assert_eq!(driver.status(), Status::Closed);
    assert_eq!((live_timers(), live_listeners()), (0, 0));
}

#[wasm_bindgen_test]
fn dropping_it_closes_the_socket_and_leaves_no_timer_and_no_listener() {
    let _playing = Playing::start();
    let driver = connected();
    assert!(live_timers() > 0);
    drop(driver);
    assert_ne!(closes(0), "[]");
    assert!(!had_handlers(0));
    assert_eq!((live_timers(), live_listeners()), (0, 0));
}

#[wasm_bindgen_test]
fn one_timer_is_armed_at_a_time() {
    let _playing = Playing::start();
    let driver = connected();
    for i in 0..50 {
        send(&driver, "tick");
        tell(0, &HELLO.into());
        assert_eq!(live_timers(), 1, "after {i} messages");
    }
}

#[wasm_bindgen_test]
fn an_old_socket_is_heard_of_no_more() {
    let _playing = Playing::start();
    let driver = connected();
    driver.reconnect();
    assert_eq!(count(), 2);
    assert!(!had_handlers(0));
    open(1);
    tell(0, &HELLO.into());
    end(0, 1006, "");
    assert_eq!(driver.status(), Status::Open);
    assert!(driver.host().messages.borrow().is_empty());
    assert_eq!(count(), 2);
}

#[wasm_bindgen_test]
fn a_close_code_and_its_reason_are_told() {
    let _playing = Playing::start();
    let driver = connected();
    end(0, 4403, "not you");
    assert_eq!(driver.status(), Status::Closed);
    let ends = driver.host().ends.borrow();
    let (code, frame) = ends.first().expect("told");
    let frame = frame.as_ref().expect("there was a frame");
    assert_eq!(
        (*code, frame.code, &*frame.reason),
        (ErrorCode::Refused, 4403, "not you")
    );
}

#[wasm_bindgen_test]
fn a_handler_may_send_and_the_frame_follows() {
    let _playing = Playing::start();
    let driver = connected();
    driver.host().on_message.replace(Some(Box::new(|driver, _| {
        send(driver, "from a handler");
    })));
    tell(0, &HELLO.into());
    assert_eq!(frames(0), "from a handler");
}

#[wasm_bindgen_test]
fn a_handler_may_close_and_nothing_is_told_after() {
    let _playing = Playing::start();
    let driver = connected();
    driver.host().on_message.replace(Some(Box::new(|driver, _| {
        driver.close(1000, "").expect("a code that browsers take");
    })));
    tell(0, &HELLO.into());
    tell(0, &HELLO.into());
    assert_eq!(driver.host().messages.borrow().len(), 1);
    assert_eq!(driver.status(), Status::Closed);
}

#[wasm_bindgen_test]
fn a_malformed_url_stops_it_at_once() {
    let _playing = Playing::with_fault("SyntaxError");
    let driver = connect(Config::new("not a url"), Recorder::default());
    assert_eq!(driver.status(), Status::Closed);
    assert_eq!(
        driver.host().ends.borrow().first().map(|(code, _)| *code),
        Some(ErrorCode::InvalidUrl)
    );
}

#[wasm_bindgen_test]
async fn a_constructor_that_throws_anything_else_is_tried_again() {
    let _playing = Playing::with_fault("SecurityError");
    let driver = connect(Config::new(URL), Recorder::default());
    assert_eq!(driver.status(), Status::Connecting);
    heal();
    until("a socket", || count() == 1).await;
}

#[wasm_bindgen_test]
fn a_page_that_comes_back_online_does_not_wait_for_the_next_attempt() {
    let _playing = Playing::start();
    let driver = connected();
    end(0, 1006, "");
    assert_eq!((driver.status(), count()), (Status::Reconnecting, 1));
    page("online");
    assert_eq!(count(), 2);
}

#[wasm_bindgen_test]
fn a_binary_frame_or_garbage_is_left_out_and_the_connection_goes_on() {
    let _playing = Playing::start();
    let driver = connected();
    tell(0, &js_sys::ArrayBuffer::new(8).into());
    tell(0, &"{".into());
    tell(0, &HELLO.into());
    assert_eq!(*driver.host().messages.borrow(), [HELLO]);
    assert_eq!(driver.status(), Status::Open);
}
