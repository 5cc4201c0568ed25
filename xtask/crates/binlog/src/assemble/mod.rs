//! Events to whole transactions: never half of one, and none that is not understood.

mod building;

use std::collections::HashMap;

use model::facts::Flavour;

use self::building::Building;
use crate::bytes::Bytes;
use crate::event::{self, Header};
use crate::format;
use crate::group::{Ending, Group, Place, Table};
use crate::halt::{Halt, Why};
use crate::key::Want;
use crate::kind::{self, Kind};
use crate::opening::{self, Opening};
use crate::rows;
use crate::statement::{Verb, verb};
use crate::table_map::{self, Mapped};
use crate::xid::Xid;
use crate::{payload, query};

/// What reading may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one event, as it is or unpacked.
    pub event: usize,
    /// Memory for the keys of one transaction, about, in bytes.
    pub keys: usize,
    /// Statements without row events in one transaction.
    pub statements: usize,
}

/// Tables that one statement can name; no server lets it name more.
const TABLES_MAX: usize = 10_000;

impl Default for Limits {
    fn default() -> Self {
        // The first is the servers' own.
        Self { event: 1 << 30, keys: 1 << 30, statements: 1000 }
    }
}

/// What an event led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A part of something.
    Nothing,
    /// The server is at the end of its log, and alive.
    Beat,
    Group(Box<Group>),
}

/// Takes the events of one connection, in their order.
#[derive(Debug)]
pub struct Assembler {
    flavour: Flavour,
    limits: Limits,
    place: Place,
    /// Whether the file's FORMAT_DESCRIPTION was read.
    described: bool,
    building: Option<Building>,
    tables: HashMap<u64, Mapped>,
}

impl Assembler {
    pub fn new(flavour: Flavour, limits: Limits) -> Self {
        Self {
            flavour,
            limits,
            place: Place::default(),
            described: false,
            building: None,
            tables: HashMap::new(),
        }
    }

    /// Behind the last event.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether the last transaction is complete.
    pub fn is_between_groups(&self) -> bool {
        self.building.is_none()
    }

    /// Takes an event with its checksum. `want` says what to read of a table.
    ///
    /// # Errors
    /// Reading is over then: the next event would be taken for something that it is not.
    pub fn feed(
        &mut self,
        event: &[u8],
        want: &mut dyn FnMut(&Table) -> Want,
    ) -> Result<Step, Halt> {
        if event.len() > self.limits.event {
            return Err(Halt::too_large(format!("an event of {} bytes", event.len())));
        }
        let (header, body) = event::open(event)?;
        if header.code == kind::FORMAT {
            return self.format(event, body, header);
        }
        event::verify(event)?;
        let body = event::without_checksum(body)?;
        self.advance(header, event.len());
        self.take(header, body, want)
    }

    /// The beginning of a file, or of a connection in the middle of one.
    fn format(&mut self, event: &[u8], body: &[u8], header: Header) -> Result<Step, Halt> {
        let format = format::read(event, body, self.flavour)?;
        if self.building.take().is_some() && !format.restarted {
            return Err(Halt::disorder("a file begins within a transaction"));
        }
        // After a crash, what the file before had begun was never committed.
        self.tables.clear();
        self.described = true;
        self.advance(header, event.len());
        Ok(Step::Nothing)
    }

    /// Moves to the end of an event. The log has only the lower half of a place.
    fn advance(&mut self, header: Header, length: usize) {
        if header.next == 0 || header.is_artificial() {
            return;
        }
        let low = u64::from(header.next);
        let next = self.place.offset & !0xffff_ffff | low;
        let wraps = next < self.place.offset && length as u64 > low;
        let wraps = wraps || self.place.offset.saturating_sub(next) > 1 << 31;
        self.place.offset = if wraps { next.saturating_add(1 << 32) } else { next };
    }

