//! The MySQL protocol: logging in, and two ways to ask.
//!
//! `Client` is what [`super::Session`] is made of. It makes a value of each
//! column of each row; where millions of rows only pass through, that costs more than all
//! that is done with them. There rows go from the receive buffer into a sink: [`Wire`].
//! Packets: <https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html>.

pub(super) mod client;
pub(super) mod guard;
mod key;
mod login;
mod stream;
mod tls;
mod trust;

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::ErrPacket;
use rowtext::{RawRow, Sink};

use self::guard::Guard;
use self::login::Login;
use self::stream::{Rows, Stream, Wait};
use super::endpoint::{Endpoint, Near};
use super::refusal::ServerError;
use super::session::Session;
use super::settings;
use model::excerpt::shorten;
use model::secret::Secret;

/// Where and as whom to log in.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) endpoint: Endpoint,
    pub(super) user: String,
    pub(super) password: Secret,
    /// The current schema of a session.
    pub(super) schema: Option<String>,
    /// How long connecting may take.
    pub(super) connect: Duration,
    pub(super) guard: Arc<Guard>,
}

/// Connects and logs in, with TLS as the guard says.
fn connected(
    access: &Access,
    schema: Option<&str>,
    wanted: CapabilityFlags,
    wait: &Wait,
) -> Result<(Stream, Login)> {
    let mut offers_tls = false;
    let mut attempt = |secure: bool| {
        let mut stream = Stream::connect(&access.endpoint, access.connect, wait.clone())
            .with_context(|| format!("connect to {}", access.endpoint))?;
        access.guard.demand_bridge(&access.endpoint, stream.own_address())?;
        let login = login::log_in(&mut stream, access, schema, wanted, secure, &mut offers_tls)?;
        Ok((stream, login))
    };
    let first = attempt(access.guard.begins_with_tls());
    match first {
        Err(error) if access.guard.may_try_tls() && may_want_tls(&error) => {
            let second = attempt(true);
            if second.is_ok() {
                access.guard.tls_was_demanded();
            } else if !(offers_tls && super::refusal::wants_tls(&error)) {
                // It was a wrong password after all.
                return Err(error);
            }
            second
        }
        first => first,
    }
}

/// Whether the server may have refused a connection because it was without TLS: it says so if it
/// requires TLS of all accounts, and reports a wrong password if only of this one.
fn may_want_tls(error: &anyhow::Error) -> bool {
    super::refusal::wants_tls(error) || super::refusal::code(error) == Some(1045)
}

/// How long to wait for the server, and what ends the wait.
#[derive(Debug, Clone)]
pub struct Patience {
    pub connect: Duration,
    /// Without a single byte, once connected.
    pub stall: Duration,
    /// Set to stop all readers, for example after one failed.
    pub stop: Arc<AtomicBool>,
}

impl Patience {
    /// Limits and a switch that is not set.
    pub fn new(connect: Duration, stall: Duration) -> Self {
        Self { connect, stall, stop: Arc::default() }
    }
}

/// One connection, with the settings under which digests are defined: utf8mb4, UTC,
/// `sql_mode=''`.
#[derive(Debug)]
pub struct Wire {
    stream: Stream,
    /// The beginning of the last query.
    asked: String,
    /// Whether its rows were all taken.
    over: bool,
}

impl Wire {
    /// Logs in where, and as whom, `session` is logged in.
    pub fn open(session: &Session, schema: &str, patience: &Patience) -> Result<Self> {
        Self::log_in(session.access(), Some(schema), patience)
    }

    /// As [`Wire::open`], without a schema.
    pub(super) fn open_without_schema(session: &Session, patience: &Patience) -> Result<Self> {
        Self::log_in(session.access(), None, patience)
    }

    /// As [`Wire::open`], at the container's own address and under that address' guard: the
    /// session's would send the password to a server that is there in the container's place.
    /// Whether it is the same server is for the caller to find out.
    pub fn open_at(
        near: &Near,
        session: &Session,
        schema: &str,
        patience: &Patience,
    ) -> Result<Self> {
        let Near { endpoint, guard } = near.clone();
        let access = Access { endpoint, guard, ..session.access().clone() };
        Self::log_in(&access, Some(schema), patience)
    }

