//! Every message that pages sent: what their applications were told, and what the server's handlers did.

use everwire::proto::server::Cid;
use everwire::proto::{Event, MessageId};

use crate::happening::PageId;
use crate::wire::Payload;
use crate::world::World;

#[derive(Debug, Default)]
pub struct Ledger {
    sent: Vec<Sent>,
}

#[derive(Debug)]
pub struct Sent {
    /// The page that sent it.
    page: PageId,
    /// How often a handler had its effect.
    pub effects: u32,
    /// Some page was told that it is uncertain.
    pub is_uncertain: bool,
    /// A browser forgot what became of it.
    pub is_forgotten: bool,
    /// Some page was told that it was handled.
    pub is_acked: bool,
    /// Some page was told that it was not handled and never will be.
    pub is_rejected: bool,
}

/// What a page's application was told of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub uid: u64,
    pub is_settled: bool,
}

impl Ledger {
    pub fn next_uid(&self) -> u64 {
        self.sent.len() as u64
    }

    pub fn take(&mut self, page: PageId) {
        self.sent.push(Sent {
            page,
            effects: 0,
            is_uncertain: false,
            is_forgotten: false,
            is_acked: false,
            is_rejected: false,
        });
    }

    pub fn of(&mut self, uid: u64) -> &mut Sent {
        &mut self.sent[uid as usize]
    }

    pub fn check_at_the_end(&self) {
        for (uid, sent) in self.sent.iter().enumerate() {
            let handled_once = sent.effects == 1 || sent.is_uncertain && sent.effects > 0;
            assert!(
                !sent.is_acked || handled_once || sent.is_forgotten,
                "invariant 4: {uid} was acked, and its handler ran {} times",
                sent.effects
            );
        }
    }
}

impl World {
    /// A handler of the server had its effect.
    pub fn effect(&mut self, cid: &Cid, payload: &Payload) {
        let uid = payload.uid;
        let sent = self.ledger.of(uid);
        assert!(
            sent.effects == 0 || sent.is_uncertain,
            "invariant 1: the handler of {uid} ran again, and nobody was told that it might"
        );
        assert!(
            !sent.is_rejected,
            "invariant 4: {uid} was rejected, and then handled"
        );
        sent.effects += 1;
        let page = sent.page;
        if sent.effects == 1 && !sent.is_uncertain {
            let last = self.last_effects.entry((cid.clone(), page)).or_default();
            assert!(*last <= uid, "invariant 2: {uid} was handled after {last}");
            *last = uid;
        } else if sent.effects > 1 {
            self.see("handled again after it was reported uncertain");
        }
    }

    /// What the application hears of its messages.
    pub fn receipt_hears(&mut self, page: PageId, event: &Event<Payload>) {
        match event {
            Event::Restored(id, payload) => {
                let uid = payload.uid;
                let receipt = Receipt {
                    uid,
                    is_settled: false,
                };
                let before = self.pages[page].receipts.insert(*id, receipt);
                assert_eq!(before, None, "an id was given twice");
                self.pages[page].restored.push(uid);
                let sent = self.ledger.of(uid);
                if self.pages[sent.page].tab != self.pages[page].tab {
                    // A copy of a tab took over what the tab that was copied had told already.
                    (sent.is_uncertain, sent.is_rejected) = (true, false);
                }
                self.see("a message is restored");
            }
            Event::Acked(id) => {
                let sent = self.settles(page, *id);
                let handled_once = sent.effects == 1 || sent.is_uncertain && sent.effects > 0;
                assert!(
                    handled_once || sent.is_forgotten,
                    "invariant 4: {id:?} is acked, and {} times handled",
                    sent.effects
                );
                sent.is_acked = true;
                self.see("acked");
            }
            Event::AnsweredBy(id, _) => {
                let sent = self.settles(page, *id);
                assert!(sent.effects > 0, "invariant 4: answered, and not handled");
                sent.is_acked |= sent.effects == 1;
                self.see("a request is answered");
            }
            Event::Refused(id, ..) => {
                let sent = self.settles(page, *id);
                assert!(
                    sent.effects == 0 || sent.is_uncertain,
                    "invariant 4: {id:?} is refused, and was handled"
                );
                sent.is_rejected = !sent.is_uncertain;
                self.see("refused");
            }
            Event::Rejected(id, code, payload) => {
                let receipt = self.pages[page].receipts[id];
                assert_eq!(receipt.uid, payload.uid, "another payload is handed back");
                let code = *code;
                let sent = self.settles(page, *id);
                assert!(
                    sent.effects == 0 || sent.is_uncertain,
                    "invariant 4: {id:?} is rejected ({code:?}), and was handled"
                );
                sent.is_rejected = !sent.is_uncertain;
                self.see("rejected");
            }
            Event::Uncertain(id, _) => {
                self.settles(page, *id).is_uncertain = true;
                self.see("uncertain");
            }
            Event::Sent(id) => {
                let known = self.pages[page].receipts.contains_key(id);
                assert!(known, "an event about a message that was never sent");
            }
            Event::Status(_)
            | Event::Message
            | Event::Deliver(_)
            | Event::Answered(_)
            | Event::Latency(_)
            | Event::Disconnected(..)
            | Event::Resync(_)
            | Event::Warning(..) => {}
        }
    }

    fn settles(&mut self, page: PageId, id: MessageId) -> &mut Sent {
        let receipt = self.pages[page]
            .receipts
            .get_mut(&id)
            .unwrap_or_else(|| panic!("an event about a message that was never sent: {id:?}"));
        assert!(!receipt.is_settled, "invariant 4: {id:?} settles twice");
        receipt.is_settled = true;
        self.ledger.of(receipt.uid)
    }
}
