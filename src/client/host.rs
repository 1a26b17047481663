//! The application's side of the driver: decodes frames, asks the provider, settles receipts, fills the inbox.

use core::cell::{Cell, OnceCell, RefCell};
use core::future::Future;
use core::pin::Pin;
use core::time::Duration;
use std::rc::{Rc, Weak};

use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use super::batch;
use super::codec::{self, Decoded};
use super::inbox::Inbox;
use super::receipt::{Ledger, Outcome, Receipt, RequestError};
use super::{ClientEvent, Credentials, TokenError};
use crate::config::{Delivery, millis};
use crate::error::ErrorCode;
use crate::proto::{
    CloseAction, CloseFrame, Content, Delivered, Event, Frame, MessageId, TokenAnswer, TokenReason,
    TokenRequest,
};
use crate::web::{Driver, Host};

type Granting = Pin<Box<dyn Future<Output = Result<Credentials, TokenError>>>>;
pub(super) type Provider = Box<dyn Fn(TokenReason) -> Granting>;
pub(super) type Policy = Box<dyn Fn(&CloseFrame) -> Option<CloseAction>>;

/// A frame, and what each of its messages says to the application.
struct Read<In> {
    frame: Frame,
    messages: Vec<Option<Decoded<In>>>,
}

pub(super) struct ClientHost<In: 'static> {
    pub(super) inbox: Rc<Inbox<In>>,
    pub(super) ledger: Ledger<In>,
    /// Set where `In` is known to be readable, so that nothing else has to say so.
    read: fn(&str) -> Read<In>,
    /// Whether messages are confirmed.
    pub(super) delivery: Delivery,
    provider: Option<Provider>,
    policy: Option<Policy>,
    /// The messages of the frame that was decoded last, until the engine says what they are for.
    decoded: RefCell<Vec<Option<Decoded<In>>>>,
    /// The position that the engine was told last.
    told: Cell<u64>,
    /// To whom the provider's answer goes.
    driver: OnceCell<Weak<Driver<Self>>>,
}

impl<In: 'static> ClientHost<In> {
    pub(super) fn new(
        inbox: Rc<Inbox<In>>,
        delivery: Delivery,
        provider: Option<Provider>,
        policy: Option<Policy>,
    ) -> Self
    where
        In: DeserializeOwned,
    {
        Self {
            inbox,
            ledger: Ledger::new(),
            read: match delivery {
                Delivery::Plain => read_plain,
                Delivery::Reliable(_) => read_batch,
            },
            delivery,
            provider,
            policy,
            decoded: RefCell::default(),
            told: Cell::new(0),
            driver: OnceCell::new(),
        }
    }

    pub(super) fn attach(&self, driver: Weak<Driver<Self>>) {
        // It is attached once, right after it was made.
        let _ = self.driver.set(driver);
    }
}

impl<In: 'static> Host for ClientHost<In> {
    fn decode(&self, data: JsValue) -> Frame {
        let Some(text) = data.as_string() else {
            return Frame {
                bytes: 0,
                content: Content::Invalid,
            };
        };
        let Read { frame, messages } = (self.read)(&text);
        self.decoded.replace(messages);
        frame
    }

    fn fetch_token(&self, request: TokenRequest, reason: TokenReason) {
        let (Some(provider), Some(driver)) = (&self.provider, self.driver.get()) else {
            return;
        };
        let (granting, driver) = (provider(reason), Weak::clone(driver));
        spawn_local(async move {
            let answer = answer(granting.await);
            if let Some(driver) = driver.upgrade() {
                driver.answer_token(request, answer);
            }
        });
    }

    fn verdict(&self, frame: &CloseFrame) -> Option<CloseAction> {
        self.policy.as_ref().and_then(|policy| policy(frame))
    }

    fn event(&self, event: Event<JsValue>) {
        match event {
            Event::Message => self.deliver(0, 0),
            Event::Answered(id) => self.answer(id, 0),
            Event::Sent(_) if self.is_reliable() => {}
            Event::Sent(id) => self.ledger.receipts.settle(id, Outcome::Sent),
            Event::Acked(id) => self.ledger.receipts.settle(id, Outcome::Acked),
            Event::Rejected(id, code, _) => {
                self.ledger.receipts.settle(id, Outcome::Rejected(code));
                self.ledger
                    .replies
                    .settle(id, Err(RequestError::Rejected(code)));
            }
            Event::Refused(id, code, message) => {
                self.ledger.replies.settle(
                    id,
                    Err(RequestError::Refused {
                        code: code.clone(),
                        message: message.clone(),
                    }),
                );
                let refused = Outcome::Refused { code, message };
                self.ledger.receipts.settle(id, refused);
            }
            Event::Uncertain(id, code) => {
                self.ledger.receipts.settle(id, Outcome::Uncertain(code));
                self.ledger
                    .replies
                    .settle(id, Err(RequestError::Uncertain(code)));
            }
            Event::Latency(ms) => self.tell(ClientEvent::Latency(Duration::from_millis(ms))),
            Event::Disconnected(code, frame) => self.tell(ClientEvent::Disconnected(code, frame)),
            Event::Warning(code, _) => self.tell(ClientEvent::Warning(code)),
            Event::Deliver(delivered) => self.deliver_all(delivered),
            Event::AnsweredBy(id, delivered) => {
                self.answer(id, delivered.index as usize);
                self.inbox.pass(delivered.position);
                self.report();
            }
            Event::Restored(id, _) => {
                let slot = self.ledger.receipts.expect(id);
                self.tell(ClientEvent::Restored(Receipt { id, slot }));
            }
            Event::Resync(resync) => {
                let event = ClientEvent::Resync(resync.reason, resync.missed);
                self.inbox.push_at(event, resync.position);
                self.report();
            }
            Event::Status(change) => {
                self.tell(ClientEvent::Status(change));
                if change.stopped == Some(ErrorCode::Closed) {
                    self.inbox.end();
                }
            }
        }
    }
}

