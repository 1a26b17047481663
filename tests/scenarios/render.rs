//! Outputs as a script writes them.

use std::fmt::Write;

use everwire::ErrorCode;
use everwire::proto::{Event, MessageId, Output, Timer, Transmit};

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
    }
}
