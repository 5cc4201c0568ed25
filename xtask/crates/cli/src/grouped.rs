//! The list of commands by task, and what a mistyped one may have meant.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, Error, FromArgMatches};

use super::Cli;

/// Every command, by the task that it is for.
const GROUPS: [(&str, &[&str]); 5] = [
    (
        "Every day",
        &["db-status", "db-list", "db-show", "db-backup", "db-verify", "db-up", "db-down"],
    ),
    ("Before and after a change", &["migrate", "import", "deploy", "hooks"]),
    ("On a bad night", &["db-restore", "doctor", "db-drop"]),
    (
        "Set-up and upkeep",
        &[
            "quickstart",
            "schedule",
            "db-copy",
            "db-prune",
            "db-pin",
            "db-keys",
            "db-report",
            "completions",
        ],
    ),
    ("For the project itself", &["ci", "docs", "bench", "db-seed"]),
];

/// The grammar, with the commands listed by task.
pub fn command() -> Command {
    let command = Cli::command();
    let list = list(&command);
    command.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{list}Options:\n{{options}}{{after-help}}"
    ))
}

fn list(command: &Command) -> String {
    let mut text = String::new();
    for (task, names) in GROUPS {
        text += &format!("{task}:\n");
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            text += &format!("  {name:11}  {about}\n");
        }
        text.push('\n');
    }
    text
}

/// What was typed; ends the process where that is a mistake, or a question for help.
pub fn parse() -> Cli {
    let parsed = command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.unwrap_or_else(|error| helped(error).exit())
}

/// With the commands that a mistyped one may have meant.
fn helped(mut error: Error) -> Error {
    if error.kind() != ErrorKind::InvalidSubcommand
        || error.get(ContextKind::SuggestedSubcommand).is_some()
    {
        return error;
    }
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let near = near(typed);
    if !near.is_empty() {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(near));
    }
    error
}

/// Words that are commands elsewhere, or that people think of first.
const MEANT: [(&str, &str); 8] = [
    ("dump", "db-backup"),
    ("recover", "db-restore"),
    ("rollback", "db-restore"),
    ("undo", "migrate"),
    ("ls", "db-list"),
    ("start", "db-up"),
    ("stop", "db-down"),
    ("setup", "quickstart"),
];

/// At most three, the likeliest first.
fn near(typed: &str) -> Vec<String> {
    let typed = typed.to_lowercase().replace('_', "-");
    let typed = short(&typed);
    let all = || GROUPS.iter().flat_map(|(_, names)| names.iter().copied());
    let distance = |name: &&str| strsim::levenshtein(typed, short(name));
    let known = MEANT.iter().filter(|(word, _)| *word == typed).map(|(_, name)| *name);
    let begun = all().filter(|name| typed.len() >= 2 && short(name).starts_with(typed));
    let mut close: Vec<&str> =
        all().filter(|name| distance(name) <= 2 && distance(name) < short(name).len()).collect();
    close.sort_by_key(distance);
    let mut near: Vec<String> = Vec::new();
    for name in known.chain(begun).chain(close) {
        if !near.iter().any(|it| it == name) {
            near.push(name.to_owned());
        }
    }
    near.truncate(3);
    near
}

/// Without what the commands of the database have in common.
fn short(name: &str) -> &str {
    name.strip_prefix("db-").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group() {
        let mut listed: Vec<&str> =
            GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        listed.sort_unstable();
        let command = Cli::command();
        let mut all: Vec<&str> = command
            .get_subcommands()
            .filter(|it| !it.is_hide_set())
            .map(Command::get_name)
            .collect();
        all.sort_unstable();
        assert_eq!(listed, all);
    }

    #[test]
    fn a_line_of_the_list_fits_a_terminal() {
        for line in list(&Cli::command()).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn a_mistyped_command_gets_a_tip() {
        for (typed, meant) in [
            ("list", "db-list"),
            ("lst", "db-list"),
            ("backup", "db-backup"),
            ("DB_Restore", "db-restore"),
            ("restor", "db-restore"),
            ("status", "db-status"),
            ("ls", "db-list"),
            ("dump", "db-backup"),
        ] {
            let near = near(typed);
            assert!(near.iter().any(|it| it == meant), "{typed}: {near:?}");
        }
        assert_eq!(near("frobnicate"), Vec::<String>::new());
    }
}
