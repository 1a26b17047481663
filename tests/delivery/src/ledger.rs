//! What the application has done, in SQLite: every number that its handler got, in the order of the handlers, and the
//! last number that it sent. It is written before anything is answered, and outlives a killed process.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everwire_server::{
    Delivery, HandlerError, LoadResult, SessionStore, StoreKind, Write, WriteResult, sqlite,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

/// The most numbers that a report lists one by one.
const LISTED: usize = 1_000;

const SCHEMA: &str = include_str!("../sql/schema.sql");
const MISSING: &str = include_str!("../sql/missing.sql");
const TWICE: &str = include_str!("../sql/twice.sql");
const DESCENDING: &str = include_str!("../sql/descending.sql");
const UNKNOWN: &str = include_str!("../sql/unknown.sql");

/// The store of the test application.
#[derive(Clone)]
pub struct Ledger(Arc<Mutex<Connection>>);

/// How far the application is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Messages that handlers got.
    pub handled: i64,
    /// The last number that was sent, or is about to be.
    pub sent: i64,
}

impl Ledger {
    /// Opens the store at `path`, or makes it.
    ///
    /// # Errors
    /// When SQLite cannot.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        sqlite::prepare(&connection)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Writes down that a handler got `number`, and then gives `send` the number to send for it. Nobody else gets one
    /// meanwhile, so that they are sent in their order. A reliable `delivery` is settled in the same transaction.
    ///
    /// # Errors
    /// When SQLite cannot, or another process has the client; nothing is written and nothing sent then.
    pub fn handle(
        &self,
        number: i64,
        delivery: Option<&Delivery>,
        send: impl FnOnce(i64),
    ) -> Result<(), HandlerError> {
        let failed = |error: rusqlite::Error| HandlerError::Failed(error.to_string());
        let mut connection = self.connection();
        let transaction = connection.transaction().map_err(failed)?;
        let answer = note(&transaction, number).map_err(failed)?;
        if let Some(delivery) = delivery
            && !sqlite::settle(&transaction, delivery).map_err(failed)?
        {
            return Err(HandlerError::Fenced);
        }
        transaction.commit().map_err(failed)?;
        if let Some(delivery) = delivery {
            delivery.committed();
        }
        send(answer);
        Ok(())
    }

    /// Gives `send` the next number to send.
    ///
    /// # Errors
    /// When SQLite cannot; nothing is sent then.
    pub fn send_next(&self, send: impl FnOnce(i64)) -> rusqlite::Result<()> {
        let connection = self.connection();
        send(next(&connection)?);
        Ok(())
    }

    /// How far the application is.
    ///
    /// # Errors
    /// When SQLite cannot.
    pub fn progress(&self) -> rusqlite::Result<Progress> {
        let connection = self.connection();
        let handled = "SELECT coalesce(max(position), 0) FROM handled";
        Ok(Progress {
            handled: connection.query_row(handled, [], |row| row.get(0))?,
            sent: connection.query_row("SELECT last FROM sent", [], |row| row.get(0))?,
        })
    }

    /// What is wrong with the numbers that handlers got, if 1 to `last` were sent in this order: those that are
    /// missing, those that came more than once, and those that came after a higher one.
    ///
    /// # Errors
    /// When SQLite cannot.
    pub fn report(&self, last: i64) -> rusqlite::Result<Value> {
        let connection = self.connection();
        Ok(json!({
            "missing": list(&connection, MISSING, last)?,
            "twice": list(&connection, TWICE, last)?,
            "descending": list(&connection, DESCENDING, last)?,
            "unknown": list(&connection, UNKNOWN, last)?,
        }))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionStore for Ledger {
    fn kind(&self) -> StoreKind {
        StoreKind::Atomic
    }

    async fn load(&self, cid: &str, owner: &str) -> LoadResult {
        Ok(sqlite::load(&mut self.connection(), cid, owner)?)
    }

    async fn write(&self, cid: &str, owner: &str, write: &Write) -> WriteResult {
        Ok(sqlite::write(&mut self.connection(), cid, owner, write)?)
    }
}

fn note(connection: &Connection, number: i64) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("INSERT INTO handled (number) VALUES (?)")?
        .execute([number])?;
    next(connection)
}

fn next(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("UPDATE sent SET last = last + 1 RETURNING last")?
        .query_row([], |row| row.get(0))
        .optional()?
        .ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// `{"count": n, "first": […]}`
fn list(connection: &Connection, query: &str, last: i64) -> rusqlite::Result<Value> {
    let mut statement = connection.prepare(query)?;
    let numbers = statement
        .query_map(params![last], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    let first = numbers.get(..LISTED).unwrap_or(&numbers);
    Ok(json!({ "count": numbers.len(), "first": first }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(numbers: &[i64]) -> Ledger {
        let ledger = Ledger::open(Path::new(":memory:")).unwrap();
        for number in numbers {
            ledger.handle(*number, None, |_| {}).unwrap();
        }
        ledger
    }

    #[test]
    fn every_kind_of_error_is_found() {
        for (numbers, last, [missing, twice, descending, unknown]) in [
            (&[1, 2, 3][..], 3, [&[][..], &[], &[], &[]]),
            (&[], 2, [&[1, 2], &[], &[], &[]]),
            (&[1, 3], 3, [&[2], &[], &[], &[]]),
            (&[1, 2, 2, 3], 3, [&[], &[2], &[], &[]]),
            (&[1, 3, 2], 3, [&[], &[], &[2], &[]]),
            (&[1, 2, 3, 1], 3, [&[], &[1], &[1], &[]]),
            (&[1, 2, 9], 2, [&[], &[], &[], &[9]]),
        ] {
            let report = filled(numbers).report(last).unwrap();
            for (name, wanted) in [
                ("missing", missing),
                ("twice", twice),
                ("descending", descending),
                ("unknown", unknown),
            ] {
                let wanted = json!({ "count": wanted.len(), "first": wanted });
                assert_eq!(report[name], wanted, "{name} of {numbers:?}");
            }
        }
    }

    #[test]
    fn the_store_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let ledger = Ledger::open(&path).unwrap();
        let mut sent = Vec::new();
        ledger.handle(1, None, |answer| sent.push(answer)).unwrap();
        ledger.send_next(|next| sent.push(next)).unwrap();
        assert_eq!(sent, [1, 2]);
        drop(ledger);
        let again = Ledger::open(&path).unwrap();
        let progress = again.progress().unwrap();
        assert_eq!(
            progress,
            Progress {
                handled: 1,
                sent: 2
            }
        );
    }
}
