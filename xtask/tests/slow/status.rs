//! `db-status`: nothing unseen is taken for good, every broken rule is named, and
//! messages go out when something changes and only then.

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::copy::{CopyNote, NOTE_VERSION};
use model::hash;
use model::label::Label;
use model::manifest::Manifest;
use model::status::{Answer, State, Status};
use serde_json::Value;
use sys::proc::{Cmd, Finished, find};
use sys::{env, fs};

use crate::faults::demand_stop;
use crate::support::object_store::offsite;
use crate::support::{Listener, Sandbox, Server, require};

const ROWS: &str = "CREATE TABLE film (id INT PRIMARY KEY AUTO_INCREMENT, title VARCHAR(90));
    INSERT INTO film (title) VALUES ('Alien'), ('Brazil')";

/// A sandbox with rows, for each server.
fn each(name: &str, test: impl Fn(&Sandbox)) {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, name);
        sandbox.sql(ROWS);
        test(&sandbox);
    }
}

#[track_caller]
fn done(finished: Finished) -> Finished {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished
}

#[track_caller]
fn status(sandbox: &Sandbox, more: &[&str]) -> Status {
    let args: Vec<&str> = ["db-status", "--json"].iter().chain(more).copied().collect();
    let finished = done(sandbox.xtask(&args));
    serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {}", finished.stdout))
}

/// The findings, but for the one that every project without a destination has.
fn ids(status: &Status) -> Vec<&str> {
    let all = status.findings.iter().map(|finding| finding.id.as_str());
    all.filter(|id| *id != "no_off_site").collect()
}

/// A backup that had its drill.
#[track_caller]
fn proven(sandbox: &Sandbox) -> Label {
    let made: Value =
        serde_json::from_str(&done(sandbox.xtask(&["db-backup", "--json"])).stdout).unwrap();
    done(sandbox.xtask(&["db-verify", "--level", "restore"]));
    made["label"].as_str().unwrap().parse().unwrap()
}

#[test]
fn from_nothing_to_safe() {
    each("status_first", |sandbox| {
        let nothing = status(sandbox, &[]);
        assert_eq!((nothing.state, ids(&nothing)), (State::AtRisk, vec!["no_backup"]));
        assert!(!sandbox.backups().exists(), "looking made the backups folder");
        demand_stop(&sandbox.xtask(&["db-status", "--check"]), 21, &["no_backup", "db-backup"]);
        done(sandbox.xtask(&["db-backup"]));
        let taken = status(sandbox, &[]);
        assert_eq!(ids(&taken), ["no_verified_backup", "no_drill"]);
        assert!(taken.facts.rpo.age_s.known().is_none() && taken.facts.last_backup.is_some());
        done(sandbox.xtask(&["db-verify", "--level", "file"]));
        let read = status(sandbox, &[]);
        assert_eq!(ids(&read), ["no_drill"]);
        assert!(read.facts.rto.measured_ms.known().is_none());
        demand_stop(&sandbox.xtask(&["db-status", "--check"]), 21, &["no_drill", "restore"]);
        done(sandbox.xtask(&["db-verify", "--level", "restore"]));
        let proven = status(sandbox, &["--check"]);
        assert_eq!((proven.state, ids(&proven)), (State::Safe, vec![]));
        assert!(proven.facts.rto.measured_ms.known().is_some_and(|ms| *ms > 0));
        assert_eq!((proven.facts.copies.copies, proven.facts.copies.off_site), (1, false));
        let screen = done(sandbox.xtask(&["db-status"])).stdout;
        assert!(screen.starts_with("Safe against mistakes"), "{screen}");
        assert!(screen.lines().count() < 24 && screen.contains("the chain holds"), "{screen}");
    });
}

#[test]
fn what_was_written_is_counted_where_the_log_can_say() {
    each("status_written", |sandbox| {
        proven(sandbox);
        let written = |sandbox: &Sandbox| status(sandbox, &[]).facts.rpo.written;
        if sandbox.server().flavour == Server::Mariadb {
            assert!(written(sandbox).why().is_some_and(|why| why.contains("log position")));
            return;
        }
        // Other tests write on the same server, and their transactions count, too.
        let before = written(sandbox).known().unwrap_or_else(|| panic!("unknown")).transactions;
        sandbox.sql("INSERT INTO film (title) VALUES ('a'); INSERT INTO film (title) VALUES ('b')");
        let after = written(sandbox).known().unwrap().transactions;
        assert!(after >= before + 2, "{before}, {after}");
    });
}