    fn take(
        &mut self,
        header: Header,
        body: &[u8],
        want: &mut dyn FnMut(&Table) -> Want,
    ) -> Result<Step, Halt> {
        let Some(kind) = kind::of(self.flavour, header.code) else {
            if header.is_ignorable() {
                return Ok(Step::Nothing);
            }
            return Err(Halt::unknown(format!("an event of the unknown type {}", header.code)));
        };
        if !self.described && !matches!(kind, Kind::Rotate | Kind::Heartbeat) {
            return Err(Halt::disorder("the log does not begin with its description"));
        }
        match kind {
            // By `format` before.
            Kind::Format => Err(Halt::disorder("a description that was not read as one")),
            Kind::Rotate => self.rotate(header, body),
            Kind::Heartbeat => Ok(Step::Beat),
            Kind::Harmless(_) => Ok(Step::Nothing),
            Kind::Refused(what) => Err(Halt::unsupported(what)),
            Kind::Incident => Err(incident(body)),
            Kind::Gtid => self.open(header, opening::mysql(body, false)?),
            Kind::AnonymousGtid => self.open(header, opening::mysql(body, true)?),
            Kind::TaggedGtid => self.open(header, opening::tagged(body)?),
            Kind::MariadbGtid => self.open(header, opening::mariadb(body, header.server_id)?),
            Kind::Query { compressed } => {
                let query = query::read(body, 0, compressed, self.limits.event)?;
                self.statement(header, query)
            }
            Kind::ExecuteLoad => {
                // Where the file's name is in the text, and what becomes of duplicates.
                let query = query::read(body, 13, false, self.limits.event)?;
                let limit = self.limits.statements;
                self.inside("LOAD DATA")?.statement(query, crate::statement::Kind::Rows, limit)?;
                Ok(Step::Nothing)
            }
            Kind::Xid => self.close(header, Ending::Committed),
            Kind::XaPrepare => {
                let (one_phase, xid) = Xid::prepared(body)?;
                let ending = if one_phase { Ending::Committed } else { Ending::Prepared(xid) };
                self.close(header, ending)
            }
            Kind::TableMap => {
                self.inside("a table's description")?;
                let (id, mapped) = table_map::read(body, want)?;
                self.tables.insert(id, mapped);
                if self.tables.len() > TABLES_MAX {
                    return Err(Halt::too_large("a statement with too many tables"));
                }
                Ok(Step::Nothing)
            }
            Kind::Rows(layout) => self.rows(body, layout),
            Kind::Payload => self.payload(body, want),
        }
    }

    fn rotate(&mut self, header: Header, body: &[u8]) -> Result<Step, Halt> {
        // After a crash a file has no end; what the next one begins with shows that.
        if self.building.is_some() && !header.is_artificial() {
            return Err(Halt::disorder("a file ends within a transaction"));
        }
        let mut bytes = Bytes::new(body);
        let offset = bytes.u64()?;
        let file = bytes.rest();
        let file = std::str::from_utf8(file).map_err(|_| Halt::damaged("a file's name"))?;
        self.place = Place { file: file.to_owned(), offset };
        if !header.is_artificial() {
            self.described = false;
        }
        Ok(Step::Nothing)
    }

    fn open(&mut self, header: Header, opening: Opening) -> Result<Step, Halt> {
        if let Some(open) = &self.building {
            let (id, last) = (&opening.id, open.id());
            return Err(Halt::disorder(format!("{id} begins before {last} ended")));
        }
        self.building = Some(Building::new(opening, header.server_id));
        Ok(Step::Nothing)
    }

    fn inside(&mut self, what: &str) -> Result<&mut Building, Halt> {
        let outside = || Halt::disorder(format!("{what} outside of a transaction"));
        self.building.as_mut().ok_or_else(outside)
    }

