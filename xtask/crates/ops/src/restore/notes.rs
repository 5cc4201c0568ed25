//! Definitions that a swap drops and no backup holds: kept in a table beside the old ones.
//!
//! It is made in the staging schema and leaves in the same RENAME as the old tables, so there
//! is no moment in which the definitions are nowhere.

use anyhow::Result;

use super::safety::Saved;
use crate::staging::Staged;
use model::hash::hex;
use model::ident::{literal, qualified};
use model::inventory::{Inventory, ObjectKind};
use plan::definer;
use server::Session;
use server::survey::Survey;

/// The table's name, where no live one has it.
pub(super) const TABLE: &str = "__xtask_definitions";

struct Note {
    kind: ObjectKind,
    name: String,
    settings: String,
    definition: Option<Vec<u8>>,
    why: String,
}

/// Makes the table beside the staged ones and gives its name; `None`: nothing has to be kept.
///
/// # Errors
/// The server refuses.
pub(super) fn keep(
    session: &mut Session,
    staged: &Staged,
    live: &Survey,
    saved: &Saved,
) -> Result<Option<String>> {
    let notes = notes(live, saved);
    if notes.is_empty() {
        return Ok(None);
    }
    let mut name = TABLE.to_owned();
    let (old, new) = (live.everything().tables, &staged.inventory);
    let view = |name: &String| new.programs.contains_key(&(ObjectKind::View, name.clone()));
    // A dump may hold a table of that name.
    while old.contains_key(&name) || new.tables.contains_key(&name) || view(&name) {
        name.push('_');
    }
    let table = qualified(&staged.schema, &name);
    session.run(&format!(
        "CREATE TABLE {table} (`id` INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
         `kind` VARCHAR(16) NOT NULL, `name` VARCHAR(64) NOT NULL, `settings` TEXT NOT NULL, \
         `definition` LONGBLOB, `why` TEXT NOT NULL) \
         ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    ))?;
    for Note { kind, name, settings, definition, why } in notes {
        // It need not be text.
        let definition =
            definition.map_or_else(|| "NULL".to_owned(), |bytes| format!("x'{}'", hex(&bytes)));
        session.run(&format!(
            "INSERT INTO {table} (`kind`, `name`, `settings`, `definition`, `why`) \
             VALUES ({}, {}, {}, {definition}, {})",
            literal(kind.keyword()),
            literal(&name),
            literal(&settings),
            literal(&why)
        ))?;
    }
    Ok(Some(name))
}

fn notes(live: &Survey, saved: &Saved) -> Vec<Note> {
    if saved.unsaved.is_empty() {
        return Vec::new();
    }
    let why = |kind: ObjectKind, name: &str| {
        let found = saved.unsaved.iter().find(|it| it.kind == kind && it.name == name);
        found.map(|it| it.why.clone())
    };
    let mut notes = programs(&live.inventory, &why);
    for view in &live.inventory.broken_views {
        // A backup's manifest has those that every account finds broken.
        let Some(why) = why(ObjectKind::View, &view.name)
            .or_else(|| saved.label.is_none().then(|| view.why.clone()))
        else {
            continue;
        };
        let (kind, name) = (ObjectKind::View, view.name.clone());
        let definition = Some(view.ddl.clone().into_bytes());
        notes.push(Note { kind, name, settings: String::new(), definition, why });
    }
    for it in live.unread.iter().filter(|it| it.kind != ObjectKind::Table) {
        let (kind, name, why) = (it.kind, it.name.clone(), it.why.clone());
        let definition = it.definition.clone();
        notes.push(Note { kind, name, settings: String::new(), definition, why });
    }
    notes
}

fn programs(live: &Inventory, why: &impl Fn(ObjectKind, &str) -> Option<String>) -> Vec<Note> {
    let own = definer::as_before(live);
    let note = |((kind, name), program): (&(ObjectKind, String), &model::inventory::Program)| {
        let settings = [
            ("sql_mode", program.sql_mode.as_deref()),
            ("character_set_client", Some(program.charset_client.as_str())),
            ("collation_connection", Some(program.collation.as_str())),
            ("time_zone", program.time_zone.as_deref()),
        ];
        let said = settings.into_iter().filter_map(|(name, it)| Some(format!("{name}={}", it?)));
        Some(Note {
            kind: *kind,
            name: name.clone(),
            settings: said.collect::<Vec<_>>().join("; "),
            definition: Some(program.ddl.clone().into_bytes()),
            why: why(*kind, name)?,
        })
    };
    own.programs.iter().filter_map(note).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::inventory::{BrokenView, Program};
    use model::left_out::LeftOut;

    fn live() -> Survey {
        let program = |ddl: &str| Program {
            ddl: ddl.to_owned(),
            definer: "`a`@`%`".to_owned(),
            sql_mode: Some("ANSI_QUOTES".to_owned()),
            charset_client: "utf8mb4".to_owned(),
            collation: "utf8mb4_bin".to_owned(),
            time_zone: None,
            table: None,
            database_collation: None,
            columns: Vec::new(),
        };
        let mut live = Survey::default();
        for (kind, name, ddl) in [
            (ObjectKind::View, "v", "CREATE VIEW `v` AS select 1"),
            (ObjectKind::Function, "f", "CREATE FUNCTION `f`() RETURNS int RETURN 1"),
        ] {
            live.inventory.programs.insert((kind, name.to_owned()), program(ddl));
        }
        let (name, ddl) = ("b".to_owned(), "CREATE VIEW `b` AS …".to_owned());
        live.inventory.broken_views.push(BrokenView { name, ddl, why: "gone".to_owned() });
        live
    }

    fn out(kind: ObjectKind, name: &str) -> LeftOut {
        LeftOut { kind, name: name.to_owned(), rows: None, why: "a test".to_owned() }
    }

    fn names(saved: &Saved) -> Vec<String> {
        notes(&live(), saved).into_iter().map(|it| it.name).collect()
    }

    #[test]
    fn what_a_backup_holds_is_not_noted() {
        let label = "mydb_backup_20261122_101112".parse().ok();
        assert!(names(&Saved { label: label.clone(), unsaved: Vec::new() }).is_empty());
        let unsaved = vec![out(ObjectKind::View, "v"), out(ObjectKind::Table, "t")];
        let partial = Saved { label, unsaved };
        assert_eq!(names(&partial), ["v"]);
        let note = notes(&live(), &partial).remove(0);
        let text = String::from_utf8(note.definition.expect("a definition")).expect("text");
        assert_eq!(text, "CREATE DEFINER=`a`@`%` VIEW `v` AS select 1");
        assert!(note.settings.contains("sql_mode=ANSI_QUOTES"), "{}", note.settings);
    }

    #[test]
    fn without_a_backup_all_of_it_is_noted() {
        let unsaved = vec![out(ObjectKind::View, "v"), out(ObjectKind::Function, "f")];
        assert_eq!(names(&Saved { label: None, unsaved }), ["v", "f", "b"]);
    }
}
