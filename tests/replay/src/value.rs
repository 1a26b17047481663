//! JSON objects whose fields have to be there.

use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// An object that is being read.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a>(&'a Map<String, Value>);

impl<'a> Object<'a> {
    pub(crate) fn of(value: &'a Value) -> Result<Self> {
        let map = value.as_object();
        map.map(Self).with_context(|| format!("no object: {value}"))
    }

    pub(crate) fn has(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn value(self, name: &str) -> Result<&'a Value> {
        self.0.get(name).with_context(|| format!("no {name}"))
    }

    pub(crate) fn object(self, name: &str) -> Result<Self> {
        Self::of(self.value(name)?)
    }

    pub(crate) fn list(self, name: &str) -> Result<&'a [Value]> {
        let list = self.value(name)?.as_array();
        list.map(Vec::as_slice)
            .with_context(|| format!("{name} is no list"))
    }

    pub(crate) fn word(self, name: &str) -> Result<&'a str> {
        let word = self.value(name)?.as_str();
        word.with_context(|| format!("{name} is no text"))
    }

    pub(crate) fn maybe(self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    pub(crate) fn number(self, name: &str) -> Result<u64> {
        self.maybe(name)
            .with_context(|| format!("{name} is no number"))
    }

    pub(crate) fn small<N: TryFrom<u64>>(self, name: &str) -> Result<N> {
        let number = N::try_from(self.number(name)?).ok();
        number.with_context(|| format!("{name} is too large"))
    }

    pub(crate) fn flag(self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool) == Some(true)
    }

    /// The case that has this name.
    pub(crate) fn one_of<T: Copy>(self, name: &str, cases: &[(&str, T)]) -> Result<T> {
        let word = self.word(name)?;
        let case = cases.iter().find(|(name, _)| *name == word);
        let (_, case) = case.with_context(|| format!("{name} is {word}, which is unknown"))?;
        Ok(*case)
    }
}
