//! What a dump holds, observed while its statements pass by.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Result;

use super::client::{Form, Statement};
use super::digest::RowHasher;
use super::lex::LexMode;
use super::marker::{self, EndMarker};
use super::statement::{Insert, Kind, classify};
use super::table::{self, Column, Definition, Holds};
use super::tuple::{self, Layout, Place};
use model::digest::ContentDigest;
use model::exit::{ExitCode, Stop};
use model::inventory::ObjectKind;

/// One table of a dump.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableSeen {
    /// The columns that the digest covers, in its order: generated ones are left out.
    pub columns: Vec<String>,
    /// Of them, the FLOAT columns that the file holds as DOUBLE.
    pub exact_floats: Vec<String>,
    pub digest: ContentDigest,
    /// The next AUTO_INCREMENT value by the definition's text; 1 counts as none.
    pub auto_increment: Option<u64>,
    /// Why the restored table's digest cannot be compared with this one, if it
    /// cannot: an INSERT leaves columns to their defaults, or may drop rows.
    pub incomparable: Option<String>,
}

/// A statement that no dump of ours should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// Line on which it begins.
    pub line: u64,
    /// Its first words; never data.
    pub start: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    pub tables: BTreeMap<String, TableSeen>,
    /// Views, triggers, routines and events.
    pub programs: BTreeSet<(ObjectKind, String)>,
    /// The definers that were taken out, as written.
    pub definers: BTreeMap<(ObjectKind, String), String>,
    /// Views of which only the stand-in has come so far. Not empty at the end: damaged.
    pub placeholders: BTreeSet<String>,
    /// Schemas that `USE` and `CREATE DATABASE` name.
    pub schemas: BTreeSet<String>,
    /// Sum of the tables' rows.
    pub rows: u64,
    /// Length of the text: as written by a copy, as read by a reader.
    pub text_bytes: u64,
    /// The dump is whole: the dumping client's own last line was there, `-- Dump completed`,
    /// or the native engine wrote to its end.
    pub completed: bool,
    /// How many first lines of such clients it holds: dumps that were put together.
    pub heads: u64,
    /// How many last lines of such clients it holds.
    pub ends: u64,
    /// The line on which its last statement begins.
    pub last_line: u64,
    /// The first lines say that the native engine wrote it.
    pub native: bool,
    /// Our own last line, if it was there.
    pub end_marker: Option<EndMarker>,
    /// Programs whose line ends a transfer had made CR LF, and that are read with LF.
    pub unix_bodies: u64,
    /// Statements that are not known from dumps.
    pub odd: Vec<Odd>,
    /// The first object that the guard of a restore would refuse, and why; noted by a copy.
    pub refused: Option<(String, String)>,
}

/// The INSERT read last: the next one most often begins with the same bytes.
#[derive(Debug)]
struct Cached {
    header: Vec<u8>,
    mode: LexMode,
    kind: Rc<Kind>,
    layout: Arc<Layout>,
}

/// Collects [`Seen`] statement by statement.
#[derive(Debug, Default)]
pub(super) struct Observer {
    pub(super) seen: Seen,
    definitions: BTreeMap<String, Definition>,
    cached: Option<Cached>,
    hasher: RowHasher,
}

impl Observer {
    /// Takes note of one item and says what it is.
    pub(super) fn take(&mut self, item: &Statement<'_>) -> Result<Rc<Kind>> {
        let kind = self.take_unread(item)?;
        if let Kind::Insert(insert) = &*kind {
            self.rows(insert, item)?;
        }
        Ok(kind)
    }

    /// How the values of the INSERT taken last map to its table's columns.
    pub(super) fn layout_of_last(&self) -> Option<&Arc<Layout>> {
        self.cached.as_ref().map(|cached| &cached.layout)
    }

    /// As [`Observer::take`], but an INSERT's rows are neither read nor counted: the
    /// caller does, and never sends what it has not read.
    pub(super) fn take_unread(&mut self, item: &Statement<'_>) -> Result<Rc<Kind>> {
        if !item.lead.is_empty() {
            let (heads, ends) = marker::heads_and_ends(item.lead);
            self.seen.heads += heads;
            self.seen.ends += ends;
        }
        match item.form {
            Form::Command => return Err(client_command(item)),
            Form::End => {
                self.seen.completed = marker::dump_completed(item.lead);
                self.seen.end_marker = marker::find(item.lead);
            }
            _ => {}
        }
        if item.form != Form::Sql {
            return Ok(Rc::new(Kind::Empty));
        }
        self.seen.last_line = item.line;
        if item.offset == 0 {
            self.seen.native = marker::native(item.lead);
        }
        if item.stray_backslash {
            return Err(client_command(item));
        }
        let kind = match &self.cached {
            Some(last) if last.mode == item.mode && item.text.starts_with(&last.header) => {
                Rc::clone(&last.kind)
            }
            _ => {
                let kind = Rc::new(classify(item.text, item.mode));
                self.note(&kind, item)?;
                kind
            }
        };
        Ok(kind)
    }

