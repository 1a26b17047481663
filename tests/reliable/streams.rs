//! Every message to pages: which session holds it under which seq, and what pages were handed.

use std::collections::BTreeMap;

use everwire::Persist;
use everwire::proto::frames::{Control, Lost, Session};
use everwire::proto::server::{Cid, Event as ServerEvent, Item};
use everwire::proto::{Delivered, Resync};

use crate::happening::{Happening, PageId, ProcessId};
use crate::wire::Note;
use crate::world::World;

pub type StreamId = usize;

#[derive(Debug, Default)]
pub struct Streams {
    /// The messages of each session in the order of their seqs, from 1.
    all: Vec<Vec<u64>>,
    by_sid: BTreeMap<String, StreamId>,
    /// The session of each client at each process.
    current: BTreeMap<(ProcessId, Cid), StreamId>,
    last_uid: u64,
}

/// Where a page is in what it is handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub stream: StreamId,
    pub seq: u64,
}

/// What the application was handed and has to handle.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    position: u64,
    /// Where it stands once this is handled; `None` for a volatile message.
    after: Option<Cursor>,
    /// How often the page had gone on where another one was.
    takeovers: u32,
}

impl Streams {
    pub fn next_uid(&mut self) -> u64 {
        self.last_uid += 1;
        self.last_uid
    }

    /// What a process wrote to a client tells which session it has.
    pub fn note_session(&mut self, process: ProcessId, cid: &Cid, items: &[Item<Note>]) {
        if let [Item::Control(Control::Session(session))] = items {
            let next = self.all.len();
            let stream = *self.by_sid.entry(session.sid.clone()).or_insert(next);
            if stream == next {
                self.all.push(Vec::new());
            }
            self.current.insert((process, cid.clone()), stream);
        }
    }

    pub fn note_event(&mut self, process: ProcessId, event: &ServerEvent) {
        if let ServerEvent::Ended { cid } = event {
            self.current.remove(&(process, cid.clone()));
        }
    }

    /// The process has appended a message for these clients.
    pub fn appended(&mut self, process: ProcessId, cids: &[Cid], uid: u64) -> usize {
        let mut sessions = 0;
        for cid in cids {
            if let Some(stream) = self.current.get(&(process, cid.clone())) {
                self.all[*stream].push(uid);
                sessions += 1;
            }
        }
        sessions
    }

    pub fn clients_of(&self, process: ProcessId) -> Vec<Cid> {
        let keys = self.current.keys();
        keys.filter(|(other, _)| *other == process)
            .map(|(_, cid)| cid.clone())
            .collect()
    }

    pub fn stream_of(&self, session: &Session) -> StreamId {
        self.by_sid[&session.sid]
    }

    pub fn by_sid(&self, sid: &str) -> Option<StreamId> {
        self.by_sid.get(sid).copied()
    }

    pub fn len(&self, stream: StreamId) -> u64 {
        self.all[stream].len() as u64
    }
}

impl World {
    /// Messages of the frame that is handed in reach the application.
    pub fn delivered(&mut self, page: PageId, delivered: Delivered) {
        for at in 0..delivered.count {
            let frame = self.pages[page]
                .frame
                .as_ref()
                .expect("a frame is handed in");
            let found = frame.notes[(delivered.index + at) as usize];
            let (seq, note) = found.expect("a message, and nothing of the protocol, is delivered");
            let position = delivered.position + u64::from(at);
            let after = seq.map(|seq| self.check_next(page, seq, note));
            self.hand_over(page, position, after);
        }
    }

