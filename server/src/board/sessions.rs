//! The records of reliable delivery, in the database of the tasks.

use everwire_server::{LoadResult, SessionStore, StoreKind, Write, WriteResult};

use super::service::Board;

/// Kept under the lock of the tasks, so that a record never stands between a change and its commit.
pub struct BoardSessions(pub Board);

impl SessionStore for BoardSessions {
    fn kind(&self) -> StoreKind {
        StoreKind::Atomic
    }

    async fn load(&self, cid: &str, owner: &str) -> LoadResult {
        let (cid, owner) = (cid.to_owned(), owner.to_owned());
        Ok(self
            .0
            .blocking(move |store| Ok(store.load_session(&cid, &owner)?))
            .await?)
    }

    async fn write(&self, cid: &str, owner: &str, write: &Write) -> WriteResult {
        let (cid, owner, write) = (cid.to_owned(), owner.to_owned(), write.clone());
        Ok(self
            .0
            .blocking(move |store| Ok(store.write_session(&cid, &owner, &write)?))
            .await?)
    }
}
