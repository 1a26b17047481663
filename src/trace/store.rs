//! What is written to the page's storage and found there, as steps.

use alloc::string::String;

use super::line::{Line, list, quoted};
use super::secrets::Secrets;
use crate::proto::frames::Resume;
use crate::proto::{Head, Loaded, PageEnd, Slot, Store, Stored};

pub(super) fn store<P>(line: Line, store: &Store<P>, secrets: &mut Secrets) -> Line {
    match store {
        Store::Load => line.word("store", "load"),
        Store::Claim(cid) => line.word("store", "claim").raw("cid", &secrets.hide(cid)),
        Store::Release => line.word("store", "release"),
        Store::Head(head) => line
            .word("store", "head")
            .raw("head", &self::head(head, secrets)),
        Store::Keep(stored) => line
            .word("store", "keep")
            .raw("message", &self::stored(stored)),
        Store::Forget(slot) => self::slot(line.word("store", "forget"), *slot),
        Store::Clear => line.word("store", "clear"),
    }
}

pub(super) fn loaded<P>(loaded: &Loaded<P>, secrets: &mut Secrets) -> String {
    match loaded {
        Loaded::Nothing => quoted("nothing"),
        Loaded::Failed => quoted("failed"),
        Loaded::Saved(saved) => Line::new()
            .raw("head", &head(&saved.head, secrets))
            .raw("messages", &list(saved.messages.iter().map(stored)))
            .finish(),
    }
}

fn head(head: &Head, secrets: &mut Secrets) -> String {
    let mut line = Line::new()
        .raw("cid", &secrets.hide(&head.cid))
        .number("n", head.n)
        .number("answered_n", head.answered_n)
        .number("tx", head.tx)
        .number("uncertain_to", head.uncertain_to)
        .raw("user", &secrets.hide(&head.user));
    if let Some(place) = &head.place {
        line = line.raw("place", &resume(place, secrets));
    }
    match head.end {
        PageEnd::Open => line.finish(),
        PageEnd::Clean(stamp) => line.number("clean", stamp).finish(),
    }
}

fn resume(place: &Resume, secrets: &mut Secrets) -> String {
    Line::new()
        .raw("sid", &secrets.hide(&place.sid))
        .raw("key", &secrets.hide(place.key.secret()))
        .raw("epoch", &secrets.hide(&place.epoch))
        .number("rx", place.rx)
        .finish()
}

fn stored<P>(stored: &Stored<P>) -> String {
    slot(Line::new(), stored.slot)
        .case("kind", stored.kind)
        .number("bytes", stored.bytes)
        .finish()
}

fn slot(line: Line, slot: Slot) -> Line {
    match slot {
        Slot::Seq(seq) => line.number("seq", seq),
        Slot::Queued(place) => line.number("place", place),
    }
}
