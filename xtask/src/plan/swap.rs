//! The statements that put a staged schema in the place of the live one.
//!
//! Tables change places in one RENAME TABLE, which is all or nothing. A table
//! with a trigger cannot be renamed into another schema (error 1435), so the
//! triggers are dropped before and created after it. MySQL allows both under
//! LOCK TABLES … WRITE, so that no other session ever sees a table without its
//! triggers; MariaDB refuses RENAME under that lock (error 1192), so there the
//! statements follow each other without it. They go to the server in one packet:
//! it executes them even when this process dies in between. Only MySQL's CREATE
//! TRIGGER cannot be part of one, as the `;` behind it would become part of a
//! body that is a single statement; these follow one by one under the lock, and
//! the journal has them for a run that finds them missing. Views, routines and
//! events cannot be renamed: they are dropped and created.

use super::foreign_keys;
use crate::model::facts::Flavour;
use crate::model::ident::{qualified, quote};
use crate::model::inventory::{Inventory, ObjectKind, Program};
use crate::model::swap::JournalStatement;

/// The statements of one swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapPlan {
    /// Drops the staged triggers; nobody sees the staging schema, so this needs no care.
    pub prepare: Vec<String>,
    /// The packet that does it.
    pub packet: Vec<String>,
    /// What follows it one by one, and ends with giving the lock back.
    pub singly: Vec<String>,
    /// Creates the old triggers again, when the packet failed before its RENAME.
    pub undo: Vec<JournalStatement>,
    /// After the RENAME: triggers (where the packet did not get that far), then
    /// views, routines and events.
    pub finish: Vec<JournalStatement>,
    /// Tables that move in.
    pub tables_in: Vec<String>,
    /// Tables that move out.
    pub tables_out: Vec<String>,
}

/// Plans the swap of `staged` (in `staging`) for `live` (in `target`), the old
/// tables going to `before`.
pub fn plan(
    flavour: Flavour,
    target: &str,
    live: &Inventory,
    staging: &str,
    staged: &Inventory,
    before: &str,
) -> SwapPlan {
    let tables_out: Vec<String> = live.tables.keys().cloned().collect();
    let tables_in: Vec<String> = staged.tables.keys().cloned().collect();
    let drop_trigger =
        |schema: &str, name: &String| format!("DROP TRIGGER {}", qualified(schema, name));
    let new_triggers = statements(staged, ObjectKind::Trigger);
    let locks = flavour == Flavour::Mysql
        && !(live.trigger_order.is_empty() && staged.trigger_order.is_empty());
    let mut packet = Vec::new();
    if locks {
        let lock = |schema: &str, table: &String| format!("{} WRITE", qualified(schema, table));
        let all: Vec<String> = tables_out
            .iter()
            .map(|t| lock(target, t))
            .chain(tables_in.iter().map(|t| lock(staging, t)))
            .collect();
        packet.push(format!("LOCK TABLES {}", all.join(", ")));
    }
    packet.extend(live.trigger_order.iter().map(|name| drop_trigger(target, name)));
    let moves: Vec<String> = tables_out
        .iter()
        .map(|t| format!("{} TO {}", qualified(target, t), qualified(before, t)))
        .chain(
            tables_in
                .iter()
                .map(|t| format!("{} TO {}", qualified(staging, t), qualified(target, t))),
        )
        .collect();
    if !moves.is_empty() {
        packet.push(format!("RENAME TABLE {}", moves.join(", ")));
    }
    let mut singly = Vec::new();
    for trigger in &new_triggers {
        let place = if locks { &mut singly } else { &mut packet };
        place.extend(settings(trigger));
        place.push(trigger.sql.clone());
    }
    if locks {
        singly.push("UNLOCK TABLES".to_owned());
    }
    // First on the list for a run that finds the tables moved and the triggers missing.
    let mut finish = new_triggers;
    finish.extend(foreign_keys::released(live, before).into_iter().map(plain));
    finish.extend(foreign_keys::remade(staged, target).into_iter().map(plain));
    finish.extend(drops(live));
    // Views can call functions; nothing here is needed by a function to be created.
    finish.extend(statements(staged, ObjectKind::Function));
    finish.extend(views(staged));
    for kind in [ObjectKind::Procedure, ObjectKind::Event] {
        finish.extend(statements(staged, kind));
    }
    SwapPlan {
        prepare: staged.trigger_order.iter().map(|name| drop_trigger(staging, name)).collect(),
        packet,
        singly,
        undo: statements(live, ObjectKind::Trigger),
        finish,
        tables_in,
        tables_out,
    }
}

