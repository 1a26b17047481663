//! The invariants that show on the wire and in both halves' numbers, at every frame and step.

use std::collections::VecDeque;

use everwire::proto::frames::{Control, Part};
use everwire::proto::server::{Cid, Inbound};
use everwire::proto::{Output, Status};

use crate::happening::{LinkId, PageId, ProcessId};
use crate::page::Life;
use crate::streams::StreamId;
use crate::wire::{DownFrame, Payload, UpFrame};
use crate::world::World;

const MINUTE: u64 = 60_000;
/// Ping and timeout of the default options, and one more second for a timer that fires in the same moment.
const SILENCE: u64 = 25_000 + 10_000 + 1_000;
/// Accepted messages of one client that wait to be handled.
const QUEUE: usize = 1_024;

/// What passed over one socket.
#[derive(Debug, Default)]
pub struct Monitor {
    pub cid: Option<Cid>,
    stream: Option<StreamId>,
    /// The last seq that the client wrote.
    up: Option<u64>,
    /// The last ack that the client wrote.
    up_ack: u64,
    /// The seqs that the server wrote and has no ack of.
    down: VecDeque<u64>,
    last_down: Option<u64>,
    /// The last ack that the server wrote.
    down_ack: u64,
    /// Acks of the client that are on their way.
    acks: VecDeque<u64>,
}

impl Monitor {
    pub fn session_arrived(&mut self, stream: StreamId) {
        self.stream = Some(stream);
    }
}

impl World {
    pub fn check_up(&mut self, id: LinkId, frame: &UpFrame) {
        assert!(!frame.messages.is_empty(), "an empty frame");
        assert!(frame.messages.len() <= 256, "a batch of more than 256");
        let mut ack = None;
        for message in &frame.messages {
            let monitor = &mut self.links[id].monitor;
            let seq = match message {
                Inbound::Control(Control::Open(open)) => {
                    assert_eq!(monitor.cid, None, "two $open on one socket");
                    monitor.cid = Some(Cid::new(&open.cid));
                    continue;
                }
                Inbound::Message { seq, ack: a, .. } => {
                    ack = ack.max(*a);
                    *seq
                }
                Inbound::Control(Control::Skip { seq, ack: a }) => {
                    ack = ack.max(*a);
                    Some(*seq)
                }
                Inbound::Control(Control::Ack(a)) => {
                    ack = ack.max(Some(*a));
                    None
                }
                Inbound::Control(Control::Ping(beat) | Control::Pong(beat)) => {
                    ack = ack.max(beat.ack);
                    None
                }
                Inbound::Control(_) => None,
            };
            assert!(monitor.stream.is_some(), "data before $session");
            if let Some(seq) = seq {
                let in_order = monitor.up.is_none_or(|last| seq == last + 1);
                assert!(in_order, "seq {seq} is written after {:?}", monitor.up);
                monitor.up = Some(seq);
            }
        }
        if let Some(ack) = ack {
            self.check_ack_up(id, ack);
        }
    }

    fn check_ack_up(&mut self, id: LinkId, ack: u64) {
        let monitor = &mut self.links[id].monitor;
        assert!(
            ack >= monitor.up_ack,
            "invariant 5: an ack goes back from {} to {ack}",
            monitor.up_ack
        );
        monitor.up_ack = ack;
        monitor.acks.push_back(ack);
        let stream = monitor.stream.expect("an ack comes after $session");
        let page = &self.pages[self.links[id].page];
        let tab = &self.tabs[page.tab];
        let handled = tab.handled.get(&stream).copied().unwrap_or_default();
        assert!(
            ack <= handled,
            "invariant 5: {ack} is acked, {handled} were handled"
        );
        // Nothing is acked that a reload would forget.
        let place = tab.storage.head().and_then(|head| head.place);
        let place = place.filter(|_| !page.storage_failed);
        let place = place.filter(|place| self.streams.by_sid(&place.sid) == Some(stream));
        if let Some(place) = place {
            assert!(
                place.rx >= ack,
                "invariant 5: {ack} is acked, {} are stored",
                place.rx
            );
        }
    }

    /// A frame of the client's reached the server, acks and all.
    pub fn check_arrived_up(&mut self, id: LinkId) {
        let monitor = &mut self.links[id].monitor;
        // Which of them arrived does not matter: the later ones make it easier for the server.
        while let Some(ack) = monitor.acks.pop_front() {
            monitor.down.retain(|seq| *seq > ack);
        }
    }

