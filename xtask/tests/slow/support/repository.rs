//! A real git repository in a project folder, with a bare remote and the hook of
//! this checkout. Where the hook says `cargo xtask`, it gets the built program.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use sys::fs;
use sys::proc::{Cmd, Finished};

const DEADLINE: Duration = Duration::from_secs(300);

/// The repository.
#[derive(Debug)]
pub struct Repository {
    root: PathBuf,
    beside: Rc<tempfile::TempDir>,
}

impl Repository {
    /// Makes `root` one, with a first migration that is on the remote's `main`.
    pub fn new(root: &Path) -> Self {
        let beside = Rc::new(tempfile::tempdir().unwrap());
        let repository = Self { root: root.to_owned(), beside };
        let bare = repository.remote();
        let bare = bare.to_str().unwrap();
        repository.put("Cargo.toml", "[workspace]\n");
        repository.put("xtask/src/main.rs", "// one\n");
        repository.put(".gitignore", "/.env\n/backups\n/.local\n/xtask.toml\n");
        let hook = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.githooks/pre-push");
        repository.put_program(&root.join(".githooks/pre-push"), &fs::read_text(&hook).unwrap());
        repository.put_program(
            &repository.beside.path().join("bin/cargo"),
            &format!("#!/bin/sh\nshift\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_xtask")),
        );
        repository.git(&["init", "--quiet", "--bare", bare]);
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.git(&["remote", "add", "origin", bare]);
        repository.migration("20260101000000_first");
        repository.git(&["push", "--quiet", "origin", "main"]);
        repository
    }

    /// The same in another working tree, or in the place where it was moved or copied to.
    pub fn at(&self, root: &Path) -> Self {
        Self { root: root.to_owned(), beside: Rc::clone(&self.beside) }
    }

    fn remote(&self) -> PathBuf {
        self.beside.path().join("remote.git")
    }

    /// Writes a file of the project.
    pub fn put(&self, at: &str, text: &str) {
        let path = self.root.join(at);
        fs::create_private_dir(path.parent().unwrap()).unwrap();
        fs::write_durably(&path, text.as_bytes()).unwrap();
    }

    /// Writes a program that can be run.
    pub fn put_program(&self, path: &Path, text: &str) {
        fs::create_private_dir(path.parent().unwrap()).unwrap();
        fs::write_durably(path, text.as_bytes()).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// Commits a migration of that name.
    pub fn migration(&self, name: &str) {
        self.put(&format!("api/migrations/{name}.up.sql"), "SELECT 1;\n");
        self.commit(name);
    }

    /// Commits what is there, a new line of the notes included.
    pub fn commit(&self, message: &str) {
        let notes = self.root.join("notes.txt");
        let text = if notes.exists() { fs::read_text(&notes).unwrap() } else { String::new() };
        self.put("notes.txt", &format!("{text}{message}\n"));
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// Runs git, which must succeed; gives what it says.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        let finished = self.try_git(args);
        assert!(finished.ok(), "git {args:?}: {}", finished.stderr);
        finished.stdout.trim().to_owned()
    }

    /// Runs git in this repository, away from the settings of whoever runs the tests.
    pub fn try_git(&self, args: &[&str]) -> Finished {
        self.prepared(Cmd::new("git").args([
            "-c",
            "user.name=Test",
            "-c",
            "user.email=t@example.org",
        ]))
        .args(args.iter().copied())
        .run(DEADLINE)
        .unwrap()
    }

    /// Runs the tool in this repository.
    pub fn xtask(&self, args: &[&str]) -> Finished {
        let command = Cmd::new(env!("CARGO_BIN_EXE_xtask")).args(args.iter().copied());
        self.prepared(command).run(DEADLINE).unwrap()
    }

    /// The same with variables of the environment.
    pub fn xtask_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Finished {
        let command = Cmd::new(env!("CARGO_BIN_EXE_xtask")).args(args.iter().copied());
        let command = self.prepared(command);
        let set = |command: Cmd, (name, value): &(&str, &str)| command.env(name, *value);
        variables.iter().fold(command, set).run(DEADLINE).unwrap()
    }

    fn prepared(&self, command: Cmd) -> Cmd {
        let mut folders = vec![self.beside.path().join("bin")];
        folders.extend(std::env::split_paths(&sys::env::var_os("PATH").unwrap()));
        let path = std::env::join_paths(folders).unwrap();
        command
            .dir(&self.root)
            .env("PATH", path.to_str().unwrap())
            .env("HOME", self.beside.path().to_str().unwrap())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("NO_COLOR", "1")
            // As if cargo had built the program from this repository.
            .env("CARGO_MANIFEST_DIR", self.root.join("xtask").to_str().unwrap())
    }

    /// What the remote has under a full ref.
    pub fn at_remote(&self, name: &str) -> Option<String> {
        let list = self.git(&["ls-remote", "origin", name]);
        list.split_whitespace().next().map(str::to_owned)
    }

    /// The commit that is checked out.
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }
}