/// Drops every program of an inventory but its triggers, which went with their tables.
fn drops(live: &Inventory) -> Vec<JournalStatement> {
    let broken = live
        .broken_views
        .iter()
        .map(|view| plain(format!("DROP VIEW IF EXISTS {}", quote(&view.name))));
    live.programs
        .keys()
        .filter(|(kind, _)| *kind != ObjectKind::Trigger)
        .map(|(kind, name)| plain(format!("DROP {} IF EXISTS {}", kind.keyword(), quote(name))))
        .chain(broken)
        .collect()
}

/// The views, each after those whose names it mentions: a view can only be
/// created when what it reads is there.
fn views(staged: &Inventory) -> Vec<JournalStatement> {
    let all: Vec<(&String, &Program)> = staged
        .programs
        .iter()
        .filter(|((kind, _), _)| *kind == ObjectKind::View)
        .map(|((_, name), program)| (name, program))
        .collect();
    let mut done: Vec<&String> = Vec::new();
    let mut out = Vec::new();
    while out.len() < all.len() {
        let before = out.len();
        for (name, program) in &all {
            let waits = all.iter().any(|(other, _)| {
                other != name && !done.contains(other) && names(&program.ddl, other)
            });
            if !done.contains(name) && !waits {
                done.push(name);
                out.push(statement(program));
            }
        }
        if out.len() == before {
            // Two names that contain each other's text only look like a cycle:
            // create the rest as they come, the server decides.
            let rest = all.iter().filter(|(name, _)| !done.contains(name));
            out.extend(rest.map(|(_, program)| statement(program)));
            break;
        }
    }
    out
}

fn names(ddl: &str, other: &str) -> bool {
    ddl.contains(&quote(other))
}

/// The statements that create every program of a kind.
pub fn statements(inventory: &Inventory, kind: ObjectKind) -> Vec<JournalStatement> {
    if kind == ObjectKind::Trigger {
        return inventory
            .trigger_order
            .iter()
            .filter_map(|name| Some((name, inventory.programs.get(&(kind, name.clone()))?)))
            .map(|(name, program)| JournalStatement {
                trigger: Some(name.clone()),
                ..statement(program)
            })
            .collect();
    }
    inventory.programs.iter().filter(|((k, _), _)| *k == kind).map(|(_, p)| statement(p)).collect()
}

fn statement(program: &Program) -> JournalStatement {
    JournalStatement {
        sql_mode: program.sql_mode.clone().unwrap_or_default(),
        charset_client: program.charset_client.clone(),
        collation: program.collation.clone(),
        time_zone: program.time_zone.clone(),
        trigger: None,
        sql: program.ddl.clone(),
    }
}

fn plain(sql: String) -> JournalStatement {
    JournalStatement {
        sql_mode: String::new(),
        charset_client: "utf8mb4".to_owned(),
        collation: String::new(),
        time_zone: None,
        trigger: None,
        sql,
    }
}

