//! A checkout stays with the server it has worked on: another one is named, and nothing on it
//! is changed until it is chosen. Production asks for more.

use std::time::Duration;

use sys::fs;

use crate::faults::demand_stop;
use crate::hostile::demand;
use crate::support::{Sandbox, Server, own_mysql, require};

const ROWS: &str = "CREATE TABLE film (id INT PRIMARY KEY, title VARCHAR(90));
    INSERT INTO film VALUES (1, 'Brazil'), (2, 'Alien')";
const DEADLINE: Duration = Duration::from_secs(300);
const OTHER: &str = "00000000-1111-2222-3333-444444444444";

fn each(name: &str, test: impl Fn(&Sandbox)) {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, name);
        sandbox.sql(ROWS);
        test(&sandbox);
    }
}

/// The file that remembers the server.
fn file(sandbox: &Sandbox) -> std::path::PathBuf {
    sandbox.path().join(".local/servers.json")
}

/// The server's name, as it is remembered.
fn uuid(sandbox: &Sandbox) -> String {
    let all: serde_json::Value =
        serde_json::from_str(&fs::read_text(&file(sandbox)).unwrap()).unwrap();
    all["schemas"][&sandbox.schema]["uuid"].as_str().unwrap().to_owned()
}

/// As if the last time had been on another server.
fn elsewhere(sandbox: &Sandbox, now: &str) {
    let text = fs::read_text(&file(sandbox)).unwrap().replace(now, OTHER);
    // In another place: MariaDB's name alone says little.
    let text = text.replace("\"place\": \"", "\"place\": \"not ");
    fs::remove_if_exists(&file(sandbox)).unwrap();
    fs::write_durably(&file(sandbox), text.as_bytes()).unwrap();
}

#[test]
fn another_server_is_named_and_has_to_be_chosen() {
    each("other_server", |sandbox| {
        demand(&sandbox.xtask(&["db-backup"]), 0, "the first backup");
        let (own, short) = (uuid(sandbox), plan::identity::short(&uuid(sandbox)));
        elsewhere(sandbox, &own);
        sandbox.sql("DELETE FROM film WHERE id = 2");
        let look = sandbox.xtask(&["db-restore", "latest", "--dry-run", "--server", &short]);
        demand(&look, 0, "a look");
        assert_eq!(uuid(sandbox), OTHER, "a look remembers nothing");
        let refused = sandbox.xtask(&["db-restore", "latest", "--yes"]);
        demand_stop(&refused, 10, &["not the server of the last time", "00000000", &short]);
        assert!(refused.stderr.contains(&format!("--server {short}")), "{}", refused.stderr);
        let rows = "SELECT COUNT(*) FROM film";
        let count = || mysql::prelude::Queryable::query_first::<u64, _>(&mut sandbox.root(), rows);
        assert_eq!(count().unwrap(), Some(1), "nothing was changed");
        // A backup changes nothing there, and is taken.
        let backup = sandbox.xtask(&["db-backup", "--accept-loss"]);
        demand(&backup, 0, "a backup of the other server");
        assert!(backup.stderr.contains("not the server of the last time"), "{}", backup.stderr);
        assert_eq!(uuid(sandbox), OTHER, "it was not chosen by that");
        // A drill there changes nothing of it, and says where it is; what lies there is not ours
        // to delete.
        let drill = sandbox.xtask(&["db-verify", "latest"]);
        demand(&drill, 0, "a drill on the other server");
        assert!(drill.stderr.contains("not the server of the last time"), "{}", drill.stderr);
        let wrong = ["db-verify", "latest", "--server", "12345678"];
        demand_stop(&sandbox.xtask(&wrong), 10, &["--server names 12345678", &short]);
        let wrong = ["db-prune", "--server", "12345678"];
        demand_stop(&sandbox.xtask(&wrong), 10, &["--server names 12345678", &short]);
        let wrong = ["db-prune", "--yes", "--server", "12345678"];
        demand_stop(&sandbox.xtask(&wrong), 10, &["--server names 12345678", &short]);
        let look = sandbox.xtask(&["db-prune"]);
        demand(&look, 0, "a look at what retention would do");
        assert!(look.stderr.contains("not the server of the last time"), "{}", look.stderr);
        let prune = sandbox.xtask(&["db-prune", "--yes"]);
        demand(&prune, 0, "files here go by the rules, nothing there is touched");
        let said = format!("{}{}", prune.stderr, prune.stdout);
        assert!(said.contains("not the server of the last time"), "{said}");
        // The name of a third one.
        let third = ["db-restore", "latest", "--yes", "--server", "12345678"];
        demand_stop(&sandbox.xtask(&third), 10, &["--server names 12345678", &short]);
        let chosen = ["db-restore", "latest", "--yes", "--server", &short];
        demand(&sandbox.xtask(&chosen), 0, "it is chosen");
        assert_eq!(uuid(sandbox), own);
        demand(&sandbox.xtask(&["db-restore", "latest", "--yes"]), 0, "from then on it is known");
    });
}

