//! `deploy`: a release that answers stays, one that does not goes, and what ran
//! before runs again. What is not back is said, with the exit code for it.

mod compose;
mod programs;

use std::path::PathBuf;
use std::time::Duration;

use mysql::prelude::Queryable as _;
use serde_json::Value;
use sys::fs;
use sys::http::{self, Probe};
use sys::proc::{self, Cmd, End, Finished};

use crate::faults::{demand_stop, until};
use crate::support::{
    Sandbox, Server, Turn, Writer, alone, copy_checkout, free_port, require, runbook, target_dir,
};

/// The API is compiled once more, because its path is another one.
const DEADLINE: Duration = Duration::from_secs(1200);

/// A copy of this checkout with a schema of its own, and a target on a free port.
struct Shop {
    sandbox: Sandbox,
    _alone: Turn,
    port: u16,
}

impl Shop {
    fn new(kind: Server, name: &str) -> Option<Self> {
        let server = require(kind)?;
        let alone = alone();
        let sandbox = Sandbox::new(&server, name);
        copy_checkout(sandbox.path());
        // As compose.yaml has it: the schema's functions are made without SUPER.
        let trust = "SET GLOBAL log_bin_trust_function_creators = ON";
        sandbox.root().query_drop(trust).unwrap();
        let shop = Self { sandbox, _alone: alone, port: free_port() };
        shop.policy(shop.port, &[], "");
        Some(shop)
    }

    /// Writes `xtask.toml`: the port, more smoke paths, and more targets.
    fn policy(&self, port: u16, more_paths: &[&str], more: &str) {
        self.policy_at(&format!("127.0.0.1:{port}"), more_paths, more);
    }

    fn policy_at(&self, place: &str, more_paths: &[&str], more: &str) {
        let mut paths = vec!["/readyz", "/content/movies", "/content/genres"];
        paths.extend(more_paths);
        self.sandbox.write(
            "xtask.toml",
            &format!(
                "[deploy]\nsmoke_paths = {paths:?}\nsmoke_deadline_s = 20\n\
                 [deploy.targets.local]\nkind = \"process\"\nurl = \"http://{place}\"\n\
                 profile = \"xtask\"\n{more}"
            ),
        );
    }

    fn xtask(&self, args: &[&str]) -> Finished {
        let target = target_dir();
        let command = self.sandbox.command(args).env("CARGO_TARGET_DIR", target.to_str().unwrap());
        command.run(DEADLINE).unwrap()
    }

    #[track_caller]
    fn deployed(&self) -> Value {
        json(&self.xtask(&["deploy", "--yes", "--json"]))
    }

    fn folder(&self) -> PathBuf {
        self.sandbox.path().join(".local/deploy")
    }

    fn state(&self) -> Value {
        serde_json::from_str(&fs::read_text(&self.folder().join("local.json")).unwrap()).unwrap()
    }

    /// Label and process of the release that runs; it answers.
    #[track_caller]
    fn current(&self) -> (String, u32) {
        let state = self.state();
        let pid = u32::try_from(state["current"]["pid"].as_u64().unwrap()).unwrap();
        assert!(proc::alive(pid), "{state}");
        assert!(self.ready(), "{state}");
        assert_eq!(state["next"], Value::Null, "{state}");
        (state["current"]["label"].as_str().unwrap().to_owned(), pid)
    }

    fn ready(&self) -> bool {
        let url = format!("http://127.0.0.1:{}/readyz", self.port);
        let answer = http::get(&url, Duration::from_secs(10));
        matches!(answer, Probe::Answer { status: 200, .. })
    }

    /// The last entry.
    fn entry(&self) -> Value {
        let ledger = fs::read_text(&self.sandbox.backups().join("ledger.jsonl")).unwrap();
        serde_json::from_str(ledger.lines().last().unwrap()).unwrap()
    }

