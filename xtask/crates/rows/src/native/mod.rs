//! Dumps over the protocol: several connections, one snapshot, one ordinary file.
//!
//! `snapshot` opens connections that see the same rows, `ranges` cuts the tables,
//! `pipeline` reads the ranges side by side and writes them in order, the crate
//! `rowtext` makes text and digests of them, and `text` is everything around the rows.

mod columns;
pub mod digests;
mod judged;
mod pipeline;
pub mod ranges;
mod rate;
pub mod snapshot;
mod text;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use self::columns::Columns;
pub use self::columns::select_list;
pub use self::judged::{Refused, refused};
use self::pipeline::{Lane, Lanes, Range};
use self::ranges::Cutter;
use self::rate::Rate;
use self::snapshot::{Place, Snapshot};
use crate::dumper;
use model::definers::Definers;
use model::exit::{ExitCode, Stop};
use model::facts::{LogPosition, ServerFacts};
use model::inventory::Inventory;
use model::manifest::SectionKind;
use model::sink::SectionSink;
pub use rowtext::literal;
use server::session::code;
use server::wire::Patience;
use server::{Near, Session, inventory};
use sql::{Progress, Seen, TableSeen};
use sys::{env, signal};

/// Sets the rows of a range, so that tests cut small tables.
const RANGE_ROWS: &str = "XTASK_RANGE_ROWS";

/// What is dumped, from where, and how gently.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    pub schema: &'a str,
    /// A shorter way to the server than the session's.
    pub near: Option<&'a Near>,
    pub facts: &'a ServerFacts,
    pub inventory: &'a Inventory,
    pub definers: Definers,
    pub threads: usize,
    /// Text per second at most, in bytes.
    pub max_rate: Option<u64>,
    /// How long it may take, and how long without a byte.
    pub limits: super::dumper::Limits,
    /// How long to wait for a connection.
    pub connect: Duration,
}

/// A dump that is written.
#[derive(Debug)]
pub struct Dumped {
    pub seen: Seen,
    /// Every change up to here is in it.
    pub position: LogPosition,
    pub threads: usize,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Dumps a schema into `sink`. `session` asks for estimates and definitions; the rows
/// come over connections opened like it. The end marker is the caller's to write.
///
/// # Errors
/// The server refuses or goes away, the schema changes meanwhile, or writing fails.
/// Nothing that was written may be used then.
pub fn dump(
    order: &Order<'_>,
    session: &mut Session,
    sink: &mut dyn SectionSink,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Dumped> {
    dump_all(order, session, sink, progress).map_err(|error| given_up(error, order))
}

/// A file of a schema's definitions, without a row: as [`dump`] writes them.
pub fn definitions_alone(schema: &str, facts: &ServerFacts, inventory: &Inventory) -> String {
    let mut out = text::head(schema, facts, inventory);
    for (name, table) in &inventory.tables {
        out.push_str(&text::table(name, &table.ddl));
        out.push_str(&text::triggers(name, inventory, Definers::CurrentUser).text);
    }
    out.push_str(&text::programs(inventory, Definers::CurrentUser).text);
    out.push_str(text::tail());
    out
}

/// A server that sends nothing is most likely waiting for another session's lock.
fn given_up(error: anyhow::Error, order: &Order<'_>) -> anyhow::Error {
    let silent = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut)
    };
    let waited = order.limits.stall.as_secs();
    let message = match code(&error) {
        Some(1205) => "a table stayed locked by another session; no backup was made".to_owned(),
        None if error.chain().any(silent) => {
            format!("gave up on the server: it sent nothing for {waited} s; no backup was made")
        }
        _ => return error,
    };
    error.context(dumper::after_waiting(Stop::new(ExitCode::Unexpected, message)))
}

