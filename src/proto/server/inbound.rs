//! Frames from clients: validated whole, then handled message by message.

use alloc::format;
use alloc::vec;

use super::super::frames::{BATCH_BYTES, BATCH_MESSAGES, Beat, Control, Lost, NUMBER_MAX};
use super::super::ids::SocketId;
use super::super::mutation::{self, Mutation};
use super::client::{Client, Queued};
use super::config::{QUEUE_BYTES, QUEUE_MESSAGES};
use super::io::{Cid, Frame, Inbound, Item, Unreadable};
use super::socket::Phase;
use super::{Sessions, TokenBucket};

/// Why a frame is handled no further: the code and reason of the close that follows.
struct Violation {
    code: u16,
    reason: alloc::borrow::Cow<'static, str>,
}

/// Whether the rest of a frame is to be handled.
type Handled = Result<(), Violation>;

fn violation(code: u16, reason: &'static str) -> Violation {
    Violation {
        code,
        reason: reason.into(),
    }
}

impl<M, P: Clone> Sessions<M, P> {
    pub(super) fn handle_frame(&mut self, id: SocketId, frame: Frame<M>) {
        let now = self.now;
        let Some(socket) = self.sockets.get_mut(&id) else {
            return;
        };
        socket.heard(now);
        match &socket.phase {
            Phase::Waiting => self.handle_first(id, frame),
            Phase::Checking(_) | Phase::Loading(..) | Phase::Claiming(..) => {
                self.close(id, 4400, "nothing may come before $session");
            }
            Phase::Attached(cid) => {
                let cid = cid.clone();
                self.handle_attached(id, cid, frame);
            }
        }
    }

    pub(super) fn handle_unreadable(&mut self, id: SocketId, why: Unreadable) {
        match why {
            Unreadable::Malformed => self.close(id, 4400, "the frame is malformed"),
            Unreadable::Binary => self.close(id, 1003, "binary frames are not spoken here"),
            Unreadable::TooLarge => self.close(id, 1009, "the frame is too large"),
        }
    }

    fn handle_attached(&mut self, id: SocketId, cid: Cid, frame: Frame<M>) {
        if let Err(violation) = self.handle_messages(id, &cid, frame) {
            self.close(id, violation.code, &violation.reason);
        }
        self.advance(&cid);
        self.arm_socket(id);
    }

    fn handle_messages(&mut self, id: SocketId, cid: &Cid, frame: Frame<M>) -> Handled {
        let session = self
            .clients
            .get(cid)
            .and_then(|client| client.session.as_ref());
        let written = session.map_or(0, |session| session.ring.written());
        if frame.bytes > self.config.max_frame {
            return Err(violation(1009, "the frame is too large"));
        }
        if !is_valid(&frame, written) {
            return Err(violation(4400, "the frame breaks the protocol"));
        }
        for message in frame.messages {
            if let Some(ack) = ack_of(&message) {
                self.handle_ack(cid, ack);
            }
            match message {
                Inbound::Message {
                    seq,
                    bytes,
                    message,
                    ..
                } => {
                    self.take_from_bucket(cid)?;
                    self.accept_message(cid, seq, bytes, Some(message))?;
                }
                Inbound::Control(control) => self.handle_control(id, cid, control)?,
            }
            if !self.sockets.contains_key(&id) {
                break;
            }
        }
        Ok(())
    }

    fn handle_control(&mut self, id: SocketId, cid: &Cid, control: Control) -> Handled {
        match control {
            Control::Skip { seq, .. } => self.accept_message(cid, Some(seq), 0, None),
            Control::Ping(beat) => {
                self.check_nothing_is_missing(cid, &beat)?;
                self.write_pong(id, cid, beat.t);
                Ok(())
            }
            Control::Pong(beat) => self.check_nothing_is_missing(cid, &beat),
            Control::Token(token) => {
                self.check_token(id, token);
                Ok(())
            }
            Control::Bye { .. } => {
                self.end_session(cid, Lost::Unknown);
                self.close(id, 1000, "bye");
                Ok(())
            }
            Control::Open(_) => Err(violation(4400, "one $open per socket")),
            // The rest says something to clients only, or is of a later version.
            Control::Ack(_)
            | Control::Session(_)
            | Control::Err { .. }
            | Control::Auth(_)
            | Control::Drain { .. }
            | Control::Resync { .. }
            | Control::Unknown => Ok(()),
        }
    }

