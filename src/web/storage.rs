//! The page's session storage, and the lock that keeps a copied tab from using the same.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;

use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::browser::{self, Function, Promise, Text};
use crate::compiled::Compiled;
use crate::config::{Delivery, Settings};
use crate::proto::{Head, Loaded, MessageKind, Saved, Slot, StorageEvent, Store, Stored, wire};

const HEAD: &str = "head";
/// What the stored text of a request begins with; that of a message begins with a brace.
const REQUEST: &str = "?";

/// The storage of one connection.
pub(super) struct Storage {
    /// What its keys begin with.
    prefix: String,
    lock: Cell<Option<Lock>>,
}

/// A claim: asked for, or held until it is dropped.
struct Lock(Rc<Cell<Claim>>);

#[derive(Default)]
enum Claim {
    #[default]
    Asked,
    Held(Function),
    Released,
}

impl Storage {
    /// That of a connection with reliable delivery, under the URL without its query, where a token may be, and the
    /// connection's name.
    pub(super) fn new(config: &Settings) -> Option<Compiled<Self>> {
        match &config.delivery {
            Delivery::Plain => None,
            Delivery::Reliable(options) => Compiled::make(|| Self::named(config, &options.name)),
        }
    }

    fn named(config: &Settings, name: &str) -> Self {
        let query = config.url.bytes().position(|byte| byte == b'?');
        let url = query
            .and_then(|at| config.url.get(..at))
            .unwrap_or(&config.url);
        let mut prefix = String::from("everwire:");
        for part in [url, "#", name, ":"] {
            prefix.push_str(part);
        }
        Self {
            prefix,
            lock: Cell::default(),
        }
    }

    pub(super) fn load(&self) -> Loaded<JsValue> {
        let head = match browser::stored(&self.key(HEAD)) {
            Ok(value) => value.as_string().and_then(|text| Head::from_text(&text)),
            Err(_) => return Loaded::Failed,
        };
        match head {
            Some(head) => {
                let mut messages = Vec::new();
                for key in self.keys() {
                    messages.extend(self.message(&key));
                }
                Loaded::Saved(Saved { head, messages })
            }
            None => Loaded::Nothing,
        }
    }

    /// Does what needs no answer; whether that worked.
    pub(super) fn act(&self, store: Store<JsValue>) -> bool {
        match store {
            Store::Head(head) => self.write(HEAD, &head.to_text().into()),
            Store::Keep(stored) => {
                let text = match stored.kind {
                    MessageKind::Message => stored.payload,
                    MessageKind::Request => JsValue::from_str(REQUEST)
                        .unchecked_into::<Text>()
                        .concat(&stored.payload),
                };
                self.write(&name(stored.slot), &text)
            }
            Store::Forget(slot) => browser::unstore(&self.key(&name(slot))).is_ok(),
            Store::Clear => {
                // The head first: without it, nothing that stays behind is ever read.
                let removed = browser::unstore(&self.key(HEAD)).is_ok();
                removed && self.keys().iter().all(|key| browser::unstore(key).is_ok())
            }
            Store::Release => {
                self.lock.set(None);
                true
            }
            Store::Load | Store::Claim(_) => true,
        }
    }

    /// Asks for the lock of this `cid`, in place of the one before.
    pub(super) fn claim(&self, cid: &str, tell: impl Fn(StorageEvent) + Clone + 'static) {
        let claim = Rc::new(Cell::new(Claim::Asked));
        self.lock.set(Some(Lock(Rc::clone(&claim))));
        let mut name = String::from("everwire:");
        name.push_str(cid);
        let granted = {
            let tell = tell.clone();
            // Once is enough, but closures that say so take a kilobyte of wasm more.
            let granted = move |_lock: JsValue| -> JsValue {
                if let Claim::Released = claim.replace(Claim::Released) {
                    return JsValue::UNDEFINED;
                }
                let held = hold(&claim);
                tell(StorageEvent::Claimed);
                held
            };
            Closure::<dyn Fn(JsValue) -> JsValue>::new(granted).into_js_value()
        };
        match browser::request_lock(&name, &granted) {
            Ok(promise) => {
                let refused = move |_why: JsValue| tell(StorageEvent::Denied);
                promise.or_else(&Closure::<dyn Fn(JsValue)>::new(refused).into_js_value());
            }
            Err(_) => tell(StorageEvent::Denied),
        }
    }

    fn write(&self, name: &str, value: &JsValue) -> bool {
        browser::store(&self.key(name), value).is_ok()
    }

    fn message(&self, key: &str) -> Option<Stored<JsValue>> {
        let slot = slot(key.strip_prefix(self.prefix.as_str())?)?;
        let value = browser::stored(key).ok()?;
        let bytes = u32::try_from(value.as_string()?.len()).ok()?;
        let text: Text = value.unchecked_into();
        let first = text.slice(0, 1);
        let (kind, payload) = match first == JsValue::from_str(REQUEST) {
            true => (MessageKind::Request, text.slice(1, i32::MAX)),
            false => (MessageKind::Message, text.into()),
        };
        Some(Stored {
            slot,
            kind,
            payload,
            bytes,
        })
    }

    /// The keys of this connection.
    fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        let mut index = 0;
        while let Ok(Some(key)) = browser::stored_key(index) {
            if key.starts_with(self.prefix.as_str()) {
                keys.push(key);
            }
            index += 1;
        }
        keys
    }

    fn key(&self, name: &str) -> String {
        let mut key = self.prefix.clone();
        key.push_str(name);
        key
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Claim::Held(release) = self.0.replace(Claim::Released) {
            release.call();
        }
    }
}

/// A promise that is resolved when the claim is dropped: until then the browser holds the lock.
fn hold(claim: &Rc<Cell<Claim>>) -> JsValue {
    let claim = Rc::clone(claim);
    let executor = move |resolve: JsValue| {
        claim.set(Claim::Held(resolve.unchecked_into()));
    };
    Promise::new(&Closure::<dyn Fn(JsValue)>::new(executor).into_js_value()).into()
}

fn name(slot: Slot) -> String {
    let (kind, number) = match slot {
        Slot::Seq(seq) => ('s', seq),
        Slot::Queued(place) => ('q', place),
    };
    let mut name = String::new();
    name.push(kind);
    name.push_str(&wire::number(number));
    name
}

fn slot(name: &str) -> Option<Slot> {
    let number = wire::whole(name.get(1..)?)?;
    match name.get(..1)? {
        // Whatever else is there, nobody was given such a seq.
        "s" if number > 0 => Some(Slot::Seq(number)),
        "q" => Some(Slot::Queued(number)),
        _ => None,
    }
}
