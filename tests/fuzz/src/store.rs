//! A store of clients' records, as the server's half wants it.

use std::collections::BTreeMap;

use everwire::proto::server::{Cid, Outcome, Record, Stored, Write};

#[derive(Debug, Default)]
pub(crate) struct Store {
    records: BTreeMap<Cid, Record>,
}

impl Store {
    pub(crate) fn record(&self, cid: &Cid) -> Option<&Record> {
        self.records.get(cid)
    }

    /// What a store does that fences whatever does not follow.
    pub(crate) fn write(&mut self, cid: &Cid, write: Write) -> Stored {
        if write == Write::Forget {
            self.records.remove(cid);
            return Stored::Done;
        }
        let is_new = !self.records.contains_key(cid);
        let record = self.records.entry(cid.clone()).or_default();
        match write {
            Write::Claim { user, n, rx, errs } => {
                record.user = user;
                record.n = n;
                if is_new {
                    (record.rx, record.errs) = (rx, errs);
                }
            }
            Write::Adopt { rx } => record.rx = Some(rx),
            Write::Begin { seq } => record.begun = Some(seq),
            Write::Settle { seq, refused } => {
                if record.rx != Some(seq - 1) {
                    return Stored::Fenced;
                }
                record.rx = Some(seq);
                record.errs.extend(refused.map(|code| (seq, code)));
            }
            Write::Forget => {}
        }
        Stored::Done
    }

    /// A handler that commits its effect with `rx`.
    pub(crate) fn commit(&mut self, cid: &Cid, seq: Option<u64>) -> Outcome {
        let (Some(seq), Some(record)) = (seq, self.records.get_mut(cid)) else {
            return Outcome::Done;
        };
        if record.rx != Some(seq - 1) {
            return Outcome::Fenced;
        }
        record.rx = Some(seq);
        Outcome::Committed
    }
}