#[test]
fn a_server_that_is_down_is_said_and_the_rest_is_shown() {
    each("status_down", |sandbox| {
        proven(sandbox);
        let ask = |args: &[&str]| {
            let command = sandbox.command(args).env("DB_HOST", "127.0.0.1").env("DB_PORT", "9");
            command.run(Duration::from_secs(60)).unwrap()
        };
        let down: Status =
            serde_json::from_str(&done(ask(&["db-status", "--json"])).stdout).unwrap();
        assert_eq!((down.state, ids(&down)), (State::Safe, vec!["server_not_reached"]));
        assert!(down.facts.rpo.written.why().unwrap().contains("was not reached"));
        assert!(down.facts.rpo.age_s.known().is_some());
        assert_eq!(done(ask(&["db-status", "--check"])).code, Some(0));
        let offline = status(sandbox, &["--offline"]);
        assert!(offline.facts.rpo.written.why().unwrap().contains("--offline"));
    });
}

#[test]
fn damage_is_at_risk() {
    let Some(server) = require(Server::Mysql) else { return };
    let sandbox = Sandbox::new(&server, "status_damage");
    sandbox.sql(ROWS);
    let label = proven(&sandbox);
    let manifest = sandbox.backups().join(format!("{label}.json"));
    let text = fs::read_text(&manifest).unwrap();
    fs::write_durably(&manifest, text.replace("\"rows\": 2", "\"rows\": 3").as_bytes()).unwrap();
    let flawed = format!("backup_flawed:{label}");
    let damaged = status(&sandbox, &[]);
    assert_eq!(damaged.state, State::AtRisk);
    assert!(ids(&damaged).contains(&flawed.as_str()), "{:?}", ids(&damaged));
    demand_stop(&sandbox.xtask(&["db-status", "--check"]), 21, &[&flawed]);
    fs::write_durably(&manifest, text.as_bytes()).unwrap();
    assert_eq!(status(&sandbox, &[]).state, State::Safe);
    // The file was altered, in its old size: the next verification finds it, and the
    // status remembers.
    let data = sandbox.backups().join(format!("{label}.sql"));
    let mut bytes = fs::read_bytes(&data).unwrap();
    let good = bytes.clone();
    let at = bytes.windows(5).position(|it| it == b"Alien").unwrap();
    bytes[at] ^= 1;
    fs::write_durably(&data, &bytes).unwrap();
    assert_eq!(sandbox.xtask(&["db-verify", "--level", "file"]).code, Some(21));
    assert!(ids(&status(&sandbox, &[])).contains(&flawed.as_str()));
    fs::write_durably(&data, &good).unwrap();
    done(sandbox.xtask(&["db-verify", "--level", "restore"]));
    assert_eq!(status(&sandbox, &[]).state, State::Safe);
    let ledger = sandbox.backups().join("ledger.jsonl");
    let text = fs::read_text(&ledger).unwrap();
    fs::write_durably(&ledger, text.replacen("\"passed\":true", "\"passed\":false", 1).as_bytes())
        .unwrap();
    let broken = status(&sandbox, &[]);
    assert_eq!((broken.state, ids(&broken)), (State::AtRisk, vec!["ledger_damaged"]));
    assert!(broken.facts.ledger.entries.known().is_none());
    demand_stop(&sandbox.xtask(&["db-status", "--check"]), 40, &["ledger_damaged"]);
}

/// A copy as it lies at a destination.
fn put_copy(sandbox: &Sandbox, label: &Label, to: &Path) {
    fs::create_private_dir(to).unwrap();
    let manifest_name = format!("{label}.json");
    let text = fs::read_bytes(&sandbox.backups().join(&manifest_name)).unwrap();
    let manifest: Manifest = serde_json::from_slice(&text).unwrap();
    let data = fs::read_bytes(&sandbox.backups().join(&manifest.file)).unwrap();
    let note = CopyNote {
        version: NOTE_VERSION,
        label: label.clone(),
        object: manifest.file.clone(),
        bytes: manifest.bytes,
        sha256: manifest.sha256,
        manifest_sha256: hash::sha256_hex(&text),
        encryption: None,
        copied_utc: manifest.created_utc,
    };
    fs::write_durably(&to.join(&manifest.file), &data).unwrap();
    let note = serde_json::to_vec(&note).unwrap();
    fs::write_durably(&to.join(format!("{label}.copy.json")), &note).unwrap();
    fs::write_durably(&to.join(manifest_name), &text).unwrap();
}

