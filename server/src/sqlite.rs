//! Records of reliable delivery in SQLite: beside the application's own tables, or in a database of their own.
//!
//! An application that keeps its data in the same database calls [`settle`] in the transaction of each effect: then
//! neither a crash nor a second process has an effect twice or not at all. Others take [`MarkedStore`].
//!
//! ```
//! use everwire_server::{Delivery, HandlerError, sqlite};
//! use rusqlite::Connection;
//!
//! fn add(database: &mut Connection, delivery: &Delivery, title: &str) -> rusqlite::Result<Result<(), HandlerError>> {
//!     let transaction = database.transaction()?;
//!     transaction.execute("INSERT INTO tasks (title) VALUES (?1)", [title])?;
//!     if !sqlite::settle(&transaction, delivery)? {
//!         return Ok(Err(HandlerError::Fenced)); // Dropped, the transaction is rolled back.
//!     }
//!     transaction.commit()?;
//!     delivery.committed();
//!     Ok(Ok(()))
//! }
//! ```

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use everwire::proto::server::{Record, StoreKind, Stored, Write};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::delivery::Delivery;
use crate::store::{LoadResult, SessionStore, WriteResult};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS everwire_clients (
        cid   TEXT PRIMARY KEY,
        user  TEXT NOT NULL,
        owner TEXT NOT NULL,
        n     INTEGER NOT NULL,
        rx    INTEGER,
        begun INTEGER,
        used  INTEGER NOT NULL DEFAULT (unixepoch())
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS everwire_refusals (
        cid  TEXT NOT NULL,
        seq  INTEGER NOT NULL,
        code TEXT NOT NULL,
        PRIMARY KEY (cid, seq)
    ) WITHOUT ROWID;
";

/// Records that nobody used for so many seconds are forgotten: 24 hours.
const FORGOTTEN_AFTER: i64 = 24 * 60 * 60;
/// Refused seqs are kept for so many seqs.
const REFUSALS: i64 = 1_024;

/// Makes the tables if they are missing, and forgets records of more than 24 hours ago.
///
/// # Errors
/// If the database fails.
pub fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(SCHEMA)?;
    connection.execute(
        "DELETE FROM everwire_clients WHERE used < unixepoch() - ?1",
        [FORGOTTEN_AFTER],
    )?;
    connection.execute(
        "DELETE FROM everwire_refusals WHERE cid NOT IN (SELECT cid FROM everwire_clients)",
        [],
    )?;
    Ok(())
}

/// Stores in the transaction of its effect that a message is handled. `false` if another process owns the client or the
/// message was handled before: then roll back and end with [`HandlerError::Fenced`](crate::HandlerError::Fenced).
/// After the commit call [`Delivery::committed`].
///
/// # Errors
/// If the database fails.
pub fn settle(transaction: &Transaction<'_>, delivery: &Delivery) -> rusqlite::Result<bool> {
    set_rx(
        transaction,
        delivery.cid(),
        delivery.owner(),
        seq_of(delivery.seq()),
    )
}

/// What [`SessionStore::load`] asks for.
///
/// # Errors
/// If the database fails.
pub fn load(
    connection: &mut Connection,
    cid: &str,
    owner: &str,
) -> rusqlite::Result<Option<Record>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let record = transaction
        .query_row(
            "UPDATE everwire_clients SET owner = ?2, used = unixepoch() WHERE cid = ?1 RETURNING user, n, rx, begun",
            [cid, owner],
            |row| {
                Ok(Record {
                    user: row.get(0)?,
                    n: row.get(1)?,
                    rx: row.get(2)?,
                    begun: row.get(3)?,
                    errs: Vec::new(),
                })
            },
        )
        .optional()?;
    let record = match record {
        None => None,
        Some(record) => Some(Record {
            errs: refusals(&transaction, cid)?,
            ..record
        }),
    };
    transaction.commit()?;
    Ok(record)
}

