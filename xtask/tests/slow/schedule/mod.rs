//! `schedule`: what a run does, that one that fails says so and stops nothing that is
//! still safe, and that the system's schedulers take what they are told.

mod systemd;

use std::time::Duration;

use chrono::TimeDelta;
use model::copy::CopyOutcome;
use model::entry::{Event, Level};
use mysql::prelude::Queryable as _;
use serde_json::Value;
use store::Store;
use sys::proc::{Cmd, Finished, find};
use sys::scheduler::cron;
use sys::{clock, env, fs};

use crate::faults::demand_stop;
use crate::support::{Listener, Sandbox, Server, require};

const PATIENCE: Duration = Duration::from_secs(120);
const ROWS: &str = "CREATE TABLE film (id INT PRIMARY KEY AUTO_INCREMENT, title VARCHAR(90));
    INSERT INTO film (title) VALUES ('Alien'), ('Brazil')";

fn sandbox(kind: Server, name: &str) -> Option<Sandbox> {
    let sandbox = Sandbox::new(&require(kind)?, name);
    sandbox.sql(ROWS);
    Some(sandbox)
}

#[track_caller]
fn json(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}{}", finished.stdout, finished.stderr))
}

#[track_caller]
fn passed(finished: Finished) -> Value {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let document = json(&finished);
    assert_eq!(document["passed"], true, "{document}");
    document
}

/// The events of a sandbox, the oldest first.
fn events(sandbox: &Sandbox) -> Vec<Event> {
    let store = Store::open(&sandbox.backups()).unwrap();
    store.read().unwrap().entries.into_iter().map(|entry| entry.event).collect()
}

fn drills(sandbox: &Sandbox) -> Vec<String> {
    let drill = |event| match event {
        Event::Verify { subject, level: Level::Restore, passed: true, .. } => Some(subject),
        _ => None,
    };
    events(sandbox).into_iter().filter_map(drill).collect()
}

#[test]
fn a_run_takes_proves_and_tells() {
    for kind in Server::ALL {
        let Some(sandbox) = sandbox(kind, "sched_run") else { continue };
        sandbox.write("xtask.toml", "[monitor]\nmetrics_file = \"out.prom\"\n");
        let listener = Listener::new();
        let run = |args: &[&str]| {
            let command = sandbox.command(args).env("HEARTBEAT_URL", listener.url("/beat"));
            command.run(PATIENCE).unwrap()
        };
        let first = passed(run(&["schedule", "run", "--json"]));
        assert_eq!(first["verified"], "restore");
        let beats = listener.take();
        assert_eq!((beats.len(), beats[0].method.as_str()), (1, "GET"));
        let metrics = fs::read_text(&sandbox.path().join("out.prom")).unwrap();
        assert!(metrics.contains("scheduled_run_passed{") && metrics.contains("state=\"safe\"} 1"));
        let last = events(&sandbox).pop();
        let Some(Event::Scheduled { label, passed: true, level, detail, .. }) = last else {
            panic!("{last:?}");
        };
        assert_eq!(label.map(|it| it.to_string()).as_deref(), first["label"].as_str());
        assert_eq!((level, detail.as_str()), (Some(Level::Restore), ""));
        // It is not due again, and no drill is.
        let number = events(&sandbox).len();
        assert_eq!(run(&["schedule", "run", "--if-due"]).code, Some(0));
        assert_eq!((events(&sandbox).len(), listener.take().len()), (number, 0));
        let second = passed(run(&["schedule", "run", "--json"]));
        assert_eq!(second["verified"], "file");
        assert_eq!(drills(&sandbox), [first["label"].as_str().unwrap()]);
    }
}

#[test]
fn drills_take_turns() {
    let Some(sandbox) = sandbox(Server::Mysql, "sched_turns") else { return };
    sandbox.write("xtask.toml", "[schedule]\ndrill_days = 0\n");
    // An older one that nobody ever proved.
    let old = json(&sandbox.xtask(&["db-backup", "--json"]))["label"].as_str().unwrap().to_owned();
    let run = || passed(sandbox.xtask(&["schedule", "run", "--json"]));
    let (first, second, third) = (run(), run(), run());
    assert_eq!((&first["verified"], &second["verified"]), (&"restore".into(), &"file".into()));
    let label = |document: &Value| document["label"].as_str().unwrap().to_owned();
    assert_eq!(drills(&sandbox), [label(&first), old, label(&third)]);
}

