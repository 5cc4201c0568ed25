//! A project with a backup, and destinations for it.

use std::path::{Path, PathBuf};

use mysql::prelude::Queryable as _;
use serde_json::Value;
use store::age;
use sys::proc::Finished;
use sys::{clock, fs};

use crate::support::object_store::{BUCKET, KEY, ObjectStore, SECRET, offsite};
use crate::support::{Sandbox, TestServer};

pub struct World {
    pub sandbox: Sandbox,
    toml: String,
    env: String,
    /// What every machine of a person has besides the backups: drives, keys.
    pub outside: tempfile::TempDir,
}

impl World {
    /// With a schema of some rows and a view.
    pub fn new(server: &TestServer, name: &str) -> Self {
        offsite();
        let sandbox = Sandbox::new(server, name);
        sandbox.sql(
            "CREATE TABLE genre (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(40) NOT NULL);
             CREATE TABLE film (id INT PRIMARY KEY, genre_id INT, poster BLOB,
                 FOREIGN KEY (genre_id) REFERENCES genre (id));
             CREATE VIEW dramas AS SELECT film.id FROM film WHERE genre_id = 1;
             INSERT INTO genre VALUES (1, 'Drama'), (2, 'Comédie 🎬');
             INSERT INTO film VALUES (1, 1, X'00FF27'), (2, NULL, NULL)",
        );
        let env = fs::read_text(&sandbox.path().join(".env")).unwrap();
        Self { sandbox, toml: String::new(), env, outside: tempfile::tempdir().unwrap() }
    }

    /// Adds about so many MiB of text that does not compress.
    pub fn grow(&self, mib: u32) {
        self.sandbox.sql(
            "CREATE TABLE big (id INT PRIMARY KEY AUTO_INCREMENT, noise VARBINARY(1024) NOT NULL);
             INSERT INTO big (noise) VALUES (RANDOM_BYTES(1024))",
        );
        let mut rows = 1;
        // In the text each byte is two digits.
        while rows < mib * 512 {
            self.sandbox.sql("INSERT INTO big (noise) SELECT RANDOM_BYTES(1024) FROM big");
            rows *= 2;
        }
    }

    /// A folder as a destination.
    pub fn with_folder(&mut self, name: &str, more: &str) -> PathBuf {
        let path = self.outside.path().join(name);
        self.declare(name, &path.display().to_string(), more);
        path
    }

    /// A bucket as a destination, spoken to at `port`.
    pub fn with_bucket(&mut self, name: &str, port: u16, more: &str) {
        let options = format!(
            "options = {{ endpoint = \"http://127.0.0.1:{port}\", allow_http = \"true\", region = \"us-east-1\" }}\n{more}"
        );
        self.declare(name, &format!("s3://{BUCKET}/{name}"), &options);
        let prefix = format!("COPY_{}_", name.to_uppercase());
        self.set_env(&format!("{prefix}ACCESS_KEY_ID"), KEY);
        self.set_env(&format!("{prefix}SECRET_ACCESS_KEY"), SECRET);
    }

    pub fn declare(&mut self, name: &str, url: &str, more: &str) {
        self.toml.push_str(&format!(
            "[[destination]]\nname = \"{name}\"\nurl = \"{}\"\n{more}\n",
            url.replace('\\', "\\\\")
        ));
        self.sandbox.write("xtask.toml", &self.toml);
    }