fn refusals(transaction: &Transaction<'_>, cid: &str) -> rusqlite::Result<Vec<(u64, String)>> {
    let mut query = transaction
        .prepare_cached("SELECT seq, code FROM everwire_refusals WHERE cid = ?1 ORDER BY seq")?;
    let rows = query.query_map([cid], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// What [`SessionStore::write`] asks for.
///
/// # Errors
/// If the database fails.
pub fn write(
    connection: &mut Connection,
    cid: &str,
    owner: &str,
    write: &Write,
) -> rusqlite::Result<Stored> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let is_written = match write {
        Write::Claim { user, n, rx, errs } => {
            if refusals(&transaction, cid)?.is_empty() {
                for (seq, code) in errs {
                    note_refusal(&transaction, cid, seq_of(*seq), code)?;
                }
            }
            transaction.execute(
                "INSERT INTO everwire_clients (cid, owner, user, n, rx) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (cid) DO UPDATE SET user = excluded.user, n = excluded.n, used = unixepoch()
                 WHERE owner = excluded.owner",
                params![cid, owner, user, n, rx],
            )? == 1
        }
        Write::Adopt { rx } => {
            let adopt =
                "UPDATE everwire_clients SET rx = ?3 WHERE cid = ?1 AND owner = ?2 AND rx IS NULL";
            transaction.execute(adopt, params![cid, owner, rx])? == 1
        }
        Write::Begin { seq } => {
            let begin = "UPDATE everwire_clients SET begun = ?3 WHERE cid = ?1 AND owner = ?2";
            transaction.execute(begin, params![cid, owner, seq])? == 1
        }
        Write::Settle { seq, refused } => {
            let seq = seq_of(*seq);
            let is_next = set_rx(&transaction, cid, owner, seq)?;
            if let Some(code) = refused.as_ref().filter(|_| is_next) {
                note_refusal(&transaction, cid, seq, code)?;
            }
            is_next
        }
        Write::Forget => {
            transaction.execute("DELETE FROM everwire_refusals WHERE cid = ?1", [cid])?;
            transaction.execute(
                "DELETE FROM everwire_clients WHERE cid = ?1 AND owner = ?2",
                [cid, owner],
            )?;
            true
        }
    };
    if !is_written {
        return Ok(Stored::Fenced);
    }
    transaction.commit()?;
    Ok(Stored::Done)
}

fn set_rx(
    transaction: &Transaction<'_>,
    cid: &str,
    owner: &str,
    seq: i64,
) -> rusqlite::Result<bool> {
    let mut update = transaction.prepare_cached(
        "UPDATE everwire_clients SET rx = ?3, used = unixepoch() WHERE cid = ?1 AND owner = ?2 AND rx = ?3 - 1",
    )?;
    Ok(update.execute(params![cid, owner, seq])? == 1)
}

fn note_refusal(
    transaction: &Transaction<'_>,
    cid: &str,
    seq: i64,
    code: &str,
) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT OR REPLACE INTO everwire_refusals (cid, seq, code) VALUES (?1, ?2, ?3)",
        params![cid, seq, code],
    )?;
    transaction.execute(
        "DELETE FROM everwire_refusals WHERE cid = ?1 AND seq <= ?2",
        params![cid, seq - REFUSALS],
    )?;
    Ok(())
}

/// Every seq is at most 2⁵³ − 1.
fn seq_of(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// A database of its own for records, for applications whose effects happen elsewhere. After a crash, clients learn
/// which message is uncertain: the one whose handler had begun.
#[derive(Clone, Debug)]
pub struct MarkedStore(Arc<Mutex<Connection>>);

impl MarkedStore {
    /// Opens a database file, and makes it if it is missing.
    ///
    /// # Errors
    /// If the database fails.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        prepare(&connection)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, crate::store::StoreError> {
        let connection = Arc::clone(&self.0);
        let working = tokio::task::spawn_blocking(move || {
            work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Ok(working.await??)
    }
}

impl SessionStore for MarkedStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Marked
    }

    async fn load(&self, cid: &str, owner: &str) -> LoadResult {
        let (cid, owner) = (cid.to_owned(), owner.to_owned());
        self.blocking(move |connection| load(connection, &cid, &owner))
            .await
    }

    async fn write(&self, cid: &str, owner: &str, change: &Write) -> WriteResult {
        let (cid, owner, change) = (cid.to_owned(), owner.to_owned(), change.clone());
        self.blocking(move |connection| write(connection, &cid, &owner, &change))
            .await
    }
}