    fn fill(&self) {
        self.sandbox.sql(
            "INSERT INTO genre (name) VALUES ('Drama'); \
             INSERT INTO movie (title, release_year, runtime_minutes, age_rating, \
             original_language, description) VALUES ('Alien', 1979, 117, '16', 'en', 'In space.')",
        );
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let Ok(text) = fs::read_text(&self.folder().join("local.json")) else { return };
        let state: Value = serde_json::from_str(&text).unwrap();
        let own = self.sandbox.path().canonicalize().unwrap();
        for name in ["current", "previous", "next"] {
            let pid = state[name]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
            let Some(pid) = pid else { continue };
            let ours = proc::command_line(pid).is_some_and(|it| it.contains(own.to_str().unwrap()));
            if ours {
                proc::end(pid, End::Forced).ok();
            }
        }
    }
}

#[track_caller]
fn json(finished: &Finished) -> Value {
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {}", finished.stdout))
}

fn process_on(kind: Server, name: &str) {
    let Some(shop) = Shop::new(kind, name) else { return };
    nothing_happens_unasked(&shop);
    // The first release finds an empty catalogue: its migrations stay, and that is said.
    let refused = shop.xtask(&["deploy", "--yes"]);
    demand_stop(&refused, 33, &["no data", "nothing runs, as before", "stays migrated"]);
    assert!(!shop.ready());
    assert_eq!(shop.entry()["outcome"], "needs_a_person");
    assert_eq!(shop.entry()["migrations"].as_array().unwrap().len(), 6, "{}", shop.entry());
    shop.fill();
    // A good one.
    let done = shop.deployed();
    assert_eq!((&done["outcome"], &done["applied"]), (&"done".into(), &serde_json::json!([])));
    assert!(done["backup"].is_string(), "{done}");
    let (first, pid) = shop.current();
    let entry = shop.entry();
    assert_eq!((&entry["event"], &entry["outcome"]), (&"deploy".into(), &"done".into()));
    assert_eq!((&entry["backup"], &entry["target"]), (&done["backup"], &"local".into()));
    // One that does not answer everything is rolled back, and the proof is used again.
    shop.policy(shop.port, &["/nope"], "");
    let back = shop.xtask(&["deploy", "--yes"]);
    demand_stop(&back, 32, &["GET /nope answered 404", "is running again and answers"]);
    let (label, again) = shop.current();
    assert_eq!(label, first);
    assert_ne!(again, pid, "it was stopped and started");
    assert_eq!(shop.entry()["outcome"], "rolled_back");
    assert_eq!(shop.entry()["backup"], done["backup"]);
    one_that_cannot_start(&shop, &first);
    before_anything_is_changed(&shop);
    in_the_middle(&shop, &first);
    with_migrations(&shop, &first);
    // A good one took its place; the old ones went from the disk.
    let (second, _) = shop.current();
    let state = shop.state();
    let previous = state["previous"]["label"].as_str().unwrap();
    assert!(first.as_str() < previous && previous < second.as_str(), "{state}");
    let mut releases = fs::names(&shop.folder().join("releases")).unwrap();
    releases.sort();
    assert_eq!(releases, [previous, second.as_str()]);
    programs::commands(&shop);
    no_way_back(&shop);
}

/// The program of the release before is gone: then a person is needed, and what the
/// message says to do works.
fn no_way_back(shop: &Shop) {
    let (label, _) = shop.current();
    let program = shop.folder().join("releases").join(&label).join("streamflix-api");
    let kept = fs::read_bytes(&program).unwrap();
    fs::remove_if_exists(&program).unwrap();
    shop.policy(shop.port, &["/nope"], "");
    let stuck = shop.xtask(&["deploy", "--yes"]);
    demand_stop(
        &stuck,
        33,
        &["program: NOT rolled back", "no migration was applied", "To start the"],
    );
    assert!(!shop.ready());
    fs::write_durably(&program, &kept).unwrap();
    Cmd::new("chmod").arg("+x").arg(&program).read(DEADLINE).unwrap();
    let line = stuck.stderr.lines().find(|line| line.contains("(set -a")).unwrap();
    let command = &line[line.find("(set -a").unwrap()..];
    let shell = Cmd::new("sh").args(["-c", &format!("{command} echo $!")]).dir(shop.sandbox.path());
    let pid: u32 = shell.read(DEADLINE).unwrap().trim().parse().unwrap();
    until("the release before answers", || shop.ready());
    proc::end(pid, End::Asked).unwrap();
    until("it has ended", || !proc::alive(pid));
    shop.policy(shop.port, &[], "");
    shop.deployed();
    assert_ne!(shop.current().0, label);
}

