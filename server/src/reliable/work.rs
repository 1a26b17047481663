//! What is done in tasks of their own: token checks, the store, handlers and hooks.

use std::sync::{Arc, Weak};

use everwire::proto::server::{
    Cid, Grant, Handle, HandlerId, Input, Loaded, Outcome, Refusal, Stored, Write,
};
use everwire::proto::{SocketId, Token};
use tokio::sync::mpsc;

use super::{Action, Reliable, millis};
use crate::auth::{AuthError, Token as PlainToken, fingerprint};
use crate::connection::Connection;
use crate::delivery::{Delivery, HandlerError};
use crate::handler::Hook;
use crate::hub::{Hub, Shared};
use crate::message::Incoming;

/// Starts what was asked for. A panic in it is answered as a failure.
pub(super) fn start(hub: &Hub, reliable: &Arc<Reliable>, action: Action) {
    let (hub, reliable) = (hub.clone(), Arc::clone(reliable));
    let tasks = reliable.tasks.clone();
    match action {
        Action::Authenticate {
            socket,
            user,
            token,
        } => {
            tasks.spawn(authenticate(hub, reliable, socket, user, token));
        }
        Action::Load(cid) => {
            tasks.spawn(load(hub, reliable, cid));
        }
        Action::Store(cid, write) => {
            tasks.spawn(store(hub, reliable, cid, write));
        }
        Action::Handle(handle, connection) => {
            tasks.spawn(handle_message(hub, reliable, handle, connection));
        }
        Action::Hooks(connection, hooks) => {
            tokio::spawn(run_hooks(hub.downgrade(), connection, hooks));
        }
    }
}

async fn authenticate(
    hub: Hub,
    reliable: Arc<Reliable>,
    socket: SocketId,
    user: String,
    token: Option<Token>,
) {
    let checked = tokio::spawn(check(hub, user, token)).await;
    let answer = checked.unwrap_or(Err(Refusal::Unauthorized));
    reliable.input(Input::Authenticated(socket, answer));
}

async fn check(hub: Hub, user: String, token: Option<Token>) -> Result<Grant, Refusal> {
    let life_ms = match (&hub.shared().authenticate, token) {
        (None, _) => None,
        (Some(_), None) => return Err(Refusal::Unauthorized),
        (Some(authenticate), Some(token)) => {
            let token = PlainToken::new(token.secret().to_owned());
            match authenticate.check(user.clone(), token).await {
                Ok(grant) => grant.expires_in.map(millis),
                Err(AuthError::Unauthorized) => return Err(Refusal::Unauthorized),
                Err(AuthError::Forbidden) => return Err(Refusal::Forbidden),
            }
        }
    };
    Ok(Grant {
        fingerprint: fingerprint(&user),
        user,
        life_ms,
    })
}

async fn load(hub: Hub, reliable: Arc<Reliable>, cid: Cid) {
    let (name, owner) = (cid.clone(), reliable.epoch());
    let loading = async move { hub.shared().store.load(name.as_str(), &owner).await };
    let loaded = match tokio::spawn(loading).await {
        Ok(Ok(Some(record))) => Loaded::Found(record),
        Ok(Ok(None)) => Loaded::Absent,
        Ok(Err(error)) => {
            tracing::error!(%error, "a client's record could not be loaded");
            Loaded::Failed
        }
        Err(_) => Loaded::Failed,
    };
    reliable.input(Input::Loaded(cid, loaded));
}

async fn store(hub: Hub, reliable: Arc<Reliable>, cid: Cid, write: Write) {
    let (name, owner) = (cid.clone(), reliable.epoch());
    let storing = async move {
        hub.shared()
            .store
            .write(name.as_str(), &owner, &write)
            .await
    };
    let stored = match tokio::spawn(storing).await {
        Ok(Ok(stored)) => stored,
        Ok(Err(error)) => {
            tracing::error!(%error, "a client's record could not be written");
            Stored::Failed
        }
        Err(_) => Stored::Failed,
    };
    reliable.input(Input::Stored(cid, stored));
}

async fn handle_message(
    hub: Hub,
    reliable: Arc<Reliable>,
    handle: Handle<Incoming>,
    connection: Connection,
) {
    let Handle {
        id,
        cid,
        seq,
        message,
        ..
    } = handle;
    let outcome = match seq {
        None => {
            let handling = async move {
                hub.shared()
                    .handler
                    .handle(&hub, &connection, message)
                    .await
            };
            // A volatile message that fails has no receipt.
            let _ = tokio::spawn(handling).await;
            Outcome::Done
        }
        Some(seq) => {
            let delivery = Delivery::new(cid.as_str().to_owned(), seq, reliable.epoch());
            deliver(hub, connection, delivery, message).await
        }
    };
    answer(&reliable, id, outcome);
}

async fn deliver(
    hub: Hub,
    connection: Connection,
    delivery: Delivery,
    message: Incoming,
) -> Outcome {
    let limit = hub.shared().config.handler_timeout;
    let own = delivery.clone();
    let handling = tokio::spawn(async move {
        let handler = &hub.shared().handler;
        handler.deliver(&hub, &connection, &own, message).await
    });
    let stop = handling.abort_handle();
    let ended = match limit {
        None => handling.await,
        Some(limit) => match tokio::time::timeout(limit, handling).await {
            Ok(ended) => ended,
            Err(_) => {
                stop.abort();
                tracing::error!("a handler took too long");
                return if delivery.is_committed() {
                    Outcome::Committed
                } else {
                    Outcome::TimedOut
                };
            }
        },
    };
    // What is committed is done, however the handler ended.
    if delivery.is_committed() {
        return Outcome::Committed;
    }
    match ended {
        Ok(Ok(())) => Outcome::Done,
        Ok(Err(HandlerError::Refused { code, message })) => Outcome::Refused { code, message },
        Ok(Err(HandlerError::Fenced)) => Outcome::Fenced,
        Ok(Err(error @ HandlerError::Failed(_))) => {
            tracing::error!(%error, "a message was not handled");
            Outcome::Failed
        }
        Err(_) => Outcome::Failed,
    }
}

fn answer(reliable: &Arc<Reliable>, id: HandlerId, outcome: Outcome) {
    reliable.input(Input::Handled(id, outcome));
}

/// One at a time and in order, as long as the client has a session.
async fn run_hooks(
    hub: Weak<Shared>,
    connection: Connection,
    mut hooks: mpsc::UnboundedReceiver<Hook>,
) {
    while let Some(hook) = hooks.recv().await {
        let Some(hub) = Hub::upgrade(&hub) else {
            return;
        };
        let connection = connection.clone();
        let running = async move { hub.shared().handler.hook(&hub, &connection, hook).await };
        if tokio::spawn(running).await.is_err() {
            tracing::error!("a connection's hook failed");
        }
    }
}
