//! Outputs as steps.

use alloc::vec::Vec;

use super::inputs::close;
use super::line::{Line, list};
use super::secrets::{Secrets, bare_url};
use super::settings::protocol_word;
use super::store;
use crate::error::ErrorCode;
use crate::proto::{
    Batch, Body, Delivered, Event, MessageId, Output, Resync, StatusChange, Transmit,
};

pub(super) fn output<P>(output: &Output<P>, secrets: &mut Secrets) -> Line {
    let line = Line::new();
    match output {
        Output::Open {
            socket,
            url,
            protocols,
        } => {
            let protocols = protocols.iter();
            let protocols = list(protocols.map(|protocol| protocol_word(protocol, secrets)));
            line.word("out", "open")
                .number("socket", socket.0)
                .word("url", &bare_url(url))
                .raw("protocols", &protocols)
        }
        Output::Transmit(socket, frame) => {
            let line = line.word("out", "transmit").number("socket", socket.0);
            match frame {
                Transmit::Control(frame) => line.raw("control", &secrets.hide_in(frame)),
                Transmit::Message(_) => line.flag("message"),
                Transmit::Batch(batch) => self::batch(line, batch),
            }
        }
        Output::Close(socket, frame) => {
            let line = line.word("out", "close").number("socket", socket.0);
            close(line, frame)
        }
        Output::Store(store) => store::store(line.word("out", "store"), store, secrets),
        Output::FetchToken(request, reason) => line
            .word("out", "fetch-token")
            .number("request", request.0)
            .case("reason", reason),
        Output::Event(event) => self::event(line.word("out", "event"), event, secrets),
    }
}

/// Neighbours of one kind are written as one.
fn batch<P>(line: Line, batch: &Batch<P>) -> Line {
    let mut runs: Vec<(u64, u64, &str)> = Vec::new();
    for (seq, body) in &batch.messages {
        let kind = match body {
            Body::Message(_) => "message",
            Body::Request(_) => "request",
            Body::Skip => "skip",
        };
        match runs.last_mut() {
            Some((first, count, last)) if *last == kind && *first + *count == *seq => *count += 1,
            _ => runs.push((*seq, 1, kind)),
        }
    }
    let runs = runs.iter().map(|(first, count, kind)| {
        let line = Line::new().number("first", *first);
        line.number("count", *count).word("kind", kind).finish()
    });
    line.raw("batch", &list(runs)).maybe("ack", batch.ack)
}

fn event<P>(line: Line, event: &Event<P>, secrets: &mut Secrets) -> Line {
    let about = |name, id: &MessageId| {
        let line = Line::new().word("out", "event");
        line.word("event", name).number("id", id.0)
    };
    match event {
        Event::Status(change) => status(line.word("event", "status"), change),
        Event::Message => line.word("event", "message"),
        Event::Deliver(delivered) => self::delivered(line.word("event", "deliver"), delivered),
        Event::Answered(id) => about("answered", id),
        Event::AnsweredBy(id, delivered) => self::delivered(about("answered", id), delivered),
        Event::Sent(id) => about("sent", id),
        Event::Acked(id) => about("acked", id),
        Event::Refused(id, code, message) => about("refused", id)
            .raw("code", &secrets.code(code))
            .raw("message", &secrets.hide(message)),
        Event::Restored(id, _) => about("restored", id),
        Event::Rejected(id, code, _) => with_code(about("rejected", id), *code),
        Event::Uncertain(id, code) => with_code(about("uncertain", id), *code),
        Event::Latency(ms) => line.word("event", "latency").number("ms", *ms),
        Event::Disconnected(code, frame) => {
            let line = with_code(line.word("event", "disconnected"), *code);
            let frame = frame.as_ref();
            match frame.map(|frame| close(Line::new(), frame).finish()) {
                Some(frame) => line.raw("close", &frame),
                None => line,
            }
        }
        Event::Resync(resync) => self::resync(line.word("event", "resync"), resync),
        Event::Warning(code, id) => {
            with_code(line.word("event", "warning"), *code).maybe("id", id.map(|id| id.0))
        }
    }
}

fn status(line: Line, change: &StatusChange) -> Line {
    let line = line
        .word("status", change.status.as_str())
        .number("attempt", change.attempt)
        .maybe("retry_at", change.retry_at.map(|at| at.as_millis()));
    match change.stopped {
        Some(code) => with_code(line, code),
        None => line,
    }
}

fn delivered(line: Line, delivered: &Delivered) -> Line {
    line.number("index", delivered.index)
        .number("count", delivered.count)
        .number("position", delivered.position)
}

fn resync(line: Line, resync: &Resync) -> Line {
    line.word("reason", resync.reason.as_str())
        .maybe("from", resync.missed.map(|(from, _)| from))
        .maybe("to", resync.missed.map(|(_, to)| to))
        .number("position", resync.position)
}

fn with_code(line: Line, code: ErrorCode) -> Line {
    line.word("error", code.as_str())
}