fn nothing_happens_unasked(shop: &Shop) {
    let plan = json(&shop.xtask(&["deploy", "--dry-run", "--json"]));
    let plan = plan["plan"].as_str().unwrap();
    for part in
        ["to `local` (process", "Build the API", "Migrate behind the gate", "Smoke test", "undo:"]
    {
        assert!(plan.contains(part), "no `{part}` in\n{plan}");
    }
    assert!(!shop.folder().exists() && !shop.sandbox.backups().join("ledger.jsonl").exists());
    let refused = shop.xtask(&["deploy"]);
    demand_stop(&refused, 2, &["--yes"]);
    assert!(!shop.folder().join("releases").exists(), "nothing was built");
    demand_stop(&shop.xtask(&["deploy", "--target", "moon", "--yes"]), 10, &["no target `moon`"]);
}

/// The program ends at once, because the address is not one of this machine.
fn one_that_cannot_start(shop: &Shop, first: &str) {
    shop.policy_at("192.0.2.1:3000", &[], "");
    let back = shop.xtask(&["deploy", "--yes"]);
    demand_stop(&back, 32, &["has exited", "cannot listen", "is running again and answers"]);
    assert_eq!(shop.current().0, first);
}

/// What is refused before anything was changed has the code of its cause.
fn before_anything_is_changed(shop: &Shop) {
    let before = shop.current();
    let foreign = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    shop.policy(foreign.local_addr().unwrap().port(), &[], "");
    demand_stop(&shop.xtask(&["deploy", "--yes"]), 10, &["listens on", "did not start it"]);
    shop.policy(shop.port, &[], "");
    let lock = fs::open_private(&shop.folder().join("lock")).unwrap();
    lock.try_lock().unwrap();
    demand_stop(&shop.xtask(&["deploy", "--yes"]), 12, &["another deploy"]);
    drop(lock);
    let file = "api/migrations/20300101000000_bad";
    shop.sandbox.write(&format!("{file}.up.sql"), "ALTER TABLE no_such_table ADD a INT;\n");
    shop.sandbox.write(&format!("{file}.down.sql"), "SELECT 1;\n");
    demand_stop(&shop.xtask(&["deploy", "--yes"]), 20, &["rehearsal"]);
    for end in ["up", "down"] {
        fs::remove_if_exists(&shop.sandbox.path().join(format!("{file}.{end}.sql"))).unwrap();
    }
    assert_eq!(shop.current(), before, "the release that runs was not touched");
}

/// A deploy that is waiting for its release, which cannot log in, is broken off.
fn in_the_middle(shop: &Shop, first: &str) {
    let account = format!("'app_{}'@'%'", shop.sandbox.schema.trim_start_matches("t_"));
    let mut root = shop.sandbox.root();
    let mut login =
        |how: &str| root.query_drop(format!("ALTER USER {account} ACCOUNT {how}")).unwrap();
    let log = shop.sandbox.path().join("deploy.log");
    let waiting = || {
        let target = target_dir();
        let pid = shop
            .sandbox
            .command(&["deploy", "--yes"])
            .env("CARGO_TARGET_DIR", target.to_str().unwrap())
            .daemon(fs::append_private(&log).unwrap())
            .unwrap();
        until("the new release was started", || shop.state()["next"]["pid"].is_u64());
        pid
    };
    // Ctrl-C: the way back is gone to its end.
    login("LOCK");
    let pid = waiting();
    proc::end(pid, End::Asked).unwrap();
    until("it says so", || fs::read_text(&log).unwrap().contains("rolling back"));
    login("UNLOCK");
    until("it has ended", || !proc::alive(pid));
    let said = fs::read_text(&log).unwrap();
    assert!(
        said.contains("interrupted") && said.contains("is running again and answers"),
        "{said}"
    );
    assert_eq!(shop.current().0, first);
    assert_eq!(shop.entry()["outcome"], "rolled_back");
    // Killed: the next one says so, and clears up.
    login("LOCK");
    let pid = waiting();
    proc::end(pid, End::Forced).unwrap();
    until("it has ended", || !proc::alive(pid));
    login("UNLOCK");
    let left = shop.state()["next"]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
    let plan = shop.xtask(&["deploy", "--dry-run"]);
    assert!(plan.stdout.contains("did not finish"), "{}{}", plan.stdout, plan.stderr);
    shop.policy(shop.port, &["/nope"], "");
    demand_stop(&shop.xtask(&["deploy", "--yes"]), 32, &["is running again and answers"]);
    assert_eq!(shop.current().0, first);
    assert!(!proc::alive(left.unwrap()), "what the killed one started was stopped");
}