    pub fn check_down(&mut self, id: LinkId, frame: &DownFrame) {
        let count = frame.notes.len();
        assert!((1..=256).contains(&count), "a frame of {count} messages");
        let mut place = 0;
        for part in &frame.parts {
            let ack = match part {
                Part::Run(run) => {
                    for (seq, _) in frame.notes[place..][..run.count as usize].iter().flatten() {
                        if let Some(seq) = seq {
                            self.written_down(id, *seq);
                        }
                    }
                    place += run.count as usize;
                    run.ack
                }
                Part::Control(control) => {
                    place += 1;
                    self.check_control_down(id, control)
                }
            };
            if let Some(ack) = ack {
                self.check_ack_down(id, ack);
            }
        }
        let window = self.client_window();
        let in_flight = self.links[id].monitor.down.len();
        assert!(
            in_flight <= window,
            "invariant 6: {in_flight} in flight to a window of {window}"
        );
    }

    /// What it means for the order of seqs, and the ack that it carries.
    fn check_control_down(&mut self, id: LinkId, control: &Control) -> Option<u64> {
        match control {
            Control::Ack(ack) => Some(*ack),
            Control::Ping(beat) | Control::Pong(beat) => beat.ack,
            Control::Session(session) => {
                self.links[id].monitor.last_down = Some(session.from - 1);
                session.rx
            }
            Control::Resync { next, .. } => {
                self.written_down(id, next - 1);
                None
            }
            _ => None,
        }
    }

    fn written_down(&mut self, id: LinkId, seq: u64) {
        let monitor = &mut self.links[id].monitor;
        let last = monitor.last_down.expect("nothing comes before $session");
        assert!(seq > last, "seq {seq} is written after {last}");
        monitor.last_down = Some(seq);
        monitor.down.push_back(seq);
    }

    fn check_ack_down(&mut self, id: LinkId, ack: u64) {
        let process = self.links[id].process;
        let monitor = &mut self.links[id].monitor;
        assert!(
            ack >= monitor.down_ack,
            "invariant 5: the server's ack goes back from {} to {ack}",
            monitor.down_ack
        );
        monitor.down_ack = ack;
        let cid = monitor.cid.as_ref().expect("a client");
        if let Some(rx) = self.store.rx(process, cid) {
            assert!(
                ack <= rx,
                "invariant 5: {ack} is acked, {rx} are stored as handled"
            );
        }
    }

    pub fn check_budget(&mut self, page: PageId) {
        let now = self.now;
        let here = &mut self.pages[page];
        here.attempts.retain(|at| now - at < MINUTE);
        here.attempts.push_back(now);
        assert!(
            here.attempts.len() <= 10,
            "invariant 9: more than 10 attempts in a minute"
        );
    }

    pub fn check_page(&self, page: PageId) {
        let here = &self.pages[page];
        let stats = here.connection.stats(self.at());
        let most = u64::from(self.plan.client.outbox.messages) + here.restored.len() as u64;
        assert!(stats.queued <= most, "invariant 6: {} queued", stats.queued);
        let window = u64::from(self.plan.server.window);
        assert!(
            stats.unacked <= window,
            "invariant 6: {} in a window of {window}",
            stats.unacked
        );
        let lives = here.life == Life::Lives && here.asleep_until + SILENCE <= self.now;
        if lives && here.connection.status() == Status::Open {
            let silence = self.now - here.last_heard;
            assert!(
                silence <= SILENCE,
                "invariant 8: open after {silence} ms of silence"
            );
        }
    }

    pub fn check_server(&self, id: ProcessId) {
        let (stats, config) = (self.processes[id].sessions.stats(), &self.plan.server);
        let ring = config.ring_messages as usize + 1;
        assert!(stats.longest_ring <= ring, "invariant 6: {stats:?}");
        assert!(
            stats.ring_bytes <= config.rings_bytes,
            "invariant 6: {stats:?}"
        );
        assert!(stats.longest_queue <= QUEUE, "invariant 6: {stats:?}");
        let users = self.plan.users as usize;
        assert!(
            stats.sessions <= users * config.sessions_per_user,
            "invariant 6: {stats:?}"
        );
        assert!(
            stats.clients <= users * config.clients_per_user,
            "invariant 6: {stats:?}"
        );
    }

    pub fn check_shows_no_secret(&self, output: &Output<Payload>) {
        if self.plan.looks_for_secrets {
            let text = format!("{output:?}");
            let has_key = text.split(|c: char| !c.is_ascii_hexdigit());
            let shows = text.contains("secret") || has_key.into_iter().any(|run| run.len() == 64);
            assert!(!shows, "invariant 11: {text}");
        }
    }

    fn client_window(&self) -> usize {
        match &self.plan.client.delivery {
            everwire::Delivery::Reliable(options) => options.window as usize,
            everwire::Delivery::Plain => unreachable!("the simulation is of reliable delivery"),
        }
    }
}
