//! Replays what the fuzzers found worth keeping, and random bytes besides.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;

/// Random inputs for each target, besides its corpus.
const RANDOM: u64 = 2_000;

fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(name);
    let mut inputs = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        // A test's output is shown if it fails: the last line then names the input.
        println!("{}", path.display());
        target(&fs::read(path).unwrap());
        inputs += 1;
    }
    assert!(inputs > 10, "{} is the corpus", folder.display());
    for seed in 0..RANDOM {
        println!("random input {seed}");
        target(&everwire_fuzz::random(seed, 256));
    }
}

#[test]
fn the_wire_decoders() {
    replay("wire", everwire_fuzz::wire);
}

#[test]
fn the_clients_reader_of_batches() {
    replay("batch", everwire_fuzz::batch);
}

#[test]
fn plain_frames() {
    replay("plain", everwire_fuzz::plain);
}

#[test]
fn the_client_half() {
    replay("client", everwire_fuzz::client);
}

#[test]
fn the_server_half() {
    replay("server", everwire_fuzz::server);
}
