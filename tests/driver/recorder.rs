//! A host that writes down what it is told, and waiting for what is to come.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};

use everwire::proto::{
    CloseAction, CloseFrame, Content, Event, Frame, MessageId, Outgoing, Status, Token,
    TokenAnswer, TokenReason, TokenRequest,
};
use everwire::web::{Driver, Host};
use everwire::{Config, ErrorCode};
use gloo_timers::future::TimeoutFuture;
use js_sys::JSON;
use wasm_bindgen::JsValue;

/// How often a condition is looked at, and for how long: the longest is a server that restarts, and its clients' patience.
const LOOK_MS: u32 = 10;
const LOOKS: u32 = 4_000;

pub type Hook = Box<dyn Fn(&Driver<Recorder>, &str)>;

#[derive(Default)]
pub struct Recorder {
    pub messages: RefCell<Vec<String>>,
    pub answers: RefCell<Vec<(u64, String)>>,
    pub sent: RefCell<Vec<u64>>,
    pub rejected: RefCell<Vec<(u64, ErrorCode)>>,
    pub statuses: RefCell<Vec<Status>>,
    pub ends: RefCell<Vec<(ErrorCode, Option<CloseFrame>)>>,
    pub latencies: Cell<u32>,
    /// What to do when a message comes, while it is being told.
    pub on_message: RefCell<Option<Hook>>,
    pub token: RefCell<Option<String>>,
    decoded: RefCell<String>,
    driver: OnceCell<Weak<Driver<Recorder>>>,
}

pub fn connect(config: Config, recorder: Recorder) -> Rc<Driver<Recorder>> {
    let driver = Rc::new(Driver::new(config, recorder).expect("the options are in range"));
    let _ = driver.host().driver.set(Rc::downgrade(&driver));
    driver.connect();
    driver
}

pub fn send(driver: &Driver<Recorder>, text: &str) -> u64 {
    let message = Outgoing::message(JsValue::from_str(text), text.len() as u32);
    driver.send(message).expect("taken").0
}

/// Waits until `is_so`, and panics with `what` if it never is.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..LOOKS {
        if is_so() {
            return;
        }
        TimeoutFuture::new(LOOK_MS).await;
    }
    panic!("never: {what}");
}

pub async fn until_open(driver: &Driver<Recorder>) {
    until("open", || driver.status() == Status::Open).await;
}

impl Host for Recorder {
    fn decode(&self, data: JsValue) -> Frame {
        let Some(text) = data.as_string() else {
            return Frame {
                bytes: 0,
                content: Content::Invalid,
            };
        };
        let bytes = text.len() as u32;
        let field = |name: &str| {
            let object = JSON::parse(&text).ok()?;
            js_sys::Reflect::get(&object, &name.into()).ok()
        };
        let content = match field("type").and_then(|kind| kind.as_string()).as_deref() {
            Some("pong") => Content::Pong,
            Some("ping") => Content::Ping,
            None => Content::Invalid,
            Some(_) => match field("re").and_then(|re| re.as_f64()) {
                Some(id) => Content::Answer(MessageId(id as u64)),
                None => Content::Message,
            },
        };
        self.decoded.replace(text);
        Frame { bytes, content }
    }

    fn fetch_token(&self, request: TokenRequest, _: TokenReason) {
        let token = self.token.borrow().clone().map(Token::new);
        let driver = self.driver.get().and_then(Weak::upgrade);
        let granted = TokenAnswer::Granted {
            token,
            url: None,
            expires_in_ms: None,
        };
        driver
            .expect("it is connecting")
            .answer_token(request, granted);
    }

    fn event(&self, event: Event<JsValue>) {
        let text = || self.decoded.borrow().clone();
        match event {
            Event::Message => {
                self.messages.borrow_mut().push(text());
                let driver = self.driver.get().and_then(Weak::upgrade);
                let hook = self.on_message.take();
                if let (Some(driver), Some(hook)) = (driver, hook) {
                    hook(&driver, &text());
                }
            }
            Event::Answered(id) => self.answers.borrow_mut().push((id.0, text())),
            Event::Sent(id) => self.sent.borrow_mut().push(id.0),
            Event::Rejected(id, code, _) => self.rejected.borrow_mut().push((id.0, code)),
            Event::Status(change) => self.statuses.borrow_mut().push(change.status),
            Event::Disconnected(code, frame) => self.ends.borrow_mut().push((code, frame)),
            Event::Latency(_) => self.latencies.set(self.latencies.get() + 1),
            Event::Uncertain(..)
            | Event::Warning(..)
            | Event::Deliver(_)
            | Event::AnsweredBy(..)
            | Event::Acked(_)
            | Event::Refused(..)
            | Event::Restored(..)
            | Event::Resync(_) => {}
        }
    }

    fn verdict(&self, _: &CloseFrame) -> Option<CloseAction> {
        None
    }
}
