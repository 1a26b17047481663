//! What the server's half promises about each socket.

use std::collections::BTreeMap;

use everwire::proto::SocketId;
use everwire::proto::frames::{BATCH_MESSAGES, Control, Resume};
use everwire::proto::server::{Inbound, Item};

/// The sockets that are open, and what was said on each.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    open: BTreeMap<SocketId, Socket>,
    highest_seq: u64,
}

#[derive(Debug, Default)]
struct Socket {
    has_session: bool,
    /// The seq that the server writes next.
    next: u64,
    /// The seq that an honest client writes next.
    expected: u64,
}

impl Sockets {
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn open(&mut self, socket: SocketId) {
        self.open.insert(socket, Socket::default());
    }

    /// The client hung up.
    pub(crate) fn close(&mut self, socket: SocketId) {
        self.open.remove(&socket);
    }

    /// The server hung up.
    pub(crate) fn closed(&mut self, socket: SocketId) {
        assert!(
            self.open.remove(&socket).is_some(),
            "{socket:?} is closed twice"
        );
    }

    /// The seq that an honest client writes next on this socket, and the last one that the server wrote.
    pub(crate) fn expected(&self, socket: SocketId) -> (u64, u64) {
        self.open.get(&socket).map_or((1, 0), |socket| {
            (socket.expected.max(1), socket.next.saturating_sub(1))
        })
    }

    /// The highest seq that the server wrote anywhere.
    pub(crate) fn highest_seq(&self) -> u64 {
        self.highest_seq
    }

    /// The client wrote these.
    pub(crate) fn heard(&mut self, socket: SocketId, messages: &[Inbound<()>]) {
        let Some(socket) = self.open.get_mut(&socket) else {
            return;
        };
        for message in messages {
            let seq = match message {
                Inbound::Message { seq, .. } => *seq,
                Inbound::Control(Control::Skip { seq, .. }) => Some(*seq),
                Inbound::Control(_) => None,
            };
            if seq == Some(socket.expected) {
                socket.expected += 1;
            }
        }
    }

    /// The server wrote a frame. Gives what the client may resume with.
    pub(crate) fn written(&mut self, id: SocketId, items: &[Item<()>]) -> Option<Resume> {
        let Some(socket) = self.open.get_mut(&id) else {
            panic!("{id:?} is written to and not open");
        };
        assert!((1..=BATCH_MESSAGES).contains(&items.len()));
        if !socket.has_session {
            let [Item::Control(Control::Session(session))] = items else {
                panic!("{items:?} before $session");
            };
            socket.has_session = true;
            socket.next = session.from;
            socket.expected = session.got + 1;
            return Some(Resume {
                sid: session.sid.clone(),
                key: session.key.clone(),
                epoch: session.epoch.clone(),
                rx: 0,
            });
        }
        for item in items {
            match item {
                Item::Message { seq: Some(seq), .. } => {
                    assert_eq!(*seq, socket.next, "no seq is left out or written twice");
                    socket.next += 1;
                }
                Item::Control(Control::Resync { next, .. }) => {
                    assert!(*next >= socket.next, "a resync goes forwards");
                    socket.next = *next;
                }
                Item::Control(Control::Session(_)) => panic!("a second $session"),
                Item::Message { seq: None, .. } | Item::Control(_) => {}
            }
        }
        self.highest_seq = self.highest_seq.max(socket.next.saturating_sub(1));
        None
    }
}
