//! The bounded send queue of one socket.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Message;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::close::Close;

/// How a socket ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// We close it, once what is queued was written.
    Close(Close),
    /// The peer closed it or the network lost it: there is nobody to write to.
    Gone,
}

/// What a socket still has to write. It is filled by anybody and emptied by the socket's one writer.
pub(crate) struct SendQueue {
    max_messages: usize,
    max_bytes: usize,
    state: Mutex<State>,
    filled: Notify,
    ended: CancellationToken,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    bytes: usize,
    end: Option<End>,
}

impl SendQueue {
    pub(crate) fn new(max_messages: usize, max_bytes: usize) -> Self {
        Self {
            max_messages,
            max_bytes,
            state: Mutex::default(),
            filled: Notify::new(),
            ended: CancellationToken::new(),
        }
    }

    /// Appends a message; `false` if the socket has ended or ends by this: a full queue drops what it holds and
    /// closes with 1013, since a gap in the middle would go unseen. A message larger than the whole queue goes alone.
    pub(crate) fn push(&self, message: Message) -> bool {
        let bytes = size(&message);
        let mut state = self.lock();
        if state.end.is_some() {
            return false;
        }
        let fits = state.messages.len() < self.max_messages
            && (state.messages.is_empty() || state.bytes + bytes <= self.max_bytes);
        if fits {
            state.bytes += bytes;
            state.messages.push_back(message);
        } else {
            state.messages.clear();
            state.end = Some(End::Close(Close::slow_consumer()));
            self.ended.cancel();
        }
        drop(state);
        self.filled.notify_one();
        fits
    }

    /// Whether half of it is in use, so that what may be dropped should be.
    pub(crate) fn is_crowded(&self) -> bool {
        let state = self.lock();
        state.messages.len() * 2 >= self.max_messages || state.bytes * 2 >= self.max_bytes
    }

    /// Ends the socket; `false` if it had ended before, in which case the first end stands.
    pub(crate) fn end(&self, end: End) -> bool {
        let mut state = self.lock();
        if state.end.is_some() {
            return false;
        }
        state.end = Some(end);
        drop(state);
        self.ended.cancel();
        self.filled.notify_one();
        true
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.ended.is_cancelled()
    }

    /// Resolves once the socket has ended.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// The next message, if one waits.
    pub(crate) fn pop(&self) -> Option<Message> {
        let mut state = self.lock();
        let message = state.messages.pop_front()?;
        state.bytes -= size(&message);
        Some(message)
    }

    /// Resolves to `None` once a message waits, and to the end once there is one and all is popped.
    pub(crate) async fn filled(&self) -> Option<End> {
        loop {
            {
                let state = self.lock();
                if !state.messages.is_empty() {
                    return None;
                }
                if state.end.is_some() {
                    return state.end.clone();
                }
            }
            self.filled.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(data) | Message::Ping(data) | Message::Pong(data) => data.len(),
        Message::Close(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(len: usize) -> Message {
        Message::Text("x".repeat(len).into())
    }

    #[test]
    fn it_holds_so_many_messages_and_then_ends() {
        let queue = SendQueue::new(2, 1_000);
        assert!(queue.push(text(1)) && queue.push(text(1)) && queue.is_open());
        assert!(!queue.push(text(1)));
        assert!(!queue.is_open());
        assert_eq!(queue.pop(), None);
        assert!(!queue.end(End::Gone), "the first end stands");
    }

    #[test]
    fn it_holds_so_many_bytes_and_lets_a_larger_message_go_alone() {
        let queue = SendQueue::new(100, 10);
        assert!(queue.push(text(11)));
        assert_eq!(queue.pop(), Some(text(11)));
        assert!(queue.push(text(4)) && queue.push(text(6)));
        assert!(!queue.push(text(1)));
    }

    #[tokio::test]
    async fn what_was_queued_before_a_close_comes_before_it() {
        let queue = SendQueue::new(100, 1_000);
        let end = End::Close(Close::restart());
        assert!(queue.push(text(1)));
        assert!(queue.end(end.clone()));
        assert!(!queue.push(text(2)));
        assert_eq!(queue.filled().await, None);
        assert_eq!(queue.pop(), Some(text(1)));
        assert_eq!(queue.filled().await, Some(end));
    }
}
