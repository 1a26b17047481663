//! Texts from outside: frames to the server, what a page finds in its storage, and reasons of close frames.

use everwire::Config;
use everwire::proto::frames::{BATCH_BYTES, BATCH_MESSAGES, Control, NUMBER_MAX};
use everwire::proto::server::{Inbound, Item};
use everwire::proto::{CloseFrame, Connection, Head, Input, Instant, Output, SocketEvent};
use everwire_server::Outgoing;
use everwire_server::v1::{decode, encode};
use serde_json::Value;

/// A hint is capped at five minutes; the wait is at random, and never more than half as much again.
const LONGEST_WAIT_MS: u64 = 2 * 300_000;

/// Reads `data` as each of them.
///
/// # Panics
/// If it is read wrongly.
pub fn wire(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    frame(text);
    head(text);
    reason(text);
    echo(text);
}

fn frame(text: &str) {
    let Ok(frame) = decode(text) else { return };
    let json: Value = serde_json::from_str(text).expect("only JSON is read");
    let count = json.as_array().map_or(1, Vec::len);
    assert_eq!(frame.messages.len(), count);
    assert_eq!(usize::try_from(frame.bytes), Ok(text.len()));
    assert!((1..=BATCH_MESSAGES).contains(&count));
    assert!(count == 1 || frame.bytes <= BATCH_BYTES);
    for message in &frame.messages {
        let (seq, ack) = match message {
            Inbound::Message { seq, ack, .. } => (*seq, *ack),
            Inbound::Control(Control::Skip { seq, ack }) => (Some(*seq), *ack),
            Inbound::Control(Control::Open(open)) => {
                assert_eq!(count, 1, "$open stands alone");
                assert!(open.n <= NUMBER_MAX && open.tx <= NUMBER_MAX && open.tx0 >= 1);
                assert!((1..=128).contains(&open.cid.chars().count()));
                (None, None)
            }
            Inbound::Control(_) => (None, None),
        };
        assert!(seq.is_none_or(|seq| (1..=NUMBER_MAX).contains(&seq)));
        assert!(ack.is_none_or(|ack| ack <= NUMBER_MAX));
    }
}

/// What is read of a head is what is written of it.
fn head(text: &str) {
    if let Some(head) = Head::from_text(text) {
        let again = Head::from_text(&head.to_text());
        assert!(again.is_some_and(|again| again == head), "{text:?}");
    }
}

/// A reason may ask for a wait, and never for one without end.
fn reason(text: &str) {
    let end = text.floor_char_boundary(123);
    let reason = text.get(..end).unwrap_or_default().to_owned();
    let now = Instant::from_millis(0);
    let config = Config::new("ws://localhost/");
    let mut connection: Connection<()> = Connection::unchecked(config, 1, now);
    connection.connect(now);
    while let Some(output) = connection.poll_output() {
        if let Output::Open { socket, .. } = output {
            let frame = CloseFrame {
                code: 1013,
                reason: reason.clone(),
            };
            let closed = SocketEvent::Closed(frame, None);
            connection.handle_input(now, Input::Socket(socket, SocketEvent::Opened));
            connection.handle_input(now, Input::Socket(socket, closed));
        }
    }
    let (retry_at, _) = connection.poll_timeout().expect("it comes back");
    assert!(retry_at.since(now) <= LONGEST_WAIT_MS, "{reason:?}");
}

/// A text survives the way through a frame that the server writes.
fn echo(text: &str) {
    let Ok(payload) = Outgoing::new("echo", &text) else {
        return;
    };
    let item = |seq| Item::Message {
        payload: payload.clone(),
        seq,
        ack: Some(7),
    };
    for items in [vec![item(Some(1))], vec![item(Some(1)), item(Some(2))]] {
        let written: Value = serde_json::from_str(&encode(&items)).expect("JSON is written");
        let messages = written.as_array().cloned().unwrap_or_else(|| vec![written]);
        assert_eq!(messages.len(), items.len());
        for (message, seq) in messages.iter().zip(1..) {
            assert_eq!(message.get("data").and_then(Value::as_str), Some(text));
            assert_eq!(message.get("seq").and_then(Value::as_u64), Some(seq));
        }
    }
}
