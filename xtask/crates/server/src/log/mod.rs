//! The server's binary log, read as a replica reads it: whole transactions, one by one, from a
//! position that is known to where the log ends, and on as it grows.
//!
//! Nothing is acknowledged: the server does not wait for this reader, and counts it as no copy
//! of its data. Which events are understood is [`binlog`]'s part; here is how they arrive.

mod ended;
mod keys;
mod position;
mod request;
mod state;
mod statements;
mod visible;

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use binlog::gtid::mysql::GtidSet;
use binlog::{Assembler, Group, Limits, Step, Table, Want};

pub use self::ended::{Ended, LogError};
pub use self::keys::{Keys, keys};
pub use self::position::{Position, server_id};
pub use self::state::{LogState, read as state};
pub use self::statements::demand_rows;
pub use self::visible::{Visible, visible};
use crate::greeting;
use crate::session::Session;
use crate::wire::{Patience, Wire, refusal};
use model::facts::Flavour;
use model::ident::literal;

/// How to read.
#[derive(Debug, Clone)]
pub struct Options {
    /// The number by which the server tells its replicas apart: [`server_id`]. Two readers with
    /// the same one cannot exist: the server ends the first when the second comes.
    pub server_id: u32,
    /// How often a server with nothing to say shows that it is alive.
    pub heartbeat: Duration,
    /// Without a byte for so long, the server counts as dead. Some heartbeats fit into it, and
    /// the time in which MariaDB searches a large file for the position: it is silent then.
    pub silence: Duration,
    /// Whether to wait for more at the log's end.
    pub follow: bool,
    pub limits: Limits,
    /// How long connecting may take.
    pub connect: Duration,
    /// Ends the reading from another thread.
    pub stop: Arc<AtomicBool>,
}

impl Options {
    /// Follows the log with a heartbeat every five seconds.
    pub fn new(server_id: u32) -> Self {
        Self {
            server_id,
            heartbeat: Duration::from_secs(5),
            silence: Duration::from_secs(60),
            follow: true,
            limits: Limits::default(),
            connect: Duration::from_secs(10),
            stop: Arc::default(),
        }
    }
}

/// What reading gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Group(Box<Group>),
    /// The server is at the end of its log, and alive.
    Beat,
    /// The end of the log, for a reader that does not wait there.
    End,
}

/// A connection on which the log comes.
#[derive(Debug)]
pub struct Reader {
    wire: Wire,
    assembler: Assembler,
    from: Position,
    silence: Duration,
    /// How it ended, once it did: each further question gets the same answer.
    over: Option<Result<Next, LogError>>,
}

impl Reader {
    /// Asks for the log as of `from`, with the account of `session`.
    pub fn open(session: &Session, from: &Position, options: &Options) -> Result<Self, LogError> {
        let silence = options.silence;
        let patience =
            Patience { connect: options.connect, stall: silence, stop: Arc::clone(&options.stop) };
        let login = |error| ended::of_login(error, session.user());
        let mut wire = Wire::open_without_schema(session, &patience).map_err(login)?;
        let flavour = flavour(&mut wire).map_err(login)?;
        request::demand(flavour, from)?;
        if let Position::Gtids(set) = from
            && !had(&mut wire, set).map_err(login)?
        {
            return Err(ended::never_had(from));
        }
        let heartbeat = options.heartbeat.min(silence / 3);
        for statement in request::settings(flavour, from, heartbeat) {
            wire.run(&statement).map_err(login)?;
        }
        let (command, payload) = request::dump(from, options.server_id, options.follow);
        wire.command(command, &payload).map_err(|error| ended::of_socket(&error, silence))?;
        let assembler = Assembler::new(flavour, options.limits);
        Ok(Self { wire, assembler, from: from.clone(), silence, over: None })
    }

    /// The next transaction. `want` says what to read of a table.
    ///
    /// # Errors
    /// Reading is over; another reader can begin at [`Reader::position`].
    pub fn next(&mut self, want: &mut dyn FnMut(&Table) -> Want) -> Result<Next, LogError> {
        if let Some(over) = &self.over {
            return over.clone();
        }
        let next = self.step(want);
        if !matches!(next, Ok(Next::Group(_) | Next::Beat)) {
            self.over = Some(next.clone());
        }
        next
    }

    /// Where a reader has to begin that is to give what this one did not.
    pub fn position(&self) -> &Position {
        &self.from
    }

    fn step(&mut self, want: &mut dyn FnMut(&Table) -> Want) -> Result<Next, LogError> {
        loop {
            let silence = self.silence;
            let packet = self.wire.packet().map_err(|error| ended::of_socket(&error, silence))?;
            let event = match packet.split_first() {
                Some((0, event)) => event,
                Some((0xff, _)) => return Err(ended::of_server(&refusal(packet))),
                Some((0xfe, rest)) if rest.len() < 8 => return self.end(),
                _ => {
                    let broken = io::Error::new(io::ErrorKind::InvalidData, "no packet of a log");
                    return Err(ended::of_socket(&broken, silence));
                }
            };
            match self.assembler.feed(event, want).map_err(ended::of_halt)? {
                Step::Nothing => {}
                Step::Beat => return Ok(Next::Beat),
                Step::Group(group) => {
                    self.from.pass(&group.id, &group.end)?;
                    return Ok(Next::Group(group));
                }
            }
        }
    }

    fn end(&self) -> Result<Next, LogError> {
        if self.assembler.is_between_groups() {
            return Ok(Next::End);
        }
        Err(ended::within_a_transaction())
    }
}

/// Whether the server has committed all of a set.
fn had(wire: &mut Wire, set: &GtidSet) -> anyhow::Result<bool> {
    let sql = format!("SELECT GTID_SUBSET({}, @@global.gtid_executed)", literal(&set.to_string()));
    let row = wire.first(&sql)?;
    Ok(row.and_then(|row| row.into_iter().next()).flatten().as_deref() == Some(b"1"))
}

fn flavour(wire: &mut Wire) -> anyhow::Result<Flavour> {
    let row = wire.first("SELECT VERSION()")?;
    let text = row.and_then(|row| row.into_iter().next()).flatten().context("no version")?;
    Ok(greeting::flavour_of(&String::from_utf8_lossy(&text)))
}
