//! A server, its store and its clock, as the vectors drive them.

use std::collections::{BTreeMap, BTreeSet};

use everwire::proto::server::{
    Cid, Event, Grant, Handle, HandlerId, Inbound, Input, Item, MessageRate, Outcome, Output,
    Refusal, Sent, ServerConfig, Sessions, StoreKind, Stored, Unreadable, Write,
};
use everwire::proto::{Instant, SocketId, Token};
use everwire_server::v1::{decode, encode};
use everwire_server::{Incoming, Outgoing};
use serde_json::{Value, json};

use crate::compare::{Names, compare};
use crate::store::{Store, fingerprint};

pub struct World {
    sessions: Sessions<Incoming, Outgoing>,
    config: ServerConfig,
    seeds: u8,
    now: Instant,
    store: Store,
    options: Value,
    names: Names,
    sockets: BTreeMap<String, Socket>,
    held_auth: BTreeMap<SocketId, Option<Token>>,
    held_loads: BTreeSet<Cid>,
    running: BTreeMap<(String, u64), HandlerId>,
    found: Vec<Value>,
    broken: Option<String>,
}

struct Socket {
    id: SocketId,
    acked: u64,
    is_open: bool,
    is_attached: bool,
}

impl World {
    pub fn new(options: &Value) -> Self {
        let mut config = ServerConfig::default();
        config.ping_ms = options["ping_ms"].as_u64().unwrap_or(config.ping_ms);
        config.timeout_ms = options["timeout_ms"].as_u64().unwrap_or(config.timeout_ms);
        if options["store"] == "begun" {
            config.store = StoreKind::Marked;
        }
        config.rate = options["rate"].as_u64().map(|rate| MessageRate {
            per_second: rate as u32,
            burst: options["burst"].as_u64().unwrap() as u32,
            leeway: 0,
        });
        let now = Instant::from_millis(0);
        Self {
            sessions: Sessions::new(config, [0; 32], now),
            config,
            seeds: 0,
            now,
            store: Store::default(),
            options: options.clone(),
            names: Names::default(),
            sockets: BTreeMap::new(),
            held_auth: BTreeMap::new(),
            held_loads: BTreeSet::new(),
            running: BTreeMap::new(),
            found: Vec::new(),
            broken: None,
        }
    }

    /// Does a step and says what was wrong with it.
    pub fn step(&mut self, step: &Value) -> Result<(), String> {
        self.found.clear();
        self.pass_time(step["at"].as_u64());
        let returned = self.act(step);
        self.drain();
        if let Some(broken) = self.broken.take() {
            return Err(broken);
        }
        let list = |name: &str| step[name].as_array().cloned().unwrap_or_default();
        compare(&mut self.names, &list("out"), &list("may"), &self.found)?;
        if let Some(expected) = step
            .get("returns")
            .filter(|expected| **expected != returned)
        {
            return Err(format!("returned {returned} instead of {expected}"));
        }
        for (socket, ack) in step["acked"].as_object().into_iter().flatten() {
            let acked = self.sockets[socket].acked;
            if *ack != acked {
                return Err(format!("{acked} is acked on {socket}"));
            }
        }
        let mut stored = step["stored"].as_object().into_iter().flatten();
        stored.try_for_each(|(cid, record)| self.store.compare(cid, record))
    }

    fn pass_time(&mut self, at: Option<u64>) {
        let Some(at) = at.map(Instant::from_millis) else {
            return;
        };
        while let Some(due) = self.sessions.poll_timeout().filter(|due| *due <= at) {
            self.now = self.now.max(due);
            self.input(Input::Timeout);
        }
        self.now = at;
    }

    fn act(&mut self, step: &Value) -> Value {
        let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| step[name].as_u64().unwrap();
        match text("do").as_str() {
            "open" => self.open(text("socket")),
            "frame" => self.frame(&text("socket"), step),
            "binary" => self.socket_input(&text("socket"), |id| {
                Input::Unreadable(id, Unreadable::Binary)
            }),
            "closed" => {
                self.socket_input(&text("socket"), Input::Closed);
                self.sockets.get_mut(&text("socket")).unwrap().is_open = false;
            }
            "answer" => self.answer(step),
            "record" => self.store.put(&text("cid"), &step["record"]),
            "restart" => self.restart(&step["records"]),
            "handled" => self.handled(&text("cid"), number("seq"), &step["result"]),
            "reply" => {
                let request = decode(
                    &json!({ "type": "r", "seq": step["re"], "id": step["re"] }).to_string(),
                )
                .unwrap();
                let Some(Inbound::Message { message, .. }) = request.messages.into_iter().next()
                else {
                    panic!("a request is a message");
                };
                let reply =
                    Outgoing::answer(&message.id.unwrap(), &text("type"), &step["data"]).unwrap();
                let bytes = reply.as_str().len() as u32;
                self.sessions
                    .send(self.now, &Cid::new(&text("cid")), reply, bytes);
            }
            "send" => return self.send(step),
            "revoke" => {
                self.sessions.revoke(self.now, &text("user"));
            }
            "ask-token" => {
                self.sessions
                    .ask_for_token(self.now, &text("user"), number("in_ms"));
            }
            "drain" => self
                .sessions
                .drain(self.now, number("after_ms"), number("spread_ms")),
            "wait" => {}
            other => panic!("{other} is no step"),
        }
        Value::Null
    }

