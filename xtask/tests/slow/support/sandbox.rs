//! A project folder of one test: its own `.env`, schema and accounts on a shared
//! server. Dropping it removes all of them.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::account::Role;
use model::secret::Secret;
use mysql::Conn;
use mysql::prelude::Queryable as _;
use store::{Keyring, Store};
use sys::fs;
use sys::proc::{Cmd, Finished};

use super::{Server, TestServer};

/// No command of a test takes longer.
const XTASK_DEADLINE: Duration = Duration::from_secs(300);
/// Not a secret: it opens one schema of a server that lives as long as the tests.
const PASSWORD: &str = "sandbox 'quoted' \\ pass";

/// A project folder with a schema of its own.
#[derive(Debug)]
pub struct Sandbox {
    /// The schema, `t_<name>`.
    pub schema: String,
    name: String,
    server: TestServer,
    folder: tempfile::TempDir,
    /// What belongs to the machine and to no checkout: its signing key.
    home: tempfile::TempDir,
    /// Holds the name: two runs of the tests may use one server.
    _alone: Conn,
    /// Whether there is an account that reads the server's log.
    log: Cell<bool>,
}

impl Sandbox {
    /// A new one; `name` is the test's own, in lower-case letters, digits and `_`.
    pub fn new(server: &TestServer, name: &str) -> Self {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.len() <= 22 && name.chars().all(plain), "`{name}` cannot name a schema");
        assert!(!name.contains("__"), "`__` marks the tool's own schemas");
        let schema = format!("t_{name}");
        let mut alone = server.root();
        let lock = format!("SELECT GET_LOCK('sandbox {schema}', 300)");
        assert_eq!(alone.query_first(&lock).unwrap(), Some(1), "{schema} is in use");
        let sandbox = Self {
            _alone: alone,
            log: Cell::new(false),
            schema,
            name: name.to_owned(),
            server: server.clone(),
            folder: tempfile::tempdir().unwrap(),
            home: tempfile::tempdir().unwrap(),
        };
        // What a killed run left would be taken for this test's own.
        sandbox.remove_from_server();
        let mut root = server.root();
        // The accounts' SQL is ours, whatever mode the server's sessions begin in.
        root.query_drop("SET sql_mode = ''").unwrap();
        root.query_drop(format!("CREATE DATABASE `{}`", sandbox.schema)).unwrap();
        for statement in sandbox.accounts() {
            root.query_drop(&statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        sandbox.write_env();
        sandbox.write("xtask.toml", "");
        sandbox.write("Cargo.toml", "[workspace]\n");
        sandbox
    }

    /// The project folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The backups folder as this machine's tool opens it: what it writes there is signed.
    pub fn store(&self) -> Store {
        self.store_at(&self.backups())
    }

    /// The same of another folder.
    pub fn store_at(&self, folder: &Path) -> Store {
        let keyring = Keyring::in_file(&self.signing_key(), folder);
        Store::open(folder).unwrap().with_keyring(keyring)
    }

    /// Where this machine's signing key is, once it is made.
    pub fn signing_key(&self) -> PathBuf {
        self.home.path().join("keys/signing.pk8")
    }

    /// Where backups are kept.
    pub fn backups(&self) -> PathBuf {
        self.path().join("backups")
    }

    /// Writes a file of the project, with its folders.
    pub fn write(&self, at: &str, text: &str) {
        let path = self.path().join(at);
        fs::create_private_dir(path.parent().unwrap()).unwrap();
        fs::write_durably(&path, text.as_bytes()).unwrap();
    }

    /// Runs the tool in this project.
    pub fn xtask(&self, args: &[&str]) -> Finished {
        self.command(args).run(XTASK_DEADLINE).unwrap()
    }

    /// The tool in this project, to be run with more settings.
    pub fn command(&self, args: &[&str]) -> Cmd {
        self.command_at(self.path(), args)
    }

    /// The tool in the project at `root`, with nothing of the developer's settings.
    pub(super) fn command_at(&self, root: &Path, args: &[&str]) -> Cmd {
        self.command_by(Path::new(env!("CARGO_BIN_EXE_xtask")), root, args)
    }

    /// The same by another copy of the program.
    pub fn command_by(&self, program: &Path, root: &Path, args: &[&str]) -> Cmd {
        self.with_colour(program, root, args).env("NO_COLOR", "1")
    }

    /// The same, with colour where there is a terminal.
    pub fn with_colour(&self, program: &Path, root: &Path, args: &[&str]) -> Cmd {
        let mut command = Cmd::new(program)
            .args(args.iter().copied())
            .dir(root)
            .env("XTASK_ROOT", root.to_str().unwrap());
        let own = [
            "DB_ACCOUNT_HOST",
            "DB_PROGRAM_USER",
            "DB_NAME",
            "DB_HOST",
            "DB_PORT",
            "DB_SOCKET",
            "DB_CONTAINER",
            "COLUMNS",
            "DB_REACH",
            "DB_ROLE",
            "DB_BACKUPS",
        ];
        let accounts = Role::ALL
            .into_iter()
            .flat_map(|role| [role.user_var(), Some(role.password_var())].into_iter().flatten());
        // Only `.env` speaks here: a developer's own settings stay outside.
        let tls = server::Guard::VARIABLES;
        let outside = [
            "API_URL",
            "BACKUP_AGE_IDENTITY",
            "NOTIFY_WEBHOOK_URL",
            "NOTIFY_SLACK_URL",
            "SIGNING_KEY",
        ];
        let all =
            own.into_iter().chain(accounts).chain(tls).chain(outside).chain(["HEARTBEAT_URL"]);
        for name in all {
            command = command.env_remove(name);
        }
        command
    }

    /// A connection as root, in the sandbox's schema.
    pub fn root(&self) -> Conn {
        self.server.login("root", &self.server.root_password, Some(&self.schema))
    }

    /// A connection as one of the sandbox's accounts.
    pub fn login(&self, user: &str) -> Conn {
        self.server.login(user, &Secret::new(PASSWORD), Some(&self.schema))
    }

    /// The server it is on.
    pub fn server(&self) -> &TestServer {
        &self.server
    }

    /// The password of all its accounts but root.
    pub fn password(&self) -> Secret {
        Secret::new(PASSWORD)
    }

    /// Runs statements, separated by `;`, as root in the sandbox's schema.
    pub fn sql(&self, statements: &str) {
        let mut root = self.root();
        for statement in statements.split(';').map(str::trim).filter(|text| !text.is_empty()) {
            root.query_drop(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }

    fn user(&self, role: Role) -> String {
        let kind = role.default_user().trim_end_matches("_user");
        if role == Role::Root { kind.to_owned() } else { format!("{kind}_{}", self.name) }
    }

    /// What `.env` says, names and values.
    pub fn settings(&self) -> Vec<(String, String)> {
        let server = &self.server;
        let mut all = vec![
            ("DB_NAME", self.schema.clone()),
            ("DB_ROOT_PASSWORD", server.root_password.reveal().to_owned()),
            ("API_URL", "http://127.0.0.1:9".to_owned()),
            ("SIGNING_KEY", self.signing_key().display().to_string()),
        ];
        // An explicit address would hide the container, and with it the only
        // MySQL clients there may be; its published port is found by itself.
        match &server.container {
            Some(container) => all.push(("DB_CONTAINER", container.clone())),
            None => {
                all.extend([("DB_HOST", server.host.clone()), ("DB_PORT", server.port.to_string())])
            }
        }
        for role in Role::CREATED {
            all.push((role.user_var().unwrap(), self.user(role)));
            all.push((role.password_var(), PASSWORD.to_owned()));
        }
        all.push(("DB_PROGRAM_USER", self.program_user()));
        if self.log.get() {
            all.push(("DB_LOG_USER", self.user(Role::Log)));
            all.push(("DB_LOG_PASSWORD", PASSWORD.to_owned()));
        }
        all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Makes the account that reads the server's log.
    pub fn with_log(&self) {
        let (user, mut root) = (self.user(Role::Log), self.server.root());
        let password = PASSWORD.replace('\\', "\\\\").replace('\'', "\\'");
        root.query_drop("SET sql_mode = ''").unwrap();
        root.query_drop(format!("CREATE USER '{user}'@'%' IDENTIFIED BY '{password}'")).unwrap();
        root.query_drop(format!("GRANT REPLICATION SLAVE ON *.* TO '{user}'@'%'")).unwrap();
        self.log.set(true);
        self.write_env();
    }

    /// The locked account that owns the programs which a swap makes.
    pub fn program_user(&self) -> String {
        format!("program_{}", self.name)
    }

    fn write_env(&self) {
        let line = |(name, value): (String, String)| {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            format!("{name}=\"{quoted}\"\n")
        };
        self.write(".env", &self.settings().into_iter().map(line).collect::<String>());
    }

    /// The accounts as `quickstart` makes them, under names of this sandbox.
    fn accounts(&self) -> Vec<String> {
        let password = PASSWORD.replace('\\', "\\\\").replace('\'', "\\'");
        let own = format!("`{}`.*", self.schema.replace('_', "\\_"));
        let companions = format!("`{}\\_\\_%`.*", self.schema.replace('_', "\\_"));
        let companions_of =
            |kind: &str| format!("`{}\\_\\_{kind}\\_%`.*", self.schema.replace('_', "\\_"));
        let mut statements = Vec::new();
        let program = format!("'{}'@'%'", self.program_user());
        statements.push(format!("CREATE USER {program} IDENTIFIED BY '{password}' ACCOUNT LOCK"));
        statements.push(format!("GRANT ALL ON {own} TO {program}"));
        for role in Role::CREATED {
            let user = format!("'{}'@'%'", self.user(role));
            statements.push(format!("CREATE USER {user} IDENTIFIED BY '{password}'"));
            if role == Role::Drill {
                // Nothing else, not even a look at the schema itself.
                for kind in ["staging", "proof"] {
                    statements.push(format!("GRANT ALL ON {} TO {user}", companions_of(kind)));
                }
                continue;
            }
            let mariadb = self.server.flavour == Server::Mariadb;
            let (rights, everywhere) = match role {
                Role::Backup => ("SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES, EXECUTE", false),
                Role::Restore | Role::Migrate => ("ALL", true),
                _ => ("SELECT, INSERT, UPDATE, DELETE, EXECUTE", false),
            };
            statements.push(format!("GRANT {rights} ON {own} TO {user}"));
            if everywhere {
                statements.push(format!("GRANT {rights} ON {companions} TO {user}"));
            }
            if role == Role::Migrate {
                statements.push(format!("GRANT PROCESS ON *.* TO {user}"));
            }
            if role == Role::Restore {
                statements.push(format!("GRANT GRANT OPTION ON {own} TO {user}"));
                // What it makes live belongs to the locked account.
                let right = if mariadb { "SET USER" } else { "SET_ANY_DEFINER" };
                statements.push(format!("GRANT {right} ON *.* TO {user}"));
            }
            if role != Role::App {
                // Reading the bodies of routines is a right of its own.
                statements.push(match self.server.flavour {
                    // … and so is dropping what root has defined.
                    Server::Mysql if everywhere => {
                        format!("GRANT SHOW_ROUTINE, SYSTEM_USER ON *.* TO {user}")
                    }
                    Server::Mysql => format!("GRANT SHOW_ROUTINE ON *.* TO {user}"),
                    Server::Mariadb => format!("GRANT SELECT ON mysql.proc TO {user}"),
                });
            }
        }
        statements
    }

    fn remove_from_server(&self) {
        let mut root = self.server.root();
        let all: Vec<String> =
            root.query("SELECT schema_name FROM information_schema.schemata").unwrap();
        let companion = format!("{}__", self.schema);
        let mut ours: Vec<&String> =
            all.iter().filter(|it| **it == self.schema || it.starts_with(&companion)).collect();
        // The companions first: their keys may refer to the schema.
        ours.sort_by_key(|name| std::cmp::Reverse(name.len()));
        for schema in ours {
            root.query_drop(format!("DROP DATABASE `{schema}`")).unwrap();
        }
        let roles = Role::CREATED.map(|role| self.user(role));
        for user in roles.into_iter().chain([self.program_user(), self.user(Role::Log)]) {
            root.query_drop(format!("DROP USER IF EXISTS '{user}'@'%'")).unwrap();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What the failed test saw stays for whoever looks; the server goes anyway.
            return;
        }
        self.remove_from_server();
    }
}
