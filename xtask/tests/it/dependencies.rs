//! What the workspace depends on: licences, sources and generations, as `deny.toml` has
//! them. `cargo deny` reads the same file, and knows the advisories besides; this test
//! needs no network and no other program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use sys::proc::Cmd;
use sys::{env, fs};

/// Versions before a release that are there, and why no release does.
const PRE_RELEASES: &[(&str, &str)] =
    &[("kem", "ml-kem 0.2, with which age seals against quantum computers, asks for it")];

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
    skip: Vec<Skipped>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    deny_multiple_versions: bool,
}

#[derive(Deserialize)]
struct Skipped {
    /// `name@version`, the version as short as it may be.
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn deny() -> Deny {
    toml::from_str(&fs::read_text(&root().join("deny.toml")).unwrap()).unwrap()
}

/// Every package of this machine's build, and the workspace's own.
fn packages() -> Vec<Package> {
    let deadline = Duration::from_secs(300);
    let rustc = Cmd::new("rustc").arg("-vV").dir(&root()).read(deadline).unwrap();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    // Other systems' packages need not be on this machine.
    let cargo = env::var("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let metadata = Cmd::new(cargo)
        .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", host])
        .dir(&root())
        .read(deadline)
        .unwrap();
    let packages = serde_json::from_str::<Metadata>(&metadata).unwrap().packages;
    assert!(packages.len() > 100, "only {} packages were found", packages.len());
    packages
}

/// Whether a licence expression can be met with what is allowed. `/` is an old `OR`.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any(&mut rest, allowed) && rest.is_empty()
}

fn any(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut met = all(rest, allowed);
    while let ["OR", after @ ..] = *rest {
        *rest = after;
        met |= all(rest, allowed);
    }
    met
}

fn all(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut met = one(rest, allowed);
    while let ["AND", after @ ..] = *rest {
        *rest = after;
        met &= one(rest, allowed);
    }
    met
}

fn one(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    match *rest {
        ["(", after @ ..] => {
            *rest = after;
            let met = any(rest, allowed);
            let [")", after @ ..] = *rest else { return false };
            *rest = after;
            met
        }
        [name, "WITH", exception, after @ ..] => {
            *rest = after;
            allowed.contains(&format!("{name} WITH {exception}"))
        }
        [name, after @ ..] => {
            *rest = after;
            allowed.contains(*name)
        }
        [] => false,
    }
}

#[test]
fn licences_and_sources_are_allowed() {
    let allowed: BTreeSet<String> = deny().licenses.allow.into_iter().collect();
    let mut findings = Vec::new();
    for Package { name, version, license, source } in packages() {
        let license = license.unwrap_or_else(|| "none".to_owned());
        if !is_met(&license, &allowed) {
            findings.push(format!("{name} {version} is under {license}"));
        }
        let registry =
            |source: &str| source.starts_with("registry+") && source.ends_with("/crates.io-index");
        if source.as_deref().is_some_and(|source| !registry(source)) {
            findings.push(format!("{name} {version} is from {}", source.unwrap_or_default()));
        }
    }
    assert!(findings.is_empty(), "deny.toml does not allow:\n  {}", findings.join("\n  "));
}

#[test]
fn what_decides_over_secrets_has_one_generation() {
    let Bans { deny, skip } = deny().bans;
    let reasons: BTreeMap<&str, &str> =
        skip.iter().map(|it| (it.name.as_str(), it.reason.as_str())).collect();
    let mut generations: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let packages = packages();
    for Package { name, version, .. } in &packages {
        let Some(banned) = deny.iter().find(|it| it.name == *name) else { continue };
        assert!(banned.deny_multiple_versions, "{name} is banned by deny.toml");
        let generation = version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
        if !reasons.contains_key(format!("{name}@{generation}").as_str()) {
            generations.entry(name).or_default().insert(generation);
        }
    }
    for (name, own) in generations {
        assert_eq!(own.len(), 1, "{name} has the generations {own:?}: name who asks in deny.toml");
    }
    assert!(reasons.values().all(|reason| !reason.is_empty()));
}

#[test]
fn no_version_before_a_release_comes_in_unnoticed() {
    let before = |version: &str| version.split('+').next().unwrap_or(version).contains('-');
    let unnamed: Vec<String> = packages()
        .into_iter()
        .filter(|it| before(&it.version) && !PRE_RELEASES.iter().any(|(name, _)| *name == it.name))
        .map(|it| format!("{} {}", it.name, it.version))
        .collect();
    assert!(unnamed.is_empty(), "not released yet: {unnamed:?}");
}

#[test]
fn licence_expressions_are_understood() {
    let allowed: BTreeSet<String> =
        ["MIT", "Apache-2.0 WITH LLVM-exception", "ISC"].map(str::to_owned).into();
    for met in ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "MIT AND ISC", "MIT AND (GPL-3.0 OR ISC)"] {
        assert!(is_met(met, &allowed), "{met}");
    }
    assert!(is_met("Apache-2.0 WITH LLVM-exception", &allowed));
    for not in ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "", "(MIT", "MIT ISC", "none"] {
        assert!(!is_met(not, &allowed), "{not}");
    }
}
