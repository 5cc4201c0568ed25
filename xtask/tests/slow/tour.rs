//! docs/tour.md and docs/bad-night.md show what the commands really print: each is run here,
//! one page after the other, in a fresh checkout with a server of its own. `UPDATE_TOUR=1`
//! writes what they print into the pages.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sys::proc::Cmd;
use sys::{env, fs};

use crate::first_day::Checkout;
use crate::support::{Server, alone, require};

const DEADLINE: Duration = Duration::from_secs(1200);
/// Where the page's reader is.
const ROOT: &str = "/home/you/streamflix";
const HOME: &str = "/home/you/.config";
/// Where nothing answers, whatever runs on this machine.
const NO_API: &str = "http://localhost:1";

/// A line of the page.
enum Piece {
    /// Text, and the lines around a block.
    Text(String),
    /// A command as a shell gets it, as the page shows it, and what it prints.
    Command { typed: String, shown: String, output: String },
}

/// The page, with the commands of its `console` blocks. A line `> ` goes on with a command.
fn pieces(page: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut fenced = false;
    for line in page.lines() {
        let ends = fenced && line == "```";
        match pieces.last_mut() {
            _ if !fenced || ends => {
                fenced = !ends && line == "```console";
                pieces.push(Piece::Text(format!("{line}\n")));
            }
            Some(Piece::Command { typed, shown, output })
                if line.starts_with("> ") && output.is_empty() =>
            {
                *typed += &format!("\n{}", &line[2..]);
                *shown += &format!("{line}\n");
            }
            _ if line.starts_with("$ ") => pieces.push(Piece::Command {
                typed: line[2..].to_owned(),
                shown: format!("{line}\n"),
                output: String::new(),
            }),
            Some(Piece::Command { output, .. }) => *output += &format!("{line}\n"),
            _ => panic!("output without a command: {line}"),
        }
    }
    pieces
}

/// What is the same on every machine and day; also without the width of columns.
fn redacted(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !is_how_far(line));
    lines.map(|line| words(line).join(" ")).filter(|line| !line.is_empty()).collect()
}

/// One of the lines that a slower machine prints more of.
fn is_how_far(line: &str) -> bool {
    line.starts_with("  ") && line.ends_with(" so far")
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn words(line: &str) -> Vec<String> {
    const UNITS: [&str; 14] = [
        "ms", "s", "min", "h", "bytes", "B", "KiB", "MiB", "GiB", "second", "seconds", "minute",
        "minutes", "ago",
    ];
    let bare = |word: &str| word.trim_matches(|c: char| ",.;:()".contains(c)).to_owned();
    let line = line.replace("just now", "0 s");
    let mut rest = line.split_whitespace().peekable();
    let mut words: Vec<String> = Vec::new();
    while let Some(word) = rest.next() {
        let number = bare(word).replace(',', "").parse::<f64>().is_ok();
        let day = number && rest.peek().is_some_and(|next| MONTHS.contains(next));
        if day {
            rest.next();
        }
        let measure = number && rest.peek().is_some_and(|next| UNITS.contains(&&*bare(next)));
        if measure {
            rest.next();
        }
        let clock = chrono::NaiveTime::parse_from_str(&bare(word), "%H:%M").is_ok();
        let of_a_time = day || clock || measure || UNITS.contains(&word);
        if !of_a_time {
            words.push(without_moment(word));
        } else if words.last().is_none_or(|last| last != "#") {
            // `3 min 00 s` and `2 minutes ago` are one time.
            words.push("#".to_owned());
        }
    }
    words
}

/// A word with `#` in place of dates, labels' times, versions and hashes.
fn without_moment(word: &str) -> String {
    let is_hash = |part: &str| part.len() >= 16 && part.chars().all(|c| c.is_ascii_hexdigit());
    let parts = word.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    let mut text = String::new();
    for part in parts {
        let bare = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let end = &part[bare.len()..];
        let moment = bare.len() >= 6 && bare.chars().all(|c| c.is_ascii_digit());
        text += if is_hash(bare) || moment { "#" } else { bare };
        text += end;
    }
    let dotted = |c: char| word.matches(c).count() >= 2;
    let begins = word.starts_with(|c: char| c.is_ascii_digit());
    if begins && (dotted('.') || dotted('-') || dotted(':')) { "#".to_owned() } else { text }
}

/// Whether the output is what the page shows. A line `…` of the page stands for any lines.
fn agrees(shown: &[String], printed: &[String]) -> bool {
    match shown {
        [] => printed.is_empty(),
        [line, rest @ ..] if line == "…" => {
            (0..=printed.len()).any(|skipped| agrees(rest, &printed[skipped..]))
        }
        [line, rest @ ..] => printed.first() == Some(line) && agrees(rest, &printed[1..]),
    }
}

/// What a command prints, on both streams, in the checkout; paths are those of the page.
fn run(checkout: &Checkout, typed: &str) -> String {
    let script = format!("exec 2>&1\n{}", typed.replace("cargo xtask", "\"$XTASK\""));
    let mut command = Cmd::new("sh")
        .args(["-c", &script])
        .dir(checkout.root())
        .env("XTASK", env!("CARGO_BIN_EXE_xtask"))
        // Lines of what is compiled on the way differ from run to run.
        .env("CARGO_TERM_QUIET", "true");
    for (name, value) in checkout.environment() {
        command = command.env(&name, value);
    }
    let finished = command.run(DEADLINE).unwrap();
    let root = fs::whole_path(checkout.root());
    let paths = [(root.as_path(), ROOT), (checkout.root(), ROOT), (checkout.home(), HOME)];
    let text = finished.stdout.replace(NO_API, "http://localhost:3000");
    // The shell's own word for a killed program comes before or after what a pipe holds back.
    let of_the_shell = |line: &&str| !matches!(line.trim(), "Aborted" | "Aborted (core dumped)");
    let text: String = text.split_inclusive('\n').filter(of_the_shell).collect();
    paths.iter().fold(text, |text, (from, to)| text.replace(from.to_str().unwrap(), to))
}

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs").join(name)
}

