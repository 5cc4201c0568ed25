//! A clock that was wrong for an hour spoils neither the labels nor the order of backups; no age
//! comes of it, nothing is fresh by it, and retention deletes nothing for it.

use mysql::prelude::Queryable as _;
use serde_json::Value;

use crate::support::{Repository, Sandbox, Server, require};

/// Three years and a bit.
const AHEAD: &str = "100000000";
/// A battery that was empty.
const YEAR_BACK: &str = "-31536000";
const TWO_HOURS_BACK: &str = "-7200";
const RIGHT: &str = "0";

fn each(name: &str, test: impl Fn(&Sandbox)) {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, name);
        sandbox.sql("CREATE TABLE film (id INT PRIMARY KEY AUTO_INCREMENT)");
        let _hooks = Repository::new(sandbox.path());
        test(&sandbox);
    }
}

#[track_caller]
fn run(sandbox: &Sandbox, clock: &str, args: &[&str], codes: &[i32]) -> String {
    let done = sandbox.command(args).env(sys::clock::VARIABLE, clock);
    let done = done.run(std::time::Duration::from_secs(300)).unwrap();
    let code = done.code.unwrap_or(-1);
    assert!(codes.contains(&code), "{args:?}: {code}\n{}\n{}", done.stdout, done.stderr);
    done.stdout
}

#[track_caller]
fn json(sandbox: &Sandbox, clock: &str, args: &[&str]) -> Value {
    let all: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&run(sandbox, clock, &all, &[0])).unwrap()
}

/// Where the data is not safe, the code says so.
#[track_caller]
fn status(sandbox: &Sandbox, clock: &str) -> Value {
    let args = ["db-status", "--offline", "--json"];
    serde_json::from_str(&run(sandbox, clock, &args, &[0, 20, 21])).unwrap()
}

/// Adds a row, and takes a backup by that clock.
#[track_caller]
fn backup(sandbox: &Sandbox, clock: &str) -> String {
    sandbox.sql("INSERT INTO film VALUES ()");
    json(sandbox, clock, &["db-backup"])["label"].as_str().unwrap().to_owned()
}

#[track_caller]
fn verify(sandbox: &Sandbox, clock: &str, label: &str) {
    json(sandbox, clock, &["db-verify", label, "--level", "restore"]);
}

/// The labels in the order of the list, and whether each time is unknown.
fn listed(sandbox: &Sandbox) -> Vec<(String, bool)> {
    let list = json(sandbox, RIGHT, &["db-list"]);
    let one =
        |it: &Value| (it["label"].as_str().unwrap().to_owned(), it.get("wrong_clock").is_some());
    list["backups"].as_array().unwrap().iter().map(one).collect()
}

#[track_caller]
fn latest(sandbox: &Sandbox, clock: &str, text: &str) -> String {
    json(sandbox, clock, &["db-show", text])["label"].as_str().unwrap().to_owned()
}

fn only_the_last(sandbox: &Sandbox) {
    sandbox.write(
        "xtask.toml",
        "[retention]\nlast = 1\nhourly = 0\ndaily = 0\nweekly = 0\nmonthly = 0\nyearly = 0\n",
    );
}

/// What retention says of each, by that clock.
#[track_caller]
fn fates(sandbox: &Sandbox, clock: &str, labels: &[&String]) -> Vec<String> {
    let plan = json(sandbox, clock, &["db-prune"]);
    let all = plan["entries"].as_array().unwrap();
    let fate = |label: &&String| {
        let of = all.iter().find(|it| it["subject"] == ***label && it["place"] == "here").unwrap();
        of["fate"].as_str().unwrap().to_owned()
    };
    labels.iter().map(fate).collect()
}

fn fresh(sandbox: &Sandbox, clock: &str) -> Value {
    json(sandbox, clock, &["hooks", "status"])["newest_proof"].clone()
}