    /// Sets a variable of `.env`, in front of what was said of it before.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.env = self
            .env
            .lines()
            .filter(|line| !line.starts_with(&format!("{name}=")))
            .fold(String::new(), |text, line| text + line + "\n");
        self.env.push_str(&format!(
            "{name}=\"{}\"\n",
            value.replace('\\', "\\\\").replace('"', "\\\"")
        ));
        self.sandbox.write(".env", &self.env);
    }

    /// Takes the destinations out of xtask.toml again.
    pub fn forget_destinations(&mut self) {
        let front = self.toml.find("[[destination]]").unwrap_or(self.toml.len());
        self.toml.truncate(front);
    }

    pub fn without_destinations(mut self) -> Self {
        self.forget_destinations();
        self
    }

    /// A key pair: the recipient in xtask.toml, the private key outside of the project.
    pub fn with_key(&mut self) {
        let (recipient, text) = age::generate(clock::now());
        let path = self.outside.path().join("key.txt");
        fs::write_durably(&path, text.reveal().as_bytes()).unwrap();
        self.toml = format!("[encryption]\nrecipients = [\"{recipient}\"]\n{}", self.toml);
        self.sandbox.write("xtask.toml", &self.toml);
        self.set_env("BACKUP_AGE_IDENTITY", path.to_str().unwrap());
    }

    /// Lets the files in the backups folder be encrypted, too.
    pub fn encrypt_here(&mut self) {
        self.toml = self.toml.replace("[encryption]\n", "[encryption]\nlocal = true\n");
        self.sandbox.write("xtask.toml", &self.toml);
    }

    /// Takes a backup without copying it.
    pub fn backup(&self) -> String {
        self.sandbox.write("xtask.toml", "");
        let made = self.sandbox.xtask(&["db-backup", "--json", "--compress", "none"]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        self.sandbox.write("xtask.toml", &self.toml);
        let document: Value = serde_json::from_str(&made.stdout).unwrap();
        document["label"].as_str().unwrap().to_owned()
    }

    pub fn run(&self, args: &[&str]) -> Finished {
        self.sandbox.xtask(args)
    }

    /// Every line of the ledger about copies, the oldest first.
    pub fn copies_in_ledger(&self) -> Vec<Value> {
        let text = fs::read_text(&self.sandbox.backups().join("ledger.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["event"] == "copy").collect()
    }

    /// The command ended with 41, said this, wrote an entry of it, and the backup here
    /// is as good as it was.
    pub fn demand_failed(&self, finished: &Finished, label: &str, at: &str, words: &[&str]) {
        assert_eq!(finished.code, Some(41), "{}", finished.stderr);
        for word in words.iter().chain(&["The local backups were not changed", at]) {
            assert!(finished.stderr.contains(word), "`{word}` is not in: {}", finished.stderr);
        }
        self.demand_unharmed(label);
        let entries = self.copies_in_ledger();
        let last = entries.iter().rev().find(|it| it["destination"] == at).expect("an entry");
        assert_eq!((&last["outcome"], &last["label"]), (&"failed".into(), &label.into()));
        assert!(!last["detail"].as_str().unwrap().is_empty());
        let whole =
            [&finished.stdout, &finished.stderr, &last.to_string()].map(String::as_str).concat();
        assert!(!whole.contains(SECRET), "a secret was shown");
    }

    pub fn demand_unharmed(&self, label: &str) {
        let read = self.run(&["db-verify", label, "--level", "file"]);
        assert_eq!(read.code, Some(0), "{}", read.stderr);
    }

    /// Everything in the tables, as text that can be compared.
    pub fn content(&self) -> Vec<String> {
        let mut root = self.sandbox.root();
        let tables: Vec<String> = root
            .query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1")
            .unwrap();
        let mut rows = Vec::new();
        for table in tables {
            let found: Vec<mysql::Row> = root.query(format!("SELECT * FROM `{table}`")).unwrap();
            let mut lines: Vec<String> =
                found.into_iter().map(|row| format!("{table}: {:?}", row.unwrap())).collect();
            lines.sort();
            rows.push(format!("{table} has {}", lines.len()));
            rows.extend(lines);
        }
        rows
    }
}

/// The names in a folder that begin with the label.
pub fn files_of(folder: &Path, label: &str) -> Vec<String> {
    let names = fs::names(folder).unwrap();
    names.into_iter().filter(|name| name.starts_with(label)).collect()
}

/// Writes over a byte in the middle.
pub fn alter(path: &Path) {
    let mut bytes = fs::read_bytes(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write_durably(path, &bytes).unwrap();
}

/// The only object of a label in the bucket's folder.
pub fn object(store: &ObjectStore, prefix: &str, label: &str) -> PathBuf {
    let folder = store.data().join(prefix);
    let name = files_of(&folder, &format!("{label}.sql")).pop().expect("an object");
    folder.join(name)
}