fn dump_all(
    order: &Order<'_>,
    session: &mut Session,
    sink: &mut dyn SectionSink,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Dumped> {
    let deadline = Instant::now() + order.limits.deadline;
    let patience = Patience::new(order.connect, order.limits.stall);
    // Ranges are valid at any moment, so finding them blocks no one.
    let columns: BTreeMap<&str, Columns> = order
        .inventory
        .tables
        .iter()
        .map(|(name, facts)| (name.as_str(), Columns::new(order.schema, name, facts)))
        .collect();
    let (sequence, ranges) = plan(order, session, &columns)?;
    let place = Place {
        session,
        schema: order.schema,
        flavour: order.facts.flavour,
        near: order.near.map(|near| (near, order.facts.uuid.as_str())),
    };
    let snapshot = snapshot::open(place, order.inventory, order.threads, &patience)?;
    let definitions = definitions(order, session)?;
    // A wait for the server ends when one of the others has failed.
    let stop = std::sync::Arc::clone(&patience.stop);
    let (lanes, mut out) = Lanes::new(ranges, stop);
    let Snapshot { mut readers, position, mut lock, mut notes } = snapshot;
    let threads = readers.len();
    let written = std::thread::scope(|scope| {
        for wire in &mut readers {
            scope.spawn(|| lanes.read(wire));
        }
        let writer = Writer {
            order,
            definitions: &definitions,
            lanes: &lanes,
            sink,
            seen: seen(order, &definitions),
            longest: 0,
            bytes: 0,
            rate: order.max_rate.map(Rate::new),
            deadline,
        };
        let written = writer.all(&sequence, &mut out, progress);
        if written.is_err() {
            lanes.stop();
            out.clear();
        }
        written
    });
    let (seen, longest) = written?;
    if let Some(lock) = &mut lock {
        lock.run("UNLOCK TABLES").context("the lock was lost while the tables were read")?;
    }
    if longest + (64 << 10) > order.facts.max_allowed_packet {
        notes.push(format!(
            "a row has {} MiB of text, more than this server takes in one packet ({} MiB): to restore it, raise max_allowed_packet",
            longest >> 20,
            order.facts.max_allowed_packet >> 20
        ));
    }
    Ok(Dumped { seen, position, threads, notes })
}

/// A table's definition as the server prints it once the snapshot is open: only then is
/// its next AUTO_INCREMENT value above every row of the snapshot.
struct Definition {
    ddl: String,
    auto_increment: Option<u64>,
}

fn definitions(order: &Order<'_>, session: &mut Session) -> Result<BTreeMap<String, Definition>> {
    let mut definitions = BTreeMap::new();
    for (name, facts) in &order.inventory.tables {
        let (ddl, bare, auto_increment) = inventory::table(session, order.schema, name)?;
        if bare != facts.ddl {
            return Err(Stop::new(
                ExitCode::Unexpected,
                format!("`{name}` was changed while the backup started; no backup was made"),
            )
            .hint(
                "Another session ran DDL at the same time. Take the backup again once it is \
            done.",
            )
            .into());
        }
        definitions.insert(name.clone(), Definition { ddl, auto_increment });
    }
    Ok(definitions)
}

/// The tables in the file's order, with the number of their ranges, and the ranges.
/// Large tables go first, so that a load builds their indexes while the small ones are still
/// coming.
#[allow(clippy::type_complexity)]
fn plan<'c>(
    order: &Order<'_>,
    session: &mut Session,
    columns: &'c BTreeMap<&str, Columns>,
) -> Result<(Vec<(String, usize)>, Vec<Range<'c>>)> {
    let keys = ranges::keys(session, order.schema, order.inventory)?;
    let mut tables: Vec<_> = order.inventory.tables.iter().collect();
    tables.sort_by_key(|(_, facts)| std::cmp::Reverse(facts.bytes_estimate));
    let rows = env::var(RANGE_ROWS).and_then(|rows| rows.parse().ok());
    let (schema, flavour) = (order.schema, order.facts.flavour);
    let mut cutter = Cutter { session, schema, flavour, rows };
    let mut sequence = Vec::new();
    let mut all = Vec::new();
    for (name, facts) in tables {
        let found = cutter
            .ranges(name, facts, keys.get(name))
            .with_context(|| format!("look for ranges of `{name}`"))?;
        sequence.push((name.clone(), found.len()));
        let columns = columns.get(name.as_str()).context("a table without columns")?;
        all.extend(found.into_iter().map(|condition| Range { columns, condition }));
    }
    Ok((sequence, all))
}

