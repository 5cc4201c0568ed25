//! One connection, logged in, with known settings; and the translation of the
//! server's errors into what the user can do about them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use mysql_common::io::ParseBuf;
use mysql_common::prelude::{FromRow, FromValue};
use mysql_common::proto::Text;
use mysql_common::row::RowDeserializer;
use mysql_common::value::ServerSide;
use rowtext::RawRow;

use super::endpoint::Server;
use super::refusal::login_refused;
use super::settings;
use super::wire::Access;
use super::wire::client::{Client, Columns, Done, File, Use};
use model::account::Account;
use model::excerpt::shorten;
use model::exit::{ExitCode, Stop};
use model::gtid::GtidSet;

pub use super::refusal::{code, has_no_room, is_lasting, said, wants_tls};

/// A connection in utf8mb4, UTC, `sql_mode=''` and with a long `net_write_timeout`:
/// the settings under which digests are defined.
pub struct Session {
    client: Client,
    /// How it was opened, for another one like it.
    access: Access,
    /// What this session committed, while it is tracked.
    gtids: Option<GtidSet>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("user", &self.access.user)
            .field("id", &self.client.id())
            .finish()
    }
}

impl Session {
    /// Logs in.
    ///
    /// # Errors
    /// A [`Stop`] with exit code 11 that names the account and the `.env`
    /// variable (access denied), the schema (unknown database), or the address
    /// (nothing answers); exit code 10 when `.env` has no password.
    pub fn open(server: &Server, account: &Account, schema: Option<&str>) -> Result<Self> {
        Self::open_within(server, account, schema, Duration::from_secs(10))
    }

    /// Logs in, giving up on the connection after `timeout`.
    pub fn open_within(
        server: &Server,
        account: &Account,
        schema: Option<&str>,
        timeout: Duration,
    ) -> Result<Self> {
        let Some(password) = &account.password else {
            return Err(Stop::new(
                ExitCode::Configuration,
                format!(
                    "no password for `{}`: {} is not set",
                    account.user,
                    account.role.password_var()
                ),
            )
            .hint(format!(
                "Put {} into .env, or run `cargo xtask doctor --fix` to create the account.",
                account.role.password_var()
            ))
            .into());
        };
        let access = Access {
            endpoint: server.endpoint.clone(),
            user: account.user.clone(),
            password: password.clone(),
            schema: schema.map(str::to_owned),
            connect: timeout,
            guard: Arc::clone(&server.guard),
        };
        let client = Client::open(&access, Use::Statements)
            .map_err(|error| login_refused(error, server, account, schema))?;
        Self::begin(client, access)
    }

    fn begin(client: Client, access: Access) -> Result<Self> {
        let mut session = Self { client, access, gtids: None };
        session.run(settings::begin())?;
        session.run(settings::ISOLATION)?;
        Ok(session)
    }

