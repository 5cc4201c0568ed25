//! A schema whose changes are read, on a server with a log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use binlog::{Group, Want};
use model::account::{Account, Role};
use model::secret::Secret;
use mysql::Conn;
use mysql::prelude::Queryable as _;
use server::log::{self, Keys, LogError, LogState, Next, Options, Position, Reader};
use server::{Endpoint, Reach, Session};

use crate::support::{Server, TestServer, own_mariadb_with, require};

const PASSWORD: &str = "reads the log";

/// Keys by table, as [`binlog::KeyValue`] prints them.
pub type Touched = BTreeMap<String, BTreeSet<String>>;

/// What was touched by whom.
pub fn touch(touched: &mut Touched, table: &str, key: impl Into<String>) {
    touched.entry(table.to_owned()).or_default().insert(key.into());
}

/// A schema of its own and an account that reads the log.
pub struct World {
    pub server: TestServer,
    pub schema: String,
    user: String,
}

/// MySQL as it is, and a MariaDB of the test's own: the shared one keeps no log. `more` are
/// options of that.
pub fn each(name: &str, more: &[&str], test: impl Fn(&World)) {
    if let Some(server) = require(Server::Mysql) {
        test(&World::new(&server, name));
    }
    let options: Vec<String> =
        ["--log-bin=binlog", "--server-id=7", "--binlog-format=ROW", "--max-allowed-packet=64M"]
            .iter()
            .chain(more)
            .map(|option| (*option).to_owned())
            .collect();
    if let Some(own) = own_mariadb_with(&options) {
        test(&World::new(&own.server, name));
    }
}

impl World {
    pub fn new(server: &TestServer, name: &str) -> Self {
        let world = Self {
            server: server.clone(),
            schema: format!("t_log_{name}"),
            user: format!("log_{name}"),
        };
        world.remove();
        let mut root = server.root();
        root.query_drop(format!("CREATE DATABASE {}", world.schema)).unwrap();
        let user = &world.user;
        root.query_drop(format!("CREATE USER '{user}'@'%' IDENTIFIED BY '{PASSWORD}'")).unwrap();
        root.query_drop(format!("GRANT REPLICATION SLAVE ON *.* TO '{user}'@'%'")).unwrap();
        world
    }

    fn remove(&self) {
        let mut root = self.server.root();
        root.query_drop(format!("DROP DATABASE IF EXISTS {}", self.schema)).unwrap();
        root.query_drop(format!("DROP USER IF EXISTS '{}'@'%'", self.user)).unwrap();
    }

    pub fn is_mysql(&self) -> bool {
        self.server.flavour == Server::Mysql
    }

    /// A connection as root, in the schema.
    pub fn root(&self) -> Conn {
        self.server.login("root", &self.server.root_password, Some(&self.schema))
    }

    /// Runs statements, separated by `;`.
    pub fn sql(&self, statements: &str) {
        run(&mut self.root(), statements);
    }

    fn session_as(&self, user: &str, password: Secret, role: Role, port: u16) -> Session {
        let endpoint = Endpoint::Tcp { host: self.server.host.clone(), port };
        let server = server::Server::new(endpoint, Reach::Explicit);
        let account = Account { role, user: user.to_owned(), password: Some(password) };
        Session::open(&server, &account, None).unwrap()
    }

    /// A session of the account that reads the log, at a port that may be a proxy's.
    pub fn session_at(&self, port: u16) -> Session {
        self.session_as(&self.user, Secret::new(PASSWORD), Role::Log, port)
    }

    pub fn session(&self) -> Session {
        self.session_at(self.server.port)
    }

    /// A session that sees the tables.
    pub fn all_seeing(&self) -> Session {
        let password = self.server.root_password.clone();
        self.session_as("root", password, Role::Root, self.server.port)
    }

    pub fn keys(&self) -> Keys {
        log::keys(&mut self.all_seeing(), &self.schema).unwrap()
    }

    pub fn state(&self) -> LogState {
        log::state(&mut self.session()).unwrap()
    }

    pub fn position(&self) -> Position {
        self.state().position
    }

    /// How this test reads; the number is its own.
    pub fn options(&self, purpose: &str) -> Options {
        let id = log::server_id(&format!("test {} {}", std::process::id(), self.schema), purpose);
        let (heartbeat, silence) = (Duration::from_secs(1), Duration::from_secs(20));
        Options { heartbeat, silence, ..Options::new(id) }
    }

    pub fn reader(&self, from: &Position) -> Result<Reader, LogError> {
        Reader::open(&self.session(), from, &self.options("reader"))
    }

    /// The groups between two positions.
    pub fn between(&self, from: &Position, upto: &Position) -> Result<Vec<Group>, LogError> {
        let mut reader = self.reader(from)?;
        read_upto(&mut reader, &self.keys(), upto)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.remove();
        }
    }
}

pub fn run(conn: &mut Conn, statements: &str) {
    for statement in statements.split(';').map(str::trim).filter(|text| !text.is_empty()) {
        conn.query_drop(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// Reads until the reader has passed a position.
pub fn read_upto(
    reader: &mut Reader,
    keys: &Keys,
    upto: &Position,
) -> Result<Vec<Group>, LogError> {
    let mut groups = Vec::new();
    while !reader.position().covers(upto) {
        match reader.next(&mut |table| keys.want(table))? {
            Next::Group(group) => groups.push(*group),
            Next::Beat => {}
            Next::End => break,
        }
    }
    Ok(groups)
}

/// The keys of groups by table, as text.
pub fn touched(groups: &[Group], schema: &str) -> Touched {
    let mut all = Touched::new();
    for (table, touched) in groups.iter().flat_map(|group| &group.tables) {
        assert_eq!(table.schema, schema);
        for key in &touched.keys {
            let key: Vec<String> = key.iter().map(ToString::to_string).collect();
            touch(&mut all, &table.name, key.join(","));
        }
    }
    all
}

/// All tables, whatever they are.
pub fn nothing(_: &binlog::Table) -> Want {
    Want::Nothing
}
