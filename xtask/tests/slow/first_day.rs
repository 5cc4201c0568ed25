//! The first day of a developer: a fresh checkout, `quickstart`, and the commands
//! that the README promises, one after the other, on each kind of server.

use std::path::Path;
use std::time::Duration;

use model::secret::Secret;
use mysql::prelude::Queryable as _;
use sys::fs;
use sys::proc::{Cmd, Finished};

use crate::support::{
    Removed, Server, TestServer, alone, copy_checkout, free_port, image_of, require, target_dir,
};

/// The API is compiled once more, because its path is another one.
const DEADLINE: Duration = Duration::from_secs(1200);

/// A copy of this checkout's files, without anything that a run left in it.
pub struct Checkout {
    folder: tempfile::TempDir,
    home: tempfile::TempDir,
    settings: Vec<(String, String)>,
}

impl Checkout {
    pub fn new(settings: &[(&str, String)]) -> Self {
        let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        copy_checkout(folder.path());
        let settings = settings.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
        Self { folder, home, settings }
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The variables that every command in this checkout gets.
    pub fn environment(&self) -> Vec<(String, String)> {
        let own = [
            ("XTASK_ROOT", self.root()),
            // What was compiled for this run's own tests serves here too.
            ("CARGO_TARGET_DIR", &target_dir()),
            // Its signing key is made there, and not where the developer has one.
            ("XDG_CONFIG_HOME", self.home()),
        ];
        let own = own.map(|(name, path)| (name.to_owned(), path.to_str().unwrap().to_owned()));
        own.into_iter().chain(self.settings.clone()).collect()
    }

    fn xtask(&self, args: &[&str]) -> Finished {
        let mut command =
            Cmd::new(env!("CARGO_BIN_EXE_xtask")).args(args.iter().copied()).dir(self.root());
        for (name, value) in self.environment() {
            command = command.env(&name, value);
        }
        command.run(DEADLINE).unwrap()
    }

    /// Runs a command that has to succeed; gives its JSON.
    #[track_caller]
    fn json(&self, args: &[&str]) -> serde_json::Value {
        let finished = self.xtask(args);
        assert_eq!(finished.code, Some(0), "{args:?}\n{}\n{}", finished.stdout, finished.stderr);
        serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", finished.stdout))
    }

    fn env(&self, name: &str) -> String {
        let text = fs::read_text(&self.root().join(".env")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.unwrap().trim_matches('\'').to_owned()
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        self.xtask(&["db-down"]);
    }
}

fn the_day(checkout: &Checkout, root: &mut mysql::Conn, gtids: bool) {
    let made = checkout.json(&["db-backup", "--json"]);
    assert_eq!(made["version"], 1);
    assert_eq!(made["engine"], "native");
    assert!(made["tables"].as_u64().unwrap() >= 18, "{made}");
    let verified = checkout.json(&["db-verify", "--level", "restore", "--json"]);
    assert_eq!(verified["passed"], true, "{verified}");
    assert_eq!(verified["label"], made["label"]);
    root.query_drop("SET foreign_key_checks = 0").unwrap();
    root.query_drop("DROP TABLE mydb.movie").unwrap();
    root.query_drop("CREATE TABLE mydb.left_behind (id INT)").unwrap();
    let broken = checkout.xtask(&["db-verify", "--live"]);
    assert_eq!(broken.code, Some(21), "{}{}", broken.stdout, broken.stderr);
    let restored =
        checkout.json(&["db-restore", made["label"].as_str().unwrap(), "--yes", "--json"]);
    assert_eq!(restored["rows"], made["rows"]);
    assert!(restored["safety_backup"].is_string() && restored["previous_schema"].is_string());
    let extra: Option<String> =
        root.query_first("SHOW TABLES FROM mydb LIKE 'left_behind'").unwrap();
    assert_eq!(extra, None, "what the backup did not have is gone");
    let live = checkout.json(&["db-verify", "--live", "--json"]);
    assert_eq!(live["passed"], true, "{live}");
    let list = checkout.json(&["db-list", "--json"]);
    let backups = list["backups"].as_array().unwrap();
    let entry = backups.iter().find(|b| b["label"] == made["label"]).unwrap();
    assert_eq!(entry["verified"], "restore");
    imports(checkout, root);
    // A drill, and nothing after it: where the server's log can say so, the migration
    // needs neither another backup nor another copy.
    checkout.json(&["db-backup", "--json"]);
    checkout.json(&["db-verify", "--json"]);
    migrations(checkout, gtids);
}

/// Files of the catalogue go through the gate: all rows, or none.
fn imports(checkout: &Checkout, root: &mut mysql::Conn) {
    let write = |name: &str, text: &str| {
        let path = checkout.root().join(name);
        fs::write_durably(&path, text.as_bytes()).unwrap();
        path.display().to_string()
    };
    let mut count = |sql: &str| root.query_first::<u64, _>(sql).unwrap().unwrap();
    let films = count("SELECT COUNT(*) FROM mydb.movie");
    let head = "title,release_year,runtime_minutes,age_rating,original_language,description,genres";
    let genres = write("genres-new.json", r#"[{"name": "Quiet drama"}]"#);
    // One is new and has the genre of the other file, one is known with another length.
    let movies = write(
        "movies.csv",
        &format!(
            "{head}\nA New Film,2026,99,6,en,Nothing happens.,Quiet drama\nThe Godfather,1972,176,16,en,The same.,Drama|Crime\n"
        ),
    );
    let done = checkout.json(&["import", &movies, &genres, "--json"]);
    assert!(done["backup"].is_string(), "{done}");
    assert_eq!(count("SELECT COUNT(*) FROM mydb.movie"), films + 1);
    let length = "SELECT runtime_minutes FROM mydb.movie WHERE title = 'The Godfather'";
    assert_eq!(count(length), 176);
    let again = checkout.json(&["import", &movies, &genres, "--json"]);
    let changed = |c: &serde_json::Value| c["inserted"] != 0 || c["updated"] != 0;
    assert!(!again["tables"].as_array().unwrap().iter().any(changed), "{again}");
    let backups = checkout.json(&["db-list", "--json"])["backups"].as_array().unwrap().len();
    let bad = write(
        "movies-bad.csv",
        &format!(
            "{head}\nGood Film,2026,99,6,en,Fine.,Drama\nBad Film,2026,long,6,en,No.,Drama\nWorse Film,2026,99,6,en,No.,No such genre\n"
        ),
    );
    let refused = checkout.xtask(&["import", &bad]);
    assert_eq!(refused.code, Some(20), "{}", refused.stderr);
    assert!(refused.stderr.contains("movies-bad.csv:3: "), "{}", refused.stderr);
    assert!(refused.stderr.contains("nothing was changed"), "{}", refused.stderr);
    assert_eq!(count("SELECT COUNT(*) FROM mydb.movie"), films + 1);
    // A row that only the database can judge is found on the copy.
    let orphan = write(
        "movies-orphan.json",
        r#"[{"title": "Orphan", "release_year": 2026, "runtime_minutes": 90, "age_rating": "6",
            "original_language": "en", "description": "", "genres": ["No such genre"]}]"#,
    );
    let refused = checkout.xtask(&["import", &orphan]);
    assert_eq!(refused.code, Some(20), "{}", refused.stderr);
    assert!(refused.stderr.contains("No such genre"), "{}", refused.stderr);
    assert_eq!(count("SELECT COUNT(*) FROM mydb.movie"), films + 1);
    let list = checkout.json(&["db-list", "--json"])["backups"].as_array().unwrap().len();
    assert_eq!(list, backups + 1, "only the file that had to be tried took a backup");
}

/// A good migration goes through the gate; a broken one is caught in the rehearsal.
fn migrations(checkout: &Checkout, gtids: bool) {
    let write = |name: &str, sql: &str| {
        let path = checkout.root().join("api/migrations").join(name);
        fs::write_durably(&path, sql.as_bytes()).unwrap();
        path
    };
    write("20300101000000_good.down.sql", "DROP TABLE extra;\n");
    write("20300101000000_good.up.sql", "CREATE TABLE extra (id INT PRIMARY KEY);\n");
    let done = checkout.json(&["migrate", "--json"]);
    assert_eq!(done["applied"][0], "20300101000000_good");
    assert!(done["backup"].is_string(), "{done}");
    assert_eq!(done["backup_reused"], gtids, "{done}");
    assert_eq!(done["strategy"], "swap", "{done}");
    assert_eq!(checkout.json(&["migrate", "--status", "--json"])["pending"], serde_json::json!([]));
    write("20300102000000_bad.down.sql", "SELECT 1;\n");
    write(
        "20300102000000_bad.up.sql",
        "ALTER TABLE extra ADD COLUMN a INT;\nALTER TABLE extra ADD COLUMN a INT;\n",
    );
    let refused = checkout.xtask(&["migrate"]);
    assert_eq!(refused.code, Some(20), "{}{}", refused.stdout, refused.stderr);
    assert!(
        refused.stderr.contains("rehearsal") && refused.stderr.contains("Duplicate column"),
        "{}",
        refused.stderr
    );
    let state = checkout.json(&["migrate", "--status", "--json"]);
    assert_eq!(state["troubles"], serde_json::json!([]), "the live schema was not touched");
    assert_eq!(state["pending"][0], "20300102000000_bad");
}

/// With a checkout that does not compile, the copy of the program still works.
fn the_kept_program_needs_no_cargo(checkout: &Checkout) {
    let manifest = checkout.root().join("Cargo.toml");
    let sound = fs::read_text(&manifest).unwrap();
    fs::write_durably(&manifest, format!("{sound}\nthis does not parse").as_bytes()).unwrap();
    let kept = checkout.root().join(".local").join("bin").join("xtask");
    let before = fs::read_bytes(&kept).unwrap();
    // What does not compile has nothing to put in its place.
    let mut broken = sys::package::cargo().args(["xtask", "db-backup"]).dir(checkout.root());
    for (name, value) in checkout.environment() {
        broken = broken.env(&name, value);
    }
    assert_eq!(broken.run(DEADLINE).unwrap().code, Some(101));
    assert!(fs::read_bytes(&kept).unwrap() == before, "the copy was touched");
    let listed = Cmd::new(&kept)
        .args(["db-list", "--json"])
        .dir(checkout.root())
        .env("XTASK_ROOT", checkout.root().to_str().unwrap())
        .env("XDG_CONFIG_HOME", checkout.home.path().to_str().unwrap())
        .env("CARGO", "/nonexistent/cargo")
        .run(DEADLINE)
        .unwrap();
    fs::write_durably(&manifest, sound.as_bytes()).unwrap();
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    assert!(listed.stdout.contains("mydb_backup_"), "{}", listed.stdout);
    let doctor = checkout.xtask(&["doctor"]);
    assert!(doctor.stdout.contains("kept program"), "{}", doctor.stdout);
}

#[test]
fn on_a_machine_without_docker() {
    let Some(_) = require(Server::Mariadb) else { return };
    let _alone = alone();
    let checkout = Checkout::new(&[("DB_REACH", "local".to_owned())]);
    let ready = checkout.json(&["quickstart", "--yes", "--on", "local", "--json"]);
    assert_eq!(ready["verified"], "restore", "{ready}");
    let socket = ready["endpoint"].as_str().unwrap();
    let password = checkout.env("DB_ROOT_PASSWORD");
    let options =
        mysql::OptsBuilder::new().socket(Some(socket)).user(Some("root")).pass(Some(password));
    let mut root = mysql::Conn::new(options).unwrap();
    the_day(&checkout, &mut root, false);
    the_kept_program_needs_no_cargo(&checkout);
    // A second quickstart finds everything and does no harm.
    let again = checkout.json(&["db-up", "--json"]);
    assert_eq!(again["started"], false, "{again}");
}

#[test]
fn on_a_machine_with_docker() {
    let Some(server) = require(Server::Mysql) else { return };
    let _alone = alone();
    let port = free_port();
    let container = format!("streamflix_first_day_{port}");
    let checkout = Checkout::new(&[
        ("DB_CONTAINER", container.clone()),
        ("DB_PORT", port.to_string()),
        ("COMPOSE_PROJECT_NAME", container.clone()),
        ("MYSQL_IMAGE", image_of(&server)),
    ]);
    let _gone = Removed(container);
    let ready = checkout.json(&["quickstart", "--yes", "--on", "docker", "--json"]);
    assert_eq!(ready["verified"], "restore", "{ready}");
    let mine = TestServer {
        port,
        root_password: Secret::new(checkout.env("DB_ROOT_PASSWORD")),
        ..server.clone()
    };
    the_day(&checkout, &mut mine.root(), true);
}