    fn log_in(access: &Access, schema: Option<&str>, patience: &Patience) -> Result<Self> {
        let Access { endpoint, user, .. } = access;
        let wait = Wait { stall: patience.stall, stop: Some(Arc::clone(&patience.stop)) };
        let access = Access { connect: patience.connect, ..access.clone() };
        let (stream, _) = connected(&access, schema, CapabilityFlags::empty(), &wait)
            .with_context(|| format!("log in to {endpoint} as `{user}`"))?;
        let mut wire = Self { stream, asked: String::new(), over: true };
        wire.run(settings::begin())?;
        wire.run(settings::ISOLATION)?;
        // The server waits for us as long as for a disk that is slow.
        wire.run("SET SESSION net_write_timeout = 86400, lock_wait_timeout = 10")?;
        Ok(wire)
    }

    /// Runs a statement and forgets its rows.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        self.first(sql).map(drop)
    }

    /// The first row's values of a query; `None` without a row.
    pub fn first(&mut self, sql: &str) -> Result<Option<Vec<Option<Vec<u8>>>>> {
        let mut first = First(None);
        self.query(sql)?;
        while !self.feed(&mut first)? {}
        let Some(payload) = first.0 else { return Ok(None) };
        RawRow::new(&payload).owned().context("the server sent an incomplete row").map(Some)
    }

    /// Sends a query; its rows come out of [`Wire::feed`], and have to be taken until
    /// that says that there are no more.
    pub fn query(&mut self, sql: &str) -> Result<()> {
        self.asked = sql.chars().take(400).collect();
        self.over = false;
        self.answer(sql).with_context(|| format!("run `{}`", shorten(sql)))
    }

    /// Gives rows to `sink` until it is full (`false`) or there are no more (`true`).
    ///
    /// # Errors
    /// As [`Wire::query`]; or the server goes away; or what it sends is not by the
    /// protocol. The connection is of no use then.
    pub fn feed(&mut self, sink: &mut dyn Sink) -> Result<bool> {
        if self.over {
            return Ok(true);
        }
        let fed = self.stream.feed(sink);
        let fed = fed.with_context(|| format!("run `{}`", shorten(&self.asked)))?;
        self.over = match fed {
            Rows::Full => false,
            Rows::End => true,
            Rows::Refused(payload) => {
                return Err(refusal(&payload))
                    .with_context(|| format!("run `{}`", shorten(&self.asked)));
            }
        };
        Ok(self.over)
    }

    /// Sends a command that is no statement. What comes then is for [`Wire::packet`].
    pub(super) fn command(&mut self, command: u8, payload: &[u8]) -> io::Result<()> {
        self.stream.command(command, payload)
    }

    /// The next packet of the answer, of whatever length.
    pub(super) fn packet(&mut self) -> io::Result<&[u8]> {
        self.stream.packet()
    }

    fn answer(&mut self, sql: &str) -> Result<()> {
        self.stream.command(client::COM_QUERY, sql.as_bytes())?;
        let answer = self.stream.packet()?;
        let columns = match answer.first() {
            Some(0) => {
                self.over = true;
                return Ok(());
            }
            Some(0xff) => return Err(refusal(answer)),
            // The server asks for a file on this machine: refused.
            Some(0xfb) | None => bail!("unexpected answer to a query"),
            Some(_) => {
                RawRow::new(answer).number().context("the server's answer has no columns")?
            }
        };
        for _ in 0..columns {
            self.stream.packet()?;
        }
        ensure!(
            rowtext::is_end(self.stream.packet()?),
            "the server's answer violates the protocol: columns without an end"
        );
        Ok(())
    }
}

/// Keeps the first row.
#[derive(Debug)]
struct First(Option<Vec<u8>>);

impl Sink for First {
    fn row(&mut self, payload: &[u8]) -> bool {
        self.0.get_or_insert_with(|| payload.to_vec());
        true
    }

    fn is_full(&self) -> bool {
        false
    }
}

/// The server's error, as [`super::session::code`] knows it.
pub(super) fn refusal(packet: &[u8]) -> anyhow::Error {
    match ParseBuf(packet).parse::<ErrPacket<'_>>(CapabilityFlags::CLIENT_PROTOCOL_41) {
        Ok(ErrPacket::Error(error)) => {
            ServerError { code: error.error_code(), message: error.message_str().into_owned() }
                .into()
        }
        Ok(ErrPacket::Progress(_)) | Err(_) => {
            anyhow::anyhow!("the server sent an error that violates the protocol")
        }
    }
}
