//! Shells that complete `cargo xtask …` with the scripts that the program prints.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use sys::proc::{Cmd, Finished};
use sys::{env, fs};

use crate::backups::backup;
use crate::project::Project;

const DEADLINE: Duration = Duration::from_secs(60);

/// A project with two backups, a destination, and a schema that a restore made.
fn project() -> Project {
    let project = Project::new();
    backup(&project, "20261122_101112");
    backup(&project, "20261123_101112");
    project.write("dump-by-hand.sql", "");
    project.write("xtask.toml", "[[destination]]\nname = \"drive\"\nurl = \"/nowhere\"\n");
    project
}

fn script(project: &Project, shell: &str) -> PathBuf {
    let printed = project.command(&["completions", shell]).run(DEADLINE).expect("it runs");
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    assert!(printed.stdout.contains(env!("CARGO_BIN_EXE_xtask")), "{}", printed.stdout);
    let path = project.home().join(format!("completions.{shell}"));
    fs::write_durably(&path, printed.stdout.as_bytes()).expect("the script is written");
    path
}

fn shell(project: &Project, args: &[&str]) -> Finished {
    let command = Cmd::new(args[0]).args(args[1..].iter().copied()).dir(project.path());
    // Where the folder alone says which project is meant.
    let command = command.env_remove("XTASK_ROOT").env_remove("DB_NAME");
    let home = project.home().display().to_string();
    command.env("HOME", home).env("TZ", "UTC").run(DEADLINE).expect("the shell runs")
}

/// Whether a shell is there; says so where it is not. In CI one that is missing is a failure.
#[track_caller]
fn has(program: &str) -> bool {
    let has = Cmd::new(program).args(["--version"]).run(DEADLINE).is_ok_and(|it| it.ok());
    assert!(has || !cfg!(unix) || !env::is_ci(), "CI runs need {program}: it is not installed");
    if !has {
        // Straight to the handle: what goes through println! is hidden when a test passes.
        let said = format!("SKIPPED: {program} is not installed: its completions were not run");
        let _ = writeln!(std::io::stderr(), "{said}");
    }
    has
}

#[track_caller]
fn offers(found: &Finished) -> Vec<String> {
    assert!(found.stderr.is_empty(), "{}", found.stderr);
    // fish adds what a word is.
    let word = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
    found.stdout.lines().map(word).filter(|it| !it.is_empty()).collect()
}

/// What each shell offers for a line.
const LINES: [(&str, &[&str]); 7] = [
    ("cargo xtask db-resto", &["db-restore"]),
    (
        "cargo xtask db-restore mydb_",
        &["mydb_backup_20261123_101112", "mydb_backup_20261122_101112"],
    ),
    ("cargo xtask db-pin la", &["latest", "latest~1"]),
    ("cargo xtask db-list --from d", &["drive"]),
    ("cargo xtask db-restore latest --table f", &["film"]),
    ("cargo xtask db-restore dump-", &["dump-by-hand.sql"]),
    ("cargo xtask db-verify --level ", &["file", "restore"]),
];

#[cfg(unix)]
#[test]
fn bash_completes_with_labels() {
    let project = project();
    let script = script(&project, "bash");
    let offered = |line: &str, before: &str| {
        let text = format!(
            "{before}\nsource '{}'\nCOMP_LINE='{line}'\nCOMP_POINT=${{#COMP_LINE}}\n\
             _streamflix_cargo cargo\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            script.display()
        );
        offers(&shell(&project, &["bash", "--norc", "-u", "-c", &text]))
    };
    for (line, expected) in LINES {
        assert_eq!(offered(line, ""), expected, "{line}");
    }
    // Bash cuts words at `:` and `=`, and would put the front in twice.
    assert_eq!(offered("cargo xtask db-show before", ""), ["before:"]);
    assert_eq!(offered("cargo xtask db-list --from=d", ""), ["drive"]);
    // cargo's own completion goes on working, and knows `xtask`.
    let own = "_cargo() { COMPREPLY=(build bench); }; complete -F _cargo cargo";
    assert_eq!(offered("cargo b", own), ["build", "bench"]);
    assert_eq!(offered("cargo x", own), ["build", "bench", "xtask"]);
    assert_eq!(offered("cargo xtask db-resto", own), ["db-restore"]);
    assert_eq!(offered("cargo build x", own), ["build", "bench"]);
    // One that is loaded when it is first asked for.
    let lazy = "_comp_load() { _late() { COMPREPLY=(late); }; complete -F _late cargo; }";
    assert_eq!(offered("cargo b", lazy), ["late"]);
    assert_eq!(offered("cargo b", ""), Vec::<String>::new());
}

#[test]
fn fish_completes_with_labels() {
    if !has("fish") {
        return;
    }
    let project = project();
    let script = script(&project, "fish");
    for (line, expected) in LINES {
        let text = format!("source '{}'; complete -C '{line}'", script.display());
        let found = offers(&shell(&project, &["fish", "--no-config", "-c", &text]));
        let mut expected: Vec<&str> = expected.to_vec();
        let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn zsh_completes_with_labels() {
    if !has("zsh") {
        return;
    }
    let project = project();
    let script = script(&project, "zsh");
    for (line, expected) in LINES {
        // Its own helpers run at a prompt only: these say what they would be told.
        let text = format!(
            "compdef() {{ }}; _files() {{ }}; _describe() {{ print -rl -- \"${{(@P)3}}\" }}\n\
             source '{}'\nwords=(${{(z)${{:-'{line}'}}}})\n[[ '{line}' == *' ' ]] && words+=('')\n\
             CURRENT=${{#words}}; _streamflix_cargo\n",
            script.display()
        );
        let found = offers(&shell(&project, &["zsh", "-f", "-c", &text]));
        let found: Vec<&str> =
            found.iter().map(|it| it.split(':').next().unwrap_or_default()).collect();
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn the_script_of_powershell_is_printed() {
    let project = Project::new();
    let text = fs::read_text(&script(&project, "powershell")).expect("the script");
    assert!(text.contains("Register-ArgumentCompleter -Native -CommandName cargo, xtask"));
    assert!(!text.contains("@PROGRAMS@"));
}

#[test]
fn nothing_is_said_where_there_is_nothing_to_offer() {
    let project = Project::new();
    project.write("xtask.toml", "this is no TOML");
    for args in [
        &["__complete", "db-restore", "mydb"][..],
        &["__complete", "no-command", ""],
        &["__complete"],
        &["__complete", "db-list", "--from", ""],
    ] {
        let asked = project.command(args).run(DEADLINE).expect("it runs");
        assert_eq!((asked.code, asked.stderr.as_str()), (Some(0), ""), "{args:?}");
    }
    let asked = project.command(&["__complete", "db-l"]).run(DEADLINE).expect("it runs");
    assert_eq!(asked.stdout, "db-list\tList the backups\n");
    assert!(!project.backups().exists(), "asking made a backups folder");
}
