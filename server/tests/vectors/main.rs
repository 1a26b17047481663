//! Runs the golden vectors of everwire.v1 against the server's half and its codec. `tests/vectors/README.md` says what
//! they mean.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

mod compare;
mod frames;
mod store;
mod world;

use serde_json::Value;
use world::World;

fn read(name: &str) -> Value {
    let path = format!(
        "{}/../tests/vectors/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A text, or a list of `[piece, times]` to be joined.
fn joined(text: &Value) -> String {
    if let Some(text) = text.as_str() {
        return text.to_owned();
    }
    let pieces = text.as_array().unwrap().iter();
    let repeated = pieces.map(|piece| {
        let times = piece[1].as_u64().unwrap();
        piece[0].as_str().unwrap().repeat(times as usize)
    });
    repeated.collect()
}

fn run(name: &str) {
    let file = read(name);
    let mut complaints = Vec::new();
    for scenario in file["scenarios"].as_array().unwrap() {
        let mut world = World::new(&scenario["options"]);
        for (nth, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
            if let Err(complaint) = world.step(step) {
                let name = &scenario["name"];
                complaints.push(format!(
                    "{name}, step {}: {complaint}\n  {step:.300}",
                    nth + 1
                ));
                break;
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn openings() {
    run("opening");
}

#[test]
fn client_to_server() {
    run("inbound");
}

#[test]
fn server_to_client() {
    run("outbound");
}

#[test]
fn lifetimes() {
    run("lifetime");
}

#[test]
fn hostile_frames() {
    run("hostile");
}

#[test]
fn frames_are_read_as_the_vectors_say() {
    frames::check(&read("frames"));
}
