//! What the pages say about the code: links and paths lead somewhere, the map of
//! ARCHITECTURE.md is the one that cargo sees, every fault point is explained.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use sys::proc::Cmd;
use sys::{env, fs};

use super::{SourceFile, assert_none, files, root};

/// A page's text without its blocks of code, which are checked by running them.
fn prose(page: &SourceFile) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    page.text.lines().enumerate().filter_map(move |(number, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((number + 1, line))
    })
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn anchors(page: &SourceFile) -> BTreeSet<String> {
    let headings = prose(page).filter(|(_, line)| line.starts_with('#'));
    headings.map(|(_, line)| anchor(line.trim_start_matches('#'))).collect()
}

/// `folder` and the relative `link` put together, with `..` resolved.
fn joined(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn pages() -> Vec<SourceFile> {
    let mut pages = files();
    pages.retain(|file| file.path.ends_with(".md"));
    assert!(pages.len() > 20, "only {} pages were found", pages.len());
    pages
}

#[test]
fn links_lead_somewhere() {
    let pages = pages();
    let mut findings = Vec::new();
    // The changelog tells of pages as they were.
    for page in pages.iter().filter(|page| page.path != "CHANGELOG.md") {
        let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (number, line) in prose(page) {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                if link.contains("://") || link.starts_with("mailto:") {
                    continue;
                }
                let (path, at) = link.split_once('#').unwrap_or((link, ""));
                let path = if path.is_empty() { page.path.clone() } else { joined(folder, path) };
                let target = pages.iter().find(|it| it.path == path);
                let known = target.is_none_or(|it| at.is_empty() || anchors(it).contains(at));
                if !known || !root().join(&path).exists() {
                    findings.push(format!("{}:{number}: {link}", page.path));
                }
            }
        }
    }
    assert_none(&findings, "these links lead nowhere");
}

#[test]
fn paths_that_pages_name_exist() {
    let paths: Vec<String> = files().into_iter().map(|file| file.path).collect();
    let is_there = |name: &str| {
        root().join(name).exists() || paths.iter().any(|path| path.ends_with(&format!("/{name}")))
    };
    let mut findings = Vec::new();
    for page in pages().iter().filter(|page| page.path != "CHANGELOG.md") {
        for (number, line) in prose(page) {
            for name in line.split('`').skip(1).step_by(2) {
                let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c));
                let ours = ["xtask/", "api/", "docs/"].iter().any(|top| name.starts_with(top));
                if plain && (ours || name.ends_with(".rs")) && !is_there(name) {
                    findings.push(format!("{}:{number}: {name}", page.path));
                }
            }
        }
    }
    assert_none(&findings, "these files are not there");
}

/// What servers say, so that no file of ours holds it.
const SERVERS_WORDS: [&str; 2] = ["Table definition has changed", "Lock wait timeout exceeded"];

/// Three words in a row that no name or number interrupts.
fn word_runs(message: &str) -> Vec<String> {
    let outside: String = message.split('`').step_by(2).collect::<Vec<_>>().join(" … ");
    let words: Vec<&str> = outside.split_whitespace().collect();
    let plain = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || "'-".contains(c));
    let runs = words.windows(3).filter(|run| run.iter().all(plain));
    runs.map(|run| run.join(" ")).collect()
}

#[test]
fn messages_of_the_troubleshooting_page_are_those_of_the_code() {
    let product = |path: &str| path.ends_with(".rs") && !path.contains("/tests/");
    let code: String =
        files().into_iter().filter(|it| product(&it.path)).map(|it| it.text).collect();
    // Lines of a text that a backslash goes on with.
    let code = code.split("\\\n").map(str::trim_start).collect::<String>();
    let page = fs::read_text(&root().join("docs/troubleshooting.md")).unwrap();
    let mut stale = Vec::new();
    for message in page.lines().filter_map(|line| line.strip_prefix("> ")) {
        let runs = word_runs(message);
        let known = runs.is_empty() || runs.iter().any(|run| code.contains(run.as_str()));
        if !known && !SERVERS_WORDS.iter().any(|words| message.contains(words)) {
            stale.push(message.to_owned());
        }
    }
    assert_none(&stale, "no message of the code has these words");
}

#[test]
fn each_runbook_names_the_program_that_needs_no_compiler() {
    let kept = ".local/bin/xtask";
    let books = files().into_iter().filter(|file| file.path.starts_with("docs/runbooks/"));
    let without: Vec<String> =
        books.filter(|file| !file.text.contains(kept)).map(|file| file.path).collect();
    assert_none(&without, "does not say what to type when the checkout does not compile");
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev` or `build`; missing for what the program itself needs.
    kind: Option<String>,
}

/// Each crate below `xtask/`, and which of the others it uses.
fn crates() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = env::var("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let metadata = Cmd::new(cargo)
        .args(["metadata", "--locked", "--no-deps", "--format-version", "1"])
        .dir(&root())
        .read(Duration::from_secs(60))
        .unwrap();
    let mut packages = serde_json::from_str::<Metadata>(&metadata).unwrap().packages;
    let tool = root().join("xtask");
    packages.retain(|package| Path::new(&package.manifest_path).starts_with(&tool));
    let names: BTreeSet<String> = packages.iter().map(|package| package.name.clone()).collect();
    let used = |dependencies: Vec<Dependency>| {
        let normal = dependencies.into_iter().filter(|it| it.kind.is_none()).map(|it| it.name);
        normal.filter(|name| names.contains(name)).collect()
    };
    packages.into_iter().map(|it| (it.name, used(it.dependencies))).collect()
}

#[test]
fn the_map_is_the_one_that_cargo_sees() {
    let text = fs::read_text(&root().join("ARCHITECTURE.md")).unwrap();
    let (_, map) = text.split_once("| crate |").expect("a table of crates");
    let quoted = |cell: &str| -> BTreeSet<String> {
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let mut told = BTreeMap::new();
    for row in map.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [name, _, uses] = cells[..] else { panic!("three columns: {row}") };
        told.extend(quoted(name).into_iter().map(|name| (name, quoted(uses))));
    }
    assert_eq!(told, crates(), "left: the map of ARCHITECTURE.md, right: cargo metadata");
}

#[test]
fn every_fault_point_is_explained() {
    let text = fs::read_text(&root().join("docs/faults.md")).unwrap();
    let missing: Vec<String> = sys::fault::POINTS
        .iter()
        .filter(|name| !text.contains(&format!("`{name}`")))
        .map(|name| (*name).to_owned())
        .collect();
    assert_none(&missing, "docs/faults.md does not say what a crash leaves at");
}
