//! Inputs as steps.

use alloc::string::String;

use super::line::{Line, list};
use super::secrets::{Secrets, bare_url};
use crate::proto::frames::{AuthNews, Beat, Control, Lost, Part, Resumed, Run, Session};
use crate::proto::{
    CloseAction, CloseFrame, Content, Frame, Input, OpenFailure, SocketEvent, TokenAnswer,
};

/// A close frame has room for 123 UTF-8 bytes, and what is too long for one must stay too long.
const REASON_BYTES: usize = 200;

pub(super) fn input(line: Line, input: &Input, secrets: &mut Secrets) -> Line {
    match input {
        Input::Timeout => line.word("in", "timeout"),
        Input::Socket(socket, event) => {
            let line = line.word("in", "socket").number("socket", socket.0);
            socket_event(line, event, secrets)
        }
        Input::Token(request, answer) => {
            let line = line.word("in", "token").number("request", request.0);
            token(line, answer, secrets)
        }
        Input::Page(event) => line.word("in", "page").case("event", event),
        Input::Buffered(socket, bytes) => line
            .word("in", "buffered")
            .number("socket", socket.0)
            .number("bytes", *bytes),
        Input::Storage(event) => line.word("in", "storage").case("event", event),
    }
}

fn socket_event(line: Line, event: &SocketEvent, secrets: &mut Secrets) -> Line {
    match event {
        SocketEvent::Opened => line.word("event", "opened"),
        SocketEvent::Accepted => line.word("event", "accepted"),
        SocketEvent::Frame(frame) => {
            let Frame { bytes, content } = frame;
            let line = line.word("event", "frame").number("bytes", *bytes);
            self::content(line, content, secrets)
        }
        SocketEvent::Closing => line.word("event", "closing"),
        SocketEvent::Closed(frame, verdict) => {
            let line = close(line.word("event", "closed"), frame);
            match verdict {
                Some(CloseAction::RetrySlowly(hint)) => {
                    line.word("verdict", "retry-slowly").maybe("hint", *hint)
                }
                Some(action) => line.case("verdict", action),
                None => line,
            }
        }
        SocketEvent::Failed(why) => line.word("event", "failed").word(
            "why",
            match why {
                OpenFailure::Malformed => "malformed",
                OpenFailure::Other => "other",
            },
        ),
    }
}

/// A close code and its reason, which the engine may read a number from.
pub(super) fn close(line: Line, frame: &CloseFrame) -> Line {
    line.number("code", frame.code)
        .word("reason", short(&frame.reason))
}

/// More of a reason than a close frame can carry.
pub(super) fn short(reason: &str) -> &str {
    let mut end = REASON_BYTES.min(reason.len());
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.get(..end).unwrap_or_default()
}

fn token(line: Line, answer: &TokenAnswer, secrets: &mut Secrets) -> Line {
    match answer {
        TokenAnswer::Granted {
            token,
            url,
            expires_in_ms,
        } => {
            let mut line = line.word("answer", "granted");
            if let Some(token) = token {
                line = line.raw("token", &secrets.hide(token.secret()));
            }
            if let Some(url) = url {
                line = line.word("url", &bare_url(url));
            }
            line.maybe("expires", *expires_in_ms)
        }
        TokenAnswer::Failed => line.word("answer", "failed"),
        TokenAnswer::Unauthorized => line.word("answer", "unauthorized"),
    }
}

fn content(line: Line, content: &Content, secrets: &mut Secrets) -> Line {
    match content {
        Content::Batch(parts) => {
            let parts = parts.iter().map(|part| match part {
                Part::Run(run) => self::run(run),
                Part::Control(control) => self::control(control, secrets).finish(),
            });
            let parts = list(parts);
            line.word("content", "batch").raw("parts", &parts)
        }
        Content::Message => line.word("content", "message"),
        Content::Answer(id) => line.word("content", "answer").number("re", id.0),
        Content::Ping => line.word("content", "ping"),
        Content::Pong => line.word("content", "pong"),
        Content::Invalid => line.word("content", "invalid"),
    }
}

fn run(run: &Run) -> String {
    Line::new()
        .maybe("first", run.first)
        .number("count", run.count)
        .maybe("ack", run.ack)
        .maybe("re", run.re)
        .finish()
}

fn control(control: &Control, secrets: &mut Secrets) -> Line {
    let line = Line::new();
    let beat = |kind, beat: &Beat| {
        Line::new()
            .word("is", kind)
            .number("t", beat.t)
            .maybe("ack", beat.ack)
            .maybe("tx", beat.tx)
    };
    match control {
        Control::Session(session) => self::session(line.word("is", "session"), session, secrets),
        Control::Ack(ack) => line.word("is", "ack").number("ack", *ack),
        Control::Err { seq, code, message } => line
            .word("is", "err")
            .number("seq", *seq)
            .raw("code", &secrets.code(code))
            .raw("message", &secrets.hide(message)),
        Control::Ping(ping) => beat("ping", ping),
        Control::Pong(pong) => beat("pong", pong),
        Control::Auth(news) => auth(line.word("is", "auth"), *news),
        Control::Drain {
            after_ms,
            spread_ms,
        } => line
            .word("is", "drain")
            .number("after", *after_ms)
            .number("spread", *spread_ms),
        Control::Resync { next, reason } => line
            .word("is", "resync")
            .number("next", *next)
            .word("reason", reason.as_str()),
        Control::Bye { ack } => line.word("is", "bye").number("ack", *ack),
        Control::Unknown => line.word("is", "unknown"),
        // A server that says a client's words breaks the protocol, whatever they are.
        Control::Open(_) | Control::Token(_) | Control::Skip { .. } => line.word("is", "client"),
    }
}

fn auth(line: Line, news: AuthNews) -> Line {
    match news {
        AuthNews::Ok { exp_ms } => line.word("news", "ok").maybe("exp", exp_ms),
        AuthNews::Refused => line.word("news", "refused"),
        AuthNews::Needed { in_ms } => line.word("news", "needed").number("within", in_ms),
    }
}

fn session(line: Line, session: &Session, secrets: &mut Secrets) -> Line {
    let resumed = match session.resumed {
        Resumed::Yes => "yes",
        Resumed::Fresh => "fresh",
        Resumed::No(lost) => Lost::as_str(lost),
    };
    let errs = session.errs.iter().map(|(seq, code)| {
        let line = Line::new().number("seq", *seq);
        line.raw("code", &secrets.code(code)).finish()
    });
    let errs = list(errs);
    let terms = &session.terms;
    let terms = Line::new()
        .number("ping_ms", terms.ping_ms)
        .number("timeout_ms", terms.timeout_ms)
        .number("ttl_ms", terms.ttl_ms)
        .number("max_frame", terms.max_frame)
        .number("window", terms.window)
        .number("window_bytes", terms.window_bytes)
        .maybe("rate", terms.rate)
        .maybe("burst", terms.burst)
        .maybe("exp_ms", terms.exp_ms);
    line.word("resumed", resumed)
        .raw("sid", &secrets.hide(&session.sid))
        .raw("key", &secrets.hide(session.key.secret()))
        .raw("epoch", &secrets.hide(&session.epoch))
        .raw("user", &secrets.hide(&session.user))
        .number("got", session.got)
        .maybe("rx", session.rx)
        .raw("errs", &errs)
        .maybe("maybe", session.maybe)
        .maybe("prior", session.prior)
        .number("from", session.from)
        .raw("terms", &terms.finish())
}
