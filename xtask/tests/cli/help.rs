//! docs/cli.md is the snapshot of every `--help`: it changes in review when a word does,
//! and here each page is held against what the program prints.

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
fn help_reads_no_settings() {
    let project = Project::new();
    project.write("xtask.toml", "this is no TOML");
    assert_eq!(project.xtask(&["db-backup", "--help"]).code, Some(0));
    assert_eq!(project.xtask(&["--version"]).code, Some(0));
    assert!(!project.backups().exists(), "asking for help made a backups folder");
}
