//! Outputs as a script writes them.

use std::fmt::Write;

use everwire::ErrorCode;
use everwire::proto::{
    Batch, Body, Delivered, Event, MessageId, Output, Slot, Store, Timer, Transmit, wire,
};

pub fn render(output: Output<String>) -> String {
    match output {
        Output::Open {
            socket,
            url,
            protocols,
        } if protocols.is_empty() => format!("open {} {url}", socket.0),
        Output::Open {
            socket,
            url,
            protocols,
        } => format!("open {} {url} {}", socket.0, protocols.join(" ")),
        Output::Transmit(socket, Transmit::Control(frame) | Transmit::Message(frame)) => {
            format!("transmit {} {frame}", socket.0)
        }
        Output::Transmit(socket, Transmit::Batch(batch)) => {
            format!("transmit {} {}", socket.0, render_batch(batch))
        }
        Output::Store(store) => render_store(store),
        Output::Close(socket, frame) => {
            let text = format!("close {} {} {}", socket.0, frame.code, frame.reason);
            text.trim_end().to_owned()
        }
        Output::FetchToken(request, reason) => {
            format!("fetch-token {} {reason:?}", request.0).to_lowercase()
        }
        Output::Event(event) => render_event(event),
    }
}

/// Payloads of scripts are no JSON: what a message adds to its payload stands behind it.
fn render_batch(batch: Batch<String>) -> String {
    let mut ack = batch.ack;
    let messages = batch.messages.into_iter().map(|(seq, body)| {
        let tail = wire::tail(&body, seq, ack.take());
        match body {
            Body::Message(payload) | Body::Request(payload) => payload + &tail,
            Body::Skip => tail,
        }
    });
    messages.collect::<Vec<_>>().join(" ")
}

fn render_store(store: Store<String>) -> String {
    let name = |slot| match slot {
        Slot::Seq(seq) => format!("s{seq}"),
        Slot::Queued(place) => format!("q{place}"),
    };
    match store {
        Store::Load => "load".to_owned(),
        Store::Claim(_) => "claim".to_owned(),
        Store::Release => "release".to_owned(),
        Store::Head(head) => format!("head tx={} {:?}", head.tx, head.end).to_lowercase(),
        Store::Keep(stored) => format!("keep {} {}", name(stored.slot), stored.payload),
        Store::Forget(slot) => format!("forget {}", name(slot)),
        Store::Clear => "clear".to_owned(),
    }
}

fn render_event(event: Event<String>) -> String {
    let message = |verb, id: MessageId| format!("{verb} m{}", id.0);
    let with_code = |text: String, code: ErrorCode| format!("{text} {}", code.as_str());
    match event {
        Event::Status(change) => {
            let mut text = format!("status {}", change.status.as_str());
            if change.attempt > 0 {
                write!(text, " attempt={}", change.attempt).unwrap();
            }
            if change.retry_at.is_some() {
                text.push_str(" waiting");
            }
            change
                .stopped
                .map_or(text.clone(), |code| with_code(text, code))
        }
        Event::Message => "message".to_owned(),
        Event::Deliver(delivered) => format!("deliver {}", render_delivered(delivered)),
        Event::AnsweredBy(id, delivered) => {
            format!(
                "{} {}",
                message("answered", id),
                render_delivered(delivered)
            )
        }
        Event::Acked(id) => message("acked", id),
        Event::Refused(id, code, _) => format!("{} {code}", message("refused", id)),
        Event::Restored(id, payload) => format!("{} {payload}", message("restored", id)),
        Event::Resync(resync) => {
            let text = format!("resync {} at={}", resync.reason.as_str(), resync.position);
            let missed = resync.missed;
            missed.map_or(text.clone(), |(from, to)| {
                format!("{text} missed={from}-{to}")
            })
        }
        Event::Answered(id) => message("answered", id),
        Event::Sent(id) => message("sent", id),
        Event::Rejected(id, code, payload) => {
            format!("{} {payload}", with_code(message("rejected", id), code))
        }
        Event::Uncertain(id, code) => with_code(message("uncertain", id), code),
        Event::Latency(ms) => format!("latency {ms}"),
        Event::Disconnected(code, frame) => {
            let text = with_code("disconnected".to_owned(), code);
            frame.map_or(text.clone(), |frame| format!("{text} {}", frame.code))
        }
        Event::Warning(code, id) => {
            let text = with_code("warning".to_owned(), code);
            id.map_or(text.clone(), |id| message(&text, id))
        }
    }
}

fn render_delivered(delivered: Delivered) -> String {
    let Delivered {
        index,
        count,
        position,
    } = delivered;
    format!("index={index} count={count} position={position}")
}

pub fn timer_name(timer: Timer) -> &'static str {
    match timer {
        Timer::Connect => "connect",
        Timer::Retry => "retry",
        Timer::Heartbeat => "heartbeat",
        Timer::Stable => "stable",
        Timer::Flush => "flush",
        Timer::Backpressure => "backpressure",
        Timer::Expiry => "expiry",
        Timer::Request => "request",
        Timer::TokenRefresh => "token-refresh",
        Timer::Closing => "closing",
        Timer::Claim => "claim",
        Timer::Ack => "ack",
        Timer::Stalled => "stalled",
        Timer::Drain => "drain",
    }
}
