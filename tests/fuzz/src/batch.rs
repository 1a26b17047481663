//! Frames of reliable mode as the Rust client reads them.

use everwire::fuzz;
use everwire::proto::frames::{
    AuthNews, BATCH_MESSAGES, Beat, Control, NUMBER_MAX, Part, Run, Session,
};
use everwire::proto::server::Item;
use everwire_server::v1::encode;
use everwire_server::{Incoming, Outgoing, RequestId};
use serde_json::Value;

use crate::plain::kind;

/// Reads `data`, and what a server would write to say the same.
///
/// # Panics
/// If it is read wrongly.
pub fn batch(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    let json: Option<Value> = serde_json::from_str(text).ok();
    if let Some((parts, said)) = fuzz::batch(text) {
        assert!((1..=BATCH_MESSAGES).contains(&said.len()));
        assert_eq!(parts.iter().map(length).sum::<usize>(), said.len());
        let written = encode(&parts.iter().flat_map(items).collect::<Vec<_>>());
        let again = fuzz::batch(&written).map(|(parts, _)| parts);
        assert_eq!(again, Some(as_written(parts.clone())), "{written}");
        if let Some(json) = &json {
            agree(&parts, &said, messages(json));
        }
    }
    if let Some(json) = json {
        // Here no name stands twice, which the client does not take.
        let is_taken = fuzz::batch(&json.to_string()).is_some();
        let messages = messages(&json);
        if messages.iter().all(|message| !is_control(message)) {
            let may_be = (1..=BATCH_MESSAGES).contains(&messages.len());
            assert_eq!(
                is_taken,
                may_be && messages.iter().all(is_message),
                "{json}"
            );
        }
    }
}

fn length(part: &Part) -> usize {
    match part {
        Part::Run(run) => run.count as usize,
        Part::Control(_) => 1,
    }
}

/// What a server writes to say this. Of a run the last message carries the ack.
fn items(part: &Part) -> Vec<Item<Outgoing>> {
    let run = match part {
        Part::Control(control) => return vec![Item::Control(control.clone())],
        Part::Run(run) => *run,
    };
    let payload = match run.re.map(id) {
        Some(id) => Outgoing::answer(&id, "a", &1),
        None => Outgoing::new("a", &1),
    };
    let payload = payload.expect("a number has a JSON form");
    let message = |at| Item::Message {
        payload: payload.clone(),
        seq: run.first.map(|first| first + u64::from(at)),
        ack: run.ack.filter(|_| at + 1 == run.count),
    };
    (0..run.count).map(message).collect()
}