#[test]
fn a_copy_that_is_missing_or_cut_is_found() {
    let Some(server) = require(Server::Mariadb) else { return };
    let sandbox = Sandbox::new(&server, "status_copies");
    sandbox.sql(ROWS);
    let drive = sandbox.path().join("drive");
    let declared =
        "[[destination]]\nname = \"drive\"\nurl = \"drive\"\nencrypt = false\noff_site = true\n";
    // Declared afterwards: a backup is copied to what is declared.
    let older = proven(&sandbox);
    sandbox.write("xtask.toml", declared);
    let found = |sandbox: &Sandbox| {
        let status = status(sandbox, &[]);
        let ids: Vec<String> = status
            .findings
            .iter()
            .filter(|it| !it.id.starts_with("same_disk") && it.id != "no_off_site")
            .map(|it| it.id.clone())
            .collect();
        (status, ids)
    };
    let (_, ids) = found(&sandbox);
    assert_eq!(ids, ["destination:drive"]);
    demand_stop(&sandbox.xtask(&["db-status", "--check"]), 21, &["drive"]);
    // Nobody asked it, so nobody knows: neither safe nor a broken rule.
    let offline = status(&sandbox, &["--offline"]);
    assert_eq!(offline.state, State::Unknown);
    assert!(offline.facts.copies.places[1].usable.known().is_none());
    let unseen = done(sandbox.xtask(&["db-status", "--check", "--offline"]));
    assert!(unseen.stderr.contains("not checked"), "{}", unseen.stderr);
    put_copy(&sandbox, &older, &drive);
    let (safe, ids) = found(&sandbox);
    assert_eq!((safe.state, ids.len()), (State::Safe, 0), "{:?}", safe.findings);
    let copies = &safe.facts.copies;
    assert_eq!((copies.copies, copies.off_site, copies.complete), (2, true, true));
    assert_eq!(copies.places[1].usable, Answer::Known(1));
    sandbox.write("xtask.toml", "");
    let newer = proven(&sandbox);
    sandbox.write("xtask.toml", declared);
    assert_eq!(found(&sandbox).1, ["copy_missing:drive"]);
    demand_stop(&sandbox.xtask(&["db-status", "--check"]), 21, &["copy_missing:drive"]);
    put_copy(&sandbox, &newer, &drive);
    assert_eq!(found(&sandbox).0.state, State::Safe);
    let object = drive.join(format!("{older}.sql"));
    fs::truncate_durably(&object, 100).unwrap();
    assert_eq!(found(&sandbox).1, [format!("copy_flawed:drive:{older}")]);
    demand_stop(&sandbox.xtask(&["db-status", "--check"]), 21, &["copy_flawed:drive"]);
}

#[test]
fn metrics_are_what_a_parser_of_openmetrics_takes() {
    let Some(server) = require(Server::Mysql) else { return };
    let sandbox = Sandbox::new(&server, "status_metrics");
    sandbox.sql(ROWS);
    let file = sandbox.path().join("streamflix.prom");
    let name = file.to_str().unwrap();
    done(sandbox.xtask(&["db-status", "--metrics", name]));
    let empty = fs::read_text(&file).unwrap();
    assert!(!empty.contains("rto_seconds{"), "a number stands for what is unknown:\n{empty}");
    for name in ["newest_verified_timestamp_seconds", "drill_passed", "ledger_ok"] {
        assert!(!empty.contains(name), "{name} in\n{empty}");
    }
    let before = status(&sandbox, &[]).facts.at_utc.timestamp();
    proven(&sandbox);
    done(sandbox.xtask(&["db-status", "--metrics", name]));
    let text = fs::read_text(&file).unwrap();
    let value = |name: &str| -> f64 {
        let start = format!("streamflix_backup_{name}{{");
        let line = text.lines().find(|line| line.starts_with(&start));
        line.unwrap_or_else(|| panic!("{name} in\n{text}"))
            .rsplit_once(' ')
            .unwrap()
            .1
            .parse()
            .unwrap()
    };
    assert!(value("newest_verified_timestamp_seconds") >= before as f64);
    assert!(value("rto_seconds") > 0.0);
    assert_eq!((value("copies"), value("ledger_ok"), value("drill_passed")), (1.0, 1.0, 1.0));
    assert!(text.contains("state=\"safe\"} 1\n") && text.ends_with("\n# EOF\n"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "Prometheus' exporter is another user");
    }
    parse(&file);
}