    fn open(&mut self, name: String) {
        let id = SocketId(self.sockets.len() as u32 + 1);
        let socket = Socket {
            id,
            acked: 0,
            is_open: true,
            is_attached: false,
        };
        assert!(
            self.sockets.insert(name, socket).is_none(),
            "a socket's name is used once"
        );
        self.input(Input::Opened(id));
    }

    fn frame(&mut self, socket: &str, step: &Value) {
        let text = match step.get("json") {
            Some(json) => self.names.resolve(json).to_string(),
            None => crate::joined(&step["text"]),
        };
        let is_large = text.len() > self.config.max_frame as usize;
        self.socket_input(socket, |id| match decode(&text) {
            _ if is_large => Input::Unreadable(id, Unreadable::TooLarge),
            Ok(frame) => Input::Frame(id, frame),
            Err(_) => Input::Unreadable(id, Unreadable::Malformed),
        });
    }

    fn answer(&mut self, step: &Value) {
        if let Some(name) = step["auth"].as_str() {
            let id = self.sockets[name].id;
            let token = self.held_auth.remove(&id).expect("a question is held");
            self.authenticate(id, token);
        } else {
            let cid = Cid::new(step["load"].as_str().unwrap());
            assert!(self.held_loads.remove(&cid), "a question is held");
            let loaded = self.store.load(&cid);
            self.input(Input::Loaded(cid, loaded));
        }
    }

    fn restart(&mut self, records: &Value) {
        self.seeds += 1;
        self.sessions = Sessions::new(self.config, [self.seeds; 32], self.now);
        self.store = Store::default();
        for (cid, record) in records.as_object().unwrap() {
            self.store.put(cid, record);
        }
        self.sockets
            .values_mut()
            .for_each(|socket| socket.is_open = false);
        self.running.clear();
    }

    fn handled(&mut self, cid: &str, seq: u64, result: &Value) {
        let id = self
            .running
            .remove(&(cid.to_owned(), seq))
            .expect("the handler runs");
        let outcome = match result.as_str() {
            Some("ok") if self.config.store == StoreKind::Marked || seq == 0 => Outcome::Done,
            Some("ok") => {
                let settle = Write::Settle { seq, refused: None };
                match self.store.write(&Cid::new(cid), &settle) {
                    Stored::Done => Outcome::Committed,
                    Stored::Fenced | Stored::Failed => Outcome::Fenced,
                }
            }
            Some("failed") => Outcome::Failed,
            Some("timeout") => Outcome::TimedOut,
            _ => Outcome::Refused {
                code: result["refused"]["code"].as_str().unwrap().to_owned(),
                message: result["refused"]["message"].as_str().unwrap().to_owned(),
            },
        };
        self.input(Input::Handled(id, outcome));
    }

    fn send(&mut self, step: &Value) -> Value {
        let data = match step["size"].as_u64() {
            Some(size) => json!("x".repeat(size as usize)),
            None => step["data"].clone(),
        };
        let Ok(message) = Outgoing::new(step["type"].as_str().unwrap(), &data) else {
            return json!("refused");
        };
        let user = step["user"].as_str().unwrap();
        let bytes = message.as_str().len() as u32;
        let mut sent = Sent::default();
        for _ in 0..step["times"].as_u64().unwrap_or(1) {
            if step["volatile"] == true {
                self.sessions
                    .send_volatile_to_user(self.now, user, message.clone());
            } else {
                sent = self
                    .sessions
                    .send_to_user(self.now, user, message.clone(), bytes);
            }
            self.drain();
        }
        json!({ "sessions": sent.sessions, "attached": sent.attached })
    }

    fn socket_input(&mut self, name: &str, input: impl FnOnce(SocketId) -> Input<Incoming>) {
        let socket = &self.sockets[name];
        if socket.is_open {
            let input = input(socket.id);
            self.input(input);
        }
    }

