//! The answer to a request, which may be given up.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::rc::{Rc, Weak};

use super::host::ClientHost;
use super::receipt::{RequestError, Slot};
use crate::proto::MessageId;
use crate::web::Driver;

/// The answer to a request, for whoever waits for it.
///
/// Dropping it withdraws the request if it was not written; a written one the server may still act on.
pub struct Reply<In: 'static> {
    pub(super) id: MessageId,
    pub(super) slot: Rc<Slot<Result<In, RequestError>>>,
    pub(super) driver: Weak<Driver<ClientHost<In>>>,
}

impl<In: 'static> Reply<In> {
    /// The request's number, which its frame carries as `id`.
    pub fn id(&self) -> MessageId {
        self.id
    }
}

impl<In: 'static> Future for Reply<In> {
    type Output = Result<In, RequestError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.slot.poll(context)
    }
}

impl<In: 'static> Drop for Reply<In> {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.upgrade().filter(|_| self.slot.is_empty()) {
            driver.withdraw(self.id);
        }
    }
}

impl<In: 'static> fmt::Debug for Reply<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
