//! Whether what came out is what the vectors say.

use std::collections::BTreeMap;

use serde_json::Value;

/// What `?name`s stand for.
#[derive(Clone, Default)]
pub struct Names(BTreeMap<String, Value>);

impl Names {
    /// Replaces names by their values.
    pub fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::String(name) => self.0.get(name).unwrap_or(value).clone(),
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).collect(),
            Value::Object(fields) => {
                let resolved = fields
                    .iter()
                    .map(|(name, field)| (name.clone(), self.resolve(field)));
                resolved.collect()
            }
            other => other.clone(),
        }
    }

    fn matches(&mut self, expected: &Value, found: &Value) -> bool {
        match expected {
            Value::String(name) if name == "?" => true,
            Value::String(name) if name.starts_with('?') => self.binds(name, found),
            Value::Object(fields) => {
                let found = found.as_object();
                found.is_some_and(|found| {
                    fields.len() == found.len()
                        && fields.iter().all(|(name, field)| {
                            found
                                .get(name)
                                .is_some_and(|found| self.matches(field, found))
                        })
                })
            }
            _ => expected == found,
        }
    }

    fn binds(&mut self, name: &str, found: &Value) -> bool {
        if let Some(bound) = self.0.get(name) {
            return bound == found;
        }
        let is_free = self.0.values().all(|bound| bound != found);
        self.0.insert(name.to_owned(), found.clone());
        is_free
    }
}

/// Complains unless `found` is `expected`, with some of `may` between. Order counts among the items of one socket and
/// among those of one client.
pub fn compare(
    names: &mut Names,
    expected: &[Value],
    may: &[Value],
    found: &[Value],
) -> Result<(), String> {
    let mut expected: Vec<&Value> = expected.iter().collect();
    let mut may: Vec<&Value> = may.iter().collect();
    for item in found {
        let same_place = |other: &&Value| place(other) == place(item);
        let mut tried = names.clone();
        let next = expected.iter().position(same_place);
        if let Some(at) = next.filter(|at| fits(&mut tried, expected[*at], item)) {
            *names = tried;
            expected.remove(at);
            continue;
        }
        let may_be = may
            .iter()
            .position(|other| fits(&mut names.clone(), other, item));
        let Some(at) = may_be else {
            let missing = next.map(|at| expected[at]);
            return Err(format!("{item:.400} came instead of {missing:?}"));
        };
        may.remove(at);
    }
    match expected.first() {
        None => Ok(()),
        Some(missing) => Err(format!("{missing} did not come")),
    }
}

fn place(item: &Value) -> &Value {
    let keys = ["to", "close", "handle"].into_iter();
    keys.filter_map(|key| item.get(key)).next().unwrap()
}

fn fits(names: &mut Names, expected: &Value, found: &Value) -> bool {
    if let Some(socket) = expected.get("close") {
        return found.get("close") == Some(socket) && closes_alike(expected, found);
    }
    let kind = expected["type"].as_str().unwrap();
    if !kind.starts_with('$') {
        return names.matches(expected, found);
    }
    let fields = expected["data"].as_object().into_iter().flatten();
    let same = |key: &str| expected.get(key) == found.get(key);
    same("to")
        && same("type")
        && fields.into_iter().all(|(name, field)| {
            let found = &found["data"][name];
            let is_none = field.is_null() || (name == "errs" && *field == Value::Array(Vec::new()));
            (is_none && found.is_null()) || names.matches(field, found)
        })
}

fn closes_alike(expected: &Value, found: &Value) -> bool {
    let code = match &expected["code"] {
        Value::Array(codes) => codes.contains(&found["code"]),
        code => code == "?" || *code == found["code"],
    };
    let reason = found["reason"].as_str().unwrap();
    code && match &expected["reason"] {
        Value::Null => true,
        Value::String(text) => text == reason,
        json => serde_json::from_str::<Value>(reason).ok().as_ref() == Some(json),
    }
}
