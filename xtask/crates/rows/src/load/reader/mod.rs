//! Reads a dump from its front to its end, in one thread, and says what happens to
//! each statement: it runs now, its rows go to the pool, or it is held back.

mod alter;
mod rows;
mod wanted;

use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::{Arc, PoisonError};

use anyhow::Result;
use wanted::Wanted;

use super::cut::{cut, is_innodb, is_partitioned};
use super::held::{Held, make_event};
use super::pool::Shared;
use super::rows::{Batch, Sender, Target};
use super::settings::InForce;
use super::statement::{Keys, run, run_program};
use super::{Made, Part};
use server::Session;
use sql::charset::UTF8MB4;
use sql::read::read_unread;
use sql::tuple::Layout;
use sql::{Guard, Kind, Name, Piece, Progress, Reading, Seen, Verdict};
use sys::fault::point;
use sys::signal;

/// A table that was made, or that rows go to.
#[derive(Debug)]
struct Table {
    id: usize,
    innodb: bool,
    partitioned: bool,
    /// What is not made yet.
    keys: Option<Keys>,
    foreign_keys: Option<Keys>,
    /// The dump's own ALTER TABLE statements, from the first one with a foreign key on.
    late: Vec<Keys>,
    /// Its rows were complete once, and its keys are made or being made.
    closed: bool,
    target: Option<(Arc<Layout>, Arc<Target>)>,
}

/// Where a load reports its progress.
struct Told<'a> {
    progress: &'a mut dyn FnMut(Progress<'_>),
    bytes: u64,
    shared: &'a Shared,
}

impl Told<'_> {
    fn now_at(&mut self, object: &str) {
        let rows = self.shared.rows();
        (self.progress)(Progress { bytes: self.bytes, rows, object });
    }

    fn building(&mut self, table: &str) {
        let object = match table {
            "" => String::new(),
            table => format!("building keys of {table}"),
        };
        self.now_at(&object);
    }
}

pub(super) struct Reader<'a> {
    session: &'a mut Session,
    /// The settings of that session.
    force: InForce,
    /// The settings that the next statement needs.
    wanted: Wanted,
    reading: Reading,
    /// For what comes after all rows; without it everything runs over the one session.
    last: Option<&'a mut (Session, InForce)>,
    schema: &'a str,
    part: &'a Part,
    shared: &'a Shared,
    guard: Guard,
    one_case: bool,
    load_data: bool,
    sender: Sender,
    told: Told<'a>,
    tables: BTreeMap<String, Table>,
    made_tables: usize,
    current: Option<String>,
    batch: Option<Batch>,
    held: Held,
    made: Made,
    uncommitted: usize,
    /// Rows that must all be kept were sent since an INSERT IGNORE or REPLACE.
    plain_rows: bool,
    sent: bool,
}

impl<'a> Reader<'a> {
    /// For a session in the schema.
    pub(super) fn new(
        (session, force): (&'a mut Session, InForce),
        last: Option<&'a mut (Session, InForce)>,
        (schema, part, reading): (&'a str, &'a Part, Reading),
        load_data: bool,
        shared: &'a Shared,
        progress: &'a mut dyn FnMut(Progress<'_>),
    ) -> Result<Self> {
        // Names differ by their case on some servers.
        let one_case = session.value::<u8>("SELECT @@lower_case_table_names")? != 0;
        Ok(Self {
            sender: Sender::new(session)?,
            session,
            force,
            wanted: Wanted::default(),
            reading,
            last,
            schema,
            part,
            shared,
            guard: if one_case { Guard::ignoring_case() } else { Guard::new() }
                .named(reading.charset),
            one_case,
            load_data,
            told: Told { progress, bytes: 0, shared },
            tables: BTreeMap::new(),
            made_tables: 0,
            current: None,
            batch: None,
            held: Held::default(),
            made: Made::default(),
            uncommitted: 0,
            plain_rows: false,
            sent: false,
        })
    }

    /// Reads all of it; when it returns, everything is on the server.
    pub(super) fn read(mut self, input: impl BufRead) -> Result<(Seen, Made)> {
        let seen = read_unread(input, self.reading, &mut |piece, seen| self.take(piece, seen))?;
        self.settle()?;
        self.shared.end();
        Ok((seen, self.made))
    }