fn metrics(sandbox: &Sandbox) -> String {
    let file = sandbox.path().join("metrics.prom");
    let args = ["db-status", "--offline", "--metrics", file.to_str().unwrap()];
    run(sandbox, RIGHT, &args, &[0, 20, 21]);
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn a_clock_that_ran_ahead_makes_nothing_fresh_and_nothing_late() {
    each("clock_ahead", |sandbox| {
        let first = backup(sandbox, RIGHT);
        let wrong = backup(sandbox, AHEAD);
        verify(sandbox, AHEAD, &wrong);
        // It is the last that was taken. Whose clock is wrong is not known yet.
        assert_eq!(latest(sandbox, RIGHT, "latest"), wrong);
        let proof = fresh(sandbox, RIGHT);
        assert_eq!(proof["label"], *wrong);
        assert_eq!((&proof["fresh"], &proof["age_minutes"]), (&Value::Bool(false), &Value::Null));
        let said = status(sandbox, RIGHT);
        assert!(said["rpo"]["age_s"].get("known").is_none(), "{said}");
        assert_ne!(said["state"], "safe", "{said}");
        let samples = metrics(sandbox);
        assert!(!samples.contains("\nxtask_newest_verified_timestamp_seconds "), "{samples}");
        for sample in samples.lines().filter(|it| it.contains("timestamp_seconds ")) {
            assert!(sample.starts_with('#') || sample.contains("looked_at"), "{sample}");
        }
        let plan = json(sandbox, RIGHT, &["db-restore", &wrong, "--dry-run"]);
        assert_eq!((&plan["taken_utc"], &plan["age_s"]), (&Value::Null, &Value::Null), "{plan}");
        only_the_last(sandbox);
        assert_eq!(fates(sandbox, RIGHT, &[&first, &wrong]), ["look", "look"]);

        // The next one settles it, and is not named after it.
        let third = backup(sandbox, RIGHT);
        let known = |label: &String, wrong: bool| (label.clone(), wrong);
        assert!(third < wrong && first < third, "{first} {wrong} {third}");
        let expected = [known(&third, false), known(&wrong, true), known(&first, false)];
        assert_eq!(listed(sandbox), expected);
        assert_eq!(latest(sandbox, RIGHT, "latest"), third);
        assert_eq!(latest(sandbox, RIGHT, "latest~1"), wrong);
        assert_eq!(latest(sandbox, RIGHT, "before:0min"), third);
        let text = run(sandbox, RIGHT, &["db-list"], &[0]);
        assert!(text.contains(&format!("{wrong}: its clock was wrong: taken between ")), "{text}");
        assert!(!text.contains("future"), "{text}");
        assert_eq!(fresh(sandbox, RIGHT)["fresh"], false);
        assert!(status(sandbox, RIGHT)["rpo"]["age_s"].get("known").is_none());

        verify(sandbox, RIGHT, &third);
        assert_eq!(fresh(sandbox, RIGHT)["fresh"], true);
        let said = status(sandbox, RIGHT);
        assert_eq!(said["last_backup"]["label"], *third, "{said}");
        assert_eq!(said["rpo"]["newest_verified"]["label"], *third);
        assert!(said["rpo"]["age_s"]["known"].as_u64().unwrap() < 3600, "{said}");
        let found = said["findings"].as_array().unwrap();
        assert_eq!(found.iter().filter(|it| it["id"] == "clock_wrong").count(), 1, "{found:?}");
        assert!(!said.to_string().contains("in the future"), "{said}");
        let page = sandbox.path().join("page.html");
        run(sandbox, RIGHT, &["db-report", "--offline", "--out", page.to_str().unwrap()], &[0]);
        let page = std::fs::read_to_string(page).unwrap();
        let year = wrong.rsplit('_').nth(1).unwrap();
        let day = format!("{}-{}-", &year[..4], &year[4..6]);
        assert!(!page.contains(&day), "the page has times of {day}");
        assert!(page.contains("its clock was wrong"), "the page says so");

        // Two days later: a proof of the last hours is kept for a permit or a push.
        let all = [&first, &wrong, &third];
        assert_eq!(fates(sandbox, "172800", &all), ["delete", "look", "keep"]);
    });
}

#[test]
fn the_last_one_is_latest_also_where_the_clock_went_back() {
    each("clock_back", |sandbox| {
        let first = backup(sandbox, RIGHT);
        verify(sandbox, RIGHT, &first);
        let back = backup(sandbox, TWO_HOURS_BACK);
        assert!(back < first, "{back} {first}");
        assert_eq!(latest(sandbox, RIGHT, "latest"), back);
        let said = status(sandbox, RIGHT);
        assert_eq!(said["last_backup"]["label"], *back);
        assert!(said["rpo"]["age_s"].get("known").is_none(), "either may be wrong: {said}");
        sandbox.sql("DELETE FROM film");
        run(sandbox, RIGHT, &["db-restore", &back, "--yes"], &[0]);
        let count = format!("SELECT COUNT(*) FROM `{}`.film", sandbox.schema);
        assert_eq!(sandbox.root().query_first(count).unwrap(), Some(2));
        // An hour is what the end of summer time takes back: the label goes on.
        let next = backup(sandbox, "-1800");
        assert!(next > first, "{next} {first}");
    });
}

#[test]
fn by_a_clock_that_is_behind_nothing_is_deleted_and_nothing_is_fresh() {
    each("clock_behind", |sandbox| {
        let all = [(); 3].map(|()| backup(sandbox, RIGHT));
        verify(sandbox, RIGHT, &all[1]);
        only_the_last(sandbox);
        let late = backup(sandbox, YEAR_BACK);
        verify(sandbox, YEAR_BACK, &late);
        assert_eq!(latest(sandbox, YEAR_BACK, "latest"), late);
        let labels = [&all[0], &all[1], &all[2], &late];
        assert_eq!(fates(sandbox, YEAR_BACK, &labels), ["look"; 4]);
        assert_eq!(fresh(sandbox, YEAR_BACK)["fresh"], false);
        let said = status(sandbox, YEAR_BACK);
        assert!(said["rpo"]["age_s"].get("known").is_none(), "{said}");
        let text = run(sandbox, YEAR_BACK, &["db-status", "--offline"], &[0, 20, 21]);
        assert!(text.contains("that clock or this machine's is wrong"), "{text}");
        assert!(!text.contains("just now") && !text.contains("minute ago"), "{text}");
        // Corrected: only that one is of an unknown time, and lets nothing go.
        let fates = fates(sandbox, "172800", &labels);
        assert_eq!((fates[1].as_str(), fates[3].as_str()), ("keep", "look"), "{fates:?}");
        let wrong: Vec<bool> = listed(sandbox).iter().map(|it| it.1).collect();
        assert_eq!(wrong, [true, false, false, false]);
    });
}

#[test]
fn machines_that_differ_by_a_minute_and_a_half_are_ordinary() {
    const SKEW: &str = "90";
    each("time_skew", |sandbox| {
        let all = [RIGHT, SKEW, RIGHT, SKEW].map(|clock| backup(sandbox, clock));
        verify(sandbox, SKEW, &all[3]);
        let newest_first: Vec<_> = all.iter().rev().map(|it| (it.clone(), false)).collect();
        assert_eq!(listed(sandbox), newest_first);
        for clock in [RIGHT, SKEW] {
            assert_eq!(latest(sandbox, clock, "latest"), all[3]);
            let said = status(sandbox, clock);
            assert!(said["rpo"]["age_s"]["known"].as_u64().is_some(), "{clock}: {said}");
            let text = run(sandbox, clock, &["db-status", "--offline"], &[0, 20, 21]);
            assert!(!text.contains("clock") && !text.contains("future"), "{clock}: {text}");
            let labels: Vec<&String> = all.iter().collect();
            assert!(!fates(sandbox, clock, &labels).contains(&"look".to_owned()));
        }
        assert!(metrics(sandbox).contains("newest_verified_timestamp_seconds "));
    });
}
