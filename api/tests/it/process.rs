//! The binary itself: documents on stdout, people's lines on stderr, exit codes, signals.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use api::{config::Database, import, migrate::MIGRATOR};
use serde_json::{Value, json};

use crate::{
    fingerprint::{account, drop_account},
    permits::sign,
    scratch::Copy,
    support::{Schema, seed, with_schema},
};

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
    feed(binary(schema, arguments), input)
}

fn feed(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end without reading, for instance at a mistake on the command line.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn migrations_need_a_permit() {
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
            assert!(stderr(&refused).starts_with("error: permit refused: "), "{refused:?}");
            let document: Value = serde_json::from_slice(&refused.stdout).unwrap();
            assert_eq!((&document["applied"], &document["failed"]), (&json!([]), &Value::Null));
            assert!(document["error"].as_str().unwrap().starts_with("permit refused: "));
        }
        assert_eq!(document(&run(&["migrate", "status", "--json"])), before);

        let permit = schema.sign(&schema.migrate_document(&MIGRATOR).await);
        let up = fed(&schema, &["migrate", "up", "--json", "--receipt", "-"], &permit);
        let told = document(&up);
        assert_eq!(told["applied"][5]["name"], "20261122090600_views_and_routines");
        assert_eq!(told["applied"][5]["version"], 20_261_122_090_600_i64);
        assert!(told["applied"][0]["duration_ms"].is_u64());
        let statements = told["applied"][0]["statements"].as_array().unwrap();
        assert!(statements.len() > 1 && statements[0]["duration_ms"].is_u64(), "{told}");
        assert_eq!((&told["failed"], &told["error"]), (&Value::Null, &Value::Null));
        // Beside them, others may have made it wait for a lock.
        let applied = stderr(&up).lines().filter(|line| line.contains("applied ")).count();
        assert_eq!(applied, 6, "{up:?}");
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
        let path = std::env::temp_dir().join(format!("{}.permit", schema.database.name));
        let permit = schema.sign(&schema.migrate_document(&MIGRATOR).await);
        std::fs::write(&path, permit).unwrap();
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

// As `app_user`, with a permit for the files in `paths`.
async fn import_as(schema: &Schema, app: &Database, paths: &[PathBuf]) -> Output {
    let batch = import::read(paths).unwrap();
    let permit = schema.import_document(batch.subject()).await;
    let mut arguments = vec!["import", "--json", "--receipt", "-"];
    arguments.extend(paths.iter().map(|path| path.to_str().unwrap()));
    let mut command = binary(schema, &arguments);
    command.env("DB_APP_USER", &app.user).env("DB_APP_PASSWORD", app.password.expose());
    // The import has no business with the other account.
    command.env_remove("DB_MIGRATE_PASSWORD");
    feed(command, &sign(&permit, app.password.expose()))
}

#[tokio::test]
async fn an_import_as_app_user() {
    with_schema(async |schema| {
        schema.migrate().await;
        let app = account(&schema, false).await;
        let copy = Copy::new();
        let paths = import::folder(&copy.0).unwrap();
        let first = import_as(&schema, &app, &paths).await;
        assert_eq!(
            document(&first)["tables"][3],
            json!({"table": "movie", "rows": 4, "inserted": 4, "updated": 0, "deleted": 0})
        );
        assert!(stderr(&first).contains("movie: 4 rows, 4 new, 0 changed"), "{first:?}");
        copy.append("movies.csv", "Bad,1,1,6,en,,\n");
        let bad = import_as(&schema, &app, &paths).await;
        assert_eq!(bad.status.code(), Some(4), "{bad:?}");
        let reason = "release_year is \"1\", not a number from 1870 to 2100";
        let told: Value = serde_json::from_slice(&bad.stdout).unwrap();
        let wanted = json!([{"file": "movies.csv", "line": 6, "reason": reason}]);
        assert_eq!(told, json!({"version": 1, "rejected": wanted}));
        assert!(stderr(&bad).contains(&format!("movies.csv:6: {reason}\n1 row(s)")), "{bad:?}");
        drop_account(&app, &schema).await;
    })
    .await;
}

#[tokio::test]
async fn imports_that_are_not_let_in() {
    with_schema(async |schema| {
        schema.migrate().await;
        let run = |arguments: &[&str]| binary(&schema, arguments).output().unwrap();
        let dir = seed();
        let dir = dir.to_str().unwrap();
        let refused = run(&["import", "--dir", dir]);
        assert_eq!(refused.status.code(), Some(3), "{refused:?}");
        assert!(stderr(&refused).contains("permit refused: there is none"), "{refused:?}");
        let forged = fed(&schema, &["import", "--dir", dir, "--receipt", "-"], "x\ny\n");
        assert_eq!(forged.status.code(), Some(3), "{forged:?}");
        for arguments in [
            ["import", "--check", "README.md"].as_slice(),
            &["import", "--check"],
            &["import", "--check", "--dir", dir, "movies.csv"],
            &["import", "--check", "--receipt", "-", "movies.csv"],
        ] {
            let wrong = run(arguments);
            assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
        }
        let nowhere = fed(&schema, &["import", "--dir", "/nowhere", "--receipt", "-"], "");
        assert_eq!(nowhere.status.code(), Some(1), "{nowhere:?}");
        assert!(stderr(&nowhere).contains("cannot read the folder /nowhere"), "{nowhere:?}");
        assert_eq!(schema.number("SELECT COUNT(*) FROM genre").await, 0);
    })
    .await;
}

#[test]
fn a_check_needs_no_database() {
    let check = |arguments: &[&str]| {
        let mut command = command(env!("CARGO_BIN_EXE_streamflix-api"));
        command.args(["import", "--check"]).args(arguments).env_clear().output().unwrap()
    };
    let copy = Copy::new();
    let path = |file: &str| copy.0.join(file).to_str().unwrap().to_owned();
    let fine = check(&["--json", &path("genres.csv"), &path("movies.csv")]);
    let files = json!([{"file": "genres.csv", "rows": 3}, {"file": "movies.csv", "rows": 4}]);
    assert_eq!(document(&fine), json!({"version": 1, "files": files, "outside": 0}));
    assert!(stderr(&fine).contains("movies.csv: 4 rows, all fine"), "{fine:?}");
    let part = check(&[&path("movies.csv")]);
    assert!(part.status.success() && stderr(&part).contains("6 reference(s) point outside"));
    copy.append("genres.csv", "Drama\n");
    let bad = check(&["--json", &path("genres.csv")]);
    assert_eq!(bad.status.code(), Some(4), "{bad:?}");
    let told: Value = serde_json::from_slice(&bad.stdout).unwrap();
    assert_eq!(told["rejected"][0]["line"], 5);
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
