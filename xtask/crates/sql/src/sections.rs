//! Which section of the file a statement belongs to.
//!
//! A dump says so only in hindsight: the SETs and DROPs in front of an object
//! come before it is named, and those behind it look the same. What may open
//! an object is therefore held back until the object itself decides.

use anyhow::{Context, Result};

use super::lex::LexMode;
use super::setting::{self, Scope, Value};
use super::statement::Kind;
use model::manifest::SectionKind;
use model::sink::SectionSink;

/// Where a statement wants to go.
#[derive(Debug, PartialEq, Eq)]
enum Role {
    Anchor(SectionKind, String),
    /// It opens something still unnamed.
    Opens,
    /// It goes where the one before it went.
    Follows,
    /// It puts the session back: the tail has begun.
    Tail,
}

/// Writes statements to a sink, section by section.
pub(super) struct Sections<'s> {
    sink: &'s mut dyn SectionSink,
    kind: SectionKind,
    name: String,
    held: Vec<u8>,
    holding: bool,
    collation_switched: bool,
    bytes: u64,
}

impl std::fmt::Debug for Sections<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sections").field("kind", &self.kind).field("name", &self.name).finish()
    }
}

impl<'s> Sections<'s> {
    pub(super) fn new(sink: &'s mut dyn SectionSink) -> Result<Self> {
        sink.section(SectionKind::Head, "").context("begin the file")?;
        Ok(Self {
            sink,
            kind: SectionKind::Head,
            name: String::new(),
            held: Vec::new(),
            holding: false,
            collation_switched: false,
            bytes: 0,
        })
    }

    /// Bytes written so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The object whose section is open; empty outside of tables.
    pub(super) fn object(&self) -> &str {
        &self.name
    }

    /// Writes one statement where it belongs.
    pub(super) fn statement(
        &mut self,
        kind: &Kind,
        mode: LexMode,
        text: &[u8],
        parts: [&[u8]; 3],
    ) -> Result<()> {
        match self.role(kind, mode, text) {
            Role::Anchor(kind, name) => {
                self.open(kind, &name)?;
                self.flush()?;
            }
            Role::Tail => {
                self.flush()?;
                self.open(SectionKind::Tail, "")?;
            }
            Role::Opens => self.holding = true,
            Role::Follows => {}
        }
        self.follow(&parts)
    }

    /// Writes what goes where the statement before it went.
    pub(super) fn follow(&mut self, parts: &[&[u8]]) -> Result<()> {
        for part in parts {
            if self.holding {
                self.held.extend_from_slice(part);
            } else {
                self.put(part)?;
            }
        }
        Ok(())
    }

    /// Writes what follows the last statement.
    pub(super) fn end(&mut self, rest: &[u8]) -> Result<()> {
        self.flush()?;
        self.open(SectionKind::Tail, "")?;
        self.put(rest)?;
        self.sink.flush().context("write the dump")
    }

    fn open(&mut self, kind: SectionKind, name: &str) -> Result<()> {
        if self.kind == kind && self.name == name {
            return Ok(());
        }
        self.sink.section(kind, name).with_context(|| format!("begin section {name}"))?;
        self.kind = kind;
        name.clone_into(&mut self.name);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.holding = false;
        let held = std::mem::take(&mut self.held);
        self.put(&held)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.bytes += bytes.len() as u64;
        self.sink.write_all(bytes).context("write the dump")
    }

    fn role(&mut self, kind: &Kind, mode: LexMode, text: &[u8]) -> Role {
        // Nothing but endings comes after the tail has begun.
        if self.kind == SectionKind::Tail {
            return match kind {
                Kind::Insert(_) | Kind::CreateTable { .. } => table(kind),
                _ => Role::Follows,
            };
        }
        match kind {
            Kind::Set => set(text, mode),
            Kind::DropTable { .. } | Kind::Drop { .. } => Role::Opens,
            Kind::CreateTable { placeholder: false, .. }
            | Kind::LockTables(_)
            | Kind::Keys(_)
            | Kind::Insert(_) => table(kind),
            Kind::CreateTrigger { table, .. }
                if self.kind == SectionKind::Table && self.name == table.name =>
            {
                Role::Anchor(SectionKind::Table, table.name.clone())
            }
            Kind::AlterDatabase(_) if self.kind != SectionKind::Head => {
                // Written twice around a program: to its collation and back.
                self.collation_switched = !self.collation_switched;
                if self.collation_switched { Role::Opens } else { Role::Follows }
            }
            Kind::CreateTable { .. } => Role::Anchor(SectionKind::Programs, String::new()),
            _ if kind.program().is_some() => Role::Anchor(SectionKind::Programs, String::new()),
            _ => Role::Follows,
        }
    }
}

fn table(kind: &Kind) -> Role {
    let name = match kind {
        Kind::CreateTable { name, .. } | Kind::LockTables(name) | Kind::Keys(name) => name,
        Kind::Insert(insert) => &insert.table,
        _ => return Role::Follows,
    };
    Role::Anchor(SectionKind::Table, name.name.clone())
}

/// `SET @saved… = @@…` opens an object, `SET … = @OLD_…` begins the tail, and
/// `SET … = @saved…` still belongs to the object before it.
fn set(text: &[u8], mode: LexMode) -> Role {
    let all = setting::parse(text, mode).unwrap_or_default();
    let old = |name: &str| name.starts_with("old_");
    let to_old = |value: &Value| match value {
        Value::User(name) | Value::IfNull(name, _) => old(name),
        _ => false,
    };
    if all.iter().any(|set| to_old(&set.value)) {
        return Role::Tail;
    }
    match all.first() {
        Some(first) if first.scope == Scope::User && !old(&first.name) => Role::Opens,
        _ => Role::Follows,
    }
}

/// Whether a SET only concerns replication, which a restore must not touch.
pub(super) fn is_replication(text: &[u8], mode: LexMode) -> bool {
    let names = ["gtid_purged", "sql_log_bin", "mysqldump_temp_log_bin"];
    let all = setting::parse(text, mode).unwrap_or_default();
    !all.is_empty() && all.iter().all(|set| names.contains(&set.name.as_str()))
}