impl<In: 'static> ClientHost<In> {
    fn tell(&self, event: ClientEvent<In>) {
        self.inbox.push(event);
    }

    fn is_reliable(&self) -> bool {
        matches!(self.delivery, Delivery::Reliable(_))
    }

    fn deliver_all(&self, delivered: Delivered) {
        for nth in 0..delivered.count {
            let index = (delivered.index + nth) as usize;
            self.deliver(index, delivered.position + u64::from(nth));
        }
        self.report();
    }

    /// Tells the engine how far the application is.
    pub(super) fn report(&self) {
        let handled = self.inbox.handled();
        if handled > self.told.replace(handled)
            && let Some(driver) = self.driver.get().and_then(Weak::upgrade)
        {
            driver.handled(handled);
        }
    }

    /// Takes a message of the frame that was decoded last.
    fn take(&self, index: usize) -> Option<Decoded<In>> {
        self.decoded.borrow_mut().get_mut(index)?.take()
    }

    fn deliver(&self, index: usize, position: u64) {
        let event = match self.take(index) {
            Some(Decoded::Message(message)) => ClientEvent::Message(message),
            Some(Decoded::Failure { code, message }) => ClientEvent::Unreadable {
                kind: "error".to_owned(),
                error: format!("{code}: {message}"),
            },
            Some(Decoded::Unreadable { kind, error }) => ClientEvent::Unreadable { kind, error },
            None => return,
        };
        self.inbox.push_at(event, position);
    }

    fn answer(&self, id: MessageId, index: usize) {
        let reply = match self.take(index) {
            Some(Decoded::Message(message)) => Ok(message),
            Some(Decoded::Failure { code, message }) => {
                Err(RequestError::Refused { code, message })
            }
            Some(Decoded::Unreadable { error, .. }) => Err(RequestError::Unreadable(error)),
            None => return,
        };
        self.ledger.replies.settle(id, reply);
    }
}

fn read_plain<In: DeserializeOwned>(text: &str) -> Read<In> {
    let (frame, decoded) = codec::read(text);
    Read {
        frame,
        messages: vec![decoded],
    }
}

fn read_batch<In: DeserializeOwned>(text: &str) -> Read<In> {
    let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let (content, messages) = match batch::read(text) {
        Some((parts, messages)) => (Content::Batch(parts), messages),
        None => (Content::Invalid, Vec::new()),
    };
    Read {
        frame: Frame { bytes, content },
        messages,
    }
}

fn answer(granted: Result<Credentials, TokenError>) -> TokenAnswer {
    match granted {
        Ok(Credentials {
            token,
            url,
            expires_in,
        }) => TokenAnswer::Granted {
            token,
            url,
            expires_in_ms: expires_in.map(millis),
        },
        Err(TokenError::Unavailable) => TokenAnswer::Failed,
        Err(TokenError::Unauthorized) => TokenAnswer::Unauthorized,
    }
}