    fn take(&mut self, piece: &Piece<'_>, seen: &Seen) -> Result<()> {
        signal::check()?;
        // Everything is judged, also what is left out: a dump with a forbidden
        // statement is not to be trusted in any part.
        let verdict = self.guard.check(piece)?;
        self.told.bytes = piece.bytes;
        self.wanted.next(piece);
        let mut object = "";
        if let Verdict::Set(state) = verdict {
            // The next statement that needs it brings its session there.
            self.wanted.follow(state);
        } else if let Kind::Insert(insert) = piece.kind {
            object = &insert.table.name;
            self.insert(piece, insert, seen)?;
        } else {
            let mut dropped = false;
            if let Kind::DropTable { name, .. } = piece.kind {
                dropped = self.forget(name)?;
            }
            let skipped = matches!(verdict, Verdict::Skip(_)) || without_meaning(piece.kind);
            if !skipped && wanted(self.part, piece.kind) {
                self.flush()?;
                match self.last {
                    None => self.run_now(piece)?,
                    Some(_) => self.place(piece, dropped)?,
                }
            }
            if let Kind::CreateTable { name, .. } = piece.kind {
                object = &name.name;
            }
        }
        self.told.now_at(object);
        Ok(())
    }

    /// Runs a statement where it stands.
    fn run_now(&mut self, piece: &Piece<'_>) -> Result<()> {
        let (text, mode, line) = (piece.text, piece.mode, piece.line);
        self.catch_up()?;
        match piece.kind {
            Kind::CreateEvent(name) => {
                let text = (text, mode, line);
                let to = (&mut *self.session, &mut self.force);
                make_event(to, self.schema, &name.name, text, &mut self.made)
            }
            kind if kind.program().is_some() => {
                run_program(self.session, &mut self.force, text, mode, line)
            }
            Kind::CreateTable { name, placeholder } => {
                if !placeholder {
                    self.force.demand_key(piece, name)?;
                }
                self.make_table(name, text, mode, line)
            }
            _ => run(self.session, text, mode, line),
        }
    }

    /// Runs a statement now or holds it back. `dropped`: it drops a table that was made.
    fn place(&mut self, piece: &Piece<'_>, dropped: bool) -> Result<()> {
        match piece.kind {
            // The pool commits in its own way.
            Kind::Transaction => Ok(()),
            Kind::CreateTable { name, placeholder } => {
                let key = self.key(name);
                if *placeholder || self.held.names(&key) {
                    return self.hold(piece, Some(key));
                }
                self.create(piece, name, key)
            }
            Kind::DropTable { name, .. } => {
                let key = self.key(name);
                if self.held.names(&key) {
                    return self.hold(piece, None);
                }
                // A stand-in for a view: views that are held may name it.
                if dropped && !self.held.is_empty() {
                    return self.hold(piece, Some(key));
                }
                self.run_now(piece)
            }
            Kind::Alter(alter) => self.alter(piece, alter),
            Kind::Clear { name, .. } => self.clear(piece, name),
            Kind::AlterDatabase(_) if self.held.is_empty() => {
                // It waits for every session's transaction in the schema.
                self.settle_rows()?;
                self.run_now(piece)
            }
            Kind::CreateView { name, .. } => self.hold(piece, Some(self.key(name))),
            Kind::AlterDatabase(_) | Kind::Drop { .. } => self.hold(piece, None),
            kind if kind.program().is_some() => self.hold(piece, None),
            _ => self.run_now(piece),
        }
    }

    fn key(&self, name: &Name) -> String {
        if self.one_case { name.name.to_lowercase() } else { name.name.clone() }
    }

    /// The number of the settings that the statement at hand needs.
    fn settings(&self, line: u64) -> Result<usize> {
        let settings = &self.shared.settings;
        settings.write().unwrap_or_else(PoisonError::into_inner).number(self.wanted.now(), line)
    }

    /// Gives the one session the settings that the statement at hand needs.
    fn catch_up(&mut self) -> Result<()> {
        self.force.become_state(self.session, self.wanted.now())
    }

    fn hold(&mut self, piece: &Piece<'_>, key: Option<String>) -> Result<()> {
        let settings = self.settings(piece.line)?;
        self.held.push(piece, settings, key);
        if self.held.is_full() { self.settle() } else { Ok(()) }
    }

