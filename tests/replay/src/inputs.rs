//! Commands and inputs from their steps.

use anyhow::{Context, Result, bail};
use everwire::proto::{
    Answer, CloseAction, CloseFrame, Head, Input, Instant, Loaded, MessageId, MessageKind,
    OpenFailure, Outgoing, PageEnd, PageEvent, Saved, Slot, SocketEvent, SocketId, StorageEvent,
    Stored, Token, TokenAnswer, TokenRequest,
};
use everwire::trace::Traced;

use crate::frames::{Secrets, frame, resume};
use crate::value::Object;

/// Does to the connection what the step says. What comes of it is in its own recording.
pub(crate) fn apply(connection: &mut Traced<()>, step: Object<'_>) -> Result<()> {
    let now = Instant::from_millis(step.number("t")?);
    if step.has("in") {
        let input = input(&Secrets(connection), step)?;
        connection.handle_input(now, input);
        return Ok(());
    }
    match step.word("do")? {
        "connect" => connection.connect(now),
        "reconnect" => connection.reconnect(now),
        "close" => {
            // A refusal is a step of the recording, here and below.
            let _ = connection.close(step.small("code")?, step.word("reason")?);
        }
        "send" => {
            let _ = connection.send(now, outgoing(step)?);
        }
        "volatile" => {
            let _ = connection.send_volatile(now, (), step.small("bytes")?);
        }
        "withdraw" => connection.withdraw(MessageId(step.number("id")?)),
        "handled" => connection.handled(now, step.number("position")?),
        "restored" => {
            let loaded = loaded(&Secrets(connection), step)?;
            connection.restored(now, step.number("wall")?, loaded);
        }
        unknown => bail!("there is no command {unknown}"),
    }
    Ok(())
}

fn outgoing(step: Object<'_>) -> Result<Outgoing<()>> {
    Ok(Outgoing {
        payload: (),
        bytes: step.small("bytes")?,
        ttl_ms: step.maybe("ttl"),
        answer: match step.flag("request") {
            true => Answer::Within(step.maybe("timeout")),
            false => Answer::No,
        },
    })
}

fn input(secrets: &Secrets<'_>, step: Object<'_>) -> Result<Input> {
    let socket = || step.small("socket").map(SocketId);
    Ok(match step.word("in")? {
        "timeout" => Input::Timeout,
        "socket" => Input::Socket(socket()?, socket_event(secrets, step)?),
        "token" => {
            let request = TokenRequest(step.small("request")?);
            Input::Token(request, token(secrets, step)?)
        }
        "page" => Input::Page(step.one_of(
            "event",
            &[
                ("online", PageEvent::Online),
                ("offline", PageEvent::Offline),
                ("visible", PageEvent::Visible),
                ("hidden", PageEvent::Hidden),
                ("leave", PageEvent::Leave),
                ("return", PageEvent::Return),
            ],
        )?),
        "buffered" => Input::Buffered(socket()?, step.small("bytes")?),
        "storage" => Input::Storage(step.one_of(
            "event",
            &[
                ("claimed", StorageEvent::Claimed),
                ("denied", StorageEvent::Denied),
                ("failed", StorageEvent::Failed),
            ],
        )?),
        unknown => bail!("there is no input {unknown}"),
    })
}

fn socket_event(secrets: &Secrets<'_>, step: Object<'_>) -> Result<SocketEvent> {
    Ok(match step.word("event")? {
        "opened" => SocketEvent::Opened,
        "accepted" => SocketEvent::Accepted,
        "frame" => SocketEvent::Frame(frame(secrets, step)?),
        "closing" => SocketEvent::Closing,
        "closed" => {
            let frame = CloseFrame {
                code: step.small("code")?,
                reason: step.word("reason")?.to_owned(),
            };
            SocketEvent::Closed(frame, verdict(step)?)
        }
        "failed" => SocketEvent::Failed(step.one_of(
            "why",
            &[
                ("malformed", OpenFailure::Malformed),
                ("other", OpenFailure::Other),
            ],
        )?),
        unknown => bail!("nothing like {unknown} happens to a socket"),
    })
}

fn verdict(step: Object<'_>) -> Result<Option<CloseAction>> {
    if !step.has("verdict") {
        return Ok(None);
    }
    let cases = [
        ("stop", CloseAction::Stop),
        ("refresh-token", CloseAction::RefreshToken),
        ("retry-slowly", CloseAction::RetrySlowly(step.maybe("hint"))),
        ("too-large", CloseAction::TooLarge),
        ("retry", CloseAction::Retry),
    ];
    step.one_of("verdict", &cases).map(Some)
}

fn token(secrets: &Secrets<'_>, step: Object<'_>) -> Result<TokenAnswer> {
    Ok(match step.word("answer")? {
        "granted" => TokenAnswer::Granted {
            token: match step.has("token") {
                true => Some(Token::new(secrets.word(step, "token")?)),
                false => None,
            },
            url: match step.has("url") {
                true => Some(step.word("url")?.to_owned()),
                false => None,
            },
            expires_in_ms: step.maybe("expires"),
        },
        "failed" => TokenAnswer::Failed,
        "unauthorized" => TokenAnswer::Unauthorized,
        unknown => bail!("there is no answer {unknown}"),
    })
}

fn loaded(secrets: &Secrets<'_>, step: Object<'_>) -> Result<Loaded<()>> {
    match step.value("loaded")?.as_str() {
        Some("nothing") => return Ok(Loaded::Nothing),
        Some(_) => return Ok(Loaded::Failed),
        None => {}
    }
    let saved = step.object("loaded")?;
    let messages = saved.list("messages")?.iter();
    Ok(Loaded::Saved(Saved {
        head: head(secrets, saved.object("head")?)?,
        messages: messages
            .map(|message| stored(Object::of(message)?))
            .collect::<Result<_>>()?,
    }))
}

fn head(secrets: &Secrets<'_>, head: Object<'_>) -> Result<Head> {
    Ok(Head {
        cid: secrets.word(head, "cid")?,
        n: head.number("n")?,
        answered_n: head.number("answered_n")?,
        tx: head.number("tx")?,
        uncertain_to: head.number("uncertain_to")?,
        user: secrets.word(head, "user")?,
        place: match head.has("place") {
            true => Some(resume(secrets, head.object("place")?)?),
            false => None,
        },
        end: head.maybe("clean").map_or(PageEnd::Open, PageEnd::Clean),
    })
}

fn stored(message: Object<'_>) -> Result<Stored<()>> {
    let seq = message.maybe("seq").map(Slot::Seq);
    let slot = seq.or_else(|| message.maybe("place").map(Slot::Queued));
    Ok(Stored {
        slot: slot.context("a message has no place")?,
        kind: message.one_of(
            "kind",
            &[
                ("message", MessageKind::Message),
                ("request", MessageKind::Request),
            ],
        )?,
        payload: (),
        bytes: message.small("bytes")?,
    })
}
