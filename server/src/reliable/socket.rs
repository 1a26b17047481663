//! The life of one socket that speaks everwire.v1: it reads, while a second task writes.

use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket};
use everwire::proto::SocketId;
use everwire::proto::server::{Input, Unreadable};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use tokio::time::{sleep, timeout};
use tungstenite::Error as WsError;
use tungstenite::error::ProtocolError;

use super::Reliable;
use crate::hub::Hub;
use crate::message::Incoming;
use crate::queue::{End, SendQueue};
use crate::session::LINGER;
use crate::v1::decode;
use crate::writer;

/// Frames that may wait for a socket: a session's window, and what heartbeats and volatile messages add.
const QUEUE_FRAMES: usize = 4_096;
/// The same in bytes: some windows, and the largest message that a client may take.
const QUEUE_BYTES: usize = 20 * 1024 * 1024;

/// Why no more is read.
enum Stop {
    /// The peer or we closed it.
    Ended,
    /// A frame broke the framing: what follows cannot be read.
    Broken,
}

/// Runs a socket to its end. Its client's session goes on.
pub(crate) async fn run(socket: WebSocket, hub: Hub, reliable: Arc<Reliable>, user: String) {
    let (sink, mut stream) = socket.split();
    let queue = Arc::new(SendQueue::new(QUEUE_FRAMES, QUEUE_BYTES));
    let limit = hub.shared().config.close_timeout;
    let id = reliable.open(Arc::clone(&queue), user);
    let writing = tokio::spawn(writer::write(
        sink,
        Arc::clone(&queue),
        reliable.stop.clone(),
        limit,
    ));
    let stop = read(&mut stream, &queue, &reliable, id).await;
    reliable.input(Input::Closed(id));
    queue.end(End::Gone);
    match stop {
        Stop::Broken => sleep(LINGER.min(limit)).await,
        Stop::Ended => {
            let drained = async { while let Some(Ok(_)) = stream.next().await {} };
            // Nothing to do if the peer never answers: the drop that follows cuts the connection.
            let _ = timeout(limit, drained).await;
        }
    }
    if let Err(error) = writing.await {
        tracing::error!(%error, "a socket's writer failed");
    }
}

async fn read(
    stream: &mut SplitStream<WebSocket>,
    queue: &SendQueue,
    reliable: &Arc<Reliable>,
    id: SocketId,
) -> Stop {
    loop {
        let frame = tokio::select! {
            biased;
            () = queue.ended() => return Stop::Ended,
            frame = stream.next() => frame,
        };
        match frame {
            Some(Ok(Message::Text(text))) => reliable.input(read_text(id, &text)),
            Some(Ok(Message::Binary(_))) => {
                reliable.input(Input::Unreadable(id, Unreadable::Binary))
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Stop::Ended,
            Some(Err(error)) => {
                let Some(why) = unreadable(error) else {
                    return Stop::Ended;
                };
                reliable.input(Input::Unreadable(id, why));
                return Stop::Broken;
            }
        }
    }
}

fn read_text(id: SocketId, text: &str) -> Input<Incoming> {
    match decode(text) {
        Ok(frame) => Input::Frame(id, frame),
        Err(_) => Input::Unreadable(id, Unreadable::Malformed),
    }
}

/// What the peer did wrong; `None` if the network did.
fn unreadable(error: axum::Error) -> Option<Unreadable> {
    match error.into_inner().downcast_ref::<WsError>() {
        Some(WsError::Capacity(_)) => Some(Unreadable::TooLarge),
        Some(WsError::Utf8(_)) => Some(Unreadable::Malformed),
        Some(WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => None,
        Some(WsError::Protocol(_)) => Some(Unreadable::Malformed),
        _ => None,
    }
}