    fn check_next(&mut self, page: PageId, seq: u64, note: Note) -> Cursor {
        let here = &self.pages[page];
        let stream = here.stream.expect("a session");
        let held = &self.streams.all[stream];
        assert_eq!(
            held.get(seq as usize - 1),
            Some(&note.uid),
            "invariant 2: seq {seq} is another message"
        );
        match here.cursor {
            Some(cursor) if cursor.stream == stream => assert_eq!(
                seq,
                cursor.seq + 1,
                "invariants 1 and 2: the page was at {cursor:?}"
            ),
            Some(cursor) => panic!("invariant 2: {stream} goes on after {cursor:?} untold"),
            None => {
                let crashed = here.after_crash;
                let tab = &mut self.tabs[here.tab];
                let handled = *tab.handled.entry(stream).or_default();
                // What was handled before a page went away in good order is not handed over again.
                assert!(
                    seq <= handled + 1 && (crashed || seq == handled + 1),
                    "invariants 1 and 2: an earlier page handled up to {handled}, this one begins at {seq}"
                );
                tab.handled.insert(stream, seq - 1);
            }
        }
        let cursor = Cursor { stream, seq };
        self.pages[page].cursor = Some(cursor);
        self.see("a message is delivered");
        cursor
    }

    /// The application is told that it has missed something.
    pub fn resynced(&mut self, page: PageId, resync: Resync) {
        self.see(match resync.reason.as_str() {
            "expired" => "resync expired",
            "epoch" => "resync epoch",
            "gap" => "resync gap",
            "unknown" => "resync unknown",
            "key" => "resync key",
            "slow" => "resync slow",
            "too-large" => "resync too-large",
            "reload" => "resync reload",
            other => panic!("{other} is no reason"),
        });
        if resync.reason == Lost::Reload && self.plan.persist == Persist::Session {
            // It goes on where another page of its tab was.
            self.pages[page].cursor = None;
            self.pages[page].takeovers += 1;
            return self.take_place(page);
        }
        assert!(
            resync.reason != Lost::Key || self.plan.persist == Persist::Session,
            "the key that a page was told last is not valid"
        );
        let stream = self.pages[page].stream.expect("a session");
        let seq = match resync.missed {
            Some((first, last)) => {
                let before = self.pages[page].cursor.map_or(0, |cursor| cursor.seq);
                let begins = self.pages[page].cursor.is_some();
                assert!(
                    !begins || first == before + 1,
                    "missed from {first}, not {before}"
                );
                last
            }
            None => 0,
        };
        let cursor = Cursor { stream, seq };
        self.pages[page].cursor = Some(cursor);
        self.hand_over(page, resync.position, Some(cursor));
    }

    /// What this page handled since it came back was handed to the other one too.
    fn take_place(&mut self, page: PageId) {
        let tab = &mut self.tabs[self.pages[page].tab];
        let place = tab.storage.head().and_then(|head| head.place);
        if let Some(place) = place
            && let Some(stream) = self.streams.by_sid(&place.sid)
        {
            tab.handled.insert(stream, place.rx);
        }
    }

    fn hand_over(&mut self, page: PageId, position: u64, after: Option<Cursor>) {
        let takeovers = self.pages[page].takeovers;
        let task = Task {
            position,
            after,
            takeovers,
        };
        self.pages[page].tasks.push_back(task);
        if self.plan.page_handler == 0 || self.quiet {
            self.handles(page);
        } else if self.pages[page].tasks.len() == 1 {
            let at = self.now + self.dice.within(0..=self.plan.page_handler);
            self.queue.push(at, Happening::Handles(page));
        }
    }

    /// The application has handled what it was handed, or some of it.
    pub fn handles(&mut self, page: PageId) {
        let all = self.pages[page].tasks.len() as u64;
        let count = match self.plan.page_handler == 0 || self.quiet {
            true => all,
            false => self.dice.within(1.min(all)..=all),
        };
        let mut position = None;
        let here = &mut self.pages[page];
        for task in here.tasks.drain(..count as usize) {
            position = Some(task.position);
            if let Some(after) = task.after.filter(|_| task.takeovers == here.takeovers) {
                let handled = self.tabs[here.tab].handled.entry(after.stream).or_default();
                *handled = (*handled).max(after.seq);
            }
        }
        if let Some(position) = position {
            let at = self.at();
            self.pages[page].connection.handled(at, position);
        }
        if !self.pages[page].tasks.is_empty() {
            let at = self.now + self.dice.within(0..=self.plan.page_handler);
            self.queue.push(at, Happening::Handles(page));
        }
    }
}
