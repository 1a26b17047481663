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
        target(&random(seed));
    }
}

/// Up to 2 KiB from a generator that is no better than it has to be (SplitMix64).
fn random(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    };
    let length = next() % 256;
    (0..length).flat_map(|_| next().to_le_bytes()).collect()
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