#[test]
fn where_nothing_can_be_lost_another_server_is_only_named() {
    each("new_server", |sandbox| {
        demand(&sandbox.xtask(&["db-backup"]), 0, "the first backup");
        let own = uuid(sandbox);
        elsewhere(sandbox, &own);
        sandbox.sql("DROP TABLE film");
        let restored = sandbox.xtask(&["db-restore", "latest", "--yes"]);
        demand(&restored, 0, "into the new server's empty schema");
        assert!(restored.stderr.contains("is empty there"), "{}", restored.stderr);
        assert_eq!(uuid(sandbox), own, "it is the one from then on");
    });
}

#[test]
fn production_names_its_server_and_takes_no_made_up_rows() {
    each("production", |sandbox| {
        let run = |args: &[&str]| {
            sandbox.command(args).env("DB_ROLE", "production").run(DEADLINE).unwrap()
        };
        demand(&run(&["db-backup"]), 0, "a backup asks nothing");
        let short = plan::identity::short(&uuid(sandbox));
        let refused = run(&["db-restore", "latest", "--yes"]);
        demand_stop(&refused, 2, &["production (DB_ROLE)", &format!("--server {short}")]);
        demand(&run(&["db-restore", "latest", "--yes", "--server", &short]), 0, "named");
        demand_stop(&run(&["quickstart", "--yes"]), 10, &["production", "nothing was changed"]);
    });
}

/// Several working trees can use one folder, each with a server: `latest` goes by the schema.
#[test]
fn the_latest_of_another_server_has_to_be_named() {
    let Some(server) = require(Server::Mysql) else { return };
    let Some(own) = own_mysql("of_other") else { return };
    let from = Sandbox::new(&server, "of_other");
    from.sql(ROWS);
    let made = from.xtask(&["db-backup", "--json"]);
    demand(&made, 0, "the other server's backup");
    let made: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
    let sandbox = Sandbox::new(&own.server, "of_other");
    sandbox.sql("CREATE TABLE film (id INT PRIMARY KEY, title VARCHAR(90))");
    fs::create_private_dir(&sandbox.backups()).unwrap();
    for key in ["file", "manifest"] {
        let path = std::path::Path::new(made[key].as_str().unwrap());
        let to = sandbox.backups().join(path.file_name().unwrap());
        fs::write_durably(&to, &fs::read_bytes(path).unwrap()).unwrap();
    }
    let label = made["label"].as_str().unwrap();
    let refused = sandbox.xtask(&["db-restore", "latest", "--yes"]);
    demand_stop(&refused, 2, &["was taken from another server", label, "nothing was changed"]);
    let named = sandbox.xtask(&["db-restore", label, "--yes"]);
    demand(&named, 0, "by its label");
    assert!(named.stderr.contains("was taken from another server"), "{}", named.stderr);
    let file = made["file"].as_str().unwrap();
    demand(&sandbox.xtask(&["db-restore", file, "--yes"]), 0, "by its file");
}