/// The session settings that a statement has to run under. Our text is utf8mb4,
/// so the client's character set can only be what it was where the text is ASCII
/// and reads the same in both; what literals in it are is the collation's matter.
pub fn settings(statement: &JournalStatement) -> Vec<String> {
    let mut out =
        vec![format!("SET sql_mode = '{}'", statement.sql_mode), "SET NAMES utf8mb4".to_owned()];
    if !statement.collation.is_empty() {
        if statement.sql.is_ascii() {
            out.push(format!("SET character_set_client = {}", statement.charset_client));
        }
        out.push(format!("SET collation_connection = '{}'", statement.collation));
    }
    if let Some(zone) = &statement.time_zone {
        out.push(format!("SET time_zone = '{zone}'"));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::inventory::TableFacts;

    fn table() -> TableFacts {
        TableFacts {
            ddl: String::new(),
            auto_increment: None,
            engine: "InnoDB".to_owned(),
            columns: Vec::new(),
            float_columns: Vec::new(),
            rows_estimate: 0,
            bytes_estimate: 0,
        }
    }

    fn program(ddl: &str) -> Program {
        Program {
            ddl: ddl.to_owned(),
            definer: String::new(),
            sql_mode: Some("ANSI_QUOTES".to_owned()),
            charset_client: "utf8mb4".to_owned(),
            collation: "utf8mb4_bin".to_owned(),
            time_zone: None,
            table: None,
        }
    }

    fn inventory(tables: &[&str], programs: &[(ObjectKind, &str, &str)]) -> Inventory {
        Inventory {
            tables: tables.iter().map(|t| ((*t).to_owned(), table())).collect(),
            programs: programs
                .iter()
                .map(|(k, n, ddl)| ((*k, (*n).to_owned()), program(ddl)))
                .collect::<BTreeMap<_, _>>(),
            trigger_order: programs
                .iter()
                .filter(|(k, _, _)| *k == ObjectKind::Trigger)
                .map(|(_, n, _)| (*n).to_owned())
                .collect(),
            ..Inventory::default()
        }
    }

    #[test]
    fn without_triggers_one_rename_is_all() {
        let live = inventory(&["a", "new"], &[]);
        let staged = inventory(&["a"], &[]);
        let plan = plan(Flavour::Mysql, "d", &live, "d__s", &staged, "d__b");
        assert_eq!(
            plan.packet,
            [
                "RENAME TABLE `d`.`a` TO `d__b`.`a`, `d`.`new` TO `d__b`.`new`, `d__s`.`a` TO `d`.`a`"
            ]
        );
    }

    #[test]
    fn triggers_are_moved_under_a_lock_on_mysql_only() {
        let trigger = (
            ObjectKind::Trigger,
            "t1",
            "CREATE TRIGGER `t1` BEFORE INSERT ON `a` FOR EACH ROW SET @x=1",
        );
        let live = inventory(&["a"], &[trigger]);
        let mysql = plan(Flavour::Mysql, "d", &live, "d__s", &live.clone(), "d__b");
        assert!(
            mysql.packet[0].starts_with("LOCK TABLES `d`.`a` WRITE, `d__s`.`a` WRITE"),
            "{mysql:?}"
        );
        assert_eq!(mysql.packet[1], "DROP TRIGGER `d`.`t1`");
        assert!(mysql.packet[2].starts_with("RENAME TABLE"));
        assert_eq!(mysql.singly[0], "SET sql_mode = 'ANSI_QUOTES'");
        assert_eq!(mysql.singly[2], "SET character_set_client = utf8mb4");
        assert_eq!(mysql.singly[3], "SET collation_connection = 'utf8mb4_bin'");
        assert_eq!(mysql.singly.last().map(String::as_str), Some("UNLOCK TABLES"));
        assert_eq!(mysql.undo.len(), 1);
        let mariadb = plan(Flavour::Mariadb, "d", &live, "d__s", &live.clone(), "d__b");
        assert!(!mariadb.packet.iter().any(|s| s.contains("LOCK")), "{mariadb:?}");
        assert!(mariadb.singly.is_empty() && mariadb.packet.last().unwrap().contains("@x=1"));
    }

    #[test]
    fn views_come_after_the_views_they_read() {
        let a = (ObjectKind::View, "a", "CREATE VIEW `a` AS select `z`.`x` from `z`");
        let z = (ObjectKind::View, "z", "CREATE VIEW `z` AS select 1 AS `x`");
        let order: Vec<String> =
            views(&inventory(&[], &[a, z])).into_iter().map(|s| s.sql).collect();
        assert!(order[0].contains("VIEW `z`") && order[1].contains("VIEW `a`"), "{order:?}");
    }
}
