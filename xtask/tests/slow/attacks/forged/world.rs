//! A project that somebody tampers with who has no key: files and entries rewritten
//! with every hash computed anew.

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::hash;
use model::manifest::Manifest;
use serde_json::{Value, json};
use sys::fs;
use sys::proc::Finished;

use crate::support::{Repository, Sandbox, Server, require};

pub const PATIENCE: Duration = Duration::from_secs(300);
pub const ROWS: &str = "CREATE TABLE film (id INT PRIMARY KEY, title VARCHAR(90));
    INSERT INTO film VALUES (1, 'Alien'), (2, 'Brazil')";
/// A comment: what a payload does is another test's matter.
pub const PAYLOAD: &str = "-- put there by somebody\n";

/// What becomes of a signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    Kept,
    TakenOut,
}

#[track_caller]
pub fn done(finished: Finished) -> Finished {
    assert_eq!(finished.code, Some(0), "{}\n{}", finished.stdout, finished.stderr);
    finished
}

#[track_caller]
pub fn document(finished: Finished) -> Value {
    let finished = done(finished);
    serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {}", finished.stdout))
}

/// A project with a schema, and git around it, so that hooks can be asked.
pub struct World {
    pub sandbox: Sandbox,
    pub repository: Repository,
    pub outside: tempfile::TempDir,
}

impl World {
    pub fn new(kind: Server, name: &str) -> Option<Self> {
        let sandbox = Sandbox::new(&require(kind)?, name);
        sandbox.sql(ROWS);
        let repository = Repository::new(sandbox.path());
        Some(Self { sandbox, repository, outside: tempfile::tempdir().unwrap() })
    }

    pub fn run(&self, args: &[&str]) -> Finished {
        self.sandbox.xtask(args)
    }

    /// The same project on a machine with a key and a backups folder of its own.
    pub fn elsewhere(&self, args: &[&str]) -> Finished {
        let folder = self.outside.path().join("backups");
        self.with_other_key(&[&["--backups", folder.to_str().unwrap()], args].concat())
    }

    /// Another installation in this backups folder.
    pub fn with_other_key(&self, args: &[&str]) -> Finished {
        let key = self.outside.path().join("keys/signing.pk8");
        let command = self.sandbox.command(args).env("SIGNING_KEY", key.to_str().unwrap());
        command.run(PATIENCE).unwrap()
    }

    pub fn backup(&self) -> String {
        let made = document(self.run(&["db-backup", "--json", "--compress", "none"]));
        made["label"].as_str().unwrap().to_owned()
    }

    pub fn listed(&self) -> Value {
        document(self.run(&["db-list", "--json"]))["backups"].clone()
    }

    pub fn newest_proof(&self) -> Value {
        let status = document(self.repository.xtask(&["hooks", "status", "--json"]));
        status["newest_proof"]["label"].clone()
    }

    pub fn state(&self) -> Value {
        document(self.run(&["db-status", "--json"]))
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.sandbox.backups().join(name)
    }
}

pub fn finding(status: &Value, id: &str) -> bool {
    status["findings"].as_array().unwrap().iter().any(|it| it["id"] == id)
}

/// Puts the payload in front of the end marker, and makes sizes, sections and both hashes
/// fit again.
pub fn tamper(folder: &Path, label: &str, signature: Signature) {
    let path = folder.join(format!("{label}.json"));
    let mut manifest: Manifest = serde_json::from_slice(&fs::read_bytes(&path).unwrap()).unwrap();
    let data = folder.join(&manifest.file);
    let text = fs::read_text(&data).unwrap();
    let end = text.find("-- End of backup").unwrap();
    let changed = format!("{}{PAYLOAD}{}", &text[..end], &text[end..]);
    fs::write_durably(&data, changed.as_bytes()).unwrap();
    let more = PAYLOAD.len() as u64;
    manifest.bytes += more;
    manifest.text_bytes += more;
    let tail = manifest.sections.last_mut().unwrap();
    tail.length += more;
    tail.text_length += more;
    manifest.sha256 = hash::sha256_hex(changed.as_bytes());
    write_manifest(&path, manifest, signature);
}

pub fn write_manifest(path: &Path, mut manifest: Manifest, signature: Signature) {
    if signature == Signature::TakenOut {
        (manifest.signer, manifest.signature) = (None, None);
    }
    manifest.manifest_sha256 = String::new();
    let text = serde_json::to_string_pretty(&manifest).unwrap() + "\n";
    fs::write_durably(path, sealed(&text, "\"manifest_sha256\": \"").as_bytes()).unwrap();
}

/// The text with its own hash filled in, as anybody can compute it.
pub fn sealed(text: &str, opening: &str) -> String {
    let at = text.rfind(opening).unwrap() + opening.len();
    format!("{}{}{}", &text[..at], hash::sha256_hex(text.as_bytes()), &text[at..])
}

/// The lines of the ledger.
pub fn lines(folder: &Path) -> Vec<Value> {
    let text = fs::read_text(&folder.join("ledger.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Writes a ledger of these lines, numbers, chain and head computed.
pub fn write_ledger(folder: &Path, lines: Vec<Value>) {
    let mut text = String::new();
    let mut previous = "0".repeat(64);
    let mut head = Value::Null;
    for (at, mut line) in lines.into_iter().enumerate() {
        line["sequence"] = (at + 1).into();
        line["previous"] = previous.clone().into();
        line["hash"] = "".into();
        let line = sealed(&line.to_string(), "\"hash\":\"");
        let read: Value = serde_json::from_str(&line).unwrap();
        previous = read["hash"].as_str().unwrap().to_owned();
        head = json!({"sequence": read["sequence"], "hash": read["hash"]});
        text.push_str(&line);
        text.push('\n');
    }
    fs::write_durably(&folder.join("ledger.jsonl"), text.as_bytes()).unwrap();
    fs::write_durably(&folder.join("ledger.head"), head.to_string().as_bytes()).unwrap();
}

/// Appends a line whose hashes are right.
pub fn append(folder: &Path, mut line: Value) {
    let path = folder.join("ledger.jsonl");
    let all = lines(folder);
    let last = all.last().unwrap();
    line["sequence"] = (all.len() + 1).into();
    line["previous"] = last["hash"].clone();
    line["hash"] = "".into();
    let line = sealed(&line.to_string(), "\"hash\":\"");
    let read: Value = serde_json::from_str(&line).unwrap();
    let text = fs::read_text(&path).unwrap() + &line + "\n";
    fs::write_durably(&path, text.as_bytes()).unwrap();
    let head = json!({"sequence": read["sequence"], "hash": read["hash"]}).to_string();
    fs::write_durably(&folder.join("ledger.head"), head.as_bytes()).unwrap();
}

pub fn unsigned(mut line: Value) -> Value {
    let fields = line.as_object_mut().unwrap();
    fields.remove("signer");
    fields.remove("signature");
    line
}

/// An entry that says what an attacker wants it to say.
pub fn made_up(like: &Value, event: Value) -> Value {
    let mut line = event;
    for field in ["version", "server_uuid", "schema", "tool_version"] {
        line[field] = like[field].clone();
    }
    line["at_utc"] = serde_json::to_value(sys::clock::now()).unwrap();
    line
}

pub fn verified(label: &str, sha256: &Value) -> Value {
    json!({
        "event": "verify", "subject": label, "sha256": sha256, "level": "restore",
        "passed": true, "checks": [], "duration_ms": 1,
    })
}
