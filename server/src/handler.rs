//! What the application gives: its handler, behind one type.

use std::pin::Pin;

use everwire::proto::frames::Lost;

use crate::connection::Connection;
use crate::delivery::{Delivery, HandlerError};
use crate::hub::Hub;
use crate::message::Incoming;

/// What the application does with messages.
pub trait Handler: Send + Sync + 'static {
    /// Handles one message. Those of one connection come one at a time and in order; the next is read once this
    /// returns. The end of the socket does not cancel it.
    ///
    /// A message with an `id` waits for an answer: send [`Outgoing::answer`](crate::Outgoing::answer) or
    /// [`Outgoing::error`](crate::Outgoing::error).
    fn on_message(
        &self,
        hub: &Hub,
        connection: &Connection,
        message: Incoming,
    ) -> impl Future<Output = ()> + Send;

    /// Handles one sequenced message of a client with reliable delivery. Those of one client come one at a time and in
    /// order, whichever sockets it has. Default: as [`on_message`](Self::on_message).
    ///
    /// # Errors
    /// If the message is refused or its handler fails, as a panic does: its receipt is `rejected`, and the next
    /// message follows.
    fn on_delivery(
        &self,
        hub: &Hub,
        connection: &Connection,
        _delivery: &Delivery,
        message: Incoming,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send {
        async move {
            self.on_message(hub, connection, message).await;
            Ok(())
        }
    }

    /// A connection is there: a plain socket, or a client with reliable delivery each time it comes.
    fn on_connect(&self, _hub: &Hub, _connection: &Connection) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// A connection is gone. A client with reliable delivery may come back to its session.
    fn on_disconnect(
        &self,
        _hub: &Hub,
        _connection: &Connection,
    ) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// A client with reliable delivery has lost messages to it and is told so: send it a snapshot, or leave it to fetch
    /// one.
    fn on_resync(
        &self,
        _hub: &Hub,
        _connection: &Connection,
        _reason: Lost,
    ) -> impl Future<Output = ()> + Send {
        async {}
    }
}

type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A [`Handler`] behind one type.
pub(crate) trait ErasedHandler: Send + Sync {
    fn handle<'a>(
        &'a self,
        hub: &'a Hub,
        connection: &'a Connection,
        message: Incoming,
    ) -> Later<'a, ()>;

    fn deliver<'a>(
        &'a self,
        hub: &'a Hub,
        connection: &'a Connection,
        delivery: &'a Delivery,
        message: Incoming,
    ) -> Later<'a, Result<(), HandlerError>>;

    fn hook<'a>(&'a self, hub: &'a Hub, connection: &'a Connection, hook: Hook) -> Later<'a, ()>;
}

/// Something that happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    Connect,
    Disconnect,
    Resync(Lost),
}

impl<H: Handler> ErasedHandler for H {
    fn handle<'a>(
        &'a self,
        hub: &'a Hub,
        connection: &'a Connection,
        message: Incoming,
    ) -> Later<'a, ()> {
        Box::pin(self.on_message(hub, connection, message))
    }

    fn deliver<'a>(
        &'a self,
        hub: &'a Hub,
        connection: &'a Connection,
        delivery: &'a Delivery,
        message: Incoming,
    ) -> Later<'a, Result<(), HandlerError>> {
        Box::pin(self.on_delivery(hub, connection, delivery, message))
    }

    fn hook<'a>(&'a self, hub: &'a Hub, connection: &'a Connection, hook: Hook) -> Later<'a, ()> {
        match hook {
            Hook::Connect => Box::pin(self.on_connect(hub, connection)),
            Hook::Disconnect => Box::pin(self.on_disconnect(hub, connection)),
            Hook::Resync(reason) => Box::pin(self.on_resync(hub, connection, reason)),
        }
    }
}
