//! The rules of this code base that a compiler does not check. ARCHITECTURE.md
//! gives their reasons; each finding below names its file and line.

mod fuzz;
mod pages;
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sys::fs;
use sys::proc::Cmd;

const FILE_LINES_MAX: usize = 400;
const MAIN_LINES_MAX: usize = 60;
/// Files that are tables rather than code, and so may be longer.
const LONG_FILES: &[&str] = &[];

/// A file of the project: its path from the root, with `/`, and its text.
struct SourceFile {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every text file that is or would be committed.
fn files() -> Vec<SourceFile> {
    let listed = Cmd::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .dir(&root())
        .run(Duration::from_secs(60));
    let paths: Vec<String> = match listed {
        Ok(listed) if listed.ok() => listed.stdout.split('\0').map(str::to_owned).collect(),
        // Unpacked from an archive, or a machine without git.
        _ => walk(&root(), ""),
    };
    let paths: BTreeSet<String> = paths.into_iter().filter(|path| !path.is_empty()).collect();
    let texts = paths.into_iter().filter_map(|path| {
        // Not text, or deleted and not committed yet: nothing to check.
        let text = fs::read_text(&root().join(&path)).ok()?;
        Some(SourceFile { path, text })
    });
    texts.collect()
}

fn walk(folder: &Path, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in fs::names(folder).unwrap() {
        let path = format!("{prefix}{name}");
        let skipped = [".git", ".local", ".env", "target", "backups"].contains(&name.as_str());
        if folder.join(&name).is_dir() {
            if !skipped {
                found.extend(walk(&folder.join(&name), &format!("{path}/")));
            }
        } else if !skipped {
            found.push(path);
        }
    }
    found
}

fn rust_files() -> Vec<SourceFile> {
    let mut files = files();
    files.retain(|file| file.path.ends_with(".rs"));
    assert!(files.len() > 20, "only {} Rust files were found", files.len());
    files
}

fn assert_none(findings: &[String], rule: &str) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}

#[test]
fn every_file_says_what_it_is_for() {
    let findings: Vec<String> = rust_files()
        .iter()
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| file.path.clone())
        .collect();
    assert_none(&findings, "these files do not begin with a `//!` comment");
}

#[test]
fn files_are_short() {
    let mut findings = Vec::new();
    for file in rust_files() {
        let lines = file.text.lines().count();
        let max = if file.path == "xtask/src/main.rs" { MAIN_LINES_MAX } else { FILE_LINES_MAX };
        if lines > max && !LONG_FILES.contains(&file.path.as_str()) {
            findings.push(format!("{}: {lines} lines, at most {max}", file.path));
        }
    }
    assert_none(&findings, "split these by what they do");
}

#[test]
fn nothing_unfinished_is_left() {
    let note = ["FIX", "ME"].concat();
    let mut findings = Vec::new();
    for file in rust_files() {
        for (number, line) in file.text.lines().enumerate() {
            if line.contains(&note) {
                findings.push(format!("{}:{}: {note}", file.path, number + 1));
            }
        }
    }
    assert_none(&findings, "finish these or open an issue");
}

#[test]
fn every_file_is_part_of_a_crate() {
    let files = rust_files();
    let text_of = |path: &str| files.iter().find(|file| file.path == path).map(|file| &file.text);
    let mut findings = Vec::new();
    for file in &files {
        let Some(parents) = parents_of(&file.path) else { continue };
        let (name, candidates) = parents;
        let declared = candidates.iter().filter_map(|path| text_of(path)).any(|text| {
            text.match_indices(&format!("mod {name}"))
                .any(|(at, found)| text[at + found.len()..].trim_start().starts_with(';'))
        });
        // `#[path = "other.rs"]` in a file beside it.
        let (folder, own_name) = file.path.rsplit_once('/').unwrap();
        let attribute = format!("path = \"{own_name}\"");
        let attached = files.iter().any(|other| {
            other.path.rsplit_once('/').is_some_and(|(beside, _)| beside == folder)
                && other.text.contains(&attribute)
        });
        if !declared && !attached {
            findings.push(format!("{}: no `mod {name};` in {candidates:?}", file.path));
        }
    }
    assert_none(&findings, "these files are compiled by nobody");
}

