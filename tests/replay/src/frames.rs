//! Frames of a server from their steps.

use anyhow::{Result, bail};
use everwire::proto::frames::{
    AuthNews, Beat, Control, Lost, Part, Resume, Resumed, Run, Session, Terms,
};
use everwire::proto::{Content, Frame, MessageId, Token};
use everwire::trace::Traced;
use serde_json::Value;

use crate::value::Object;

/// What stands for the secrets of the recording.
pub(crate) struct Secrets<'a>(pub(crate) &'a Traced<()>);

impl Secrets<'_> {
    /// The secret of this run that has the same number; a new one is called like its number.
    pub(crate) fn word(&self, object: Object<'_>, name: &str) -> Result<String> {
        let word = object.word(name)?;
        let number = word.trim_matches(['(', ')']).strip_prefix('#');
        let known = number
            .and_then(|number| number.parse().ok())
            .and_then(|number| self.0.secret(number));
        Ok(known.unwrap_or(word).to_owned())
    }
}

pub(crate) fn frame(secrets: &Secrets<'_>, step: Object<'_>) -> Result<Frame> {
    let content = match step.word("content")? {
        "batch" => Content::Batch(parts(secrets, step.list("parts")?)?),
        "message" => Content::Message,
        "answer" => Content::Answer(MessageId(step.number("re")?)),
        "ping" => Content::Ping,
        "pong" => Content::Pong,
        "invalid" => Content::Invalid,
        unknown => bail!("no frame is {unknown}"),
    };
    Ok(Frame {
        bytes: step.small("bytes")?,
        content,
    })
}

pub(crate) fn resume(secrets: &Secrets<'_>, place: Object<'_>) -> Result<Resume> {
    Ok(Resume {
        sid: secrets.word(place, "sid")?,
        key: Token::new(secrets.word(place, "key")?),
        epoch: secrets.word(place, "epoch")?,
        rx: place.number("rx")?,
    })
}

fn parts(secrets: &Secrets<'_>, parts: &[Value]) -> Result<Vec<Part>> {
    let part = |part| -> Result<Part> {
        let part = Object::of(part)?;
        if part.has("is") {
            return control(secrets, part).map(Part::Control);
        }
        Ok(Part::Run(Run {
            first: part.maybe("first"),
            count: part.small("count")?,
            ack: part.maybe("ack"),
            re: part.maybe("re"),
        }))
    };
    parts.iter().map(part).collect()
}

fn control(secrets: &Secrets<'_>, part: Object<'_>) -> Result<Control> {
    let beat = || -> Result<Beat> {
        Ok(Beat {
            t: part.number("t")?,
            ack: part.maybe("ack"),
            tx: part.maybe("tx"),
        })
    };
    Ok(match part.word("is")? {
        "session" => Control::Session(Box::new(session(secrets, part)?)),
        "ack" => Control::Ack(part.number("ack")?),
        "err" => Control::Err {
            seq: part.number("seq")?,
            code: secrets.word(part, "code")?,
            message: secrets.word(part, "message")?,
        },
        "ping" => Control::Ping(beat()?),
        "pong" => Control::Pong(beat()?),
        "auth" => Control::Auth(match part.word("news")? {
            "ok" => AuthNews::Ok {
                exp_ms: part.maybe("exp"),
            },
            "refused" => AuthNews::Refused,
            _ => AuthNews::Needed {
                in_ms: part.number("within")?,
            },
        }),
        "drain" => Control::Drain {
            after_ms: part.number("after")?,
            spread_ms: part.number("spread")?,
        },
        "resync" => Control::Resync {
            next: part.number("next")?,
            reason: lost(part.word("reason")?)?,
        },
        "bye" => Control::Bye {
            ack: part.number("ack")?,
        },
        "unknown" => Control::Unknown,
        // Any word of a client's.
        "client" => Control::Skip { seq: 0, ack: None },
        unknown => bail!("no server says {unknown}"),
    })
}

fn session(secrets: &Secrets<'_>, part: Object<'_>) -> Result<Session> {
    let resumed = match part.word("resumed")? {
        "yes" => Resumed::Yes,
        "fresh" => Resumed::Fresh,
        reason => Resumed::No(lost(reason)?),
    };
    let err = |err| -> Result<(u64, String)> {
        let err = Object::of(err)?;
        Ok((err.number("seq")?, secrets.word(err, "code")?))
    };
    Ok(Session {
        sid: secrets.word(part, "sid")?,
        key: Token::new(secrets.word(part, "key")?),
        epoch: secrets.word(part, "epoch")?,
        user: secrets.word(part, "user")?,
        resumed,
        got: part.number("got")?,
        rx: part.maybe("rx"),
        errs: part.list("errs")?.iter().map(err).collect::<Result<_>>()?,
        maybe: part.maybe("maybe"),
        prior: part.maybe("prior"),
        from: part.number("from")?,
        terms: terms(part.object("terms")?)?,
    })
}

fn terms(terms: Object<'_>) -> Result<Terms> {
    Ok(Terms {
        ping_ms: terms.number("ping_ms")?,
        timeout_ms: terms.number("timeout_ms")?,
        ttl_ms: terms.number("ttl_ms")?,
        max_frame: terms.number("max_frame")?,
        window: terms.number("window")?,
        window_bytes: terms.number("window_bytes")?,
        rate: terms.maybe("rate"),
        burst: terms.maybe("burst"),
        exp_ms: terms.maybe("exp_ms"),
    })
}

fn lost(word: &str) -> Result<Lost> {
    let lost = Lost::ALL.iter().find(|lost| lost.as_str() == word);
    match lost {
        Some(lost) => Ok(*lost),
        None => bail!("nothing is lost for the reason {word}"),
    }
}
