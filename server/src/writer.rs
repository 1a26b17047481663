//! The writing half of a socket: empties its queue, then closes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::close::Close;
use crate::queue::{End, SendQueue};

/// Writes until the socket has ended and all of its queue is written, at most `limit` after its end.
pub(crate) async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    queue: Arc<SendQueue>,
    shutdown: CancellationToken,
    limit: Duration,
) {
    let queue = &*queue;
    let too_late = async {
        tokio::select! {
            () = queue.ended() => {}
            () = shutdown.cancelled() => {
                queue.end(End::Close(Close::restart()));
            }
        }
        sleep(limit).await;
    };
    tokio::select! {
        written = write_all(&mut sink, queue) => {
            if written.is_err() {
                queue.end(End::Gone);
            }
        }
        () = too_late => {}
    }
}

async fn write_all(
    sink: &mut SplitSink<WebSocket, Message>,
    queue: &SendQueue,
) -> Result<(), axum::Error> {
    loop {
        while let Some(message) = queue.pop() {
            sink.feed(message).await?;
        }
        sink.flush().await?;
        match queue.filled().await {
            None => {}
            Some(End::Close(close)) => {
                return sink.send(Message::Close(Some(close.into_frame()))).await;
            }
            Some(End::Gone) => return Ok(()),
        }
    }
}