/// The module's name and the files that may declare it; `None` for crate roots.
fn parents_of(path: &str) -> Option<(String, Vec<String>)> {
    let (folder, file) = path.rsplit_once('/')?;
    let stem = file.strip_suffix(".rs")?;
    let is_root = ["src", "bin", "tests", "benches", "examples", "fuzz_targets"]
        .iter()
        .any(|root| folder == *root || folder.ends_with(&format!("/{root}")));
    let (_, folder_name) = folder.rsplit_once('/')?;
    if ["main", "lib", "build"].contains(&stem) || (is_root && folder_name != "src") {
        return None;
    }
    let (name, place) = if stem == "mod" {
        let (above, name) = folder.rsplit_once('/')?;
        (name.to_owned(), above.to_owned())
    } else {
        (stem.to_owned(), folder.to_owned())
    };
    let mut candidates: Vec<String> =
        ["mod.rs", "main.rs", "lib.rs"].iter().map(|file| format!("{place}/{file}")).collect();
    // Test modules may keep helpers in a folder beside them.
    candidates.push(format!("{place}.rs"));
    Some((name, candidates))
}

#[test]
fn pages_have_one_title() {
    let mut findings = Vec::new();
    for file in files().iter().filter(|file| file.path.ends_with(".md")) {
        let mut fenced = false;
        let mut titles = 0;
        for line in file.text.lines() {
            if line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~") {
                fenced = !fenced;
            } else if !fenced && line.starts_with("# ") {
                titles += 1;
            }
        }
        if titles != 1 {
            findings.push(format!("{}: {titles} titles", file.path));
        }
    }
    assert_none(&findings, "a page has exactly one `# ` title");
}

/// Words that would tie the project to one machine, put together here so that
/// this file does not hold them itself.
fn foreign_words() -> Vec<String> {
    let folders = [["/wo", "rk/"], ["/tm", "p/"], ["/ro", "ot/"]];
    let hosts = [
        ["deb.deb", "ian.org"],
        ["snapshot.deb", "ian.org"],
        ["registry-1.doc", "ker.io"],
        ["index.doc", "ker.io"],
        ["ghcr", ".io/"],
        ["quay", ".io/"],
        ["gcr", ".io/"],
        ["index.cra", "tes.io"],
        ["static.cra", "tes.io"],
        ["registry.np", "mjs.org"],
        ["proxy.go", "lang.org"],
    ];
    folders.iter().chain(&hosts).map(|parts| parts.concat()).collect()
}

#[test]
fn nothing_belongs_to_one_machine() {
    let words = foreign_words();
    let mut findings = Vec::new();
    for file in files().iter().filter(|file| file.path != "Cargo.lock") {
        for (number, line) in file.text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(*word)) {
                findings.push(format!("{}:{}: {word}", file.path, number + 1));
            }
        }
    }
    assert_none(&findings, "paths and hosts of one machine do not belong here");
}

#[test]
fn no_secret_is_committed() {
    let marks = [
        ["PRIVATE ", "KEY-----"].concat(),
        ["AGE-SECRET", "-KEY-1"].concat(),
        ["gh", "p_"].concat(),
        ["github", "_pat_"].concat(),
        ["AK", "IA"].concat(),
        ["xox", "b-"].concat(),
    ];
    let mut findings = Vec::new();
    for file in files().iter().filter(|file| file.path != "Cargo.lock") {
        if file.path == ".env" || file.path.ends_with("/.env") {
            findings.push(format!("{}: is not to be committed", file.path));
        }
        for (number, line) in file.text.lines().enumerate() {
            for mark in marks.iter().filter(|mark| line.contains(*mark)) {
                findings.push(format!("{}:{}: {mark}…", file.path, number + 1));
            }
        }
    }
    assert_none(&findings, "these look like secrets");
}
