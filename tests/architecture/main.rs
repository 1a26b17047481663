//! The house rules that no compiler holds, read from the sources: which layer may know which, what the engine and the
//! driver may name, where timers and borrows live, and what no file may do.
//!
//! Every rule is shown to fail on a small bad sample beside a good one.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a source that cannot be read fails its test"
)]

mod layers;
mod manifest;
mod panics;
mod source;
mod words;

use source::Source;

/// A rule, and what it says of one source file. A file that keeps it gets no complaint.
pub type Rule = fn(&Source) -> Vec<String>;

/// Everything that is checked in library code.
const LIBRARY: &[(&str, Rule)] = &[
    ("layers know only those below them", layers::point_one_way),
    ("js knows no client", layers::js_knows_no_client),
    (
        "the engine knows no other crate",
        layers::engine_stands_alone,
    ),
    (
        "the engine has no IO, time or chance",
        words::engine_is_pure,
    ),
    ("the engine calls no user code", words::engine_calls_nobody),
    (
        "the engine knows JSON in one place",
        words::json_in_one_place,
    ),
    ("the driver has no policy", words::driver_has_no_policy),
    ("there is one timer", words::one_timer),
    ("borrows live in one place", words::borrows_in_one_place),
    ("nothing panics", panics::nothing_panics),
];

/// What is checked in every Rust file, tests too.
const EVERYWHERE: &[(&str, Rule)] = &[
    ("a file fits in the head", words::fits_in_the_head),
    ("an exception says why", words::exceptions_say_why),
];

#[test]
fn the_library_keeps_the_house_rules() {
    let sources = source::read_all(&["src", "js/src"]);
    assert!(sources.len() > 20, "the sources were not found");
    check(&sources, LIBRARY);
}

#[test]
fn the_server_stands_on_the_engine_alone() {
    let sources = source::read_all(&["server/src"]);
    assert!(!sources.is_empty(), "the sources were not found");
    check(
        &sources,
        &[("the server knows proto alone", layers::server_knows_proto)],
    );
}

#[test]
fn every_file_keeps_the_rules_of_form() {
    let sources = source::read_all(&["src", "js/src", "server/src", "xtask/src", "tests"]);
    check(&sources, EVERYWHERE);
}

#[test]
fn the_manifest_denies_what_the_house_denies() {
    let text = std::fs::read_to_string(source::root().join("Cargo.toml")).unwrap();
    assert_eq!(manifest::missing_lints(&text), Vec::<String>::new());
}

fn check(sources: &[Source], rules: &[(&str, Rule)]) {
    let complaints: Vec<String> = rules
        .iter()
        .flat_map(|(name, rule)| {
            sources.iter().flat_map(move |source| {
                let complaints = rule(source);
                complaints
                    .into_iter()
                    .map(move |complaint| format!("{}: {complaint} ({name})", source.path))
            })
        })
        .collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Checks that `rule` complains of `bad` and not of `good`, both as the file `path`.
#[cfg(test)]
fn shows(rule: Rule, path: &str, bad: &str, good: &str) {
    let complaints = rule(&Source::parse(path, bad));
    assert!(!complaints.is_empty(), "no complaint of {path}: {bad}");
    let complaints = rule(&Source::parse(path, good));
    assert_eq!(complaints, Vec::<String>::new(), "{path}: {good}");
}