#[test]
fn a_run_copies_reads_old_copies_again_and_prunes() {
    let Some(sandbox) = sandbox(Server::Mariadb, "sched_copies") else { return };
    sandbox.write(
        "xtask.toml",
        "[[destination]]\nname = \"drive\"\nurl = \"drive\"\nencrypt = false\n\
         [schedule]\ndrill_days = 0\n\
         [gate]\nproof_max_age_minutes = 0\nreceipt_max_age_s = 1\n\
         [retention]\nlast = 2\nhourly = 0\ndaily = 0\nweekly = 0\nmonthly = 0\nyearly = 0\n",
    );
    let label = |document: &Value| document["label"].as_str().unwrap().to_owned();
    let run = || label(&passed(sandbox.xtask(&["schedule", "run", "--json"])));
    let (first, second) = (run(), run());
    let copies = || -> Vec<(String, CopyOutcome)> {
        let copy = |event| match event {
            Event::Copy { label, outcome, .. } => Some((label.to_string(), outcome)),
            _ => None,
        };
        events(&sandbox).into_iter().filter_map(copy).collect()
    };
    assert_eq!(
        copies(),
        [
            (first.clone(), CopyOutcome::Copied),
            (second.clone(), CopyOutcome::Copied),
            (first.clone(), CopyOutcome::Checked),
        ]
    );
    // A proof of the last second could still be named by a permit for the API.
    let until = clock::now() + TimeDelta::seconds(2);
    let over = clock::poll(PATIENCE, || Ok::<_, ()>((clock::now() > until).then_some(())));
    assert_eq!(over, Ok(Some(())));
    let third = run();
    let there = |folder: &str, label: &str| {
        sandbox.path().join(folder).join(format!("{label}.json")).exists()
    };
    for folder in ["backups", "drive"] {
        let kept = [&first, &second, &third].map(|label| there(folder, label));
        assert_eq!(kept, [false, true, true], "{folder}");
    }
    // The copy whose turn it is was altered, in its old size.
    let object = sandbox.path().join("drive").join(format!("{third}.sql"));
    let mut bytes = fs::read_bytes(&object).unwrap();
    bytes[40] ^= 1;
    fs::write_durably(&object, &bytes).unwrap();
    let found = sandbox.xtask(&["schedule", "run", "--json"]);
    demand_stop(&found, 41, &["copy check", &third]);
    assert_eq!(json(&found)["verified"], "file", "the new backup is good all the same");
    let broken = sandbox.xtask(&["db-status", "--check"]);
    demand_stop(&broken, 21, &[&format!("copy_flawed:drive:{third}")]);
}

#[test]
fn a_run_that_fails_is_recorded_and_does_not_beat() {
    let Some(sandbox) = sandbox(Server::Mariadb, "sched_fail") else { return };
    let listener = Listener::new();
    let run = |args: &[&str], port: &str| {
        let command = sandbox.command(args).env("HEARTBEAT_URL", listener.url("/beat"));
        command.env("DB_HOST", "127.0.0.1").env("DB_PORT", port).run(PATIENCE).unwrap()
    };
    let failed = run(&["schedule", "run", "--json"], "9");
    demand_stop(&failed, 11, &["backup"]);
    assert_eq!(json(&failed)["passed"], false);
    assert_eq!(json(&failed)["failed"][0]["step"], "backup");
    let last = events(&sandbox).pop();
    assert!(
        matches!(&last, Some(Event::Scheduled { passed: false, label: None, level: None, .. })),
        "{last:?}"
    );
    assert!(listener.take().is_empty(), "a heartbeat without a backup");
    // It tries again at its next time and not every few minutes.
    assert_eq!(run(&["schedule", "run", "--if-due"], "9").code, Some(0));
    assert_eq!(events(&sandbox).len(), 1);
    // A drill that cannot be made leaves the proof that can: the file is read.
    sandbox.write("xtask.toml", "[schedule]\ndrill_days = 0\n");
    let driller = sandbox.schema.replacen("t_", "drill_", 1);
    let mut root = sandbox.root();
    root.query_drop(format!("ALTER USER '{driller}'@'%' ACCOUNT LOCK")).unwrap();
    let port = sandbox.server().port.to_string();
    let half = run(&["schedule", "run", "--json"], &port);
    assert_ne!(half.code, Some(0));
    let document = json(&half);
    assert_eq!((&document["verified"], &document["passed"]), (&"file".into(), &false.into()));
    assert_eq!(document["failed"][0]["step"], "drill", "{document}");
    assert_eq!(listener.take().len(), 1, "the backup is verified: its file was read");
}

#[test]
fn a_busy_folder_is_no_failed_run() {
    let Some(sandbox) = sandbox(Server::Mariadb, "sched_busy") else { return };
    let store = Store::open(&sandbox.backups()).unwrap();
    let lock = store.lock_within(Duration::from_secs(5)).unwrap();
    demand_stop(&sandbox.xtask(&["schedule", "run", "--if-due"]), 12, &["holds the lock"]);
    assert!(events(&sandbox).is_empty());
    drop(lock);
    // Nothing was recorded, so it is still due.
    assert_eq!(sandbox.xtask(&["schedule", "run", "--if-due"]).code, Some(0));
    assert!(matches!(events(&sandbox).pop(), Some(Event::Scheduled { passed: true, .. })));
}