/// What the file will hold, but for the rows and the programs: those are noted as they
/// are written.
fn seen(order: &Order<'_>, definitions: &BTreeMap<String, Definition>) -> Seen {
    let inventory = order.inventory;
    let tables = inventory.tables.iter().map(|(name, facts)| {
        let auto_increment = definitions.get(name).and_then(|d| d.auto_increment);
        let columns = facts.columns.clone();
        (name.clone(), TableSeen { columns, auto_increment, ..TableSeen::default() })
    });
    Seen { tables: tables.collect(), ..Seen::default() }
}

/// Writes the file from its first line to its last.
struct Writer<'a> {
    order: &'a Order<'a>,
    definitions: &'a BTreeMap<String, Definition>,
    lanes: &'a Lanes<'a>,
    sink: &'a mut dyn SectionSink,
    seen: Seen,
    /// Bytes of the longest row's text.
    longest: u64,
    bytes: u64,
    rate: Option<Rate>,
    deadline: Instant,
}

impl Writer<'_> {
    fn all(
        mut self,
        sequence: &[(String, usize)],
        lanes: &mut VecDeque<Lane>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(Seen, u64)> {
        let order = self.order;
        self.section(SectionKind::Head, "")?;
        self.text(&text::head(order.schema, order.facts, order.inventory))?;
        for (name, ranges) in sequence {
            let definition = self.definitions.get(name).context("a table without definition")?;
            self.section(SectionKind::Table, name)?;
            self.text(&text::table(name, &definition.ddl))?;
            for _ in 0..*ranges {
                let lane = lanes.pop_front().context("a range is missing")?;
                self.range(name, &lane, progress)?;
            }
            let triggers = text::triggers(name, order.inventory, order.definers);
            self.programs(triggers)?;
        }
        let programs = text::programs(order.inventory, order.definers);
        if !programs.text.is_empty() {
            self.section(SectionKind::Programs, "")?;
            self.programs(programs)?;
        }
        self.section(SectionKind::Tail, "")?;
        self.text(text::tail())?;
        self.sink.flush().context("write the dump")?;
        self.seen.text_bytes = self.bytes;
        self.seen.completed = true;
        progress(Progress { bytes: self.bytes, rows: self.seen.rows, object: "" });
        Ok((self.seen, self.longest))
    }

    fn programs(&mut self, programs: text::Programs) -> Result<()> {
        self.text(&programs.text)?;
        for (id, definer) in programs.written {
            ensure!(
                self.seen.programs.insert(id.clone()),
                "{} `{}` was written twice",
                id.0.keyword(),
                id.1
            );
            self.seen.definers.insert(id, definer);
        }
        Ok(())
    }

    fn range(
        &mut self,
        name: &str,
        lane: &Lane,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<()> {
        let (lanes, rows) = (self.lanes, self.seen.rows);
        let mut open = false;
        let (digest, longest) = lanes.write(lane, |block| {
            if !open && !block.is_empty() {
                open = true;
                self.text("START TRANSACTION;\n")?;
            }
            self.put(block)?;
            progress(Progress { bytes: self.bytes, rows, object: name });
            Ok(())
        })?;
        if open {
            self.text("COMMIT;\n")?;
        }
        self.longest = self.longest.max(longest as u64);
        let table = self.seen.tables.get_mut(name).context("a table that is not known")?;
        table.digest.add(&digest);
        self.seen.rows += digest.rows;
        Ok(())
    }

    fn section(&mut self, kind: SectionKind, name: &str) -> Result<()> {
        self.sink.section(kind, name).with_context(|| format!("begin section {name}"))
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.put(text.as_bytes())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        signal::check()?;
        if Instant::now() > self.deadline {
            return Err(Stop::new(
                ExitCode::Unexpected,
                "the dump took longer than backup.deadline_minutes; no backup was made",
            )
            .hint(
                "Raise that limit in xtask.toml; backup.max_rate_mib and --max-rate slow a dump \
            down.",
            )
            .into());
        }
        self.bytes += bytes.len() as u64;
        self.sink.write_all(bytes).context("write the dump")?;
        match &mut self.rate {
            Some(rate) => rate.after(bytes.len()),
            None => Ok(()),
        }
    }
}