/// The schema goes first. When the release then fails, its program goes back, and the
/// schema where nothing was written; else that is a person's to decide, and is never
/// called rolled back.
fn with_migrations(shop: &Shop, first: &str) {
    let migration = |name: &str, table: &str| {
        let file = format!("api/migrations/{name}");
        let sql = format!("CREATE TABLE {table} (id INT PRIMARY KEY);\n");
        shop.sandbox.write(&format!("{file}.up.sql"), &sql);
        shop.sandbox.write(&format!("{file}.down.sql"), &format!("DROP TABLE {table};\n"));
    };
    // One instant statement runs in place, and is taken back all the same.
    let instant = "api/migrations/20300101000000_instant";
    let alter = "ALTER TABLE genre ADD COLUMN note VARCHAR(10);\n";
    shop.sandbox.write(&format!("{instant}.up.sql"), alter);
    shop.sandbox.write(&format!("{instant}.down.sql"), "ALTER TABLE genre DROP COLUMN note;\n");
    shop.policy(shop.port, &["/nope"], "");
    let back = shop.xtask(&["deploy", "--yes"]);
    assert!(back.stderr.contains("in-place: its one statement is instant"), "{}", back.stderr);
    demand_stop(&back, 32, &["is running again and answers", "the migrations were undone"]);
    migration("20300201000000_one", "one");
    let back = shop.xtask(&["deploy", "--yes"]);
    demand_stop(
        &back,
        32,
        &["GET /nope", "is running again and answers", "the migrations were undone"],
    );
    assert_eq!(shop.entry()["outcome"], "rolled_back");
    assert_eq!(shop.current().0, first);
    let tables = "SELECT COUNT(*) FROM information_schema.TABLES \
                  WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'one'";
    assert_eq!(shop.sandbox.root().query_first(tables).unwrap(), Some(0));
    // The same with somebody who writes all the time.
    let writer = Writer::start(shop.sandbox.root(), |n| {
        format!("INSERT INTO genre (name) VALUES ('written {n}')")
    });
    let page =
        |section: &str, label: &str| runbook::commands("runbooks/failed-change.md", section, label);
    let typed =
        |command: &[String]| shop.xtask(&command.iter().map(String::as_str).collect::<Vec<_>>());
    let stuck = typed(&page("Exit 32", "")[0]);
    let written = writer.end();
    let backup = shop.entry()["backup"].as_str().unwrap().to_owned();
    let way_back = format!("cargo xtask db-restore {backup}");
    let words = ["GET /nope", "is running again and answers", "stays migrated", way_back.as_str()];
    demand_stop(&stuck, 33, &words);
    let rows = "SELECT COUNT(*) FROM genre WHERE name LIKE 'written %'";
    assert_eq!(shop.sandbox.root().query_first(rows).unwrap(), Some(written));
    assert_eq!(shop.current().0, first);
    // Back, as the runbook has it, and then forward.
    let steps = page("Exit 33", &backup);
    let [forward, restore, status] = &steps[..] else { panic!("{steps:?}") };
    let restored = typed(restore);
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    assert!(typed(status).stdout.contains("2 pending"));
    shop.policy(shop.port, &[], "");
    let done = typed(forward);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    migration("20300202000000_two", "two");
    let done = shop.deployed();
    assert_eq!(done["applied"], serde_json::json!(["20300202000000_two"]), "{done}");
    assert_ne!(done["backup"], backup.as_str(), "the gate took one of this state");
}

#[test]
fn a_process_is_replaced_and_brought_back_on_mysql() {
    process_on(Server::Mysql, "deploy_m");
}

#[test]
fn a_process_is_replaced_and_brought_back_on_mariadb() {
    process_on(Server::Mariadb, "deploy_p");
}
