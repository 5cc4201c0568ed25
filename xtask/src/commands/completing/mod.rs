//! `completions`, and the hidden `__complete` that its scripts ask: what can be typed next.
//!
//! It is asked at each press of a key. So it reads files of this machine only, never a server or a
//! destination, checks no signature, prints no error, and gives nothing that a shell would read
//! as more than a word.

use std::ffi::OsString;

use anyhow::Result;
use clap::Command;
use clap_complete::engine::{
    ArgValueCandidates, CompletionCandidate, PathCompleter, ValueCompleter, complete,
};

use ::cli::completions::Shell;
use config::Settings;
use ops::{Ctx, kept};
use store::hints::{self, Hints};
use sys::env;
use ui::{Loudness, Ui};

const ASKED: &str = "__complete";

/// Prints the script of a shell.
pub(crate) fn script(ctx: &Ctx, shell: Shell) -> Result<()> {
    let mut programs = vec![env::this_program()?];
    let copy = kept::program(&ctx.settings);
    if !programs.contains(&copy) {
        programs.push(copy);
    }
    let (text, quoted): (&str, fn(&str) -> String) = match shell {
        Shell::Bash => (include_str!("bash.txt"), in_sh),
        Shell::Zsh => (include_str!("zsh.txt"), in_sh),
        Shell::Fish => (include_str!("fish.txt"), in_fish),
        Shell::Powershell => (include_str!("powershell.txt"), in_powershell),
    };
    let between = if shell == Shell::Powershell { ", " } else { " " };
    let programs: Vec<String> =
        programs.iter().map(|it| quoted(&it.display().to_string())).collect();
    let text = text.replace("@PROGRAMS@", &programs.join(between));
    if ctx.ui.json() {
        let document = serde_json::json!({ "version": 1, "script": text });
        ctx.ui.result(document.to_string());
    } else {
        ctx.ui.result(&text);
    }
    Ok(())
}

fn in_sh(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn in_fish(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

fn in_powershell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Answers a script, if that is what this process was started for.
pub(crate) fn was_asked() -> bool {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_none_or(|first| first != ASKED) {
        return false;
    }
    // What cannot be found out is not offered.
    let lines = candidates(args.collect()).unwrap_or_default();
    if !lines.is_empty() {
        Ui::new(Loudness::Quiet, false).result(&lines);
    }
    true
}

/// A line for each: the word, and after a tab what it is.
fn candidates(words: Vec<OsString>) -> Result<String> {
    let at = words.len();
    let current = words.last().cloned().unwrap_or_default();
    let words: Vec<OsString> = std::iter::once(OsString::from("xtask")).chain(words).collect();
    let folder = env::current_dir()?;
    let found = complete(&mut grammar(), words, at, Some(&folder))?;
    let typed = current.to_string_lossy();
    let mut lines = String::new();
    for one in found.iter().filter(|it| !it.is_hide_set()) {
        let Some(word) = one.get_value().to_str() else { continue };
        if !word.starts_with(&*typed) || !hints::is_word(word) {
            continue;
        }
        let help = one.get_help().map(ToString::to_string).unwrap_or_default();
        let help: String =
            help.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
        lines += &format!("{word}\t{help}\n");
    }
    // A restore takes a file, too.
    if lines.is_empty() && at > 1 && !typed.is_empty() && !typed.starts_with('-') {
        for one in PathCompleter::any().current_dir(folder).complete(&current) {
            let word = one.get_value().to_string_lossy();
            if hints::is_word(&word) {
                lines += &format!("{word}\t\n");
            }
        }
    }
    Ok(lines)
}

/// The grammar, with what this checkout has.
fn grammar() -> Command {
    let labels = ArgValueCandidates::new(|| sources(&hinted()));
    let mut command = ::cli::command();
    for (name, arg) in [
        ("db-restore", "source"),
        ("db-verify", "source"),
        ("db-show", "label"),
        ("db-copy", "label"),
        ("db-pin", "label"),
    ] {
        command = with(command, name, arg, labels.clone());
    }
    let destinations = ArgValueCandidates::new(|| named(destinations(), "destination"));
    for (name, arg) in [
        ("db-restore", "from"),
        ("db-verify", "from"),
        ("db-list", "from"),
        ("db-show", "from"),
        ("db-copy", "to"),
    ] {
        command = with(command, name, arg, destinations.clone());
    }
    let tables = ArgValueCandidates::new(|| named(hinted().tables(), "table"));
    let schemas = ArgValueCandidates::new(|| named(hinted().schemas(), "made by a restore"));
    let targets = ArgValueCandidates::new(|| named(targets(), "deploy target"));
    command = with(command, "db-restore", "table", tables);
    command = with(command, "db-drop", "schema", schemas);
    with(command, "deploy", "target", targets)
}

fn with(command: Command, name: &str, arg: &str, given: ArgValueCandidates) -> Command {
    let arg = arg.to_owned();
    command.mut_subcommand(name, |it| it.mut_arg(arg, |arg| arg.add(given)))
}

fn settings() -> Option<Settings> {
    Settings::load(None).ok()
}

fn hinted() -> Hints {
    settings().map_or_else(Hints::default, |it| Hints::of(&it.backups, &it.schema))
}

/// Labels, and the words that stand for one.
fn sources(hints: &Hints) -> Vec<CompletionCandidate> {
    const WORDS: [(&str, &str); 3] = [
        ("latest", "the newest good backup"),
        ("latest~1", "the one before it"),
        ("before:", "the newest before a moment, such as before:14:00"),
    ];
    let words = WORDS.map(|(word, help)| (word.to_owned(), help.to_owned()));
    let labels = hints.labels.iter().map(|label| {
        let taken = label.time().format("%Y-%m-%d %H:%M:%S");
        (label.to_string(), format!("`{}`, {taken}", label.schema()))
    });
    // The newest comes first, also where the shell would sort.
    let one = |(at, (word, help)): (usize, (String, String))| {
        CompletionCandidate::new(word).help(Some(help.into())).display_order(Some(at))
    };
    words.into_iter().chain(labels).enumerate().map(one).collect()
}

fn named(names: Vec<String>, what: &'static str) -> Vec<CompletionCandidate> {
    names
        .into_iter()
        .map(|name| CompletionCandidate::new(name).help(Some(what.to_owned().into())))
        .collect()
}

fn destinations() -> Vec<String> {
    let known = settings().map(|it| it.policy.destination).unwrap_or_default();
    known.into_iter().map(|it| it.name).collect()
}

fn targets() -> Vec<String> {
    settings().map(|it| it.policy.deploy.targets.into_keys().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_their_shell() {
        assert_eq!(in_sh("/a b/it's"), r"'/a b/it'\''s'");
        assert_eq!(in_fish(r"/a\b/it's"), r"'/a\\b/it\'s'");
        assert_eq!(in_powershell("C:\\it's"), "'C:\\it''s'");
    }

    #[test]
    fn every_argument_that_is_named_is_there() {
        // `mut_arg` makes an argument of a name that is unknown.
        let ids = |command: &Command| {
            let own = |it: &Command| -> Vec<String> {
                let arguments = it.get_arguments().map(|arg| arg.get_id().to_string());
                let mut all: Vec<String> = arguments.collect();
                all.sort();
                all.insert(0, it.get_name().to_owned());
                all
            };
            // A command that is changed moves to the end.
            let mut all: Vec<Vec<String>> = command.get_subcommands().map(own).collect();
            all.sort();
            all
        };
        assert_eq!(ids(&grammar()), ids(&::cli::command()));
    }
}
