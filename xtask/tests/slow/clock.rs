//! A clock that was wrong for an hour spoils neither the labels nor the order, the ages, the
//! rules of retention or the plots of the backups after it.

use mysql::prelude::Queryable as _;
use serde_json::Value;

use crate::support::{Sandbox, Server, require};

/// Three years and a bit.
const AHEAD: &str = "100000000";
const TWO_HOURS_BACK: &str = "-7200";
const RIGHT: &str = "0";

fn each(name: &str, test: impl Fn(&Sandbox)) {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, name);
        sandbox.sql("CREATE TABLE film (id INT PRIMARY KEY AUTO_INCREMENT)");
        test(&sandbox);
    }
}

#[track_caller]
fn json(sandbox: &Sandbox, clock: &str, args: &[&str]) -> Value {
    let all: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let done = sandbox.command(&all).env(sys::clock::VARIABLE, clock);
    let done = done.run(std::time::Duration::from_secs(300)).unwrap();
    assert_eq!(done.code, Some(0), "{args:?}: {}", done.stderr);
    serde_json::from_str(&done.stdout).unwrap()
}

/// Adds a row, and takes a backup by that clock.
#[track_caller]
fn backup(sandbox: &Sandbox, clock: &str) -> String {
    sandbox.sql("INSERT INTO film VALUES ()");
    json(sandbox, clock, &["db-backup"])["label"].as_str().unwrap().to_owned()
}

fn listed(sandbox: &Sandbox) -> Vec<(String, bool)> {
    let list = json(sandbox, RIGHT, &["db-list"]);
    let one =
        |it: &Value| (it["label"].as_str().unwrap().to_owned(), it.get("wrong_clock").is_some());
    list["backups"].as_array().unwrap().iter().map(one).collect()
}

#[track_caller]
fn latest(sandbox: &Sandbox) -> String {
    let shown = json(sandbox, RIGHT, &["db-show", "latest"]);
    shown["label"].as_str().or(shown["backup"]["label"].as_str()).unwrap().to_owned()
}

/// What retention says of each, by label.
fn fates(sandbox: &Sandbox) -> Vec<(String, String)> {
    // Two days later: a proof of the last hours is kept for a permit or a push.
    let plan = json(sandbox, "172800", &["db-prune"]);
    let all = plan["entries"].as_array().unwrap();
    all.iter()
        .filter_map(|it| {
            let word = |key: &str| it[key].as_str().map(str::to_owned);
            Some((word("subject")?, word("fate")?))
        })
        .collect()
}

#[test]
fn a_backup_of_a_clock_that_ran_ahead_is_one_between_its_neighbours() {
    each("clock_ahead", |sandbox| {
        let first = backup(sandbox, RIGHT);
        let wrong = backup(sandbox, AHEAD);
        json(sandbox, AHEAD, &["db-verify", &wrong, "--level", "restore"]);
        // It is the last that was taken, and the next is not named after it.
        assert_eq!(latest(sandbox), wrong);
        let third = backup(sandbox, RIGHT);
        let known = |label: &str, wrong: bool| (label.to_owned(), wrong);
        assert!(third < wrong && first < third, "{first} {wrong} {third}");
        assert_eq!(
            listed(sandbox),
            [known(&third, false), known(&wrong, true), known(&first, false)]
        );
        assert_eq!(latest(sandbox), third);
        let before = json(sandbox, RIGHT, &["db-show", "latest~1"]);
        assert!(before.to_string().contains(&wrong), "{before}");
        let text = sandbox.xtask(&["db-list"]).stdout;
        assert!(text.contains(&format!("{wrong}: its clock was wrong: taken between ")), "{text}");
        assert!(!text.contains("future"), "{text}");

        // The drill of that hour is no drill for three years, nor is its time unknown.
        let status = json(sandbox, RIGHT, &["db-status", "--offline"]);
        assert_eq!(status["last_backup"]["label"], *third, "{status}");
        assert_eq!(status["rpo"]["newest_verified"]["label"], *wrong);
        assert!(status["rpo"]["age_s"]["known"].as_u64().unwrap() < 3600, "{status}");
        let found = status["findings"].as_array().unwrap();
        let clock: Vec<&Value> = found.iter().filter(|it| it["id"] == "clock_wrong").collect();
        assert_eq!(clock.len(), 1, "{found:?}");
        assert!(!status.to_string().contains("in the future"), "{status}");
        let page = sandbox.path().join("page.html");
        json(sandbox, RIGHT, &["db-report", "--offline", "--out", page.to_str().unwrap()]);
        let page = std::fs::read_to_string(page).unwrap();
        let year = wrong.rsplit('_').nth(1).unwrap();
        let day = format!("{}-{}-", &year[..4], &year[4..6]);
        assert!(!page.contains(&day), "the page has times of {day}");
        assert!(page.contains("its clock was wrong"), "the page says so");

        // What is newer and verified lets it go like any other; nothing needs a look.
        json(sandbox, RIGHT, &["db-verify", &third, "--level", "restore"]);
        sandbox.write(
            "xtask.toml",
            "[retention]\nlast = 1\nhourly = 0\ndaily = 0\nweekly = 0\nmonthly = 0\nyearly = 0\n",
        );
        let fates = fates(sandbox);
        let fate = |label: &str| fates.iter().find(|(it, _)| it == label).unwrap().1.clone();
        assert_eq!(
            [fate(&first), fate(&wrong), fate(&third)],
            ["delete", "delete", "keep"],
            "{fates:?}"
        );
    });
}

#[test]
fn the_last_one_is_latest_also_where_the_clock_went_back() {
    each("clock_back", |sandbox| {
        let first = backup(sandbox, RIGHT);
        json(sandbox, RIGHT, &["db-verify", &first, "--level", "restore"]);
        let back = backup(sandbox, TWO_HOURS_BACK);
        assert!(back < first, "{back} {first}");
        assert_eq!(latest(sandbox), back);
        let status = json(sandbox, RIGHT, &["db-status", "--offline"]);
        assert_eq!(status["last_backup"]["label"], *back);
        sandbox.sql("DELETE FROM film");
        let restored = sandbox.xtask(&["db-restore", &back, "--yes"]);
        assert_eq!(restored.code, Some(0), "{}", restored.stderr);
        let count = format!("SELECT COUNT(*) FROM `{}`.film", sandbox.schema);
        assert_eq!(sandbox.root().query_first(count).unwrap(), Some(2));
        // An hour is what the end of summer time takes back: the label goes on.
        let next = backup(sandbox, "-1800");
        assert!(next > first, "{next} {first}");
    });
}
