//! `fuzz/` is a workspace of its own that takes all but the tool from the target
//! folder of this one. That works as long as both build the same; where they
//! differ, each run of CI compiles every dependency a second time.

use std::collections::{BTreeMap, BTreeSet};

use sys::fs;

use super::{assert_none, root};

/// The versions of each package in a lock file.
fn versions(path: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_text(&root().join(path)).unwrap();
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines() {
        let value = |key: &str| Some(line.strip_prefix(key)?.trim_matches('"').to_owned());
        if let Some(found) = value("name = ") {
            name = found;
        } else if let Some(version) = value("version = ")
            && !name.is_empty()
        {
            all.entry(name.clone()).or_default().insert(version);
        }
    }
    assert!(all.len() > 20, "{path} is no lock file");
    all
}

/// A manifest's text from a profile on.
fn profile(path: &str) -> String {
    let text = fs::read_text(&root().join(path)).unwrap();
    let at = text.find("[profile.xtask]").unwrap_or_else(|| panic!("{path} has no such profile"));
    text[at..].trim_end().to_owned()
}

#[test]
fn the_fuzz_targets_are_built_from_the_same_crates() {
    let ours = versions("Cargo.lock");
    let mut findings = Vec::new();
    for (name, theirs) in versions("xtask/fuzz/Cargo.lock") {
        let Some(ours) = ours.get(&name) else { continue };
        if !theirs.is_subset(ours) {
            findings.push(format!("{name}: {theirs:?} there, {ours:?} here"));
        }
    }
    assert_none(
        &findings,
        "copy Cargo.lock to fuzz/ and run `cargo tree --manifest-path fuzz/Cargo.toml`",
    );
    let (theirs, ours) = (profile("xtask/fuzz/Cargo.toml"), profile("Cargo.toml"));
    assert!(theirs.starts_with(&ours), "the profile `xtask`:\n{theirs}\n\n{ours}");
}
