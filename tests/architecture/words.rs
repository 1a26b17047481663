//! What may be named where.

use syn::visit::{self, Visit};
use syn::{ImplItemFn, ItemFn, Signature, Visibility};

use crate::source::Source;

const MOST_LINES: usize = 450;

/// Names that bring IO, a clock, chance or an order of their own.
const IMPURE: &[&str] = &[
    "web_sys",
    "js_sys",
    "wasm_bindgen",
    "gloo_timers",
    "HashMap",
    "HashSet",
    "RandomState",
    "SystemTime",
    "getrandom",
    "rand",
    "async",
    "await",
    "println",
    "eprintln",
    "dbg",
    "static",
    "thread_local",
    "extern",
];
const IMPURE_MODULES: &[&str] = &[
    "time", "thread", "fs", "net", "io", "env", "process", "sync",
];

/// What makes a decision is the engine's to name.
const POLICY: &[&str] = &[
    "Backoff",
    "Pace",
    "Heartbeat",
    "Overflow",
    "RetrySlowly",
    "RefreshToken",
    "for_close",
    "Duration",
    "max_attempts",
];
const POLICY_WORDS: &[&str] = &[
    "retry",
    "retries",
    "backoff",
    "attempt",
    "attempts",
    "heartbeat",
    "jitter",
];
/// Close codes, and times and sizes in their usual units, are whole numbers of this size.
const TELLING_NUMBERS: std::ops::RangeInclusive<u64> = 1_000..=4_999;

/// The only file that arms timers, and the one that may bind what it calls.
/// Which deliberate bug is real is no part of a connection, and no build of use has any.
const MUTATIONS: &str = "src/proto/mutation.rs";
const TIMER: &str = "src/web/timer.rs";
const BINDINGS: &str = "src/web/browser.rs";
const TIMER_WORDS: &[&str] = &[
    "gloo_timers",
    "setTimeout",
    "set_timeout",
    "setInterval",
    "set_interval",
    "requestAnimationFrame",
];
/// The connection is borrowed by the driver alone, the armed timer by its own file.
const BORROWERS: &[&str] = &["src/web/driver.rs", TIMER];

pub fn engine_is_pure(source: &Source) -> Vec<String> {
    if !source.is_in("src/proto/") || source.is_in(MUTATIONS) {
        return Vec::new();
    }
    let names = IMPURE.iter().filter(|name| source.has(name));
    let names = names.map(|name| format!("names {name}"));
    let modules = IMPURE_MODULES.iter().filter(|name| {
        source.finds(&["std", ":", ":", name])
            || (**name != "time" && source.finds(&["core", ":", ":", name]))
    });
    names
        .chain(modules.map(|name| format!("names std::{name}")))
        .collect()
}

/// A public function that takes a function, or a trait object that is kept, would run somebody else's code.
pub fn engine_calls_nobody(source: &Source) -> Vec<String> {
    if !source.is_in("src/proto/") {
        return Vec::new();
    }
    let mut functions = PublicFunctions(Vec::new());
    functions.visit_file(&source.file);
    let takes = |signature: &Signature| {
        let text = quote::ToTokens::to_token_stream(signature).to_string();
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        words.any(|word| matches!(word, "Fn" | "FnMut" | "FnOnce"))
    };
    let callers = functions.0.into_iter().filter(takes);
    let mut complaints: Vec<String> = callers
        .map(|signature| format!("{} takes a function", signature.ident))
        .collect();
    if source.has("dyn") {
        complaints.push("names a trait object".to_owned());
    }
    complaints
}

struct PublicFunctions(Vec<Signature>);

