//! The workspace's manifest denies what the house denies.

const LINTS: &[&str] = &[
    "unsafe_code = \"forbid\"",
    "missing_docs = \"deny\"",
    "unwrap_used = \"deny\"",
    "expect_used = \"deny\"",
    "indexing_slicing = \"deny\"",
    "panic = \"deny\"",
    "todo = \"deny\"",
    "unimplemented = \"deny\"",
    "wildcard_enum_match_arm = \"deny\"",
];

pub fn missing_lints(manifest: &str) -> Vec<String> {
    let has = |lint: &&&str| !manifest.lines().any(|line| line.trim() == **lint);
    let mut missing: Vec<String> = LINTS
        .iter()
        .filter(has)
        .map(|lint| (*lint).to_owned())
        .collect();
    if !manifest.contains("[lints]\nworkspace = true") {
        missing.push("[lints] workspace = true".to_owned());
    }
    missing
}

#[test]
fn a_missing_lint_is_seen() {
    let all = format!("{}\n[lints]\nworkspace = true\n", LINTS.join("\n"));
    assert!(missing_lints(&all).is_empty());
    assert_eq!(
        missing_lints(&all.replace("panic = \"deny\"\n", "")),
        ["panic = \"deny\""]
    );
    assert_eq!(missing_lints(&LINTS.join("\n")).len(), 1);
}
