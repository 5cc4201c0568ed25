//! The binary itself: documents on stdout, people's lines on stderr, exit codes, signals.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

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

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn migrate_and_import() {
    with_schema(async |schema| {
        let run = |arguments: &[&str]| binary(&schema, arguments).output().unwrap();
        let before = json(&run(&["migrate", "status", "--json"]));
        assert_eq!((&before["version"], &before["dirty"]), (&1.into(), &Value::Null));
        assert_eq!(before["pending"].as_array().unwrap().len(), 6);
        let up = run(&["migrate", "up", "--json"]);
        assert_eq!(json(&up)["applied"][5]["name"], "views_and_routines");
        assert_eq!(json(&up)["applied"][5]["version"], 20_261_122_090_600_i64);
        assert!(json(&up)["applied"][0]["duration_ms"].is_u64());
        assert_eq!(String::from_utf8_lossy(&up.stderr).lines().count(), 6);
        assert_eq!(json(&run(&["migrate", "up", "--json"]))["applied"], serde_json::json!([]));
        let after = json(&run(&["migrate", "status", "--json"]));
        assert_eq!(after["applied"].as_array().unwrap().len(), 6);
        assert_eq!(after["pending"], serde_json::json!([]));
        let dir = seed();
        let import = run(&["import", "--dir", dir.to_str().unwrap(), "--json"]);
        assert_eq!(
            json(&import)["tables"][3],
            serde_json::json!({"table": "movie", "rows": 4, "inserted": 4})
        );

        let refused = run(&["import", "--dir", "/nowhere"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("movies.csv"));
        let wrong = binary(&schema, &["migrate", "up"])
            .env("DB_MIGRATE_PASSWORD", "wrong:hunter2")
            .output()
            .unwrap();
        assert_eq!(wrong.status.code(), Some(1));
        assert!(!String::from_utf8_lossy(&wrong.stderr).contains("hunter2"));
        let unset = binary(&schema, &["serve"]).env_remove("DB_APP_PASSWORD").output().unwrap();
        assert!(String::from_utf8_lossy(&unset.stderr).contains("DB_APP_PASSWORD is not set"));
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
