//! Frames as they travel in the simulation, and what each half makes of the other's.

use everwire::proto::frames::{Beat, Control, Open, Part, Resume, Run};
use everwire::proto::server::{Frame as ServerFrame, Inbound, Item};
use everwire::proto::{Body, Content, Frame, Token, Transmit};
use serde_json::Value;

/// What a message is besides its data, in bytes.
const ENVELOPE: u32 = 40;

/// A message to the server. No two that applications send have the same `uid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    pub uid: u64,
    pub bytes: u32,
    pub is_request: bool,
    pub kind: Kind,
}

/// What the server's handler makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Good,
    /// It is refused.
    Refused,
    /// The handler fails of it each time.
    Poison,
    /// The handler takes too long, and may or may not have had its effect.
    TooSlow,
}

/// A message to a page. Of a broadcast, each session holds the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    pub uid: u64,
    pub bytes: u32,
    /// The request that it answers.
    pub re: Option<u64>,
}

pub type UpFrame = ServerFrame<Payload>;

#[derive(Clone, Debug)]
pub struct DownFrame {
    pub bytes: u32,
    pub parts: Vec<Part>,
    /// The messages at their places in the frame, with their seqs.
    pub notes: Vec<Option<(Option<u64>, Note)>>,
}

impl DownFrame {
    pub fn to_frame(&self) -> Frame {
        Frame {
            bytes: self.bytes,
            content: Content::Batch(self.parts.clone()),
        }
    }

    pub fn is_handshake(&self) -> bool {
        matches!(self.parts[..], [Part::Control(Control::Session(_))])
    }

    pub fn has_refusal(&self) -> bool {
        let is_refusal = |part: &Part| matches!(part, Part::Control(Control::Err { .. }));
        self.parts.iter().any(is_refusal)
    }
}

/// What the client wrote, as the server reads it.
pub fn up(frame: Transmit<Payload>) -> UpFrame {
    match frame {
        Transmit::Control(text) => ServerFrame {
            bytes: text.len() as u32,
            messages: vec![Inbound::Control(control(&text))],
        },
        Transmit::Message(message) => ServerFrame {
            bytes: message.bytes + ENVELOPE,
            messages: vec![Inbound::Message {
                seq: None,
                ack: None,
                bytes: message.bytes,
                message,
            }],
        },
        Transmit::Batch(batch) => {
            let mut ack = batch.ack;
            let mut bytes = 0;
            let messages = batch.messages.into_iter().map(|(seq, body)| {
                let ack = ack.take();
                match body {
                    Body::Message(message) | Body::Request(message) => {
                        bytes += message.bytes + ENVELOPE;
                        Inbound::Message {
                            seq: Some(seq),
                            ack,
                            bytes: message.bytes,
                            message,
                        }
                    }
                    Body::Skip => {
                        bytes += ENVELOPE;
                        Inbound::Control(Control::Skip { seq, ack })
                    }
                }
            });
            let messages = messages.collect();
            ServerFrame { bytes, messages }
        }
    }
}

/// What the server wrote, as the client's codec reads it.
pub fn down(items: Vec<Item<Note>>) -> DownFrame {
    let mut frame = DownFrame {
        bytes: 2,
        parts: Vec::new(),
        notes: Vec::new(),
    };
    for item in items {
        match item {
            Item::Control(control) => {
                frame.bytes += ENVELOPE;
                frame.parts.push(Part::Control(control));
                frame.notes.push(None);
            }
            Item::Message { payload, seq, ack } => {
                frame.bytes += payload.bytes + ENVELOPE;
                push_message(&mut frame.parts, seq, ack, payload.re);
                frame.notes.push(Some((seq, payload)));
            }
        }
    }
    frame
}

/// Neighbours in order become one run; an answer stands alone.
fn push_message(parts: &mut Vec<Part>, seq: Option<u64>, ack: Option<u64>, re: Option<u64>) {
    if let Some(Part::Run(run)) = parts.last_mut()
        && run.re.is_none()
        && re.is_none()
        && run.first.map(|first| first + u64::from(run.count)) == seq
    {
        run.count += 1;
        run.ack = run.ack.max(ack);
        return;
    }
    parts.push(Part::Run(Run {
        first: seq,
        count: 1,
        ack,
        re,
    }));
}

fn control(text: &str) -> Control {
    let frame: Value = serde_json::from_str(text).expect("the client writes JSON");
    let data = &frame["data"];
    let beat = || Beat {
        t: number(data, "t"),
        ack: data["ack"].as_u64(),
        tx: data["tx"].as_u64(),
    };
    match frame["type"].as_str().expect("a type") {
        "$open" => Control::Open(Box::new(open(data))),
        "$ack" => Control::Ack(number(data, "ack")),
        "$bye" => Control::Bye {
            ack: number(data, "ack"),
        },
        "$ping" => Control::Ping(beat()),
        "$pong" => Control::Pong(beat()),
        "$auth" => Control::Token(Token::new(text_of(data, "token"))),
        other => panic!("the client wrote {other}"),
    }
}

fn open(data: &Value) -> Open {
    let resume = &data["resume"];
    Open {
        cid: text_of(data, "cid"),
        n: number(data, "n"),
        token: data["token"].as_str().map(Token::new),
        tx0: number(data, "tx0"),
        tx: number(data, "tx"),
        max_frame: number(data, "max_frame") as u32,
        window: number(data, "window") as u32,
        window_bytes: number(data, "window_bytes") as u32,
        resume: resume.is_object().then(|| Resume {
            sid: text_of(resume, "sid"),
            key: Token::new(text_of(resume, "key")),
            epoch: text_of(resume, "epoch"),
            rx: number(resume, "rx"),
        }),
    }
}

fn number(data: &Value, name: &str) -> u64 {
    data[name]
        .as_u64()
        .unwrap_or_else(|| panic!("{name} in {data}"))
}

fn text_of(data: &Value, name: &str) -> String {
    data[name].as_str().expect(name).to_owned()
}