/// The id of a client's request, as a server keeps it.
fn id(number: u64) -> RequestId {
    let request = format!(r#"{{"type":"a","id":{number}}}"#);
    let request = Incoming::parse(&request).expect("it is a message");
    request.id.expect("it has an id")
}

/// A server writes nothing that only clients say.
fn as_written(mut parts: Vec<Part>) -> Vec<Part> {
    for part in &mut parts {
        if matches!(part, Part::Control(Control::Skip { .. })) {
            *part = Part::Control(Control::Unknown);
        }
    }
    parts
}

fn messages(json: &Value) -> &[Value] {
    json.as_array()
        .map_or(core::slice::from_ref(json), Vec::as_slice)
}

fn is_control(message: &Value) -> bool {
    kind(message).is_some_and(|kind| kind.starts_with('$'))
}

/// Whether an application's message keeps to the layout.
fn is_message(message: &Value) -> bool {
    let holds = |name, least| match message.get(name) {
        None | Some(Value::Null) => true,
        Some(number) => number
            .as_u64()
            .is_some_and(|number| (least..=NUMBER_MAX).contains(&number)),
    };
    kind(message).is_some() && holds("seq", 1) && holds("ack", 0)
}

/// The parts and what was said are what a reader of plain JSON finds.
fn agree(parts: &[Part], said: &[Option<Value>], messages: &[Value]) {
    assert_eq!(said.len(), messages.len());
    let mut rest = said.iter().zip(messages);
    for part in parts {
        match part {
            Part::Control(control) => {
                let (said, message) = rest.next().expect("they were counted");
                assert_eq!(said, &None);
                assert!(is_control(message), "{message}");
                let data = message.get("data").unwrap_or(&Value::Null);
                control_agrees(control, message, data);
            }
            Part::Run(run) => {
                let run_messages: Vec<_> = rest.by_ref().take(length(part)).collect();
                run_agrees(run, &run_messages);
            }
        }
    }
}

fn run_agrees(run: &Run, messages: &[(&Option<Value>, &Value)]) {
    let mut acks = Vec::new();
    for (at, (said, message)) in (0..).zip(messages) {
        assert!(is_message(message) && !is_control(message), "{message}");
        assert_eq!(said.as_ref(), Some(*message));
        assert_eq!(number(message, "seq"), run.first.map(|first| first + at));
        let re = number(message, "re").filter(|re| *re <= NUMBER_MAX);
        assert_eq!(re, run.re, "{message}");
        acks.push(number(message, "ack"));
    }
    assert!(run.re.is_none() || run.count == 1);
    assert_eq!(acks.into_iter().max().flatten(), run.ack);
}

fn control_agrees(control: &Control, message: &Value, data: &Value) {
    let numbers = match control {
        Control::Session(session) => return session_agrees(session, data),
        Control::Skip { seq, ack } => {
            assert_eq!(number(message, "seq"), Some(*seq));
            assert_eq!(number(message, "ack"), *ack);
            return;
        }
        Control::Err { seq, code, .. } => {
            assert_eq!(
                data.get("code").and_then(Value::as_str),
                Some(code.as_str())
            );
            vec![("seq", Some(*seq))]
        }
        Control::Ack(ack) | Control::Bye { ack } => vec![("ack", Some(*ack))],
        Control::Ping(Beat { t, ack, tx }) | Control::Pong(Beat { t, ack, tx }) => {
            vec![("t", Some(*t)), ("ack", *ack), ("tx", *tx)]
        }
        Control::Auth(AuthNews::Ok { exp_ms }) => vec![("exp_ms", *exp_ms)],
        Control::Auth(AuthNews::Needed { in_ms }) => {
            assert_eq!(number(data, "in_ms").unwrap_or_default(), *in_ms);
            return;
        }
        Control::Drain {
            after_ms,
            spread_ms,
        } => vec![
            ("after_ms", Some(*after_ms)),
            ("spread_ms", Some(*spread_ms)),
        ],
        Control::Resync { next, .. } => vec![("next", Some(*next))],
        Control::Auth(AuthNews::Refused) | Control::Unknown => return,
        Control::Open(_) | Control::Token(_) => panic!("{control:?} is a client's own word"),
    };
    are_in(&numbers, data);
}

fn session_agrees(session: &Session, data: &Value) {
    for (name, word) in [
        ("sid", session.sid.as_str()),
        ("key", session.key.secret()),
        ("epoch", &session.epoch),
        ("user", &session.user),
    ] {
        assert_eq!(data.get(name).and_then(Value::as_str), Some(word), "{name}");
    }
    let errs = data.get("errs").and_then(Value::as_array);
    assert_eq!(errs.map_or(0, Vec::len), session.errs.len());
    let terms = &session.terms;
    let numbers = [
        ("got", Some(session.got)),
        ("rx", session.rx),
        ("maybe", session.maybe),
        ("prior", session.prior),
        ("from", Some(session.from)),
        ("ping_ms", Some(terms.ping_ms)),
        ("timeout_ms", Some(terms.timeout_ms)),
        ("ttl_ms", Some(terms.ttl_ms)),
        ("max_frame", Some(terms.max_frame)),
        ("window", Some(terms.window)),
        ("window_bytes", Some(terms.window_bytes)),
        ("rate", terms.rate),
        ("burst", terms.burst),
        ("exp_ms", terms.exp_ms),
    ];
    are_in(&numbers, data);
}

fn are_in(numbers: &[(&str, Option<u64>)], data: &Value) {
    for (name, value) in numbers {
        assert_eq!(number(data, name), *value, "{name}");
        assert!(value.is_none_or(|value| value <= NUMBER_MAX), "{name}");
    }
}

fn number(object: &Value, name: &str) -> Option<u64> {
    object.get(name).and_then(Value::as_u64)
}
