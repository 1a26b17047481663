//! Three kinds of store for what a server knows of its clients.

use std::collections::BTreeMap;

use everwire::proto::server::{Cid, Loaded, Record, StoreKind, Stored, Write};

use crate::happening::ProcessId;

/// The refused among so many last seqs are kept.
const ERRS: u64 = 1_024;

/// What a store can promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `rx` is written in the transaction of the effect.
    Atomic,
    /// It is told before each handler begins.
    Marked,
    /// It ends with its process.
    Memory,
}

impl Kind {
    pub fn as_the_server_names_it(self) -> StoreKind {
        match self {
            Self::Atomic | Self::Memory => StoreKind::Atomic,
            Self::Marked => StoreKind::Marked,
        }
    }
}

#[derive(Debug)]
pub struct Store {
    pub kind: Kind,
    rows: BTreeMap<Key, Row>,
    /// Fails or says so once in so many times.
    pub fails_one_in: Option<u64>,
}

/// A memory store has rows of its own for each process.
type Key = (Option<ProcessId>, Cid);

#[derive(Debug, Default)]
struct Row {
    record: Record,
    owner: Option<ProcessId>,
}

impl Store {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            rows: BTreeMap::new(),
            fails_one_in: None,
        }
    }

    pub fn load(&mut self, owner: ProcessId, cid: &Cid) -> Loaded {
        let key = self.key(owner, cid);
        match self.rows.get_mut(&key) {
            Some(row) => {
                row.owner = Some(owner);
                Loaded::Found(row.record.clone())
            }
            None => Loaded::Absent,
        }
    }

    pub fn write(&mut self, owner: ProcessId, cid: &Cid, write: Write) -> Stored {
        let key = self.key(owner, cid);
        if write == Write::Forget {
            self.rows.remove(&key);
            return Stored::Done;
        }
        if let Write::Claim { user, n, rx, errs } = &write
            && !self.rows.contains_key(&key)
        {
            let record = Record {
                user: user.clone(),
                n: *n,
                rx: *rx,
                errs: errs.clone(),
                ..Record::default()
            };
            let owner = Some(owner);
            self.rows.insert(key, Row { record, owner });
            return Stored::Done;
        }
        let Some(row) = self
            .rows
            .get_mut(&key)
            .filter(|row| row.owner == Some(owner))
        else {
            return Stored::Fenced;
        };
        let record = &mut row.record;
        match write {
            Write::Claim { user, n, .. } => {
                record.user = user;
                record.n = n;
            }
            Write::Adopt { rx } => record.rx = Some(rx),
            Write::Begin { seq } => record.begun = Some(seq),
            Write::Settle { seq, .. } if record.rx != Some(seq - 1) => return Stored::Fenced,
            Write::Settle { seq, refused } => {
                record.rx = Some(seq);
                record.errs.extend(refused.map(|code| (seq, code)));
                record.errs.retain(|(old, _)| old + ERRS > seq);
            }
            Write::Forget => {}
        }
        Stored::Done
    }

    /// The transaction of an effect: `rx` goes on by compare-and-set, or nothing happens.
    pub fn commit(&mut self, owner: ProcessId, cid: &Cid, seq: u64) -> bool {
        let key = self.key(owner, cid);
        let row = self
            .rows
            .get_mut(&key)
            .filter(|row| row.owner == Some(owner) && row.record.rx == Some(seq - 1));
        if let Some(row) = row {
            row.record.rx = Some(seq);
            return true;
        }
        false
    }

    /// What it has of a client, if the client is this process's still.
    pub fn rx(&self, owner: ProcessId, cid: &Cid) -> Option<u64> {
        let row = self.rows.get(&self.key(owner, cid))?;
        row.record.rx.filter(|_| row.owner == Some(owner))
    }

    /// Everything is lost.
    pub fn lose(&mut self) {
        self.rows.clear();
    }

    fn key(&self, owner: ProcessId, cid: &Cid) -> Key {
        let of = Some(owner).filter(|_| self.kind == Kind::Memory);
        (of, cid.clone())
    }
}
