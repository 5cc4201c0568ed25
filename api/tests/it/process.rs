//! The binary itself: documents on stdout, people's lines on stderr, exit codes, signals.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Output, Stdio},
};

use api::migrate::MIGRATOR;
use serde_json::{Value, json};

use crate::support::{Schema, seed, with_schema};

#[expect(clippy::disallowed_methods, reason = "the program under test, and kill")]
fn command(program: &str) -> Command {
    Command::new(program)
}

fn binary(schema: &Schema, arguments: &[&str]) -> Command {
    let database = &schema.database;
    let mut command = command(env!("CARGO_BIN_EXE_streamflix-api"));
    command.args(arguments).env("DB_NAME", &database.name).env("API_BIND", "127.0.0.1:0");
    command.env("DB_HOST", &database.host).env("DB_PORT", database.port.to_string());
    command.env_remove("DB_SOCKET").env_remove("RUST_LOG");
    if let Some(socket) = &database.socket {
        command.env("DB_SOCKET", socket);
    }
    for role in ["APP", "MIGRATE"] {
        command.env(format!("DB_{role}_USER"), &database.user);
        command.env(format!("DB_{role}_PASSWORD"), database.password.expose());
    }
    command
}

fn document(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

// Runs with `input` on stdin.
fn fed(schema: &Schema, arguments: &[&str], input: &str) -> Output {
    let mut command = binary(schema, arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn migrations_need_a_receipt() {
    with_schema(async |schema| {
        let run = |arguments: &[&str]| binary(&schema, arguments).output().unwrap();
        let before = document(&run(&["migrate", "status", "--json"]));
        assert_eq!((&before["version"], &before["dirty"]), (&1.into(), &Value::Null));
        assert_eq!(before["pending"].as_array().unwrap().len(), 6);
        assert_eq!(before["pending"][0]["name"], "20261122090100_accounts");
        assert_eq!(
            (&before["schema"], &before["tables"]),
            (&(*schema.database.name).into(), &0.into())
        );
        assert!(before["server_uuid"].as_str().is_some_and(|text| !text.is_empty()));
        for field in ["fingerprint", "import_fingerprint"] {
            assert_eq!(before[field].as_str().unwrap().len(), 64);
        }
        assert_eq!(before["session"]["time_zone"], "+00:00");
        assert_eq!(before["session"].as_object().unwrap().len(), 4);

        for arguments in [
            ["migrate", "up", "--json"].as_slice(),
            &["migrate", "up", "--json", "--receipt", "/no/where"],
            &["migrate", "up", "--json", "--receipt", "-"],
        ] {
            let refused = fed(&schema, arguments, "");
            assert_eq!(refused.status.code(), Some(3), "{refused:?}");
            assert!(stderr(&refused).starts_with("error: receipt refused: "), "{refused:?}");
            let document: Value = serde_json::from_slice(&refused.stdout).unwrap();
            assert_eq!((&document["applied"], &document["failed"]), (&json!([]), &Value::Null));
            assert!(document["error"].as_str().unwrap().starts_with("receipt refused: "));
        }
        assert_eq!(document(&run(&["migrate", "status", "--json"])), before);

        let receipt = schema.sign(&schema.migrate_document(&MIGRATOR).await);
        let up = fed(&schema, &["migrate", "up", "--json", "--receipt", "-"], &receipt);
        let told = document(&up);
        assert_eq!(told["applied"][5]["name"], "20261122090600_views_and_routines");
        assert_eq!(told["applied"][5]["version"], 20_261_122_090_600_i64);
        assert!(told["applied"][0]["duration_ms"].is_u64());
        let statements = told["applied"][0]["statements"].as_array().unwrap();
        assert!(statements.len() > 1 && statements[0]["duration_ms"].is_u64(), "{told}");
        assert_eq!((&told["failed"], &told["error"]), (&Value::Null, &Value::Null));
        assert_eq!(stderr(&up).lines().count(), 6);
        assert_eq!(document(&run(&["migrate", "up", "--json"]))["applied"], json!([]));
        let after = document(&run(&["migrate", "status", "--json"]));
        assert_eq!(after["applied"].as_array().unwrap().len(), 6);
        assert_eq!((&after["pending"], &after["tables"]), (&json!([]), &21.into()));
    })
    .await;
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a scratch file of a test")]
async fn a_failed_migration_is_reported_with_its_statement() {
    with_schema(async |schema| {
        schema.run("CREATE TABLE payment (id INT)").await;
        let path = std::env::temp_dir().join(format!("{}.receipt", schema.database.name));
        let receipt = schema.sign(&schema.migrate_document(&MIGRATOR).await);
        std::fs::write(&path, receipt).unwrap();
        let arguments = ["migrate", "up", "--json", "--receipt", path.to_str().unwrap()];
        let failed = binary(&schema, &arguments).output().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(failed.status.code(), Some(1), "{failed:?}");
        let document: Value = serde_json::from_slice(&failed.stdout).unwrap();
        assert_eq!(document["applied"].as_array().unwrap().len(), 1);
        let said = document["failed"].clone();
        assert_eq!(
            (&said["name"], &said["code"]),
            (&"20261122090200_billing".into(), &1050.into())
        );
        let completed = said["completed"].as_u64().unwrap();
        assert!(completed > 0, "{said}");
        assert_eq!(said["statement"], completed + 1);
        assert!(said["message"].as_str().unwrap().contains("payment"), "{said}");
        let line =
            format!("migration 20261122090200_billing failed at statement {}: ", completed + 1);
        assert!(stderr(&failed).contains(&line), "{failed:?}");
        assert!(document["error"].as_str().unwrap().starts_with(&line), "{document}");
    })
    .await;
}

#[tokio::test]
async fn imports_are_reported() {
    with_schema(async |schema| {
        schema.migrate().await;
        let run = |arguments: &[&str]| binary(&schema, arguments).output().unwrap();
        let dir = seed();
        let import = run(&["import", "--dir", dir.to_str().unwrap(), "--json"]);
        assert_eq!(
            document(&import)["tables"][3],
            json!({"table": "movie", "rows": 4, "inserted": 4})
        );
        let refused = run(&["import", "--dir", "/nowhere"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains("movies.csv"));
    })
    .await;
}

#[tokio::test]
async fn passwords_do_not_show() {
    with_schema(async |schema| {
        let wrong = binary(&schema, &["migrate", "up"])
            .env("DB_MIGRATE_PASSWORD", "wrong:hunter2")
            .output()
            .unwrap();
        assert_eq!(wrong.status.code(), Some(1));
        assert!(!stderr(&wrong).contains("hunter2"));
        let unset = binary(&schema, &["serve"]).env_remove("DB_APP_PASSWORD").output().unwrap();
        assert!(stderr(&unset).contains("DB_APP_PASSWORD is not set"));
    })
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn serve_stops_on_sigterm_and_leaves_the_schema_alone() {
    with_schema(async |schema| {
        let mut child = binary(&schema, &["serve"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let up = lines.by_ref().map(Result::unwrap).any(|line| line.contains("listening"));
        assert!(up, "serve said that it listens");
        let id = child.id().to_string();
        assert!(
            command("sh").args(["-c", "kill -TERM \"$1\"", "sh", &id]).status().unwrap().success()
        );
        let rest: Vec<String> = lines.map(Result::unwrap).collect();
        assert!(child.wait().unwrap().success(), "{rest:?}");
        assert!(rest.last().unwrap().contains("stopped"), "{rest:?}");
        let tables =
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()";
        assert_eq!(schema.number(tables).await, 0);
    })
    .await;
}