    /// Accepts what comes next in the stream, and nothing over a hole. Without a message it is a `$skip`.
    fn accept_message(
        &mut self,
        cid: &Cid,
        seq: Option<u64>,
        bytes: u32,
        message: Option<M>,
    ) -> Handled {
        let max_bytes = QUEUE_BYTES + u64::from(self.config.max_frame);
        let Some(client) = self.clients.get_mut(cid) else {
            return Ok(());
        };
        if let Some(seq) = seq {
            client.adopt(seq);
            if is_duplicate(client, seq) {
                return Ok(());
            }
            if leaves_a_hole(client, seq) {
                return Err(violation(4410, "a message is missing"));
            }
        }
        if is_queue_full(client, bytes, max_bytes) {
            return match seq {
                Some(_) => Err(violation(4400, "more than the window")),
                None => Ok(()),
            };
        }
        client.got = seq.unwrap_or(client.got);
        client.queued_bytes += u64::from(bytes);
        client.queue.push_back(Queued {
            seq,
            bytes,
            message,
        });
        Ok(())
    }

    fn handle_ack(&mut self, cid: &Cid, ack: u64) {
        let Some(client) = self.clients.get_mut(cid) else {
            return;
        };
        let before = client.ring_bytes();
        if let Some(session) = &mut client.session {
            session.ring.ack(ack);
        }
        self.note_ring(cid, before);
        self.dirty.insert(cid.clone());
    }

    /// The peer wrote more on this socket than came.
    fn check_nothing_is_missing(&self, cid: &Cid, beat: &Beat) -> Handled {
        let got = self.clients.get(cid).map_or(0, |client| client.got);
        match beat.tx.is_some_and(|tx| tx > got) {
            true => Err(violation(4410, "a message is missing")),
            false => Ok(()),
        }
    }

    fn write_pong(&mut self, id: SocketId, cid: &Cid, t: u64) {
        let beat = self.beat(id, cid, t);
        self.transmit(id, vec![Item::Control(Control::Pong(beat))]);
    }

    fn take_from_bucket(&mut self, cid: &Cid) -> Handled {
        let now = self.now;
        let bucket = self
            .clients
            .get_mut(cid)
            .and_then(|client| client.bucket.as_mut());
        let (Some(bucket), Some(rate)) = (bucket, self.config.rate) else {
            return Ok(());
        };
        bucket.take(now, 1).map_err(|_| Violation {
            code: 4429,
            reason: format!(r#"{{"retry_after_ms":{}}}"#, bucket.wait(now, rate.burst)).into(),
        })
    }

    pub(super) fn new_bucket(&self) -> Option<TokenBucket> {
        let rate = self.config.rate?;
        let burst = rate.burst.saturating_add(rate.leeway);
        Some(TokenBucket::new(rate.per_second, burst, self.now))
    }
}

/// Whether a frame may be handled at all; `written` is the highest seq that the client may ack.
fn is_valid<M>(frame: &Frame<M>, written: u64) -> bool {
    let count = frame.messages.len();
    let is_batch =
        (1..=BATCH_MESSAGES).contains(&count) && (count == 1 || frame.bytes <= BATCH_BYTES);
    let stands_alone = |message: &Inbound<M>| {
        matches!(
            message,
            Inbound::Control(Control::Open(_) | Control::Session(_))
        )
    };
    is_batch
        && (count == 1 || !frame.messages.iter().any(stands_alone))
        && frame
            .messages
            .iter()
            .all(|message| is_number(seq_of(message), 1, NUMBER_MAX))
        && frame
            .messages
            .iter()
            .all(|message| is_number(ack_of(message), 0, written))
}

fn is_number(number: Option<u64>, least: u64, most: u64) -> bool {
    number.is_none_or(|number| (least..=most).contains(&number))
}

fn seq_of<M>(message: &Inbound<M>) -> Option<u64> {
    match message {
        Inbound::Message { seq, .. } => *seq,
        Inbound::Control(Control::Skip { seq, .. }) => Some(*seq),
        Inbound::Control(_) => None,
    }
}

fn ack_of<M>(message: &Inbound<M>) -> Option<u64> {
    match message {
        Inbound::Message { ack, .. } => *ack,
        Inbound::Control(control) => match control {
            Control::Ack(ack) | Control::Bye { ack } => Some(*ack),
            Control::Skip { ack, .. } => *ack,
            Control::Ping(beat) | Control::Pong(beat) => beat.ack,
            Control::Open(_)
            | Control::Session(_)
            | Control::Err { .. }
            | Control::Token(_)
            | Control::Auth(_)
            | Control::Drain { .. }
            | Control::Resync { .. }
            | Control::Unknown => None,
        },
    }
}

fn is_duplicate<M, P>(client: &Client<M, P>, seq: u64) -> bool {
    seq <= client.got && !mutation::is(Mutation::NoServerDedupe)
}

fn leaves_a_hole<M, P>(client: &Client<M, P>, seq: u64) -> bool {
    seq > client.got + 1
}

fn is_queue_full<M, P>(client: &Client<M, P>, bytes: u32, max_bytes: u64) -> bool {
    client.queue.len() as u64 >= QUEUE_MESSAGES
        || client.queued_bytes + u64::from(bytes) > max_bytes
}
