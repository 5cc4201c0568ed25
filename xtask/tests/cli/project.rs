//! A project folder without a server, and the program run in it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::account::Role;
use serde_json::Value;
use store::{Keyring, Store};
use sys::fs;
use sys::proc::{Cmd, Finished};

const DEADLINE: Duration = Duration::from_secs(60);

/// Settings that a developer's own environment may hold.
const OTHERS: [&str; 19] = [
    "COLUMNS",
    "DB_ACCOUNT_HOST",
    "DB_PROGRAM_USER",
    "DB_NAME",
    "DB_HOST",
    "DB_PORT",
    "DB_SOCKET",
    "DB_CONTAINER",
    "DB_REACH",
    "DB_ROLE",
    "DB_BACKUPS",
    "API_URL",
    "BACKUP_AGE_IDENTITY",
    "NOTIFY_WEBHOOK_URL",
    "NOTIFY_SLACK_URL",
    "HEARTBEAT_URL",
    "SIGNING_KEY",
    "XTASK_ROOT",
    "DOCKER_HOST",
];

/// A project folder. Its server is one that refuses every connection.
#[derive(Debug)]
pub struct Project {
    folder: tempfile::TempDir,
    home: tempfile::TempDir,
}

impl Project {
    /// A new one with no settings of its own.
    pub fn new() -> Self {
        let new = || tempfile::tempdir().expect("a folder");
        let project = Self { folder: new(), home: new() };
        project.write("Cargo.toml", "[workspace]\n");
        project.write("xtask.toml", "");
        project.env("");
        project
    }

    /// Replaces `.env`: these lines after those that every project needs.
    pub fn env(&self, more: &str) {
        // Port 1 answers nowhere.
        let key = self.signing_key();
        let text = format!(
            "DB_HOST=127.0.0.1\nDB_PORT=1\nSIGNING_KEY=\"{}\"\nDB_BACKUP_PASSWORD=never-shown\n{more}",
            key.display()
        );
        fs::remove_if_exists(&self.path().join(".env")).expect("no .env");
        self.write(".env", &text);
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where backups are.
    pub fn backups(&self) -> PathBuf {
        self.path().join("backups")
    }

    /// What belongs to the machine and to no checkout.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    fn signing_key(&self) -> PathBuf {
        self.home().join("keys/signing.pk8")
    }

    /// The backups folder as this machine's tool opens it: what it writes there is signed.
    pub fn store(&self) -> Store {
        let keyring = Keyring::in_file(&self.signing_key(), &self.backups());
        Store::open(&self.backups()).expect("a backups folder").with_keyring(keyring)
    }

    /// Writes a file, with its folders.
    pub fn write(&self, at: &str, text: &str) {
        let path = self.path().join(at);
        fs::create_private_dir(path.parent().expect("a folder")).expect("its folder");
        fs::write_durably(&path, text.as_bytes()).expect("the file is written");
    }

    /// The program in this project, to be run with more settings.
    pub fn command(&self, args: &[&str]) -> Cmd {
        self.anywhere(args).env("XTASK_ROOT", self.path().display().to_string())
    }

    /// The program where the folder alone says which project is meant.
    pub fn anywhere(&self, args: &[&str]) -> Cmd {
        self.with_colour(args).env("NO_COLOR", "1")
    }

    /// The same where the test says whether there is colour.
    pub fn with_colour(&self, args: &[&str]) -> Cmd {
        let mut command = Cmd::new(env!("CARGO_BIN_EXE_xtask"))
            .args(args.iter().copied())
            .dir(self.path())
            .env("TZ", "UTC");
        let accounts = Role::ALL
            .into_iter()
            .flat_map(|role| [role.user_var(), Some(role.password_var())].into_iter().flatten());
        for name in OTHERS.into_iter().chain(accounts).chain(server::Guard::VARIABLES) {
            command = command.env_remove(name);
        }
        command
    }

    /// Runs the program.
    pub fn xtask(&self, args: &[&str]) -> Finished {
        self.command(args).run(DEADLINE).expect("the program runs")
    }

    /// Runs the program with `--json` and reads its document.
    pub fn json(&self, args: &[&str]) -> Value {
        let finished = self.xtask(&[args, &["--json"]].concat());
        serde_json::from_str(&finished.stdout).unwrap_or_else(|error| {
            panic!("{args:?}: {error} in {} {}", finished.stdout, finished.stderr)
        })
    }

    /// Everything that a run said, its exit code first, without what differs from one
    /// machine to another.
    pub fn said(&self, args: &[&str]) -> String {
        let finished = self.xtask(args);
        self.told(&finished)
    }

    /// The same of a run that has ended.
    pub fn told(&self, finished: &Finished) -> String {
        let code = finished.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        let mut text = format!("exit code {code}\n");
        for (name, said) in [("stdout", &finished.stdout), ("stderr", &finished.stderr)] {
            let said = said.trim_end();
            if !said.is_empty() {
                text.push_str(&format!("--- {name}\n{said}\n"));
            }
        }
        let name = |path: &Path| path.display().to_string();
        let text = text.replace(&name(self.path()), "<project>");
        let text = text.replace(&name(self.home()), "<home>");
        text.lines().map(|line| calm(line) + "\n").collect()
    }
}

/// A line without what the machine and the moment put into it: times that something took,
/// processes, and the system's numbers of errors.
fn calm(line: &str) -> String {
    let cut = |line: &str, from: &str, to: &str, with: &str| match line.split_once(from) {
        Some((start, rest)) if rest.contains(to) => {
            let (_, end) = rest.split_at(rest.find(to).unwrap_or_default());
            format!("{start}{from}{with}{end}")
        }
        _ => line.to_owned(),
    };
    let line = match line.rsplit_once(", in ") {
        Some((start, took)) if took.ends_with("s.") => format!("{start}, in <time>."),
        _ => line.to_owned(),
    };
    let line = match line.split_once("` with process id ") {
        Some((start, _)) => {
            let (start, _) = start.rsplit_once('`').unwrap_or((start, ""));
            format!("{start}`<command>` with process id <number> since <time>")
        }
        None => line,
    };
    cut(&line, "(os error ", ")", "<number>")
}
