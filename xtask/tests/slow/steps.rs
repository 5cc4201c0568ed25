//! Long work in a real terminal: steps that count up to their number, no line that wraps, and
//! colour. And a quiet run, which says nothing when all went well.

use std::path::Path;
use std::time::Duration;

use sys::proc::Finished;

use crate::support::{Sandbox, Server, require};

const DEADLINE: Duration = Duration::from_secs(300);

/// Some MiB, so that the lines about the work are drawn more than once.
const ROWS: &str = "
    CREATE TABLE watch_history_of_every_profile_and_device (
        id INT PRIMARY KEY AUTO_INCREMENT, t VARCHAR(250) NOT NULL, KEY of_text (t));
    INSERT INTO watch_history_of_every_profile_and_device (t) VALUES (REPEAT('x', 200));
";
const TWICE: &str = "INSERT INTO watch_history_of_every_profile_and_device (t) \
    SELECT CONCAT(id, REPEAT('y', 200)) FROM watch_history_of_every_profile_and_device";

fn each(name: &str, test: impl Fn(&Sandbox)) {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, name);
        sandbox.sql(ROWS);
        (0..14).for_each(|_| sandbox.sql(TWICE));
        test(&sandbox);
    }
}

fn with_drive(sandbox: &Sandbox) {
    let drive = sandbox.path().join("drive").display().to_string();
    let toml = format!("[[destination]]\nname = \"drive\"\nurl = \"{drive}\"\nencrypt = false\n");
    sandbox.write("xtask.toml", &toml);
}

/// What a terminal of so many columns was sent. `script` gives the program one of its own.
fn in_terminal(sandbox: &Sandbox, columns: usize, args: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_xtask");
    let words: Vec<String> = args.iter().map(|word| format!("'{word}'")).collect();
    let run = format!("stty cols {columns} rows 40; exec '{program}' {}", words.join(" "));
    let done = sandbox
        .with_colour(Path::new("script"), sandbox.path(), &["-qec", &run, "/dev/null"])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .run(DEADLINE)
        .expect("`script`, which Debian and its like have in every installation");
    assert_eq!(done.code, Some(0), "{args:?}: {}{}", done.stdout, done.stderr);
    done.stdout
}

fn without_colour(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

/// Every line that was drawn, and every line that stayed.
fn lines(said: &str) -> Vec<String> {
    let plain = without_colour(said);
    plain.split(['\n', '\r']).map(str::to_owned).collect()
}

/// The numbers in front of the lines that stayed, as in "2/5 loading".
fn steps(said: &str) -> Vec<(usize, usize)> {
    let number = |line: &String| {
        let (step, of) = line.split_once(' ')?.0.split_once('/')?;
        Some((step.parse().ok()?, of.parse().ok()?))
    };
    lines(said).iter().filter_map(number).collect()
}

#[track_caller]
fn demand(said: &str, columns: usize, of: usize) {
    let all: Vec<(usize, usize)> =
        if of > 1 { (1..=of).map(|n| (n, of)).collect() } else { vec![] };
    assert_eq!(steps(said), all, "{said}");
    let drawn: Vec<String> = lines(said).into_iter().filter(|it| it.starts_with("  ")).collect();
    let work = drawn.iter().filter(|it| it.contains("dump") || it.contains("load"));
    assert!(work.count() > 0, "no work was shown: {said}");
    for line in &drawn {
        // What stays on the screen as a plan or a result may be copied, and is not cut.
        let moves = ["dump", "read", "load", "compare", "go live"];
        if moves.iter().any(|word| line.contains(&format!(" {word}  "))) {
            assert!(line.chars().count() < columns, "{columns}: {line:?}");
            for never in [" 0 B", "eta 0", "~0", "[ ", "[>]"] {
                assert!(!line.contains(never), "{line:?}");
            }
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn steps_count_up_and_no_line_wraps() {
    each("steps", |sandbox| {
        let backup = in_terminal(sandbox, 120, &["db-backup"]);
        demand(&backup, 120, 1);
        let verify = in_terminal(sandbox, 60, &["db-verify"]);
        demand(&verify, 60, 2);
        assert!(verify.contains("\u{1b}[32mpassed\u{1b}[0m"), "no colour: {verify}");
        demand(&in_terminal(sandbox, 80, &["db-restore", "latest", "--yes"]), 80, 5);
        // A copy elsewhere is one more.
        with_drive(sandbox);
        demand(&in_terminal(sandbox, 80, &["db-backup"]), 80, 2);
        demand(&in_terminal(sandbox, 60, &["db-restore", "latest", "--yes"]), 60, 6);
    });
}

#[track_caller]
fn silent(args: &[&str], done: &Finished) {
    assert_eq!(done.code, Some(0), "{args:?}: {}", done.stderr);
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", ""), "{args:?}");
}

#[test]
fn a_quiet_success_says_nothing() {
    each("quiet", |sandbox| {
        with_drive(sandbox);
        for args in [
            &["db-backup"][..],
            &["db-verify"],
            &["db-verify", "--level", "file"],
            &["db-copy", "--check"],
            &["db-restore", "latest", "--yes", "--drop-old"],
            &["db-restore", "latest", "--into", &format!("{}__look", sandbox.schema)],
            &["db-drop", &format!("{}__look", sandbox.schema), "--yes"],
            &["db-prune", "--yes"],
            &["db-status", "--check"],
        ] {
            let quiet: Vec<&str> = args.iter().copied().chain(["--quiet"]).collect();
            let done = sandbox.xtask(&quiet);
            // `latest` is never a safety backup, and that there is a newer one is a warning.
            // And `db-status` has what is worth knowing nowhere else.
            let warned = done.stderr.lines().all(|line| {
                line.contains("never picks a safety")
                    || (args[0] == "db-status" && line.starts_with("warning: "))
            });
            assert_eq!(
                (done.code, done.stdout.as_str()),
                (Some(0), ""),
                "{args:?} {}",
                done.stderr
            );
            assert!(warned, "{args:?}: {}", done.stderr);
        }
        // What a command was run to print is printed.
        for args in [&["db-list"][..], &["db-status"], &["db-prune"], &["db-backup", "--dry-run"]] {
            let quiet: Vec<&str> = args.iter().copied().chain(["--quiet"]).collect();
            let done = sandbox.xtask(&quiet);
            assert_eq!(done.stderr, "", "{args:?}");
            assert!(!done.stdout.is_empty(), "{args:?}");
        }
        let label = sandbox.store().list().unwrap()[0].label.to_string();
        let pin = ["db-pin", &label, "--quiet"];
        silent(&pin, &sandbox.xtask(&pin));
    });
}
