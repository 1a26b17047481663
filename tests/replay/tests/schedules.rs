//! What the fuzzers' schedules record can be run again, and a change in any step is found.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;

use everwire_replay::{Recording, readable, run};
use serde_json::{Value, json};

/// Random schedules besides the fuzzers' corpus.
const RANDOM: u64 = 300;

/// Every recording that there is, with what names its schedule.
fn recordings() -> impl Iterator<Item = (String, String)> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/client");
    let files = fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let kept = files.map(|path| (path.display().to_string(), fs::read(&path).unwrap()));
    let random = (0..RANDOM).map(|seed| {
        (
            format!("random schedule {seed}"),
            everwire_fuzz::random(seed, 512),
        )
    });
    kept.chain(random)
        .map(|(name, bytes)| (name, everwire_fuzz::traced_client(&bytes)))
}

#[test]
fn what_was_recorded_runs_again_without_divergence() {
    let (mut steps, mut reliable) = (0, 0);
    for (name, text) in recordings() {
        let recording = Recording::read(&text).unwrap();
        let divergence = run(&recording).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert_eq!(divergence, None, "{name}");
        steps += recording.steps.len();
        let is_reliable = recording.begin["delivery"]["is"] == "reliable";
        reliable += u32::from(is_reliable);
    }
    assert!(steps > 50_000, "{steps} steps are too few");
    assert!(
        reliable > 100,
        "{reliable} of reliable delivery are too few"
    );
}

#[test]
fn a_change_in_any_output_is_found_at_its_step() {
    let (name, text) = recordings()
        .find(|(_, text)| (100..1_000).contains(&text.lines().count()))
        .expect("some recording is of middle size");
    let mut recording = Recording::read(&text).unwrap();
    let mut changed = 0;
    for index in 0..recording.steps.len() {
        let step = recording.steps[index].clone();
        if step.get("out").is_none() && step.get("wait").is_none() {
            continue;
        }
        recording.steps[index]["socket"] = json!(4_711);
        let divergence = run(&recording)
            .unwrap()
            .expect("a change makes a difference");
        assert_eq!(divergence.step, index, "{name}");
        assert_eq!(divergence.found, Some(step.clone()), "{name}");
        recording.steps[index] = step;
        changed += 1;
    }
    assert!(changed > 20, "{changed} outputs are too few");
}

#[test]
fn outputs_that_are_missing_or_too_many_are_found() {
    let (name, text) = recordings()
        .find(|(_, text)| text.contains(r#""out":"open""#))
        .expect("some schedule opens a socket");
    let mut recording = Recording::read(&text).unwrap();
    let is_open = |step: &Value| step["out"] == "open";
    let at = recording.steps.iter().position(is_open).unwrap();
    let open = recording.steps.remove(at);
    let divergence = run(&recording).unwrap().expect("an output is missing");
    assert_eq!(
        (divergence.step, divergence.found),
        (at, Some(open.clone())),
        "{name}"
    );
    recording.steps.insert(at, open.clone());
    recording.steps.insert(at, open.clone());
    let divergence = run(&recording).unwrap().expect("an output is there twice");
    assert_eq!(
        (divergence.step, divergence.recorded),
        (at + 1, Some(open)),
        "{name}"
    );
}

#[test]
fn every_step_is_readable_and_no_secret_shows() {
    for (name, text) in recordings().take(200) {
        let recording = Recording::read(&text).unwrap();
        for step in &recording.steps {
            let line = readable(step);
            assert!(line.contains("->") || line.contains("<-"), "{name}: {line}");
        }
        for secret in ["token", "cid", "key", "sid", "epoch", "user"] {
            let mut shown = Vec::new();
            recording
                .steps
                .iter()
                .for_each(|step| collect(step, secret, &mut shown));
            let is_hidden =
                |text: &&str| text.is_empty() || text.trim_start_matches('(').starts_with('#');
            assert!(shown.iter().all(is_hidden), "{name}: {secret} is {shown:?}");
        }
    }
}

/// The texts of all fields of this name.
fn collect<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(name).and_then(Value::as_str));
            fields
                .values()
                .for_each(|value| collect(value, name, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, name, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