impl<'a> Visit<'a> for PublicFunctions {
    fn visit_impl_item_fn(&mut self, function: &'a ImplItemFn) {
        if matches!(function.vis, Visibility::Public(_)) {
            self.0.push(function.sig.clone());
        }
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_item_fn(&mut self, function: &'a ItemFn) {
        if matches!(function.vis, Visibility::Public(_)) {
            self.0.push(function.sig.clone());
        }
        visit::visit_item_fn(self, function);
    }
}

pub fn json_in_one_place(source: &Source) -> Vec<String> {
    if !source.is_in("src/proto/") || source.path == "src/proto/wire.rs" {
        return Vec::new();
    }
    let is_json = |token: &String| token.contains("type\":") || token.contains("type\\\":");
    match source.tokens.iter().any(is_json) {
        true => vec!["writes JSON".to_owned()],
        false => Vec::new(),
    }
}

pub fn driver_has_no_policy(source: &Source) -> Vec<String> {
    if !source.is_in("src/web/") {
        return Vec::new();
    }
    let is_policy = |token: &&String| {
        let word = |word: &str| POLICY_WORDS.contains(&word);
        POLICY.contains(&token.as_str()) || token.split('_').any(word)
    };
    let names = source.tokens.iter().filter(is_policy);
    let numbers = source.tokens.iter().filter(|token| {
        let number = token.replace('_', "").parse();
        number.is_ok_and(|number: u64| TELLING_NUMBERS.contains(&number))
    });
    names
        .chain(numbers)
        .map(|token| format!("names {token}"))
        .collect()
}

pub fn one_timer(source: &Source) -> Vec<String> {
    if source.path == TIMER {
        return Vec::new();
    }
    let tokens = source.tokens.iter().enumerate();
    let named = tokens.filter(|(_, token)| TIMER_WORDS.contains(&token.as_str()));
    let used = named.filter(|(at, _)| {
        let before = at.checked_sub(1).and_then(|at| source.tokens.get(at));
        let is_bound = before.is_some_and(|token| token == "fn" || token == "=");
        !(is_bound && source.path == BINDINGS)
    });
    used.map(|(_, name)| format!("names {name}")).collect()
}

/// What runs user code must hold no borrow; where few lines borrow, that can be read.
pub fn borrows_in_one_place(source: &Source) -> Vec<String> {
    if !source.is_in("src/web/") || BORROWERS.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let calls = ["borrow", "borrow_mut"].into_iter();
    calls
        .filter(|call| source.finds(&[".", call, "("]))
        .map(|call| format!("calls {call}"))
        .collect()
}

pub fn fits_in_the_head(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    match lines > MOST_LINES {
        true => vec![format!("has {lines} lines, {MOST_LINES} at most")],
        false => Vec::new(),
    }
}

/// Every `allow` and `expect` of a lint carries a reason.
pub fn exceptions_say_why(source: &Source) -> Vec<String> {
    let file = syn::parse_file(&source.text).unwrap();
    let mut exceptions = Exceptions(Vec::new());
    exceptions.visit_file(&file);
    exceptions.0
}

struct Exceptions(Vec<String>);

impl<'a> Visit<'a> for Exceptions {
    fn visit_attribute(&mut self, attribute: &'a syn::Attribute) {
        let path = attribute.path();
        if path.is_ident("allow") || path.is_ident("expect") || path.is_ident("cfg_attr") {
            let text = quote::ToTokens::to_token_stream(&attribute.meta).to_string();
            let lifts = text.contains("allow (") || text.contains("expect (");
            if lifts && !text.contains("reason =") {
                self.0.push(format!("{text} says no reason"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shows;

    #[test]
    fn an_impure_engine_is_seen() {
        let path = "src/proto/retry.rs";
        for bad in [
            "use std::time::Instant;",
            "use std::collections::HashMap;",
            "fn f() { std::thread::yield_now() }",
            "fn f() { js_sys::Date::now(); }",
            "async fn f() {}",
            "macro_rules! m { () => { println!() } }",
        ] {
            shows(engine_is_pure, path, bad, "use core::time::Duration;");
        }
    }

    #[test]
    fn an_engine_that_calls_back_is_seen() {
        let path = "src/proto/requests.rs";
        let good = "pub struct S; impl S { fn take(&self, is_over: impl Fn(u8) -> bool) {} pub fn f(&self) {} }";
        for bad in [
            "pub struct S; impl S { pub fn each(&self, f: impl FnMut(u8)) {} }",
            "struct S(Box<dyn Iterator<Item = u8>>);",
        ] {
            shows(engine_calls_nobody, path, bad, good);
        }
    }

    #[test]
    fn json_outside_of_its_place_is_seen() {
        let bad = r##"const A: &str = r#"{"type":"x"}"#;"##;
        shows(
            json_in_one_place,
            "src/proto/auth.rs",
            bad,
            "const A: &str = \"type\";",
        );
        shows(
            json_in_one_place,
            "src/proto/auth.rs",
            r#"const A: &str = "{\"type\":1}";"#,
            "fn f() {}",
        );
    }

    #[test]
    fn policy_in_the_driver_is_seen() {
        let path = "src/web/driver.rs";
        for bad in [
            "fn f(code: u16) -> bool { code == 4401 }",
            "const WAIT: u64 = 1_500;",
            "fn next_retry() {}",
            "use core::time::Duration;",
        ] {
            shows(
                driver_has_no_policy,
                path,
                bad,
                "const LONGEST: u64 = 0x7fff_ffff;",
            );
        }
    }

    #[test]
    fn a_second_timer_is_seen() {
        let bad = "use gloo_timers::callback::Timeout;";
        shows(
            one_timer,
            "src/web/driver.rs",
            bad,
            "use super::timer::Timer;",
        );
        shows(one_timer, "src/client.rs", bad, "fn f() {}");
        assert!(one_timer(&Source::parse(TIMER, bad)).is_empty());
        let binds =
            "extern \"C\" { #[wasm_bindgen(js_name = setTimeout)] fn set_timeout(ms: f64); }";
        shows(one_timer, BINDINGS, "fn f() { set_timeout(1.0) }", binds);
    }

    #[test]
    fn a_borrow_elsewhere_is_seen() {
        let bad = "fn f(c: &RefCell<u8>) { c.borrow_mut(); }";
        shows(
            borrows_in_one_place,
            "src/web/page.rs",
            bad,
            "use std::borrow::Cow;",
        );
        assert!(borrows_in_one_place(&Source::parse(BORROWERS[0], bad)).is_empty());
    }

    #[test]
    fn a_long_file_is_seen() {
        let lines = |count| "// line\n".repeat(count);
        shows(fits_in_the_head, "src/a.rs", &lines(451), &lines(450));
    }

    #[test]
    fn an_exception_without_a_reason_is_seen() {
        let path = "src/a.rs";
        let good = "#[allow(dead_code, reason = \"why\")] fn f() {}";
        shows(
            exceptions_say_why,
            path,
            "#[allow(dead_code)] fn f() {}",
            good,
        );
        shows(exceptions_say_why, path, "#![expect(dead_code)]", good);
        let bad = "#[cfg(test)] mod tests { #[allow(dead_code)] fn f() {} }";
        shows(exceptions_say_why, path, bad, good);
    }
}