    /// The schema that the dump says it is of, if that is one.
    pub(super) fn own_schema(&self) -> Option<&str> {
        let mut all = self.seen.schemas.iter();
        let first = all.next()?;
        all.next().is_none().then_some(first.as_str())
    }

    /// Takes note of a definer that was taken out.
    pub(super) fn definer(&mut self, kind: &Kind, definer: Option<String>) {
        if let (Some((kind, name)), Some(definer)) = (kind.program(), definer) {
            self.seen.definers.insert((kind, name.name.clone()), definer);
        }
    }

    fn note(&mut self, kind: &Rc<Kind>, item: &Statement<'_>) -> Result<()> {
        self.cached = None;
        match &**kind {
            Kind::CreateTable { name, placeholder: true } => self.stand_in(&name.name),
            Kind::CreateTable { name, .. } => self.create_table(&name.name, item),
            Kind::DropTable { name, .. } => self.drop_table(&name.name),
            Kind::CreateView { name, placeholder: true } => self.stand_in(&name.name),
            Kind::Drop { kind, name } => {
                self.seen.programs.remove(&(*kind, name.name.clone()));
                if *kind == ObjectKind::View {
                    self.seen.placeholders.remove(&name.name);
                }
            }
            Kind::Use(name) | Kind::CreateDatabase(name) | Kind::DropDatabase(name) => {
                self.seen.schemas.insert(name.clone());
            }
            Kind::Insert(insert) => {
                let layout = Arc::new(self.layout(insert, item)?);
                let header = item.text[..insert.values_at].to_vec();
                let kind = Rc::clone(kind);
                self.cached = Some(Cached { header, mode: item.mode, kind, layout });
            }
            Kind::Alter(alter) => {
                self.odd(item.line, format!("ALTER TABLE {}", alter.table));
                if let Some(next) = alter.counter {
                    self.counter(&alter.table.name, Some(next).filter(|&next| next > 1));
                }
            }
            Kind::Clear { name, truncate } => {
                self.odd(item.line, format!("DELETE or TRUNCATE of {name}"));
                if *truncate {
                    self.counter(&name.name, None);
                }
            }
            Kind::Other(start) => self.odd(item.line, start.clone()),
            _ => {}
        }
        if let Some((program, name)) = kind.program() {
            self.seen.programs.insert((program, name.name.clone()));
            if matches!(**kind, Kind::CreateView { placeholder: false, .. }) {
                self.seen.placeholders.remove(&name.name);
            }
        }
        Ok(())
    }

    fn stand_in(&mut self, name: &str) {
        self.seen.placeholders.insert(name.to_owned());
        self.seen.programs.insert((ObjectKind::View, name.to_owned()));
    }

    fn counter(&mut self, table: &str, next: Option<u64>) {
        if let Some(table) = self.seen.tables.get_mut(table) {
            table.auto_increment = next;
        }
    }

    fn odd(&mut self, line: u64, start: String) {
        self.seen.odd.push(Odd { line, start });
    }

    fn create_table(&mut self, name: &str, item: &Statement<'_>) {
        if self.seen.tables.contains_key(name) {
            self.odd(item.line, format!("CREATE TABLE {name}, a second time"));
            return;
        }
        let Some(definition) = table::definition(item.text, item.mode) else {
            self.odd(item.line, format!("CREATE TABLE {name}, without columns"));
            return;
        };
        let own = definition.columns.iter().filter(|column| !column.generated);
        let floats = own.clone().filter(|column| column.float && self.seen.native);
        let seen = TableSeen {
            exact_floats: floats.map(|column| column.name.clone()).collect(),
            columns: own.map(|column| column.name.clone()).collect(),
            auto_increment: definition.auto_increment,
            ..TableSeen::default()
        };
        self.seen.tables.insert(name.to_owned(), seen);
        self.definitions.insert(name.to_owned(), definition);
    }

    fn drop_table(&mut self, name: &str) {
        self.definitions.remove(name);
        if let Some(gone) = self.seen.tables.remove(name) {
            self.seen.rows -= gone.digest.rows;
        }
        if self.seen.placeholders.remove(name) {
            self.seen.programs.remove(&(ObjectKind::View, name.to_owned()));
        }
    }

