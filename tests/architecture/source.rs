//! A source file without its tests and comments, as a flat row of tokens.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Item};

pub struct Source {
    /// From the workspace's root, with forward slashes.
    pub path: String,
    pub text: String,
    /// Identifiers, punctuation, literals and brackets, each by itself. Neither tests, attributes of documentation nor
    /// comments are among them; what stands in macros is.
    pub tokens: Vec<String>,
    pub file: syn::File,
}

impl Source {
    pub fn parse(path: &str, text: &str) -> Self {
        let mut file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        file.items.retain(|item| !is_test(attributes(item)));
        let mut tokens = Vec::new();
        flatten(file.to_token_stream(), &mut tokens);
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens: without_docs(tokens),
            file,
        }
    }

    /// The modules that lead to this file: `["proto", "connection", "queue"]`; none for `lib.rs`.
    pub fn module(&self) -> Vec<&str> {
        let inner = self.path.split_once("src/").map_or("", |(_, inner)| inner);
        let inner = inner.strip_suffix(".rs").unwrap_or(inner);
        let names = inner.split('/');
        names
            .filter(|name| !["lib", "main", "mod"].contains(name))
            .collect()
    }

    pub fn is_in(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }

    /// Where these tokens follow each other.
    pub fn finds(&self, row: &[&str]) -> bool {
        self.tokens.windows(row.len()).any(|tokens| tokens == row)
    }

    pub fn has(&self, token: &str) -> bool {
        self.tokens.iter().any(|found| found == token)
    }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below these folders; a part of the house that does not stand yet has none.
pub fn read_all(folders: &[&str]) -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut paths);
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        Source::parse(&name.replace('\\', "/"), &text)
    };
    paths.iter().map(read).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let text = attribute.meta.to_token_stream().to_string();
        text == "test" || text.replace(' ', "") == "cfg(test)"
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Const(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        _ => &[],
    }
}

fn flatten(stream: TokenStream, tokens: &mut Vec<String>) {
    for tree in stream {
        match tree {
            TokenTree::Group(group) => {
                let text = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Brace => ("{", "}"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                tokens.push(text.0.to_owned());
                flatten(group.stream(), tokens);
                tokens.push(text.1.to_owned());
            }
            // A lifetime is one token, or `'static` would be `static`.
            TokenTree::Ident(name) if tokens.last().is_some_and(|last| last == "'") => {
                tokens.pop();
                tokens.push(format!("'{name}"));
            }
            leaf => tokens.push(leaf.to_string()),
        }
    }
}

/// Leaves out `doc = "…"`: a comment may name what code must not.
fn without_docs(tokens: Vec<String>) -> Vec<String> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        if token == "doc" && rest.peek().is_some_and(|next| next == "=") {
            rest.next();
            rest.next();
        } else {
            kept.push(token);
        }
    }
    kept
}

#[test]
fn tests_and_comments_are_left_out() {
    let source = Source::parse(
        "src/proto/x.rs",
        "/// HashMap\nstruct A; // HashMap\n#[cfg(test)] mod tests { use std::collections::HashMap; }",
    );
    assert!(!source.has("HashMap") && source.has("A"));
    assert_eq!(source.module(), ["proto", "x"]);
}