    /// Another session of the same account on the same server, with settings as a new
    /// one has them, that can also send data ([`Session::run_with_data`]); its commits are
    /// tracked where this one's are.
    pub fn sibling(&self) -> Result<Self> {
        let client = Client::open(&self.access, Use::Data).context("open one more connection")?;
        let mut session = Self::begin(client, self.access.clone())?;
        if self.gtids.is_some() {
            session.track_gtids()?;
        }
        Ok(session)
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// The account's name.
    pub fn user(&self) -> &str {
        &self.access.user
    }

    /// The server's number of this connection.
    pub fn id(&self) -> u32 {
        self.client.id()
    }

    /// How the connection is protected, in words.
    pub fn protection(&self) -> String {
        let guard = &self.access.guard;
        match (self.client.tls(), guard.words()) {
            (None, _) if guard.is_here() => "without TLS, on this machine".to_owned(),
            (None, _) => "without TLS: rows and new passwords cross the network in clear \
            text"
                .to_owned(),
            (Some(version), words) if words.is_empty() => {
                format!("{version}, the server's certificate not verified")
            }
            (Some(version), words) => format!("{version}, verified by {words}"),
        }
    }

    /// Whether a secret may be sent: on this machine, or to a server whose certificate was
    /// verified.
    pub fn may_send_secrets(&self) -> bool {
        self.access.guard.may_send_password(self.client.tls().is_some())
    }

    /// Whether the connection cannot be intercepted.
    pub fn is_here(&self) -> bool {
        self.access.guard.is_here()
    }

    /// Forbids this session to write: a read command cannot change anything by mistake.
    pub fn read_only(mut self) -> Result<Self> {
        self.run("SET SESSION TRANSACTION READ ONLY")?;
        Ok(self)
    }

    /// Gives the session the server's own values of what a migration will meet when it is
    /// live: the limits and rules that every other session of this tool takes off itself.
    pub fn as_a_migration(&mut self) -> Result<()> {
        self.run(settings::as_the_server_has_them())
    }

    /// Makes the server tell the GTID of everything that this session commits from
    /// now on; `false` where it does not do that (MariaDB).
    pub fn track_gtids(&mut self) -> Result<bool> {
        match self.run("SET SESSION session_track_gtids = OWN_GTID") {
            Ok(()) => {
                self.gtids = Some(GtidSet::default());
                Ok(true)
            }
            // 1193: no such variable.
            Err(error) if code(&error) == Some(1193) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Keeps what this session does out of the server's log; `false` where the account
    /// may not.
    pub fn unlogged(&mut self) -> Result<bool> {
        match self.run("SET SESSION sql_log_bin = 0") {
            Ok(()) => Ok(true),
            // 1227: SESSION_VARIABLES_ADMIN, or BINLOG ADMIN on MariaDB.
            Err(error) if code(&error) == Some(1227) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The GTIDs of what this session (and those given to [`Session::own`]) committed
    /// since [`Session::track_gtids`], a text for each source; `None` where that is
    /// not known.
    pub fn own_gtids(&self) -> Option<Vec<String>> {
        self.gtids.as_ref().map(GtidSet::texts)
    }

    /// Counts what a helper committed as this session's own. Where that is not known,
    /// this session's is not known either.
    pub fn own(&mut self, helper: &Self) {
        self.gtids = match (self.gtids.take(), &helper.gtids) {
            (Some(mut own), Some(more)) => {
                own.merge(more);
                Some(own)
            }
            _ => None,
        };
    }

    /// Keeps the GTIDs that came with the server's answer.
    fn collect_gtids(&mut self, done: Done) -> Done {
        if let Some(known) = &mut self.gtids {
            done.gtids.iter().for_each(|text| known.add(text));
        }
        done
    }

    /// Runs a statement; its rows go to `take`. After the first error of `take` the
    /// remaining rows are read and forgotten.
    fn ask(
        &mut self,
        sql: &str,
        file: Option<File<'_>>,
        take: &mut dyn FnMut(&Columns, &[u8]) -> Result<()>,
    ) -> Result<Done> {
        let mut failure = None;
        let mut until_failure = |columns: &Columns, payload: &[u8]| {
            if failure.is_none() {
                failure = take(columns, payload).err();
            }
        };
        let done = self
            .client
            .run(sql, file, &mut until_failure)
            .with_context(|| format!("run `{}`", shorten(sql)))?;
        let done = self.collect_gtids(done);
        failure.map_or(Ok(done), Err)
    }

    /// Runs a statement and forgets its result.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        self.ask(sql, None, &mut |_, _| Ok(())).map(drop)
    }

    /// As [`Session::run`], for a statement that holds a password: the error does not
    /// quote it.
    pub fn run_secret(&mut self, sql: &str) -> Result<()> {
        let done = self.client.run(sql, None, &mut |_, _| ())?;
        self.collect_gtids(done);
        Ok(())
    }

    /// As [`Session::run`]; gives the number of rows that it touched.
    pub fn run_counted(&mut self, sql: &str) -> Result<u64> {
        Ok(self.ask(sql, None, &mut |_, _| Ok(()))?.affected)
    }

    /// Sends `data` as the file that a `LOAD DATA LOCAL INFILE` named `name` asks for;
    /// gives the rows that it added and the number of warnings. Whatever other file
    /// the server asks for, it gets none: no file is ever opened. Only a
    /// [`Session::sibling`] can do it: others tell the server that they give no files.
    pub fn run_with_data(&mut self, sql: &str, name: &str, data: &[u8]) -> Result<(u64, u16)> {
        let done = self.ask(sql, Some(File { name, data }), &mut |_, _| Ok(()))?;
        Ok((done.affected, done.warnings))
    }

    /// Runs several statements as one packet: the server goes on with them even
    /// when this process dies in between. It stops at the first that fails. Nothing else
    /// in this program can send two statements at once.
    pub fn run_all(&mut self, statements: &[String]) -> Result<()> {
        if statements.is_empty() {
            return Ok(());
        }
        // On a line of its own: a statement may end with a comment.
        let packet = statements.join("\n;\n");
        let done =
            self.client.run_all(&packet).with_context(|| format!("run `{}`", shorten(&packet)))?;
        self.collect_gtids(done);
        Ok(())
    }

    /// Gives each row of a query to `take`, without a copy of it; memory stays flat. After
    /// its first error the remaining rows are read and forgotten.
    pub fn each_raw(
        &mut self,
        sql: &str,
        mut take: impl FnMut(RawRow<'_>) -> Result<()>,
    ) -> Result<()> {
        self.ask(sql, None, &mut |_, payload| take(RawRow::new(payload))).map(drop)
    }

    /// Gives each row of a query to `take`.
    fn each<T: FromRow>(&mut self, sql: &str, mut take: impl FnMut(T)) -> Result<()> {
        self.ask(sql, None, &mut |columns, payload| {
            let row: RowDeserializer<ServerSide, Text> =
                ParseBuf(payload).parse(Arc::clone(columns)).context("read a row")?;
            let row = T::from_row_opt(row.into_inner());
            // The row itself stays out of the message: it may be data.
            take(row.map_err(|_| anyhow!("a row is not of the expected types"))?);
            Ok(())
        })
        .map(drop)
    }

    /// Every row of a query.
    pub fn rows<T: FromRow>(&mut self, sql: &str) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.each(sql, |row| rows.push(row))?;
        Ok(rows)
    }

    /// The first row of a query.
    pub fn first<T: FromRow>(&mut self, sql: &str) -> Result<Option<T>> {
        let mut first = None;
        self.each(sql, |row| {
            first.get_or_insert(row);
        })?;
        Ok(first)
    }

    /// The only value of a query that always has a row.
    pub fn value<T: FromValue>(&mut self, sql: &str) -> Result<T> {
        let row: Option<(T,)> = self.first(sql)?;
        row.map(|(value,)| value).with_context(|| format!("`{}` returned no row", shorten(sql)))
    }
}
