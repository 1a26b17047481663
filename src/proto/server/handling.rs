//! Accepted messages are handled one at a time, and the store is told what must be known after a crash.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;

use super::super::frames::Control;
use super::super::mutation::{self, Mutation};
use super::Sessions;
use super::client::{After, Client, Marked, Queued, Work};
use super::config::{ACK_MESSAGES, ACK_MS, CODE_BYTES, MESSAGE_BYTES, ServerConfig, StoreKind};
use super::io::{Cid, Handle, HandlerId, Item, Outcome, Output, Stored, Write};

impl<M, P: Clone> Sessions<M, P> {
    /// Takes the next message from a client's queue, if none is being handled.
    pub(super) fn advance(&mut self, cid: &Cid) {
        let Some(client) = self
            .clients
            .get_mut(cid)
            .filter(|client| client.work.is_idle())
        else {
            return;
        };
        let Some(queued) = client.queue.pop_front() else {
            return;
        };
        client.queued_bytes -= u64::from(queued.bytes);
        client.unacked_bytes += u64::from(queued.bytes);
        client.work = Work::Preparing {
            queued,
            is_marked: Marked::No,
        };
        self.prepare(cid);
    }

    /// Tells the store what it must know before the handler begins, then begins.
    fn prepare(&mut self, cid: &Cid) {
        let marks = self.config.store == StoreKind::Marked;
        let Some(client) = self.clients.get_mut(cid) else {
            return;
        };
        let Work::Preparing { queued, is_marked } = &client.work else {
            return;
        };
        let write = match queued.seq {
            Some(_) if client.unadopted => client.rx.map(|rx| Write::Adopt { rx }),
            Some(seq) if mutation::is(Mutation::RxBeforeHandling) && *is_marked == Marked::No => {
                Some(Write::Settle { seq, refused: None })
            }
            Some(_) if mutation::is(Mutation::NoBegun) => None,
            Some(seq) if marks && needs_mark(queued, *is_marked) => Some(Write::Begin { seq }),
            _ => None,
        };
        match write {
            Some(write) => self.store(cid, write, After::Prepare),
            None => self.run(cid),
        }
    }

    fn run(&mut self, cid: &Cid) {
        let Some(client) = self.clients.get_mut(cid) else {
            return;
        };
        let Work::Preparing { queued, .. } = core::mem::replace(&mut client.work, Work::Idle)
        else {
            return;
        };
        match (queued.message, queued.seq) {
            (Some(message), seq) => {
                self.last_handler = HandlerId(self.last_handler.0 + 1);
                let id = self.last_handler;
                client.work = Work::Handling { id, seq };
                self.handlers.insert(id, cid.clone());
                self.outputs.push_back(Output::Handle(Handle {
                    id,
                    cid: cid.clone(),
                    user: client.user.clone(),
                    seq,
                    message,
                }));
            }
            (None, Some(seq)) => self.store_settled(cid, seq, None),
            (None, None) => {}
        }
    }

    pub(super) fn handle_handled(&mut self, id: HandlerId, outcome: Outcome) {
        let Some(cid) = self.handlers.remove(&id) else {
            return;
        };
        let Some(client) = self.clients.get_mut(&cid) else {
            return;
        };
        let seq = match client.work {
            Work::Handling { id: running, seq } if running == id => seq,
            Work::Idle | Work::Preparing { .. } | Work::Handling { .. } | Work::Settling => return,
        };
        client.work = Work::Idle;
        match (seq, outcome) {
            (Some(seq), Outcome::Fenced) if mutation::is(Mutation::NoFence) => {
                self.settle(&cid, seq, None);
            }
            (Some(seq), Outcome::Done) if mutation::is(Mutation::RxBeforeHandling) => {
                self.settle(&cid, seq, None);
            }
            (_, Outcome::Fenced) => {
                self.await_last_write(&cid);
                return self.give_up(&cid, 4410, "the session went to another server");
            }
            (None, _) => {}
            (Some(seq), Outcome::Committed) => self.settle(&cid, seq, None),
            (Some(seq), outcome) => self.store_settled(&cid, seq, refusal(outcome)),
        }
        self.advance(&cid);
    }

    /// `rx` is stored only after the handler has ended, and acked only after it is stored.
    fn store_settled(&mut self, cid: &Cid, seq: u64, refused: Option<(String, String)>) {
        if let Some(client) = self.clients.get_mut(cid) {
            client.work = Work::Settling;
        }
        let code = refused.as_ref().map(|(code, _)| code.clone());
        self.store(
            cid,
            Write::Settle { seq, refused: code },
            After::Settle { seq, refused },
        );
    }

    fn settle(&mut self, cid: &Cid, seq: u64, refused: Option<(String, String)>) {
        let Some(client) = self.clients.get_mut(cid) else {
            return;
        };
        client.settle(seq, refused.as_ref().map(|(code, _)| code.clone()));
        client.last_used = self.now;
        if let Some((code, message)) = refused {
            self.write_err(cid, seq, code, message);
        }
        self.owe_ack(cid);
    }

    /// Written at once, so that no ack that covers its seq comes before it.
    fn write_err(&mut self, cid: &Cid, seq: u64, code: String, message: String) {
        if let Some(id) = self.attached_socket(cid) {
            let err = Control::Err { seq, code, message };
            self.transmit(id, vec![Item::Control(err)]);
        }
    }

