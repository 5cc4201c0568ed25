//! The account that reads the log: there is one where `.env` asks for it.

use mysql::Conn;
use mysql::prelude::Queryable as _;
use serde_json::Value;
use sys::fs;

use crate::support::{Sandbox, Server, TestServer, own_mariadb_with, require};

fn doctor(sandbox: &Sandbox, args: &[&str]) -> Value {
    let args: Vec<&str> = ["doctor", "--json"].iter().chain(args).copied().collect();
    let done = sandbox.xtask(&args);
    serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}", done.stderr))
}

/// The outcome of a check, and what it saw.
fn check(document: &Value, name: &str) -> Option<(String, String)> {
    let checks = document["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name)?;
    let text = |key: &str| found[key].as_str().unwrap().to_owned();
    Some((text("outcome"), text("detail")))
}

fn users(root: &mut Conn, name: &str) -> usize {
    let sql = format!("SELECT User FROM mysql.user WHERE User = '{name}'");
    root.query::<String, _>(sql).unwrap().len()
}

fn made_where_it_is_asked_for(server: &TestServer, logged: bool) {
    let sandbox = Sandbox::new(server, "log_account");
    sandbox.sql("CREATE TABLE film (id INT PRIMARY KEY)");
    let user = "log_log_account";
    let mut root = server.root();
    root.query_drop(format!("DROP USER IF EXISTS '{user}'@'%'")).unwrap();
    let env = sandbox.path().join(".env");
    // Without being asked for, it is neither made nor missed.
    let before = doctor(&sandbox, &["--fix"]);
    assert_eq!(check(&before, "binary log"), None);
    assert_eq!(users(&mut root, "log_user"), 0);
    let text = fs::read_text(&env).unwrap();
    assert!(!text.contains("DB_LOG_"), "{text}");
    sandbox.write(".env", &format!("{text}DB_LOG_USER={user}\n"));
    let asked = doctor(&sandbox, &[]);
    assert_eq!(check(&asked, &format!("login {user}")).unwrap().0, "failed");
    let fixed = doctor(&sandbox, &["--fix"]);
    assert_eq!(users(&mut root, user), 1);
    assert!(fs::read_text(&env).unwrap().contains("DB_LOG_PASSWORD="));
    assert_eq!(check(&fixed, &format!("login {user}")).unwrap().0, "passed");
    let (outcome, detail) = check(&fixed, &format!("rights {user}")).unwrap();
    assert_eq!((outcome.as_str(), detail.as_str()), ("passed", "exactly those of its role"));
    let (outcome, detail) = check(&fixed, "binary log").unwrap();
    assert_eq!(outcome, if logged { "passed" } else { "failed" }, "{detail}");
    assert!(detail.contains(if logged { "can be read" } else { "log_bin is OFF" }), "{detail}");
    let grants: Vec<String> = root.query(format!("SHOW GRANTS FOR '{user}'@'%'")).unwrap();
    assert_eq!(grants.len(), 1, "{grants:?}");
    assert!(grants[0].starts_with("GRANT REPLICATION SLAVE ON *.*"), "{grants:?}");
    root.query_drop(format!("DROP USER '{user}'@'%'")).unwrap();
}

#[test]
fn the_account_is_made_where_it_is_asked_for() {
    if let Some(server) = require(Server::Mysql) {
        made_where_it_is_asked_for(&server, true);
    }
    if let Some(server) = require(Server::Mariadb) {
        made_where_it_is_asked_for(&server, false);
    }
    let options = ["--log-bin=binlog", "--binlog-format=ROW"].map(str::to_owned);
    if let Some(own) = own_mariadb_with(&options) {
        made_where_it_is_asked_for(&own.server, true);
    }
}
