//! `bench`: every candidate has its figures or a reason, and nothing stays behind.

use std::path::Path;

use mysql::prelude::Queryable as _;
use serde_json::Value;
use sys::fs;

use crate::support::{Sandbox, Server, TestServer, require};

const DUMPS: [&str; 9] = [
    "guide",
    "mysqldump-tcp",
    "mysqldump-tcp-zstd",
    "mydumper",
    "mydumper-compress",
    "own-mysqldump",
    "own-native",
    "own-native-zstd",
    "floor",
];
const RESTORES: [&str; 4] = ["mysql", "myloader", "own-verify", "own-restore"];

/// A sandbox with the migrations that a benchmark makes its schema of, and a page.
fn sandbox(server: &TestServer, name: &str) -> Sandbox {
    let sandbox = Sandbox::new(server, name);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("api/migrations");
    for file in fs::names(&folder).unwrap() {
        let text = fs::read_text(&folder.join(&file)).unwrap();
        sandbox.write(&format!("api/migrations/{file}"), &text);
    }
    sandbox.write("docs/benchmarks.md", "# Benchmarks\n\nBy hand.\n");
    sandbox
}

fn schemas(sandbox: &Sandbox) -> Vec<String> {
    let all: Vec<String> = sandbox
        .root()
        .query("SELECT schema_name FROM information_schema.schemata ORDER BY 1")
        .unwrap();
    let prefix = format!("{}__", sandbox.schema);
    all.into_iter().filter(|schema| schema.starts_with(&prefix)).collect()
}

/// Seconds, or a reason; gives whether it ran.
fn demand_line(line: &Value) -> bool {
    let ran = line["median_s"].is_number();
    let runs = line["seconds"].as_array().unwrap().len();
    let why = line["not_run"].as_str().unwrap_or_default();
    assert_eq!((ran, runs > 0), (why.is_empty(), ran), "{line}");
    ran
}

fn demand_nothing_left(sandbox: &Sandbox) {
    assert_eq!(schemas(sandbox), Vec::<String>::new());
    assert!(!sandbox.path().join(".local/bench").exists());
    assert!(!sandbox.path().join(".local/bench-schema.json").exists());
    assert!(!sandbox.backups().exists(), "a benchmark made a backups folder");
}

#[test]
fn bench_names_every_candidate_and_leaves_nothing() {
    let Some(server) = require(Server::Mysql) else { return };
    let sandbox = sandbox(&server, "bench");
    let args = ["bench", "--scale", "0.01", "--rounds", "1", "--write", "--json"];
    let done = sandbox.xtask(&args);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((document["version"].as_u64(), document["rounds"].as_u64()), (Some(1), Some(1)));
    let subject = &document["subjects"][0];
    assert_eq!(subject["scale"].as_f64(), Some(0.01));
    assert_eq!(subject["tables"].as_u64(), Some(20), "{subject}");
    // What needs no other program has no excuse.
    let must = [
        "guide",
        "own-mysqldump",
        "own-native",
        "own-native-zstd",
        "floor",
        "mysql",
        "own-verify",
        "own-restore",
    ];
    for (part, ids) in [("dump", &DUMPS[..]), ("restore", &RESTORES[..])] {
        let lines = subject[part].as_array().unwrap();
        let named: Vec<&str> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
        assert_eq!(named, ids);
        for line in lines {
            let ran = demand_line(line);
            assert!(ran || !must.contains(&line["id"].as_str().unwrap()), "{line}");
        }
    }
    assert_eq!(subject["load"].as_array().unwrap().len(), 3);
    for phase in subject["load"].as_array().unwrap() {
        assert!(phase["not_run"].is_null() && phase["operations"].as_u64() > Some(0), "{phase}");
    }
    assert!(subject["ratios"].as_array().unwrap().len() >= 9);
    for secret in [sandbox.password(), server.root_password.clone()] {
        assert!(!done.stdout.contains(secret.reveal()) && !done.stderr.contains(secret.reveal()));
    }
    let page = fs::read_text(&sandbox.path().join("docs/benchmarks.md")).unwrap();
    assert!(page.starts_with("# Benchmarks\n\nBy hand.\n"), "{page}");
    assert!(page.contains("<!-- bench:begin -->") && page.contains("mydumper"), "{page}");
    assert!(!page.contains(sandbox.path().to_str().unwrap()), "{page}");
    let plot = fs::read_text(&sandbox.path().join("docs/benchmarks.svg")).unwrap();
    assert!(plot.contains("plain mysqldump"), "{plot}");
    demand_nothing_left(&sandbox);
}

#[test]
fn bench_leaves_somebodys_schemas_alone() {
    let Some(server) = require(Server::Mariadb) else { return };
    let sandbox = sandbox(&server, "bench_own");
    // Nothing to measure.
    let empty = sandbox.xtask(&["bench"]);
    assert_eq!(empty.code, Some(2), "{}", empty.stderr);
    assert!(empty.stderr.contains("--scale"), "{}", empty.stderr);
    // A schema of that name which no benchmark made.
    let (theirs, beside) =
        (format!("{}__bench", sandbox.schema), format!("{}__bench__look", sandbox.schema));
    let mut root = sandbox.root();
    for schema in [&theirs, &beside] {
        root.query_drop(format!("CREATE DATABASE `{schema}`")).unwrap();
        root.query_drop(format!("CREATE TABLE `{schema}`.t (id INT)")).unwrap();
    }
    let refused = sandbox.xtask(&["bench", "--scale", "0.002", "--rounds", "1"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    assert_eq!(schemas(&sandbox), [theirs.clone(), beside.clone()]);
    // As it is: the configured schema is only read.
    sandbox.sql("CREATE TABLE film (id INT PRIMARY KEY, name TEXT); INSERT INTO film VALUES (1, 'a'), (2, 'b'); ANALYZE TABLE film");
    let done = sandbox.xtask(&["bench", "--rounds", "1", "--json"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    let subject = &document["subjects"][0];
    assert_eq!((subject["scale"].is_null(), subject["rows"].as_u64()), (true, Some(2)));
    let line = |id: &str| {
        let all = subject["dump"].as_array().unwrap().iter();
        all.clone().find(|line| line["id"] == id).unwrap().clone()
    };
    assert!(demand_line(&line("own-mysqldump")) && demand_line(&line("floor")));
    assert_eq!(line("guide")["not_run"].as_str(), Some("the server is in no container"));
    assert_eq!(subject["load"][0]["not_run"].as_str(), Some("no table `watch_history` with rows"));
    assert_eq!(schemas(&sandbox), [theirs, beside]);
    assert!(!sandbox.path().join(".local/bench").exists());
}
