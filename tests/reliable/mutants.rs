//! Each deliberate bug, and how many schedules it takes to find it.

use std::cell::RefCell;
use std::fmt::Write;
use std::panic::{self, catch_unwind};

use everwire::proto::mutation::{Mutation, activate};

use crate::{FIRST_SEED, SCHEDULES, from_env, search, world};

thread_local! {
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// `EVERWIRE_FROM` leaves out the first ones; `EVERWIRE_TABLE` names the file that the table is written to.
#[test]
#[ignore = "takes minutes: cargo xtask mutations runs it"]
fn every_mutation_is_caught() {
    panic::set_hook(Box::new(|info| {
        let text = info.payload_as_str().unwrap_or_default();
        let line = text
            .lines()
            .find(|line| !line.is_empty())
            .unwrap_or_default();
        MESSAGE.set(line.to_owned());
    }));
    let schedules = from_env("EVERWIRE_SCHEDULES", SCHEDULES);
    let mut table = String::from(HEAD);
    let mut missed = Vec::new();
    let from = from_env("EVERWIRE_FROM", 0) as usize;
    for mutation in &Mutation::ALL[from..] {
        activate(*mutation);
        let name = mutation.name();
        let (caught, by) = match search(FIRST_SEED, schedules) {
            Ok(_) => {
                missed.push(name);
                ("not".to_owned(), String::new())
            }
            Err(number) => {
                let _ = catch_unwind(|| world::run(FIRST_SEED + number));
                ((number + 1).to_string(), MESSAGE.take())
            }
        };
        println!("{name}: {caught}, {by}");
        writeln!(table, "| {name} | {caught} | {} |", by.replace('|', "/")).unwrap();
    }
    let _ = panic::take_hook();
    if let Ok(file) = std::env::var("EVERWIRE_TABLE") {
        std::fs::write(file, table).unwrap();
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

const HEAD: &str = "\
# Mutations

Deliberate bugs in the two halves of everwire.v1, one at a time, and how many schedules the simulation needs to find each.
`cargo xtask mutations` makes this table.

| bug | schedules | what did not hold |
|---|---|---|
";