#[test]
fn the_tour_is_what_the_commands_print() {
    let Some(_) = require(Server::Mariadb) else { return };
    let _alone = alone();
    let update = env::var("UPDATE_TOUR").is_some();
    let checkout =
        Checkout::new(&[("DB_REACH", "local".to_owned()), ("API_URL", NO_API.to_owned())]);
    let mut findings = Vec::new();
    for name in ["tour.md", "bad-night.md"] {
        let text = walk(&checkout, name, &mut findings);
        if update {
            fs::write_shared(&page(name), text.as_bytes()).unwrap();
        }
    }
    let hint = "UPDATE_TOUR=1 writes the pages";
    assert!(update || findings.is_empty(), "stale ({hint}):\n{}", findings.join("\n"));
}

/// Runs a page's commands; gives it as it should be, and what differs.
fn walk(checkout: &Checkout, name: &str, findings: &mut Vec<String>) -> String {
    let mut text = String::new();
    for piece in pieces(&fs::read_text(&page(name)).unwrap()) {
        let Piece::Command { typed, shown, output } = piece else {
            let Piece::Text(line) = piece else { continue };
            text += &line;
            continue;
        };
        let printed = run(checkout, &typed);
        let same = agrees(&redacted(&output), &redacted(&printed));
        if !same {
            let both = format!("--- docs/{name}\n{output}--- printed\n{printed}");
            findings.push(format!("$ {typed}\n{both}"));
        }
        text += &shown;
        text += if same { &output } else { &printed };
    }
    text
}

#[test]
fn what_varies_is_redacted() {
    let same = |a: &str, b: &str| assert_eq!(redacted(a), redacted(b));
    same(
        "as mydb_backup_20261122_163026 (21 tables)",
        "as mydb_backup_20300101_000000 (21 tables)",
    );
    same("equal, in 97 ms", "equal, in 1.2 s");
    same(" verified 4 minutes ago", " verified just now");
    same("| in 3 min 00 s.", "| in 7 ms.");
    same("MariaDB 10.11.19 in", "MariaDB 11.4.2 in");
    same("sha-256  000e11cef5ee6c4a0b75", "sha-256 111e11cef5ee6c4a0b75");
    same("(545 KiB, 7 ms)", "(1.5 MiB, 10 ms)");
    same("a\n  2/5 load: 41 MiB, 10 s so far\nb", "a\nb");
    assert_ne!(redacted("21 tables"), redacted("20 tables"));
    assert_ne!(redacted("10,155 rows"), redacted("10,156 rows"));
    assert!(agrees(&redacted("a\n…\nd"), &redacted("a\nb\nc\nd")));
    assert!(!agrees(&redacted("a\n…\nd"), &redacted("a\nb")));
}
