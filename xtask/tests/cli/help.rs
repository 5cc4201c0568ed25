//! docs/cli.md is the snapshot of every `--help`: it changes in review when a word does,
//! and here each page is held against what the program prints.

use expect_test::expect;

use crate::project::Project;

/// The pages of docs/cli.md, by command.
fn pages() -> Vec<(String, String)> {
    let root = config::find_root().expect("the workspace");
    let text = sys::fs::read_text(&root.join("docs/cli.md")).expect("the page");
    let mut pages = Vec::new();
    for section in text.replace("\r\n", "\n").split("\n## ").skip(1) {
        for section in format!("# {section}").split("\n### ") {
            let (name, rest) = section.split_once('\n').expect("a heading");
            let (_, rest) = rest.split_once("```text\n").expect("a help page");
            let (help, _) = rest.split_once("\n```").expect("its end");
            pages.push((name.trim_start_matches("# ").to_owned(), help.to_owned()));
        }
    }
    pages
}

/// Without the places where lines end: the page is narrower than a terminal.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn every_help_page_is_that_of_the_documents() {
    let project = Project::new();
    let pages = pages();
    assert!(pages.len() > 30, "docs/cli.md has {} pages", pages.len());
    for (name, page) in pages {
        let mut args: Vec<&str> = name.split(' ').collect();
        args.push("--help");
        let finished = project.xtask(&args);
        assert_eq!(finished.code, Some(0), "{name}: {}", finished.stderr);
        assert_eq!(
            words(&finished.stdout),
            words(&page),
            "`{name} --help` is not what docs/cli.md says: run `cargo xtask docs`"
        );
    }
}

#[test]
fn the_list_of_commands_is_the_pages_list() {
    let finished = Project::new().xtask(&["--help"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    for (name, _) in pages().iter().filter(|(name, _)| !name.contains(' ')) {
        let listed =
            finished.stdout.lines().any(|line| line.split_whitespace().next() == Some(name));
        assert!(listed, "`{name}` is not in\n{}", finished.stdout);
    }
}

#[test]
fn commands_are_listed_by_task() {
    let help = Project::new().xtask(&["--help"]).stdout;
    let (list, _) = help.split_once("\nOptions:\n").expect("the options");
    expect![[r#"
        Database safety for StreamFlix: no change without a backup proven by restoring it

        Usage: cargo xtask [OPTIONS] <COMMAND>

        Every day:
          db-status    Show on one screen how safe the data is
          db-list      List the backups
          db-show      Show what one backup holds and what is known of it
          db-backup    Take a backup
          db-verify    Verify a backup, or check the running database
          db-up        Start the database and wait until it is ready
          db-down      Stop the database that db-up started; never deletes data

        Before and after a change:
          migrate      Apply pending migrations after proving a backup
          import       Load catalogue files after proving a backup
          deploy       Deploy a release; roll it back if it does not answer
          hooks        Make git ask for a proven backup when migrations are pushed

        On a bad night:
          db-restore   Restore a backup, replacing the schema in one step
          doctor       Check what the other commands need, and show how to fix it
          db-drop      Drop a schema that a restore made beside the live one

        Set-up and upkeep:
          quickstart   Set up a running, seeded and backed-up database from nothing
          schedule     Take backups on a schedule with the system's scheduler
          db-copy      Copy a backup to the destinations and read it back
          db-prune     Delete backups that the retention policy no longer keeps
          db-pin       Keep a backup regardless of the retention policy
          db-keys      Create and check the keys for encrypted backups
          db-report    Write an HTML page about backups, proofs, copies and changes
          completions  Print the script that completes these commands in a shell

        For the project itself:
          ci           Run every check and test, and install what they need
          docs         Write the generated pages and man pages, or check the pages
          bench        Benchmark dumps and restores against other programs
          db-seed      Fill the database with generated rows for volume tests
    "#]]
    .assert_eq(list);
}

#[test]
fn a_mistyped_command_gets_a_tip() {
    let project = Project::new();
    for (typed, meant) in [("list", "db-list"), ("restor", "db-restore"), ("dump", "db-backup")] {
        let refused = project.xtask(&[typed]);
        assert_eq!(refused.code, Some(2));
        assert!(refused.stderr.contains(&format!("'{meant}'")), "{}", refused.stderr);
    }
    let refused = project.xtask(&["frobnicate"]);
    assert!(!refused.stderr.contains("tip:"), "{}", refused.stderr);
}

#[test]
fn help_reads_no_settings() {
    let project = Project::new();
    project.write("xtask.toml", "this is no TOML");
    assert_eq!(project.xtask(&["db-backup", "--help"]).code, Some(0));
    assert_eq!(project.xtask(&["--version"]).code, Some(0));
    assert!(!project.backups().exists(), "asking for help made a backups folder");
}
