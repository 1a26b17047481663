//! The application: what it does at random, and the ledger of what became of every message.

use everwire::proto::{Answer, Event, MessageId, Outgoing, State};
use everwire::{ErrorCode, Overflow};

use crate::dice::Dice;
use crate::happening::{Happening, Payload};
use crate::world::World;

#[derive(Clone, Copy, Debug)]
pub enum Action {
    Send,
    Request,
    /// So many messages at once.
    Burst(u64),
    Withdraw,
    Connect,
    Reconnect,
    Close,
}

#[derive(Debug, Default)]
pub struct Ledger {
    receipts: Vec<Receipt>,
    /// Written, and its `Sent` must come next.
    pub due_sent: Option<MessageId>,
    waiting_requests: usize,
    /// Of these, the ones that were written.
    written_requests: usize,
}

#[derive(Debug)]
struct Receipt {
    payload: Payload,
    state: Outcome,
    expires: Option<u64>,
    deadline: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Queued,
    /// Written; of a request, the answer is still open.
    Written,
    Settled,
}

impl World {
    pub fn app_ticks(&mut self) {
        if self.quiet {
            return;
        }
        let next = self.now + self.dice.within(0..=self.plan.idle);
        self.queue.push(next, Happening::App);
        let action = self.choose_action();
        self.command(action);
    }

    pub fn choose_action(&mut self) -> Action {
        match self.dice.within(0..=99) {
            0..=44 => Action::Send,
            45..=69 => Action::Request,
            70..=76 => Action::Burst(self.dice.pick(&[5, 20, 50])),
            77..=89 => Action::Withdraw,
            90..=94 => Action::Connect,
            95..=98 => Action::Reconnect,
            _ => Action::Close,
        }
    }

    pub fn command(&mut self, action: Action) {
        self.note(|_| format!("  < {action:?}"));
        self.look_around();
        self.act(action);
        self.drain();
    }

    /// Gives the command; whoever drains the outputs is not this function.
    pub fn act(&mut self, action: Action) {
        let at = self.at();
        match action {
            Action::Send => self.send(Answer::No),
            Action::Request => {
                let timeout = self.dice.pick(&[None, Some(500), Some(5_000)]);
                self.send(Answer::Within(timeout));
            }
            Action::Burst(count) => (0..count).for_each(|_| self.send(Answer::No)),
            Action::Withdraw => {
                let id = self.ledger.some_id(&mut self.dice);
                self.connection.withdraw(id);
            }
            Action::Connect => {
                self.checks.application_asks(self.connection.state());
                if matches!(self.connection.state(), State::Idle | State::Closed(_)) {
                    self.checks.not_before = None;
                }
                self.connection.connect(at);
            }
            Action::Reconnect => {
                self.checks.application_asks(self.connection.state());
                self.checks.not_before = None;
                self.connection.reconnect(at);
            }
            Action::Close => {
                let closed = self.connection.close(1000, "bye");
                assert_eq!(closed, Ok(()), "a close that browsers permit");
            }
        }
    }

    fn send(&mut self, answer: Answer) {
        let id = self.connection.next_id();
        let bytes = self.dice.pick(&[20, 160, 160, 700, 3_000, 70_000]);
        let payload = Payload {
            id,
            bytes,
            is_request: answer != Answer::No,
            poison: self.dice.one_in(200),
        };
        let ttl_ms = match self.plan.ttl {
            true => self.dice.pick(&[None, Some(0), Some(300), Some(20_000)]),
            false => None,
        };
        let outgoing = Outgoing {
            payload: payload.clone(),
            bytes,
            ttl_ms,
            answer,
        };
        match self.connection.send(self.at(), outgoing) {
            Ok(taken) => {
                assert_eq!(taken, id, "another id than was announced");
                let ttl = ttl_ms.or(self
                    .plan
                    .config
                    .outbox
                    .ttl
                    .map(|ttl| ttl.as_millis() as u64));
                let deadline = match answer {
                    Answer::No => None,
                    Answer::Within(timeout) => Some(self.now + timeout.unwrap_or(10_000)),
                };
                self.ledger
                    .take(payload, ttl.map(|ttl| self.now + ttl), deadline);
            }
            Err(error) => {
                assert_eq!(error.payload, payload, "another message is handed back");
                self.check_refusal(error.code, bytes);
            }
        }
    }

    fn check_refusal(&mut self, code: ErrorCode, bytes: u32) {
        let outbox = self.plan.config.outbox;
        let stats = self.connection.stats(self.at());
        let full = stats.queued >= u64::from(outbox.messages)
            || stats.queued_bytes + u64::from(bytes) > u64::from(outbox.bytes);
        let right = match code {
            ErrorCode::OutboxFull => full && outbox.overflow == Overflow::Reject,
            ErrorCode::MessageTooLarge => bytes > outbox.bytes,
            ErrorCode::Closed => *self.connection.state() == State::Closed(ErrorCode::Closed),
            _ => false,
        };
        assert!(right, "refused for no reason: {code:?} with {stats:?}");
        self.see("a send is refused");
    }

