//! A copy of this checkout's files whose API has two migrations of the tests' own:
//! one that is applied already, and one of five statements that is pending.

use std::path::Path;
use std::sync::OnceLock;

use model::hash;
use sys::fs;
use sys::proc::Cmd;

use super::{Sandbox, copy_files, target_dir};

/// What the applied migration makes; each table has a value per row, and `guard` keeps
/// a trigger, a view and an event company.
pub const BASE: &str = "\
CREATE TABLE m1 (id INT PRIMARY KEY AUTO_INCREMENT, v INT NOT NULL);
CREATE TABLE m2 (id INT PRIMARY KEY, v TINYINT UNSIGNED NOT NULL);
CREATE TABLE m3 (id INT PRIMARY KEY, v INT NOT NULL);
CREATE TABLE m4 (id INT PRIMARY KEY, v INT NOT NULL UNIQUE);
CREATE TABLE m5 (id INT PRIMARY KEY, v INT NOT NULL);
CREATE TABLE leaf (id INT PRIMARY KEY, m5_id INT,
  CONSTRAINT leaf_m5 FOREIGN KEY (m5_id) REFERENCES m5 (id));
CREATE TABLE busy (id INT PRIMARY KEY AUTO_INCREMENT, note VARCHAR(40) NOT NULL);
CREATE TABLE tally (id INT PRIMARY KEY, n INT NOT NULL);
INSERT INTO m1 (v) VALUES (1), (2), (3);
INSERT INTO m2 VALUES (1, 1), (2, 2);
INSERT INTO m3 VALUES (1, 1), (2, 2);
INSERT INTO m4 VALUES (1, 1), (2, 2);
INSERT INTO m5 VALUES (1, 1), (2, 2);
INSERT INTO leaf VALUES (1, 1), (2, NULL);
INSERT INTO busy (note) VALUES ('first');
INSERT INTO tally VALUES (1, 0);
CREATE TRIGGER count_busy AFTER INSERT ON busy FOR EACH ROW UPDATE tally SET n = n + 1;
CREATE VIEW all_ones AS SELECT m1.id, m1.v FROM m1;
CREATE EVENT yearly ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' DO DELETE FROM busy WHERE id < 0;
";

/// The pending migration: DDL and DML in turn, on a table each.
pub const FIVE: &str = "\
-- five statements; each can fail by itself
ALTER TABLE m1 ADD UNIQUE KEY m1_v (v);
UPDATE m2 SET v = v + 100;
ALTER TABLE m3 ADD UNIQUE KEY m3_v (v), ADD COLUMN added VARCHAR(10) NOT NULL DEFAULT 'x';
INSERT INTO m4 SELECT id + 10, v + 10 FROM m4;
ALTER TABLE m5 ADD UNIQUE KEY m5_v (v);
";

/// The applied migration's name.
pub const BASE_NAME: &str = "20260101000000_base";
/// The pending one's.
pub const FIVE_NAME: &str = "20260102000000_five";

/// The copy that all tests of the gate share: its API is built once. Locks that a
/// test holds are worth one further try.
pub fn five() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let policy = "[gate]\nlock_wait_s = 1\nlock_retries = 1\nlong_transaction_s = 0\n\
                  [restore]\nlock_wait_s = 1\nlock_retries = 0\n";
    FOLDER.get_or_init(|| with_policy(policy)).path()
}

/// The same, where a migration waits longer for a lock than any test does.
pub fn patient() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| with_policy("[gate]\nlock_wait_s = 300\nlock_retries = 0\n")).path()
}

/// A migration that keeps rows as they are: what it makes can be followed.
pub const SHAPE: &str = "\
ALTER TABLE m1 ADD UNIQUE KEY m1_v (v);
ALTER TABLE m2 MODIFY v SMALLINT UNSIGNED NOT NULL, ADD CONSTRAINT m2_m5 FOREIGN KEY (id) REFERENCES m5 (id);
ALTER TABLE m3 ADD COLUMN added VARCHAR(10) NOT NULL DEFAULT 'x', ADD CONSTRAINT m3_small CHECK (v < 100000);
ALTER TABLE m5 RENAME COLUMN v TO worth, ADD COLUMN twice INT AS (worth * 2) STORED;
ALTER TABLE busy DROP COLUMN gone, MODIFY note VARCHAR(60) NOT NULL;
CREATE TABLE brand_new (id INT PRIMARY KEY);
";
/// Its name.
pub const SHAPE_NAME: &str = "20260103000000_shape";

/// A copy of the checkout in which that migration is pending.
pub fn shape() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        copy_files(folder.path(), &|name| !name.starts_with("api/migrations/"));
        add(folder.path(), BASE_NAME, BASE);
        add(folder.path(), SHAPE_NAME, SHAPE);
        fs::write_durably(&folder.path().join("xtask.toml"), b"[gate]\nlock_retries = 10\n")
            .unwrap();
        folder
    };
    FOLDER.get_or_init(make).path()
}

/// A copy with other rules; what it builds is the same.
pub fn with_policy(policy: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_five(folder.path());
    fs::write_durably(&folder.path().join("xtask.toml"), policy.as_bytes()).unwrap();
    folder
}

/// This checkout's files with the two migrations in place of its own.
pub fn copy_five(to: &Path) {
    copy_files(to, &|name| !name.starts_with("api/migrations/"));
    add(to, BASE_NAME, BASE);
    add(to, FIVE_NAME, FIVE);
}

/// Adds a migration to a copy.
pub fn add(to: &Path, name: &str, text: &str) {
    for (end, text) in [("up", text), ("down", "SELECT 1;\n")] {
        let path = to.join(format!("api/migrations/{name}.{end}.sql"));
        fs::write_durably(&path, text.as_bytes()).unwrap();
    }
}

impl Sandbox {
    /// The tool in a copy of the checkout, working on this sandbox's schema.
    pub fn in_checkout(&self, checkout: &Path, args: &[&str]) -> Cmd {
        let mut command = self
            .command_at(checkout, args)
            .arg("--backups")
            .arg(self.backups())
            .env("CARGO_TARGET_DIR", target_dir().to_str().unwrap());
        for (name, value) in self.settings() {
            command = command.env(&name, value);
        }
        command
    }

    /// Makes what the first of the two migrations makes, and books it as applied.
    pub fn base(&self) {
        self.sql(BASE);
        self.sql(
            "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
             installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, \
             checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)",
        );
        let (version, description) = BASE_NAME.split_once('_').unwrap();
        let checksum = hash::sha384_hex(BASE.as_bytes());
        self.sql(&format!(
            "INSERT INTO _sqlx_migrations VALUES ({version}, '{description}', NOW(), TRUE, 0x{checksum}, 1)"
        ));
    }
}
