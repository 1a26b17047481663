//! The application's side of the driver: decodes frames, asks the provider, settles receipts, fills the inbox.

use core::cell::{OnceCell, RefCell};
use core::future::Future;
use core::pin::Pin;
use core::time::Duration;
use std::rc::{Rc, Weak};

use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use super::codec::{self, Decoded};
use super::inbox::Inbox;
use super::receipt::{Ledger, Outcome, RequestError};
use super::{ClientEvent, Credentials, TokenError};
use crate::config::millis;
use crate::error::ErrorCode;
use crate::proto::{
    CloseAction, CloseFrame, Content, Event, Frame, MessageId, TokenAnswer, TokenReason,
    TokenRequest,
};
use crate::web::{Driver, Host};

type Granting = Pin<Box<dyn Future<Output = Result<Credentials, TokenError>>>>;
pub(super) type Provider = Box<dyn Fn(TokenReason) -> Granting>;
pub(super) type Policy = Box<dyn Fn(&CloseFrame) -> Option<CloseAction>>;

pub(super) struct ClientHost<In: 'static> {
    pub(super) inbox: Rc<Inbox<In>>,
    pub(super) ledger: Ledger<In>,
    /// Set where `In` is known to be readable, so that nothing else has to say so.
    read: fn(&str) -> (Frame, Option<Decoded<In>>),
    provider: Option<Provider>,
    policy: Option<Policy>,
    /// The frame that was decoded last, until the engine says what it is for.
    decoded: RefCell<Option<Decoded<In>>>,
    /// To whom the provider's answer goes.
    driver: OnceCell<Weak<Driver<Self>>>,
}

impl<In: 'static> ClientHost<In> {
    pub(super) fn new(
        inbox: Rc<Inbox<In>>,
        provider: Option<Provider>,
        policy: Option<Policy>,
    ) -> Self
    where
        In: DeserializeOwned,
    {
        Self {
            inbox,
            ledger: Ledger::new(),
            read: codec::read,
            provider,
            policy,
            decoded: RefCell::new(None),
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
        let (frame, decoded) = (self.read)(&text);
        self.decoded.replace(decoded);
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
            Event::Message => self.deliver(),
            Event::Answered(id) => self.answer(id),
            Event::Sent(id) => self.ledger.receipts.settle(id, Outcome::Sent),
            Event::Rejected(id, code, _) => {
                self.ledger.receipts.settle(id, Outcome::Rejected(code));
                self.ledger
                    .replies
                    .settle(id, Err(RequestError::Rejected(code)));
            }
            Event::Uncertain(id, code) => {
                self.ledger
                    .replies
                    .settle(id, Err(RequestError::Uncertain(code)));
            }
            Event::Latency(ms) => self.tell(ClientEvent::Latency(Duration::from_millis(ms))),
            Event::Disconnected(code, frame) => self.tell(ClientEvent::Disconnected(code, frame)),
            Event::Warning(code, _) => self.tell(ClientEvent::Warning(code)),
            // Of reliable delivery, which this client does not offer yet.
            Event::Deliver(_)
            | Event::AnsweredBy(..)
            | Event::Acked(_)
            | Event::Refused(..)
            | Event::Restored(..)
            | Event::Resync(_) => {}
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

    fn deliver(&self) {
        match self.decoded.take() {
            Some(Decoded::Message(message)) => self.tell(ClientEvent::Message(message)),
            Some(Decoded::Failure { code, message }) => self.tell(ClientEvent::Unreadable {
                kind: "error".to_owned(),
                error: format!("{code}: {message}"),
            }),
            Some(Decoded::Unreadable { kind, error }) => {
                self.tell(ClientEvent::Unreadable { kind, error });
            }
            None => {}
        }
    }

    fn answer(&self, id: MessageId) {
        let reply = match self.decoded.take() {
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
