//! The store that the vectors speak of.

use std::collections::{BTreeMap, BTreeSet};

use everwire::proto::server::{Cid, Loaded, Record, Stored, Write};
use serde_json::{Value, json};

#[derive(Default)]
pub struct Store {
    pub records: BTreeMap<String, Record>,
    failing: BTreeSet<String>,
}

/// What a server keeps of a user.
pub fn fingerprint(user: &str) -> String {
    format!("fingerprint of {user}")
}

impl Store {
    pub fn put(&mut self, cid: &str, record: &Value) {
        if record == "failed" {
            self.failing.insert(cid.to_owned());
            return;
        }
        let errs = record["errs"].as_array().into_iter().flatten();
        let err = |err: &Value| {
            (
                err[0].as_u64().unwrap(),
                err[1].as_str().unwrap().to_owned(),
            )
        };
        let record = Record {
            user: fingerprint(record["user"].as_str().unwrap()),
            n: record["n"].as_u64().unwrap(),
            rx: record["rx"].as_u64(),
            begun: record["begun"].as_u64(),
            errs: errs.map(err).collect(),
        };
        self.records.insert(cid.to_owned(), record);
    }

    pub fn load(&self, cid: &Cid) -> Loaded {
        match self.records.get(cid.as_str()) {
            _ if self.failing.contains(cid.as_str()) => Loaded::Failed,
            Some(record) => Loaded::Found(record.clone()),
            None => Loaded::Absent,
        }
    }

    pub fn write(&mut self, cid: &Cid, write: &Write) -> Stored {
        if let Write::Claim { user, n, rx, errs } = write {
            let new = Record {
                rx: *rx,
                errs: errs.clone(),
                ..Record::default()
            };
            let record = self.records.entry(cid.as_str().to_owned()).or_insert(new);
            record.user.clone_from(user);
            record.n = *n;
            return Stored::Done;
        }
        if *write == Write::Forget {
            self.records.remove(cid.as_str());
            return Stored::Done;
        }
        let Some(record) = self.records.get_mut(cid.as_str()) else {
            return Stored::Fenced;
        };
        match write {
            Write::Adopt { rx } => record.rx = Some(*rx),
            Write::Begin { seq } => record.begun = Some(*seq),
            Write::Settle { seq, .. } if record.rx != Some(seq - 1) => return Stored::Fenced,
            Write::Settle { seq, refused } => {
                record.rx = Some(*seq);
                record.errs.extend(refused.clone().map(|code| (*seq, code)));
                record.errs.retain(|(refused, _)| refused + 1_024 > *seq);
            }
            Write::Claim { .. } | Write::Forget => unreachable!("done above"),
        }
        Stored::Done
    }

    /// Complains if the record is not what the vectors say, in the fields that stand there.
    pub fn compare(&self, cid: &str, expected: &Value) -> Result<(), String> {
        let Some(record) = self.records.get(cid) else {
            return Err(format!("{cid} has no record"));
        };
        let found = json!({
            "user": record.user, "n": record.n, "rx": record.rx, "begun": record.begun, "errs": record.errs,
        });
        for (field, value) in expected.as_object().unwrap() {
            let value = match (field.as_str(), value) {
                ("user", Value::String(user)) => json!(fingerprint(user)),
                ("errs", Value::Null) => json!([]),
                _ => value.clone(),
            };
            if found[field] != value {
                return Err(format!("{cid} is stored with {field} {}", found[field]));
            }
        }
        Ok(())
    }
}