    pub fn ledger_hears(&mut self, event: Event<Payload>) {
        let now = self.now;
        match event {
            Event::Deliver(_)
            | Event::AnsweredBy(..)
            | Event::Acked(_)
            | Event::Refused(..)
            | Event::Restored(..)
            | Event::Resync(_) => panic!("an event of reliable delivery in plain mode"),
            Event::Sent(id) => self.ledger.sent(id),
            Event::Rejected(id, code, payload) => {
                self.see(match code {
                    ErrorCode::Expired => "a message expires",
                    ErrorCode::OutboxFull => "a message gives way",
                    ErrorCode::RequestTimeout => "a queued request times out",
                    _ => "a message is rejected",
                });
                self.ledger.rejected(now, id, code, &payload);
            }
            Event::Answered(id) => {
                self.see("a request is answered");
                self.ledger.request_settles(id);
            }
            Event::Uncertain(id, code) => {
                self.see("a request is uncertain");
                self.ledger.uncertain(now, id, code);
            }
            Event::Status(_)
            | Event::Message
            | Event::Latency(_)
            | Event::Disconnected(..)
            | Event::Warning(..) => {}
        }
    }

    /// What was written on a socket that lived until now has arrived.
    pub fn check_all_delivered(&self) {
        let Some(id) = self.current else {
            return;
        };
        for written in &self.checks.written_on_current {
            let handled_on = self.server.handled.get(&written.0);
            assert_eq!(
                handled_on,
                Some(&id),
                "invariant 3: {written:?} was written, and no fault hit its socket"
            );
        }
    }
}

impl Ledger {
    fn take(&mut self, payload: Payload, expires: Option<u64>, deadline: Option<u64>) {
        assert_eq!(payload.id.0 as usize, self.receipts.len() + 1);
        if payload.is_request {
            self.waiting_requests += 1;
        }
        self.receipts.push(Receipt {
            payload,
            state: Outcome::Queued,
            expires,
            deadline,
        });
    }

    pub fn written_requests(&self) -> usize {
        self.written_requests
    }

    pub fn waiting_requests(&self) -> usize {
        self.waiting_requests
    }

    /// An id that was given, or is about to be.
    pub fn some_id(&self, dice: &mut Dice) -> MessageId {
        let last = self.receipts.len() as u64;
        MessageId(dice.within(last.saturating_sub(10)..=last + 1))
    }

    pub fn written(&mut self, now: u64, payload: &Payload) {
        let receipt = self.receipt(payload.id);
        assert_eq!(receipt.state, Outcome::Queued, "written twice, or settled");
        assert_eq!(receipt.payload, *payload, "another payload is written");
        let in_time = receipt.expires.is_none_or(|at| now < at || at == now);
        assert!(in_time, "written after its time to live");
        let in_time = receipt.deadline.is_none_or(|at| now <= at);
        assert!(in_time, "written after its answer was due");
        receipt.state = Outcome::Written;
        self.due_sent = Some(payload.id);
    }

    fn sent(&mut self, id: MessageId) {
        assert_eq!(self.due_sent.take(), Some(id), "Sent without its write");
        let receipt = self.receipt(id);
        if receipt.payload.is_request {
            self.written_requests += 1;
        } else {
            receipt.state = Outcome::Settled;
        }
    }

    fn rejected(&mut self, now: u64, id: MessageId, code: ErrorCode, payload: &Payload) {
        let receipt = self.receipt(id);
        assert_eq!(
            receipt.state,
            Outcome::Queued,
            "invariant 4: {id:?} {code:?}"
        );
        assert_eq!(receipt.payload, *payload, "another payload is handed back");
        let right = match code {
            ErrorCode::Expired => receipt.expires.is_some_and(|at| at <= now),
            ErrorCode::RequestTimeout => receipt.deadline.is_some_and(|at| at <= now),
            ErrorCode::Closed | ErrorCode::OutboxFull | ErrorCode::Aborted => true,
            _ => false,
        };
        assert!(right, "rejected for no reason: {code:?}");
        receipt.state = Outcome::Settled;
        if payload.is_request {
            self.waiting_requests -= 1;
        }
    }

    fn uncertain(&mut self, now: u64, id: MessageId, code: ErrorCode) {
        let right = match code {
            ErrorCode::RequestTimeout => self.receipt(id).deadline.is_some_and(|at| at <= now),
            ErrorCode::ConnectionLost | ErrorCode::Aborted => true,
            _ => false,
        };
        assert!(right, "uncertain for no reason: {code:?}");
        self.request_settles(id);
    }

    fn request_settles(&mut self, id: MessageId) {
        let receipt = self.receipt(id);
        assert!(receipt.payload.is_request, "no request: {id:?}");
        assert_eq!(receipt.state, Outcome::Written, "invariant 4: {id:?}");
        receipt.state = Outcome::Settled;
        self.waiting_requests -= 1;
        self.written_requests -= 1;
    }

    pub fn check_all_settled(&self) {
        let open = self
            .receipts
            .iter()
            .find(|receipt| receipt.state != Outcome::Settled);
        assert!(open.is_none(), "invariant 4: {open:?} never settled");
    }

    fn receipt(&mut self, id: MessageId) -> &mut Receipt {
        let at = (id.0 as usize).checked_sub(1);
        at.and_then(|at| self.receipts.get_mut(at))
            .unwrap_or_else(|| panic!("an event about a message that was never sent: {id:?}"))
    }
}