/// Prometheus' own client library reads it, strictly.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn parse(file: &Path) {
    const PROGRAM: &str = "import sys\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n\
        print(len(list(read(open(sys.argv[1]).read()))))";
    // The package is for the system's own Python, which need not be the first in PATH.
    let pythons = [Some("/usr/bin/python3".into()), find("python3")];
    let imports = |python: &PathBuf| {
        let import = Cmd::new(python).args(["-c", "import prometheus_client.openmetrics.parser"]);
        import.run(Duration::from_secs(60)).is_ok_and(|done| done.ok())
    };
    let Some(python) = pythons.into_iter().flatten().find(imports) else {
        assert!(!env::is_ci(), "CI needs python3-prometheus-client");
        eprintln!("SKIPPED: reading the metrics needs python3-prometheus-client");
        return;
    };
    let read = Cmd::new(python).args(["-c", PROGRAM]).arg(file).run(Duration::from_secs(60));
    let read = done(read.unwrap());
    assert!(read.stdout.trim().parse::<u32>().unwrap() > 20, "{}", read.stdout);
}

#[test]
fn messages_go_out_when_something_changes() {
    let Some(server) = require(Server::Mysql) else { return };
    let sandbox = Sandbox::new(&server, "status_notify");
    sandbox.sql(ROWS);
    let listener = Listener::new();
    let (own, slack) = (listener.url("/own/s3cr3t-path"), listener.url("/slack/s3cr3t-path"));
    let tell = || {
        let command = sandbox
            .command(&["db-status", "--notify"])
            .env("NOTIFY_WEBHOOK_URL", own.as_str())
            .env("NOTIFY_SLACK_URL", slack.as_str());
        let finished = done(command.run(Duration::from_secs(60)).unwrap());
        let said = format!("{}{}", finished.stdout, finished.stderr);
        assert!(!said.contains("s3cr3t"), "{said}");
        (said, listener.take())
    };
    listener.answer_with(500);
    let (said, sent) = tell();
    assert_eq!(sent.len(), 2);
    assert!(said.contains("warning: could not notify the webhook: it answered with 500"), "{said}");
    // What was not taken is sent again.
    listener.answer_with(200);
    let (_, sent) = tell();
    assert_eq!(
        sent.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(),
        ["/own/s3cr3t-path", "/slack/s3cr3t-path"]
    );
    let document: Value = serde_json::from_str(&sent[0].body).unwrap();
    assert_eq!((&document["version"], &document["state"]), (&1.into(), &"at_risk".into()));
    assert_eq!(document["new"][0]["id"], "no_backup");
    assert_eq!(document["resolved"], serde_json::json!([]));
    let text: Value = serde_json::from_str(&sent[1].body).unwrap();
    assert!(text["text"].as_str().unwrap().contains("New: there is no usable backup"), "{text}");
    assert_eq!(text.as_object().unwrap().len(), 1);
    assert!(tell().1.is_empty(), "the same again");
    proven(&sandbox);
    let (_, sent) = tell();
    let document: Value = serde_json::from_str(&sent[0].body).unwrap();
    assert_eq!((&document["state"], &document["new"]), (&"safe".into(), &serde_json::json!([])));
    assert_eq!(document["resolved"][0]["id"], "no_backup");
    assert!(sent[1].body.contains("Resolved: there is no usable backup"));
    assert!(tell().1.is_empty());
    // Nobody listens any more: the command itself succeeds.
    drop(listener);
    fs::remove_if_exists(&sandbox.backups().join("ledger.head")).unwrap();
    let gone = sandbox
        .command(&["db-status", "--notify"])
        .env("NOTIFY_WEBHOOK_URL", own.as_str())
        .run(Duration::from_secs(60))
        .unwrap();
    assert!(done(gone).stderr.contains("could not notify the webhook"));
    // An address with TLS goes by the program beside this one.
    offsite();
    let secure = sandbox
        .command(&["db-status", "--notify"])
        .env("NOTIFY_WEBHOOK_URL", "https://127.0.0.1:9/s3cr3t-path")
        .run(Duration::from_secs(120))
        .unwrap();
    let said = done(secure).stderr;
    assert!(said.contains("could not notify the webhook: 127.0.0.1 does not answer"), "{said}");
    assert!(!said.contains("s3cr3t"), "{said}");
}
