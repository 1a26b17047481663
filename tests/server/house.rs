//! A server whose store and handlers are the test's: it answers nothing by itself but what it is told to.

use std::collections::VecDeque;

use everwire::proto::frames::{Control, Open, Resume, Session};
use everwire::proto::server::{
    Cid, Event, Frame, Grant, Handle, Inbound, Input, Item, Loaded, Outcome, Output, ServerConfig,
    Sessions, Stored, Write,
};
use everwire::proto::{Instant, SocketId, Token};

/// A payload is a number, of so many bytes.
pub type Server = Sessions<u32, u32>;

pub struct House {
    pub sessions: Server,
    pub now: Instant,
    last_socket: u32,
    /// What came out and was not looked at.
    pub outputs: VecDeque<Output<u32, u32>>,
}

/// An `$open` of a client that holds nothing.
pub fn open(cid: &str, n: u64) -> Open {
    Open {
        cid: cid.to_owned(),
        n,
        token: None,
        tx0: 1,
        tx: 0,
        max_frame: 1 << 20,
        window: 1_000,
        window_bytes: 1 << 20,
        resume: None,
    }
}

pub fn resume(session: &Session, rx: u64) -> Option<Resume> {
    Some(Resume {
        sid: session.sid.clone(),
        key: Token::new(session.key.secret()),
        epoch: session.epoch.clone(),
        rx,
    })
}

pub fn message(seq: u64) -> Inbound<u32> {
    Inbound::Message {
        seq: Some(seq),
        ack: None,
        bytes: 20,
        message: seq as u32,
    }
}

impl House {
    pub fn new(config: ServerConfig) -> Self {
        let now = Instant::from_millis(0);
        Self {
            sessions: Sessions::new(config, [1; 32], now),
            now,
            last_socket: 0,
            outputs: VecDeque::new(),
        }
    }

    pub fn input(&mut self, input: Input<u32>) {
        self.sessions.handle_input(self.now, input);
        self.gather();
    }

    pub fn gather(&mut self) {
        while let Some(output) = self.sessions.poll_output() {
            self.outputs.push_back(output);
        }
    }

    /// Time goes on, and every timer that is due on the way fires.
    pub fn pass(&mut self, ms: u64) {
        let until = self.now.after(ms);
        while let Some(at) = self.sessions.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
        }
        self.now = until;
    }

    /// A new socket that wrote `$open` and whose user is checked.
    pub fn knock(&mut self, user: &str, open: Open) -> SocketId {
        self.last_socket += 1;
        let id = SocketId(self.last_socket);
        self.input(Input::Opened(id));
        self.frame(id, vec![Inbound::Control(Control::Open(open.into()))]);
        let asked =
            self.take(|output| matches!(output, Output::Authenticate(asked, _) if *asked == id));
        assert!(asked.is_some(), "the token is checked");
        let grant = Grant {
            user: user.to_owned(),
            fingerprint: format!("fingerprint of {user}"),
            life_ms: None,
        };
        self.input(Input::Authenticated(id, Ok(grant)));
        id
    }

    /// The same with a store that has no record and writes what it is told.
    pub fn enter(&mut self, user: &str, open: Open) -> (SocketId, Session) {
        let id = self.knock(user, open);
        self.serve_store();
        let session = self.session(id).expect("a session comes");
        (id, session)
    }

    pub fn frame(&mut self, id: SocketId, messages: Vec<Inbound<u32>>) {
        let frame = Frame {
            bytes: 100,
            messages,
        };
        self.input(Input::Frame(id, frame));
    }

    /// Answers the store's questions as one that knows nothing and writes all.
    pub fn serve_store(&mut self) {
        loop {
            if let Some(Output::Load(cid)) = self.take(|output| matches!(output, Output::Load(_))) {
                self.input(Input::Loaded(cid, Loaded::Absent));
            } else if let Some((cid, _)) = self.write() {
                self.input(Input::Stored(cid, Stored::Done));
            } else {
                return;
            }
        }
    }

    /// The next write to the store.
    pub fn write(&mut self) -> Option<(Cid, Write)> {
        match self.take(|output| matches!(output, Output::Store(..)))? {
            Output::Store(cid, write) => Some((cid, write)),
            other => panic!("{other:?} is no write"),
        }
    }

    pub fn session(&mut self, id: SocketId) -> Option<Session> {
        let is_session = |output: &Output<u32, u32>| match output {
            Output::Transmit(to, items) => {
                *to == id && matches!(items[..], [Item::Control(Control::Session(_))])
            }
            _ => false,
        };
        match self.take(is_session)? {
            Output::Transmit(_, items) => match items.into_iter().next()? {
                Item::Control(Control::Session(session)) => Some(*session),
                other => panic!("{other:?} is no session"),
            },
            other => panic!("{other:?} is no session"),
        }
    }

    /// The code and reason of a socket's close.
    pub fn close(&mut self, id: SocketId) -> Option<(u16, String)> {
        match self.take(|output| matches!(output, Output::Close { socket, .. } if *socket == id))? {
            Output::Close { code, reason, .. } => Some((code, reason)),
            other => panic!("{other:?} is no close"),
        }
    }

    /// The next message to handle.
    pub fn handle(&mut self) -> Option<Handle<u32>> {
        match self.take(|output| matches!(output, Output::Handle(_)))? {
            Output::Handle(handle) => Some(handle),
            other => panic!("{other:?} is no message"),
        }
    }

    pub fn handled(&mut self, handle: &Handle<u32>, outcome: Outcome) {
        self.input(Input::Handled(handle.id, outcome));
    }

    /// The seqs of the messages that were written to a socket.
    pub fn written(&mut self, id: SocketId) -> Vec<u64> {
        let mut seqs = Vec::new();
        while let Some(output) =
            self.take(|output| matches!(output, Output::Transmit(to, _) if *to == id))
        {
            let Output::Transmit(_, items) = output else {
                continue;
            };
            seqs.extend(items.into_iter().filter_map(|item| match item {
                Item::Message { seq, .. } => seq,
                Item::Control(_) => None,
            }));
        }
        seqs
    }

    /// How many sessions ended since this was asked last.
    pub fn ended(&mut self) -> usize {
        let is_end =
            |output: &Output<u32, u32>| matches!(output, Output::Event(Event::Ended { .. }));
        std::iter::from_fn(|| self.take(is_end)).count()
    }

    fn take(&mut self, is_it: impl Fn(&Output<u32, u32>) -> bool) -> Option<Output<u32, u32>> {
        let at = self.outputs.iter().position(is_it)?;
        self.outputs.remove(at)
    }
}
