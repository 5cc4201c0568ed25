//! A schema as far as it can be read: what cannot be read is listed, and does not hide the rest.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::Result;
use mysql_common::prelude::FromValue;
use mysql_common::{Row, Value};

use super::refusal::{is_passing, said};
use super::session::{Session, code};
use model::exit::{Stop, find_stop};
use model::ident::{literal, qualified};
use model::inventory::{BrokenView, Inventory, ObjectKind, Program, TableFacts};
use model::left_out::LeftOut;

/// What a schema holds, as far as it can be read.
#[derive(Debug, Default)]
pub struct Survey {
    /// What can be read.
    pub inventory: Inventory,
    /// What cannot, or what no dump can carry.
    pub unread: Vec<Unread>,
}

/// An object that is there and whose definition cannot be read or carried.
pub struct Unread {
    pub kind: ObjectKind,
    pub name: String,
    /// Why, as a fragment.
    pub why: String,
    /// As much of its definition as the server gives; it need not be text.
    pub definition: Option<Vec<u8>>,
    /// The storage engine of a table.
    pub engine: String,
    /// The table of a trigger.
    pub table: Option<String>,
    /// Whether it is a package of routines.
    pub package: bool,
    error: anyhow::Error,
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`: {}", self.kind.keyword(), self.name, self.why)
    }
}

impl Unread {
    /// For the list of what is in no backup.
    pub fn left_out(&self) -> LeftOut {
        let (kind, name, why) = (self.kind, self.name.clone(), self.why.clone());
        LeftOut { kind, name, rows: None, why }
    }

    pub(super) fn of_table(self, engine: Option<String>) -> Self {
        Self { engine: engine.unwrap_or_default(), ..self }
    }

    pub(super) fn on(self, table: &str) -> Self {
        Self { table: Some(table.to_owned()), ..self }
    }
}

impl Survey {
    /// The inventory, where all of the schema could be read.
    ///
    /// # Errors
    /// Why the first object that could not be read was not.
    pub fn whole(mut self) -> Result<Inventory> {
        if self.unread.is_empty() {
            return Ok(self.inventory);
        }
        Err(self.unread.swap_remove(0).error)
    }

    /// Whether the schema holds nothing at all.
    pub fn is_empty(&self) -> bool {
        self.inventory.is_empty() && self.unread.is_empty()
    }

    /// Everything by name, for moving it out of the way: the statement of a program that could
    /// not be read is empty. It can be dropped, and not be made again.
    pub fn everything(&self) -> Inventory {
        let mut all = self.inventory.clone();
        for it in self.unread.iter().filter(|it| !it.package) {
            let name = it.name.clone();
            match it.kind {
                ObjectKind::Table => {
                    all.tables.insert(name, table_by_name(&it.engine));
                }
                ObjectKind::View => {
                    let ddl = it.definition.as_deref().map(String::from_utf8_lossy);
                    let ddl = ddl.unwrap_or_default().into_owned();
                    all.broken_views.push(BrokenView { name, ddl, why: it.why.clone() });
                }
                kind => {
                    if kind == ObjectKind::Trigger {
                        all.trigger_order.push(name.clone());
                    }
                    all.programs.insert((kind, name), program_by_name(it.table.clone()));
                }
            }
        }
        all
    }
}

impl Survey {
    /// The packages, which are not in [`Survey::everything`].
    pub fn packages(&self) -> BTreeSet<String> {
        self.unread.iter().filter(|it| it.package).map(|it| it.name.clone()).collect()
    }
}

fn table_by_name(engine: &str) -> TableFacts {
    TableFacts {
        ddl: String::new(),
        auto_increment: None,
        engine: engine.to_owned(),
        columns: Vec::new(),
        types: Vec::new(),
        float_columns: Vec::new(),
        rows_estimate: 0,
        bytes_estimate: 0,
    }
}

fn program_by_name(table: Option<String>) -> Program {
    Program {
        ddl: String::new(),
        definer: String::new(),
        sql_mode: None,
        charset_client: String::new(),
        collation: String::new(),
        time_zone: None,
        table,
        database_collation: None,
        columns: Vec::new(),
    }
}

/// Lists an object whose definition could not be read, if that is the object's own fault.
///
/// # Errors
/// It is not: the server would say the same of any other, or something else in a moment.
pub(super) fn unread(
    session: &mut Session,
    (kind, schema, name): (ObjectKind, &str, &str),
    error: anyhow::Error,
) -> Result<Unread> {
    let refusal = find_stop(&error).map(|stop| stop.message.clone());
    let why = match (code(&error), refusal) {
        (Some(number), _) if is_passing(number) => return Err(error),
        (Some(_), _) => said(&error),
        (None, Some(message)) => message,
        (None, None) => return Err(error),
    };
    let definition = raw(session, kind, schema, name);
    let why = format!("its definition cannot be read: {why}");
    let (name, engine) = (name.to_owned(), String::new());
    Ok(Unread { kind, name, why, definition, engine, table: None, package: false, error })
}

/// A table that is no plain one, by the server's word for it.
pub(super) fn strange(
    session: &mut Session,
    schema: &str,
    name: &str,
    (what, refusal): (&str, Stop),
) -> Unread {
    let kind = ObjectKind::Table;
    let definition = raw(session, kind, schema, name);
    Unread { definition, ..strange_of(kind, name, what, refusal) }
}

fn strange_of(kind: ObjectKind, name: &str, what: &str, refusal: Stop) -> Unread {
    Unread {
        kind,
        name: name.to_owned(),
        why: format!("it is {what}"),
        definition: None,
        engine: String::new(),
        table: None,
        package: false,
        error: refusal.into(),
    }
}

/// A package of routines, which counts as a procedure.
pub(super) fn package(
    session: &mut Session,
    schema: &str,
    name: &str,
    (what, refusal): (&str, Stop),
) -> Unread {
    let kind = ObjectKind::Procedure;
    let definition = raw(session, kind, schema, name);
    let it = strange_of(kind, name, what, refusal);
    Unread { definition, package: true, ..it }
}

/// What the server still tells of a definition, as the bytes that it is.
fn raw(session: &mut Session, kind: ObjectKind, schema: &str, name: &str) -> Option<Vec<u8>> {
    let shown = format!("SHOW CREATE {} {}", kind.keyword(), qualified(schema, name));
    let column = match kind {
        ObjectKind::Table => "Create Table",
        ObjectKind::View => "Create View",
        ObjectKind::Trigger => "SQL Original Statement",
        ObjectKind::Procedure => "Create Procedure",
        ObjectKind::Function => "Create Function",
        ObjectKind::Event => "Create Event",
    };
    let row: Option<Row> = session.first(&shown).ok().flatten();
    if let Some(bytes) = row.and_then(|row| bytes(&row, column)) {
        return Some(bytes);
    }
    let (column, view, named, key) = match kind {
        ObjectKind::Table => return None,
        ObjectKind::View => ("VIEW_DEFINITION", "VIEWS", "TABLE_NAME", "TABLE_SCHEMA"),
        ObjectKind::Trigger => ("ACTION_STATEMENT", "TRIGGERS", "TRIGGER_NAME", "TRIGGER_SCHEMA"),
        ObjectKind::Procedure | ObjectKind::Function => {
            ("ROUTINE_DEFINITION", "ROUTINES", "ROUTINE_NAME", "ROUTINE_SCHEMA")
        }
        ObjectKind::Event => ("EVENT_DEFINITION", "EVENTS", "EVENT_NAME", "EVENT_SCHEMA"),
    };
    let sql = format!(
        "SELECT {column} AS told FROM information_schema.{view} WHERE {key} = {} AND {named} = {}",
        literal(schema),
        literal(name)
    );
    let row: Option<Row> = session.first(&sql).ok().flatten();
    row.and_then(|row| bytes(&row, "told")).filter(|told| !told.is_empty())
}

pub(super) fn bytes(row: &Row, column: &str) -> Option<Vec<u8>> {
    let at = row.columns_ref().iter().position(|it| it.name_str().eq_ignore_ascii_case(column))?;
    let value = row.as_ref(at).cloned().unwrap_or(Value::NULL);
    Option::<Vec<u8>>::from_value_opt(value).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::exit::ExitCode;

    fn unread(kind: ObjectKind, name: &str) -> Unread {
        Unread {
            kind,
            name: name.to_owned(),
            why: "it is a test".to_owned(),
            definition: Some(b"caf\xE9".to_vec()),
            engine: "InnoDB".to_owned(),
            table: Some("t".to_owned()),
            package: false,
            error: Stop::new(ExitCode::Store, format!("not {name}")).into(),
        }
    }

    #[test]
    fn what_cannot_be_read_is_still_there_to_be_moved_and_dropped() {
        let all = [
            unread(ObjectKind::Table, "s"),
            unread(ObjectKind::View, "v"),
            unread(ObjectKind::Trigger, "tr"),
            unread(ObjectKind::Event, "e"),
        ];
        let survey = Survey { unread: all.into_iter().collect(), ..Survey::default() };
        assert!(!survey.is_empty());
        let everything = survey.everything();
        assert!(everything.tables.contains_key("s"));
        assert_eq!(everything.broken_views[0].name, "v");
        assert_eq!(everything.trigger_order, ["tr"]);
        let trigger = &everything.programs[&(ObjectKind::Trigger, "tr".to_owned())];
        assert!(trigger.ddl.is_empty() && trigger.table.as_deref() == Some("t"));
        assert!(everything.programs.contains_key(&(ObjectKind::Event, "e".to_owned())));
        let error = survey.whole().expect_err("not whole");
        assert_eq!(error.to_string(), "not s", "the first");
    }
}