    /// What each value of a row of this INSERT is, as far as the table is known.
    pub(super) fn holds(&self, insert: &Insert) -> Vec<Holds> {
        let Some(definition) = self.definitions.get(&insert.table.name) else { return Vec::new() };
        let of = |name: &String| {
            let same = |column: &&Column| column.name == *name || fold(&column.name) == fold(name);
            definition.columns.iter().find(same).map_or(Holds::Other, |column| column.holds)
        };
        match &insert.columns {
            Some(list) => list.iter().map(of).collect(),
            None => {
                let visible = definition.columns.iter().filter(|column| !column.invisible);
                visible.map(|column| column.holds).collect()
            }
        }
    }

    /// How this INSERT's values map to the table's columns.
    fn layout(&mut self, insert: &Insert, item: &Statement<'_>) -> Result<Layout> {
        let name = &insert.table.name;
        let table = self.seen.tables.entry(name.clone()).or_default();
        if insert.ignore || insert.replace {
            table.incomparable = Some("INSERT IGNORE or REPLACE may drop rows".to_owned());
        }
        let Some(definition) = self.definitions.get(name) else {
            return layout_by_list(table, insert, item);
        };
        let visible = definition.columns.iter().filter(|column| !column.invisible);
        let names: Vec<&str> = match &insert.columns {
            Some(list) => list.iter().map(String::as_str).collect(),
            None => visible.map(|column| column.name.as_str()).collect(),
        };
        let mut places = Vec::with_capacity(names.len());
        for written in &names {
            let same = |other: &str| other == *written || fold(other) == fold(written);
            let Some(column) = definition.columns.iter().find(|column| same(&column.name)) else {
                let what = format!("INSERT names a column {written} that the table does not have");
                return Err(refuse(item.line, name, &what));
            };
            let covered = table.columns.iter().position(|own| *own == column.name);
            places.push(if column.generated { None } else { covered });
        }
        if let Some(layout) = Layout::new(places.clone(), table.columns.len()) {
            return Ok(layout);
        }
        table.incomparable = Some("an INSERT leaves columns to their defaults".to_owned());
        let width = places.len();
        // What the server computes is left to it all the same.
        let covered = places.iter().flatten().count();
        let mut next = 0..covered;
        let places = places.into_iter().map(|place| place.and_then(|_| next.next())).collect();
        Ok(Layout::new(places, covered).unwrap_or_else(|| Layout::identity(width)))
    }

    fn rows(&mut self, insert: &Insert, item: &Statement<'_>) -> Result<()> {
        let Some(cached) = &self.cached else { return Ok(()) };
        // The entry was made with the layout.
        let Some(table) = self.seen.tables.get_mut(&insert.table.name) else { return Ok(()) };
        let place = Place { table: &insert.table.name, line: item.line };
        let (text, mode) = (item.text, item.mode);
        self.seen.rows += tuple::rows(
            text,
            insert.values_at,
            mode,
            &cached.layout,
            place,
            &mut self.hasher,
            &mut table.digest,
        )?;
        Ok(())
    }
}

/// For a table that the file does not create: the list is all that is known.
fn layout_by_list(table: &mut TableSeen, insert: &Insert, item: &Statement<'_>) -> Result<Layout> {
    let Some(list) = &insert.columns else {
        let what = "the file neither creates the table nor names the columns of its INSERT";
        return Err(refuse(item.line, &insert.table.name, what));
    };
    if table.columns.is_empty() {
        table.columns.clone_from(list);
    } else if table.columns != *list {
        table.incomparable = Some("its INSERTs name different columns".to_owned());
    }
    Ok(Layout::identity(list.len()))
}

/// Column names are compared without case, as the server does.
fn fold(name: &str) -> String {
    name.to_lowercase()
}

fn refuse(line: u64, table: &str, what: &str) -> anyhow::Error {
    Stop::new(ExitCode::Store, format!("line {line}: table {table}: {what}")).into()
}

fn client_command(item: &Statement<'_>) -> anyhow::Error {
    let line = item.line;
    let word = match item.text {
        [b'\\', rest @ ..] => {
            let letter = rest.first().filter(|byte| byte.is_ascii_graphic());
            letter.map(|letter| format!("\\{}", char::from(*letter)))
        }
        _ if item.stray_backslash => None,
        text => text
            .split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
            .next()
            .map(|word| String::from_utf8_lossy(word).into_owned()),
    };
    let named = word.filter(|word| !word.is_empty()).map(|word| format!(", `{word}`"));
    let message = format!(
        "line {line}: the dump contains a command for the mysql client{}",
        named.unwrap_or_default()
    );
    Stop::new(ExitCode::Store, message)
        .hint("Such commands can run programs and read files; they are never executed.")
        .hint(
            "Dump programs do not write them. If this is a script of your own, put what it \
            includes into one file and take the command out; else find out who changed the file.",
        )
        .into()
}
