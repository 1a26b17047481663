//! Where the records of everwire.v1's clients are kept.

use std::error::Error;
use std::pin::Pin;

use everwire::proto::server::{Record, StoreKind, Stored, Write};

/// Why a store failed.
pub type StoreError = Box<dyn Error + Send + Sync>;

/// What [`SessionStore::load`] gives.
pub type LoadResult = Result<Option<Record>, StoreError>;

/// What [`SessionStore::write`] gives.
pub type WriteResult = Result<Stored, StoreError>;

/// Keeps what must be known of a client after a restart: how far its messages were handled.
///
/// A record belongs to the process that loaded it last, its *owner*. Writes of another owner are
/// [`Stored::Fenced`], so that a process that lost a client cannot handle its messages a second time.
pub trait SessionStore: Send + Sync + 'static {
    /// Whether handlers store `rx` in the transaction of their effect ([`StoreKind::Atomic`]), or the store is told
    /// before each handler begins ([`StoreKind::Marked`]), so that after a crash the client learns that the message
    /// is uncertain.
    fn kind(&self) -> StoreKind;

    /// Gives the record of `cid`, if there is one, and in the same step makes `owner` its owner.
    ///
    /// # Errors
    /// If the store cannot be read: the client is asked to come back.
    fn load(&self, cid: &str, owner: &str) -> impl Future<Output = LoadResult> + Send;

    /// Changes the record of `cid` as [`Write`] says, unless `owner` does not own it.
    ///
    /// # Errors
    /// If the store cannot be written: the client is asked to come back, and its record is loaded anew.
    fn write(
        &self,
        cid: &str,
        owner: &str,
        write: &Write,
    ) -> impl Future<Output = WriteResult> + Send;
}

/// Keeps nothing: records live in the hub and end with it. After a restart, what clients held is reported as
/// `uncertain` to them.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryStore;

impl SessionStore for MemoryStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Atomic
    }

    async fn load(&self, _: &str, _: &str) -> LoadResult {
        Ok(None)
    }

    async fn write(&self, _: &str, _: &str, _: &Write) -> WriteResult {
        Ok(Stored::Done)
    }
}

type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A [`SessionStore`] behind one type.
pub(crate) trait ErasedStore: Send + Sync {
    fn kind(&self) -> StoreKind;
    fn load<'a>(&'a self, cid: &'a str, owner: &'a str) -> Later<'a, LoadResult>;
    fn write<'a>(
        &'a self,
        cid: &'a str,
        owner: &'a str,
        write: &'a Write,
    ) -> Later<'a, WriteResult>;
}

impl<S: SessionStore> ErasedStore for S {
    fn kind(&self) -> StoreKind {
        SessionStore::kind(self)
    }

    fn load<'a>(&'a self, cid: &'a str, owner: &'a str) -> Later<'a, LoadResult> {
        Box::pin(SessionStore::load(self, cid, owner))
    }

    fn write<'a>(
        &'a self,
        cid: &'a str,
        owner: &'a str,
        write: &'a Write,
    ) -> Later<'a, WriteResult> {
        Box::pin(SessionStore::write(self, cid, owner, write))
    }
}