#[test]
fn a_damaged_ledger_stops_a_run_and_somebody_hears_of_it() {
    let Some(sandbox) = sandbox(Server::Mariadb, "sched_ledger") else { return };
    passed(sandbox.xtask(&["schedule", "run", "--json"]));
    let ledger = sandbox.backups().join("ledger.jsonl");
    let text = fs::read_text(&ledger).unwrap();
    fs::write_durably(&ledger, text.replacen("\"rows\":2", "\"rows\":3", 1).as_bytes()).unwrap();
    let listener = Listener::new();
    let stopped = sandbox
        .command(&["schedule", "run"])
        .env("NOTIFY_SLACK_URL", listener.url("/slack"))
        .env("HEARTBEAT_URL", listener.url("/beat"))
        .run(PATIENCE)
        .unwrap();
    demand_stop(&stopped, 40, &["is damaged"]);
    let sent = listener.take();
    assert_eq!((sent.len(), sent[0].path.as_str()), (1, "/slack"), "{sent:?}");
    assert!(sent[0].body.contains("damaged"));
}

#[test]
fn what_cannot_be_read_is_refused() {
    let Some(sandbox) = sandbox(Server::Mariadb, "sched_words") else { return };
    for text in ["6", "hourly", "* * * *", "0 0 31 2 *", "61 * * * *"] {
        let refused = sandbox.xtask(&["schedule", "install", "--every", text, "--dry-run"]);
        demand_stop(&refused, 2, &["--every 6h"]);
    }
    sandbox.write("xtask.toml", "[schedule]\nevery = \"often\"\n");
    demand_stop(&sandbox.xtask(&["schedule", "install", "--dry-run"]), 10, &["often"]);
    assert!(!sandbox.path().join(".local/schedule.json").exists());
}

/// Whether the program is there; says what is skipped, and fails in CI.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn is_there(program: &str) -> bool {
    let there = find(program).is_some();
    assert!(there || !env::is_ci(), "CI needs {program}");
    if !there {
        eprintln!("SKIPPED: this test needs {program}");
    }
    there
}

/// Only where nobody minds: the crontab is that of whoever runs the tests.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn may_write_crontab() -> bool {
    if !is_there("crontab") {
        return false;
    }
    let may = env::is_ci() || env::var("XTASK_TEST_CRONTAB").is_some();
    if !may {
        eprintln!("SKIPPED: XTASK_TEST_CRONTAB=1 lets this test write your crontab for a moment");
    }
    may
}

/// Puts the crontab back, also when the test fails.
struct Crontab(String);

impl Drop for Crontab {
    fn drop(&mut self) {
        cron::write(&self.0).unwrap();
    }
}

#[test]
fn a_crontab_keeps_its_other_lines_and_calls_us() {
    let Some(sandbox) = sandbox(Server::Mariadb, "sched_cron") else { return };
    if !may_write_crontab() {
        return;
    }
    let before = Crontab(cron::read().unwrap());
    let foreign = format!("{}# foreign\n\n0 0 1 1 * true % of it\n", before.0);
    cron::write(&foreign).unwrap();
    let ask = |args: &[&str]| {
        let args: Vec<&str> = args.iter().chain(&["--json"]).copied().collect();
        let finished = sandbox.xtask(&args);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        json(&finished)
    };
    let installed = ask(&["schedule", "install", "--every", "6h"]);
    if installed["scheduler"] == "cron" {
        let with = cron::read().unwrap();
        assert!(with.starts_with(&foreign), "{with}");
        let own = &with[foreign.len()..];
        assert!(own.contains("schedule run --if-due") && !own.contains("pass"), "{own}");
        // As cron does it: nothing but the line, by `sh`, with next to no environment.
        let line = own.lines().find(|line| line.starts_with("*/5 * * * * ")).unwrap();
        let command = line.strip_prefix("*/5 * * * * ").unwrap().replace("\\%", "%");
        let called = Cmd::new("env")
            .args(["-i", "HOME=/", "/bin/sh", "-c", command.as_str()])
            .run(PATIENCE)
            .unwrap();
        let log = sandbox.path().join(".local/schedule.log");
        let said = fs::read_text(&log).unwrap();
        assert_eq!(called.code, Some(0), "{said}");
        assert!(said.contains("scheduled run"), "{said}");
        assert!(matches!(events(&sandbox).pop(), Some(Event::Scheduled { passed: true, .. })));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&log).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
    let state = ask(&["schedule", "status"]);
    assert!(state["schedule"]["installed"]["known"].is_string(), "{state}");
    assert_eq!(state["program_is_current"], true, "{state}");
    // Again, with another time: the lines are replaced, not added.
    ask(&["schedule", "install", "--every", "15 3 * * *"]);
    assert_eq!(ask(&["schedule", "status"])["schedule"]["every"], "15 3 * * *");
    assert_eq!(ask(&["schedule", "uninstall"])["changed"], true);
    assert_eq!(cron::read().unwrap(), foreign);
    assert_eq!(ask(&["schedule", "uninstall"])["changed"], false);
    assert_eq!(ask(&["schedule", "status"])["schedule"]["installed"]["known"], Value::Null);
}