    fn statement(&mut self, header: Header, query: query::Query) -> Result<Step, Halt> {
        let limit = self.limits.statements;
        let building = self.inside("a statement")?;
        let xid = |text: &str| {
            Xid::parse(text).ok_or_else(|| Halt::unknown(format!("the XA name `{text}`")))
        };
        let alone = building.stands_alone();
        let ending = match verb(&query.text) {
            Verb::Begin | Verb::XaStart if !alone => {
                building.begin()?;
                return Ok(Step::Nothing);
            }
            Verb::Inner if !alone => return Ok(Step::Nothing),
            Verb::XaCommit(text) => Ending::XaCommitted(xid(text)?),
            Verb::XaRollback(text) => Ending::XaRolledBack(xid(text)?),
            Verb::Commit if !alone => Ending::Committed,
            Verb::Rollback if !alone => Ending::RolledBack,
            Verb::Statement(kind) => {
                building.statement(query, kind, limit)?;
                if !building.stands_alone() && building.has_begun() {
                    return Ok(Step::Nothing);
                }
                Ending::Committed
            }
            Verb::Begin | Verb::XaStart | Verb::Inner | Verb::Commit | Verb::Rollback => {
                return Err(Halt::disorder(format!("`{}` on its own", query.text)));
            }
        };
        self.close(header, ending)
    }

    fn rows(&mut self, body: &[u8], kind: kind::Layout) -> Result<Step, Halt> {
        let limits = self.limits;
        let head = rows::head(body, kind)?;
        let outside = || Halt::disorder("rows outside of a transaction");
        let building = self.building.as_mut().ok_or_else(outside)?;
        match self.tables.get(&head.table) {
            Some(Mapped::Unwanted) => {}
            Some(Mapped::Presence(table)) => building.touch(table),
            Some(Mapped::Keys(layout)) => {
                building.touch(&layout.table);
                let named = layout.table.to_string();
                rows::keys(head, kind, layout, limits.event, &mut |key| {
                    building.key(&layout.table, key, limits.keys)
                })
                .map_err(|halt| halt.of(&named))?;
            }
            // An event without rows only says that a statement is over.
            None if head.ends_statement && head.table == 0xff_ffff => {}
            None => {
                return Err(Halt::disorder(format!("rows of the unnamed table {}", head.table)));
            }
        }
        if head.ends_statement {
            self.tables.clear();
        }
        Ok(Step::Nothing)
    }

    fn payload(&mut self, body: &[u8], want: &mut dyn FnMut(&Table) -> Want) -> Result<Step, Halt> {
        self.inside("a compressed transaction")?;
        let mut last = Step::Nothing;
        payload::each(body, self.limits.event, &mut |event| {
            if last != Step::Nothing {
                return Err(Halt::disorder("a compressed transaction goes on after its end"));
            }
            let (inner, body) = event::open(event)?;
            if kind::of(self.flavour, inner.code).is_some_and(Kind::is_outer) {
                let code = inner.code;
                return Err(Halt::disorder(format!("type {code} in a compressed transaction")));
            }
            last = self.take(inner, body, want)?;
            Ok(())
        })?;
        Ok(last)
    }

    fn close(&mut self, header: Header, ending: Ending) -> Result<Step, Halt> {
        let outside = || Halt::disorder("the end of a transaction that did not begin");
        let building = self.building.take().ok_or_else(outside)?;
        self.tables.clear();
        Ok(Step::Group(Box::new(building.close(ending, header.timestamp, self.place.clone()))))
    }
}

/// INCIDENT: its number, and a message.
fn incident(body: &[u8]) -> Halt {
    let mut bytes = Bytes::new(body);
    let number = bytes.u16().unwrap_or_default();
    let length = usize::from(bytes.u8().unwrap_or_default());
    let message = bytes.take(length).map(String::from_utf8_lossy).unwrap_or_default();
    let what = format!("the server wrote that its log has a gap (incident {number}) {message}");
    Halt { why: Why::Lost, what: what.trim_end().to_owned() }
}

#[cfg(test)]
mod tests;
