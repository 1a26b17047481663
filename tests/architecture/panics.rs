//! Nothing in the library can panic: clippy's lints hold most of it, this what they could be silenced for.

use syn::visit::{self, Visit};
use syn::{ExprIndex, ExprMethodCall, Item, Macro};

use crate::source::Source;

const MACROS: &[&str] = &[
    "panic",
    "unreachable",
    "todo",
    "unimplemented",
    "assert",
    "assert_eq",
    "assert_ne",
];

pub fn nothing_panics(source: &Source) -> Vec<String> {
    let mut panics = Panics(Vec::new());
    for item in &source.file.items {
        panics.visit_item(item);
    }
    panics.0
}

struct Panics(Vec<String>);

impl<'a> Visit<'a> for Panics {
    fn visit_item(&mut self, item: &'a Item) {
        // A constant is computed by the compiler: what fails there never ships.
        if !matches!(item, Item::Const(_)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'a ExprMethodCall) {
        let name = call.method.to_string();
        let panics = match name.as_str() {
            "unwrap" | "unwrap_err" => call.args.is_empty(),
            // A method of one's own may bear the name.
            "expect" | "expect_err" => call.args.iter().any(is_text),
            _ => false,
        };
        if panics {
            self.0.push(format!("calls {name}"));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_index(&mut self, index: &'a ExprIndex) {
        self.0.push("indexes".to_owned());
        visit::visit_expr_index(self, index);
    }

    fn visit_macro(&mut self, called: &'a Macro) {
        let name = called
            .path
            .segments
            .last()
            .map(|name| name.ident.to_string());
        if let Some(name) = name.filter(|name| MACROS.contains(&name.as_str())) {
            self.0.push(format!("calls {name}!"));
        }
        visit::visit_macro(self, called);
    }
}

fn is_text(argument: &syn::Expr) -> bool {
    let syn::Expr::Lit(literal) = argument else {
        return false;
    };
    matches!(literal.lit, syn::Lit::Str(_))
}

#[test]
fn a_panic_is_seen() {
    let good =
        "fn f(v: &[u8], ledger: &Ledger) -> Option<u8> { ledger.expect(7); v.get(0).copied() }";
    for bad in [
        "fn f(v: Option<u8>) -> u8 { v.unwrap() }",
        "fn f(v: Option<u8>) -> u8 { v.expect(\"there\") }",
        "fn f(v: &[u8]) -> u8 { v[0] }",
        "fn f() { unreachable!() }",
        "fn f(a: u8) { assert!(a > 0); }",
        "impl S { fn f(&self) { let g = || panic!(); g() } }",
    ] {
        crate::shows(nothing_panics, "src/a.rs", bad, good);
    }
}
