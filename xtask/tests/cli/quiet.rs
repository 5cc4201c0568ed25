//! With `--quiet`, a command that was run to do something says nothing when that went well;
//! one that was run to print something prints it.

use crate::backups::{backup_of, proven};
use crate::project::Project;

/// What is run, and whether its text is what it was run for.
fn all(label: &str) -> Vec<(Vec<&str>, bool)> {
    let acts: [&[&str]; 6] = [
        &["db-verify", "--level", "file"],
        &["db-pin", label],
        &["db-pin", label, "--remove"],
        &["db-prune", "--only-here", "--yes"],
        &["db-status", "--offline", "--metrics", "metrics.prom"],
        &["migrate", "new", "add_a_column"],
    ];
    let prints: [&[&str]; 7] = [
        &["db-list"],
        &["db-list", "--json"],
        &["db-show", label],
        &["db-status", "--offline"],
        &["db-verify", "--level", "file", "--json"],
        &["db-keys", "signer"],
        &["--help"],
    ];
    let acts = acts.iter().map(|args| (args.to_vec(), false));
    acts.chain(prints.iter().map(|args| (args.to_vec(), true))).collect()
}

#[test]
fn a_success_says_nothing_but_what_was_asked_for() {
    let project = Project::new();
    let backup = backup_of(&project, 1);
    proven(&project, &backup);
    let label = backup.to_string();
    project.write("api/migrations/20260101000000_first.up.sql", "SELECT 1;\n");
    project.write("api/migrations/20260101000000_first.down.sql", "SELECT 1;\n");
    for (args, printed) in all(&label) {
        let args: Vec<&str> = args.into_iter().chain(["--quiet"]).collect();
        let finished = project.xtask(&args);
        assert_eq!(finished.code, Some(0), "{args:?}: {}{}", finished.stdout, finished.stderr);
        // What could not be looked at is no part of a success.
        let warned = |line: &str| line.starts_with("warning: server was not reached");
        let silent = finished.stderr.lines().all(|line| args[0] == "db-prune" && warned(line));
        assert!(silent, "{args:?}: {}", finished.stderr);
        assert_eq!(!finished.stdout.is_empty(), printed, "{args:?}: {}", finished.stdout);
    }
}

#[test]
fn a_failure_is_as_loud_as_ever() {
    let project = Project::new();
    let finished = project.xtask(&["db-verify", "--level", "file", "--quiet"]);
    assert_eq!(finished.code, Some(40));
    assert!(finished.stderr.starts_with("error: "), "{}", finished.stderr);
}

#[test]
fn a_pipe_has_colour_only_where_that_is_forced_and_json_never() {
    let project = Project::new();
    backup_of(&project, 1);
    let verify = ["db-verify", "--level", "file"];
    let run = |args: &[&str], name: &str, value: &str| {
        let root = project.path().display().to_string();
        let command = project.with_colour(args).env("XTASK_ROOT", root);
        let command = ["NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR"]
            .into_iter()
            .filter(|it| *it != name)
            .fold(command, |command, it| command.env_remove(it));
        command.env(name, value).run(std::time::Duration::from_secs(60)).expect("it runs").stdout
    };
    let green = "\u{1b}[32mpassed\u{1b}[0m";
    assert!(!run(&verify, "TERM", "xterm").contains('\u{1b}'));
    assert!(run(&verify, "CLICOLOR_FORCE", "1").contains(green));
    assert!(run(&verify, "FORCE_COLOR", "1").contains(green));
    assert!(!run(&verify, "FORCE_COLOR", "0").contains('\u{1b}'));
    assert!(
        !run(&["db-verify", "--level", "file", "--json"], "CLICOLOR_FORCE", "1")
            .contains("\\u001b")
    );
}