    fn input(&mut self, input: Input<Incoming>) {
        self.sessions.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.sessions.poll_output() {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output<Incoming, Outgoing>) {
        let holds = |what: &str| {
            self.options["hold"]
                .as_array()
                .is_some_and(|held| held.contains(&json!(what)))
        };
        match output {
            Output::Transmit(id, items) => self.written(id, &items),
            Output::Close {
                socket,
                code,
                reason,
            } => {
                let name = self.name(socket);
                self.sockets.get_mut(&name).unwrap().is_open = false;
                self.found
                    .push(json!({ "close": name, "code": code, "reason": reason }));
            }
            Output::Authenticate(id, token) if holds("auth") => {
                self.held_auth.insert(id, token);
            }
            Output::Authenticate(id, token) => self.authenticate(id, token),
            Output::Load(cid) if holds("load") => {
                self.held_loads.insert(cid);
            }
            Output::Load(cid) => {
                let loaded = self.store.load(&cid);
                self.sessions
                    .handle_input(self.now, Input::Loaded(cid, loaded));
            }
            Output::Store(cid, write) => {
                let stored = self.store.write(&cid, &write);
                self.sessions
                    .handle_input(self.now, Input::Stored(cid, stored));
            }
            Output::Handle(handle) => self.handle(handle),
            Output::Event(
                Event::Attached { .. }
                | Event::Detached { .. }
                | Event::Resync { .. }
                | Event::Ended { .. },
            ) => {}
        }
    }

    fn authenticate(&mut self, id: SocketId, token: Option<Token>) {
        let token = token.as_ref().map_or("", Token::secret);
        let worth = &self.options["tokens"][token];
        let answer = match worth.as_str() {
            _ if token.is_empty() => Err(Refusal::Unauthorized),
            Some("bad") => Err(Refusal::Unauthorized),
            Some("forbidden") => Err(Refusal::Forbidden),
            _ => {
                let user = worth["user"].as_str().unwrap_or(token);
                Ok(Grant {
                    user: user.to_owned(),
                    fingerprint: fingerprint(user),
                    life_ms: worth["exp_ms"].as_u64(),
                })
            }
        };
        self.sessions
            .handle_input(self.now, Input::Authenticated(id, answer));
    }

    fn handle(&mut self, handle: Handle<Incoming>) {
        let cid = handle.cid.as_str().to_owned();
        let seq = handle.seq.unwrap_or(0);
        let mut item =
            json!({ "handle": cid, "type": handle.message.kind, "data": handle.message.data });
        if let Some(seq) = handle.seq {
            item["seq"] = json!(seq);
            if self.config.store == StoreKind::Marked && self.store.records[&cid].begun != Some(seq)
            {
                self.broken = Some(format!("{cid} {seq} is handled before begun is stored"));
            }
        }
        if self.running.keys().any(|(other, _)| *other == cid) {
            self.broken = Some(format!("two messages of {cid} are handled at a time"));
        }
        self.running.insert((cid, seq), handle.id);
        self.found.push(item);
    }

    fn written(&mut self, id: SocketId, items: &[Item<Outgoing>]) {
        let name = self.name(id);
        let text = encode(items);
        let frame: Value = serde_json::from_str(&text).unwrap();
        let messages = match frame {
            Value::Array(messages) => messages,
            message => vec![message],
        };
        if messages.len() > 1 && (messages.len() > 256 || text.len() > 65_536) {
            self.broken = Some(format!(
                "a frame of {} messages and {} bytes",
                messages.len(),
                text.len()
            ));
        }
        for message in messages {
            self.written_message(&name, message);
        }
    }

    fn written_message(&mut self, name: &str, mut message: Value) {
        let kind = message["type"].as_str().unwrap().to_owned();
        let is_control = kind.starts_with('$');
        let socket = self.sockets.get_mut(name).unwrap();
        if !socket.is_open || (kind == "$session") == socket.is_attached {
            self.broken = Some(format!("{kind} came before $session, or after a close"));
        }
        socket.is_attached = true;
        let ack = if is_control {
            message["data"]["ack"].take()
        } else {
            message["ack"].take()
        };
        let ack = ack.as_u64().or(message["data"]["rx"]
            .as_u64()
            .filter(|_| kind == "$session"));
        if ack.is_some_and(|ack| ack < socket.acked) {
            self.broken = Some(format!("an ack goes back to {ack:?}"));
        }
        if kind == "$err" && message["data"]["seq"].as_u64().unwrap() <= socket.acked {
            self.broken = Some("an $err comes after an ack that covers it".to_owned());
        }
        socket.acked = socket.acked.max(ack.unwrap_or(0));
        let acked = socket.acked;
        if !self
            .store
            .records
            .values()
            .any(|record| record.rx.unwrap_or(0) >= acked)
        {
            self.broken = Some(format!("{acked} is acked and not stored"));
        }
        if kind == "$ack" {
            return;
        }
        let fields = if is_control {
            message["data"].as_object_mut()
        } else {
            message.as_object_mut()
        };
        fields.unwrap().remove("ack");
        message["to"] = json!(name);
        self.found.push(message);
    }

    fn name(&self, id: SocketId) -> String {
        let named = self.sockets.iter().find(|(_, socket)| socket.id == id);
        named.unwrap().0.clone()
    }
}