    fn owe_ack(&mut self, cid: &Cid) {
        let Some(id) = self.attached_socket(cid) else {
            return;
        };
        let Some(client) = self.clients.get(cid) else {
            return;
        };
        let (rx, bytes) = (client.rx.unwrap_or(0), client.unacked_bytes);
        let now = self.now;
        let Some(socket) = self.sockets.get_mut(&id) else {
            return;
        };
        let is_overdue = is_ack_overdue(rx.saturating_sub(socket.told), bytes, &self.config);
        let wait = if is_overdue { 0 } else { ACK_MS };
        let due = now.after(wait);
        socket.ack_due = Some(socket.ack_due.map_or(due, |at| at.min(due)));
        if wait == 0 {
            self.dirty.insert(cid.clone());
        }
        self.arm_socket(id);
    }

    /// Queues a write; one is under way at a time.
    pub(super) fn store(&mut self, cid: &Cid, write: Write, after: After) {
        let Some(client) = self.clients.get_mut(cid) else {
            return;
        };
        client.writes.push_back((write, after));
        if client.writes.len() == 1 {
            self.store_next(cid);
        }
    }

    fn store_next(&mut self, cid: &Cid) {
        let next = self
            .clients
            .get(cid)
            .and_then(|client| client.writes.front());
        if let Some((write, _)) = next {
            self.outputs
                .push_back(Output::Store(cid.clone(), write.clone()));
        }
    }

    pub(super) fn handle_stored(&mut self, cid: Cid, stored: Stored) {
        if self.handle_last_write(&cid) {
            return;
        }
        let written = self
            .clients
            .get_mut(&cid)
            .and_then(|client| client.writes.pop_front());
        let Some((write, after)) = written else {
            return;
        };
        match stored {
            Stored::Done => {
                self.store_next(&cid);
                self.go_on(&cid, write, after);
            }
            Stored::Fenced if mutation::is(Mutation::NoFence) => {
                self.store_next(&cid);
                self.go_on(&cid, write, after);
            }
            Stored::Fenced => self.give_up(&cid, 4410, "the session went to another server"),
            Stored::Failed => self.handle_store_failure(&cid, after),
        }
    }

    fn go_on(&mut self, cid: &Cid, write: Write, after: After) {
        match after {
            After::Attach(socket) => self.attach(socket),
            After::Prepare => {
                if let Some(client) = self.clients.get_mut(cid) {
                    note_prepared(client, &write);
                }
                self.prepare(cid);
            }
            After::Settle { seq, refused } => {
                if let Some(client) = self.clients.get_mut(cid) {
                    client.work = Work::Idle;
                }
                self.settle(cid, seq, refused);
                self.advance(cid);
            }
        }
        self.arm_client(cid);
    }

    /// What the store does not know did not happen: the record is loaded anew, and the client writes again.
    fn handle_store_failure(&mut self, cid: &Cid, after: After) {
        match after {
            After::Attach(socket) => {
                self.store_next(cid);
                self.lose_claim(socket);
            }
            After::Prepare | After::Settle { .. } => {
                self.give_up(cid, 1013, "the session store failed")
            }
        }
    }

    /// Forgets a client of whom another process, or the store alone, knows what is true.
    fn give_up(&mut self, cid: &Cid, code: u16, reason: &str) {
        self.close_client(cid, code, reason);
        self.end_session(cid, super::Lost::Unknown);
        self.remove_client(cid);
    }
}

fn needs_mark<M>(queued: &Queued<M>, is_marked: Marked) -> bool {
    queued.message.is_some() && is_marked == Marked::No
}

fn note_prepared<M, P>(client: &mut Client<M, P>, write: &Write) {
    match write {
        Write::Adopt { .. } => client.unadopted = false,
        Write::Begin { .. } => {
            if let Work::Preparing { is_marked, .. } = &mut client.work {
                *is_marked = Marked::Yes;
            }
        }
        Write::Settle { .. } if mutation::is(Mutation::RxBeforeHandling) => {
            if let Work::Preparing { is_marked, .. } = &mut client.work {
                *is_marked = Marked::Yes;
            }
        }
        Write::Claim { .. } | Write::Settle { .. } | Write::Forget => {}
    }
}

/// A client whose window is full waits for us: a quarter of it is acked without waiting for more.
fn is_ack_overdue(messages: u64, bytes: u64, config: &ServerConfig) -> bool {
    let most = u64::from(config.window / 4).min(ACK_MESSAGES);
    messages >= most || bytes >= u64::from(config.window_bytes / 4)
}

/// What the client is told of a handler that did not end well.
fn refusal(outcome: Outcome) -> Option<(String, String)> {
    let (code, message) = match outcome {
        Outcome::Committed | Outcome::Done | Outcome::Fenced => return None,
        Outcome::Refused { code, message } => (code, message),
        Outcome::Failed => ("handler".to_owned(), "the handler failed".to_owned()),
        Outcome::TimedOut => ("timeout".to_owned(), "the handler took too long".to_owned()),
    };
    Some((cut(code, CODE_BYTES), cut(message, MESSAGE_BYTES)))
}

fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}
