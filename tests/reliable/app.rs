//! The application of a page: what it does at random.

use everwire::proto::{Answer, MessageId, Outgoing, State};

use crate::happening::{Happening, PageId};
use crate::page::Life;
use crate::receipts::Receipt;
use crate::wire::{Kind, Payload};
use crate::world::World;

impl World {
    pub fn app_ticks(&mut self, page: PageId) {
        if self.quiet || self.pages[page].life != Life::Lives {
            return;
        }
        let next = self.now + self.dice.within(0..=self.plan.idle);
        self.queue.push(next, Happening::App(page));
        self.act(page);
        self.drain(page);
    }

    /// Its outputs are for the caller to act on.
    pub fn act(&mut self, page: PageId) {
        match self.dice.within(0..=199) {
            0..=109 => self.send(page, Answer::No),
            110..=139 => {
                let timeout = self.dice.pick(&[None, Some(2_000)]);
                self.send(page, Answer::Within(timeout));
            }
            140..=149 => {
                for _ in 0..self.dice.pick(&[5, 20, 60]) {
                    self.send(page, Answer::No);
                }
            }
            150..=169 => self.withdraw(page),
            170..=184 => self.send_volatile(page),
            185..=188 => {
                let at = self.at();
                self.pages[page].connection.reconnect(at);
            }
            189 => self.close(page),
            _ => self.go_on(page),
        }
    }

    fn payload(&mut self, is_request: bool) -> Payload {
        let bytes = match self.dice.within(0..=60) {
            0 => 70_000,
            1..=3 => 9_000,
            _ => 150,
        };
        let kind = match self.dice.within(0..=29) {
            0 => Kind::Refused,
            1 => Kind::Poison,
            2 => Kind::TooSlow,
            _ => Kind::Good,
        };
        Payload {
            uid: self.ledger.next_uid(),
            bytes,
            is_request,
            kind,
        }
    }

    fn send(&mut self, page: PageId, answer: Answer) {
        let payload = self.payload(answer != Answer::No);
        let (uid, bytes, at) = (payload.uid, payload.bytes, self.at());
        let ttl_ms = self.dice.pick(&[None, None, None, Some(500)]);
        let message = Outgoing {
            payload,
            bytes,
            ttl_ms,
            answer,
        };
        let here = &mut self.pages[page];
        match here.connection.send(at, message) {
            Ok(id) => {
                let receipt = Receipt {
                    uid,
                    is_settled: false,
                };
                assert_eq!(here.receipts.insert(id, receipt), None);
                self.note(|_| format!("  page {page} sends {uid} as {id:?}"));
                self.ledger.take(page);
            }
            Err(refused) => {
                assert_eq!(refused.payload.uid, uid, "another payload is handed back");
                self.see("a send is refused");
            }
        }
    }

    fn send_volatile(&mut self, page: PageId) {
        let payload = self.payload(false);
        let at = self.at();
        let here = &mut self.pages[page];
        if here.connection.send_volatile(at, payload, 150).is_ok() {
            self.ledger.take(page);
        }
    }

    fn withdraw(&mut self, page: PageId) {
        let last = self.pages[page].connection.next_id().0;
        let id = MessageId(self.dice.within(last.saturating_sub(15)..=last));
        self.note(|_| format!("  page {page} withdraws {id:?}"));
        self.pages[page].connection.withdraw(id);
    }

    /// For good, or until it connects again.
    pub fn close(&mut self, page: PageId) {
        self.see("the application closes");
        let here = &mut self.pages[page];
        here.connection.close(1000, "").expect("1000 may be sent");
        // What comes after it is another client's, and of this one no handler runs.
        (here.stream, here.cursor) = (None, None);
        here.tasks.clear();
    }

    /// Goes on if the connection was stopped.
    pub fn go_on(&mut self, page: PageId) {
        let at = self.at();
        let here = &mut self.pages[page];
        let stopped = matches!(here.connection.state(), State::Closed(_) | State::Idle);
        if stopped {
            here.connection.connect(at);
        }
    }
}