    fn create(&mut self, piece: &Piece<'_>, name: &Name, key: String) -> Result<()> {
        self.close_current()?;
        self.catch_up()?;
        if self.held.has_altered() {
            self.settle_rows()?;
            self.held.alter_now(self.session, self.schema)?;
        }
        if self.tables.contains_key(&key) {
            // The server says what it thinks of a table that is made twice.
            return self.run_now(piece);
        }
        self.force.demand_key(piece, name)?;
        let mut cut = cut(piece.text, piece.mode);
        if let Some(found) = &cut
            && !found.keys.iter().chain(&found.foreign_keys).all(|sql| sql.is_ascii())
            && self.wanted.now().client != UTF8MB4
        {
            cut = None;
        }
        let text = cut.as_ref().map_or(piece.text, |cut| &cut.create);
        self.make_table(name, text, piece.mode, piece.line)?;
        let (keys, foreign_keys) = cut.map(|cut| (cut.keys, cut.foreign_keys)).unwrap_or_default();
        let table = &name.name;
        let later = |sql: Option<String>| {
            let state = Arc::clone(self.wanted.now());
            sql.map(|sql| Keys { table: table.clone(), sql, line: piece.line, state })
        };
        let table = Table {
            innodb: is_innodb(piece.text, piece.mode),
            partitioned: is_partitioned(piece.text, piece.mode),
            keys: later(keys),
            foreign_keys: later(foreign_keys),
            ..self.table()
        };
        self.tables.insert(key, table);
        Ok(())
    }

    fn table(&mut self) -> Table {
        self.made_tables += 1;
        Table {
            id: self.made_tables,
            innodb: false,
            partitioned: false,
            keys: None,
            foreign_keys: None,
            late: Vec::new(),
            closed: false,
            target: None,
        }
    }

    /// Forgets the rows of a table that is dropped: one of that name is another. Says
    /// whether there was one.
    fn forget(&mut self, name: &Name) -> Result<bool> {
        self.flush()?;
        let key = self.key(name);
        let table = self.tables.remove(&key);
        if let Some(table) = &table {
            self.shared.settle(table.id, &mut |what| self.told.building(what))?;
            if self.current.as_deref() == Some(&key) {
                self.current = None;
            }
        }
        self.shared.forget(&name.name);
        self.commit()?;
        Ok(table.is_some())
    }

    fn close_current(&mut self) -> Result<()> {
        self.flush()?;
        if let Some(key) = self.current.take() {
            self.close(&key);
        }
        Ok(())
    }

    /// A table's rows are complete, as far as is known.
    fn close(&mut self, key: &str) {
        let Some(table) = self.tables.get_mut(key) else { return };
        table.closed = true;
        if let Some(keys) = table.keys.take() {
            self.shared.close(table.id, keys);
        }
    }

    /// Waits until every row so far is committed.
    fn settle_rows(&mut self) -> Result<()> {
        self.commit()?;
        self.shared.settle_all(&mut |what| self.told.building(what))
    }

    /// Catches up with everything held back: keys, foreign keys, programs. What follows runs over
    /// the one session.
    fn settle(&mut self) -> Result<()> {
        self.flush()?;
        let Some((last, force)) = self.last.take() else { return self.commit() };
        self.current = None;
        let all: Vec<String> = self.tables.keys().cloned().collect();
        all.iter().for_each(|key| self.close(key));
        self.settle_rows()?;
        point("load.keys")?;
        // In the order in which the tables were made.
        let mut tables: Vec<&mut Table> = self.tables.values_mut().collect();
        tables.sort_by_key(|table| table.id);
        let mut late: Vec<Keys> =
            tables.iter_mut().flat_map(|table| std::mem::take(&mut table.late)).collect();
        // Those of ALTER TABLE statements as the dump has them.
        late.sort_by_key(|keys| keys.line);
        let own = tables.into_iter().filter_map(|table| table.foreign_keys.take());
        for keys in own.chain(late) {
            signal::check()?;
            self.told.now_at(&format!("foreign keys of {}", keys.table));
            keys.build(last, force)?;
        }
        let held = std::mem::take(&mut self.held);
        let settings = self.shared.settings.read().unwrap_or_else(PoisonError::into_inner);
        held.run((last, force), self.schema, &settings, &mut self.made)
    }
}

/// Locks mean nothing in a private schema, and the key switches mean nothing to InnoDB.
fn without_meaning(kind: &Kind) -> bool {
    matches!(kind, Kind::LockTables(_) | Kind::UnlockTables | Kind::Keys(_))
}

fn wanted(part: &Part, kind: &Kind) -> bool {
    let Part::Tables(tables) = part else { return true };
    match kind {
        Kind::CreateTable { name, placeholder } => !placeholder && tables.contains(&name.name),
        Kind::DropTable { name, .. } | Kind::Clear { name, .. } => tables.contains(&name.name),
        Kind::Alter(alter) => tables.contains(&alter.table.name),
        Kind::CreateTrigger { table, .. } => tables.contains(&table.name),
        _ => false,
    }
}
