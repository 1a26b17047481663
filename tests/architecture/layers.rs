//! Arrows point one way: client and js know web, web knows proto; proto, config, error and compiled know each other
//! alone.

use std::fs;

use crate::source::{Source, root};

/// A layer, and the modules of the crate that it may name.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("compiled", &["compiled"]),
    ("error", &["error"]),
    ("config", &["config", "error", "proto"]),
    ("proto", &["proto", "config", "error", "compiled"]),
    ("trace", &["trace", "proto", "config", "error"]),
    (
        "web",
        &["web", "trace", "proto", "config", "error", "compiled"],
    ),
    ("js", &["js", "web", "proto", "config", "error"]),
    ("client", &["client", "web", "proto", "config", "error"]),
];

pub fn point_one_way(source: &Source) -> Vec<String> {
    let module = source.module();
    let Some(layer) = module.first().filter(|_| source.is_in("src/")) else {
        return Vec::new();
    };
    let Some((_, known)) = MAY_KNOW.iter().find(|(name, _)| name == layer) else {
        return vec![format!("{layer} is no layer that this test knows")];
    };
    let named = modules_named(source);
    let strange = named
        .into_iter()
        .filter(|name| !known.contains(&name.as_str()));
    strange
        .map(|name| format!("{layer} names crate::{name}"))
        .collect()
}

/// The engine and what it is configured with need no dependency at all.
pub fn engine_stands_alone(source: &Source) -> Vec<String> {
    let module = source.module();
    if !matches!(
        module.first(),
        Some(&("proto" | "config" | "error" | "compiled"))
    ) {
        return Vec::new();
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let crates = dependencies(&manifest).into_iter();
    crates
        .filter(|name| source.finds(&[name, ":", ":"]))
        .map(|name| format!("names the crate {name}"))
        .collect()
}

pub fn server_knows_proto(source: &Source) -> Vec<String> {
    let tokens = &source.tokens;
    let strange = tokens
        .windows(4)
        .filter(|row| row[0] == "everwire" && row[1] == ":" && row[2] == ":" && row[3] != "proto");
    strange
        .map(|row| format!("names everwire::{}", row[3]))
        .collect()
}

/// The wasm-bindgen class stands beside the Rust client, not on it.
pub fn js_knows_no_client(source: &Source) -> Vec<String> {
    let is_js = source.is_in("js/src/") || source.is_in("src/js/");
    match is_js
        && source
            .tokens
            .iter()
            .any(|token| token.starts_with("Client"))
    {
        true => vec!["names the Rust client".to_owned()],
        false => Vec::new(),
    }
}

/// The crate's modules that a file names by `crate::…` or by enough `super`s.
fn modules_named(source: &Source) -> Vec<String> {
    let depth = source.module().len();
    let mut named = Vec::new();
    let mut at = 0;
    while at < source.tokens.len() {
        let mut next = at;
        let mut supers = 0;
        while path_begins(source, next, "super") {
            supers += 1;
            next += 3;
        }
        if path_begins(source, at, "crate") {
            named.extend(first_names(&source.tokens[at + 3..]));
            next = at + 3;
        } else if supers >= depth && supers > 0 {
            named.extend(first_names(&source.tokens[next..]));
        }
        at = next.max(at + 1);
    }
    named
}

fn path_begins(source: &Source, at: usize, word: &str) -> bool {
    let row = source.tokens.get(at..at + 3);
    row.is_some_and(|row| row[0] == word && row[1] == ":" && row[2] == ":")
}

/// The first name of a path, or of each path in a group.
fn first_names(tokens: &[String]) -> Vec<String> {
    if tokens.first().is_none_or(|token| token != "{") {
        return tokens.first().cloned().into_iter().collect();
    }
    let mut names = Vec::new();
    let (mut depth, mut begins) = (0, true);
    for token in tokens {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => begins = true,
            name if depth == 1 && begins => {
                names.push(name.to_owned());
                begins = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// The names of all dependencies, as code writes them.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| inside) {
            names.push(name.trim().replace('-', "_"));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shows;

    #[test]
    fn an_arrow_that_points_up_is_seen() {
        let rule = point_one_way;
        shows(
            rule,
            "src/proto/retry.rs",
            "use crate::web::Driver;",
            "use crate::config::Backoff;",
        );
        shows(
            rule,
            "src/proto/connection/queue.rs",
            "use super::super::super::web::Driver;",
            "use super::super::io::Event;",
        );
        shows(
            rule,
            "src/web/driver.rs",
            "use crate::{proto::Instant, client::Client};",
            "use crate::{proto::{Instant, Status}, error::ErrorCode};",
        );
        shows(
            rule,
            "src/web/timer.rs",
            "fn f() { crate::client::wake() }",
            "fn f() { crate::proto::wake() }",
        );
        shows(
            rule,
            "src/config.rs",
            "use super::web::Driver;",
            "use super::proto::AuthVia;",
        );
    }

    #[test]
    fn a_dependency_of_the_engine_is_seen() {
        let rule = engine_stands_alone;
        shows(
            rule,
            "src/proto/wire.rs",
            "fn f() { serde_json::to_string(&1); }",
            "fn f() { core::mem::take(&mut 1); }",
        );
        assert!(
            rule(&Source::parse(
                "src/client/codec.rs",
                "use serde_json::Value;"
            ))
            .is_empty()
        );
    }

    #[test]
    fn a_class_that_stands_on_the_client_is_seen() {
        let (bad, good) = ("use everwire::Client;", "use everwire::web::Driver;");
        shows(js_knows_no_client, "js/src/lib.rs", bad, good);
    }

    #[test]
    fn a_server_that_reaches_beyond_the_engine_is_seen() {
        shows(
            server_knows_proto,
            "server/src/hub.rs",
            "use everwire::Client;",
            "use everwire::proto::Instant;",
        );
    }
}
