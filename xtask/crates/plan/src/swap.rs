//! The statements that put a staged schema in the place of the live one.
//!
//! Tables change places in one RENAME TABLE, which is all or nothing. A table
//! with a trigger cannot be renamed into another schema (error 1435), so the
//! triggers are dropped before and created after it. MySQL allows both under
//! LOCK TABLES … WRITE, so that no other session ever sees a table without its
//! triggers. MariaDB refuses RENAME under that lock (error 1192): there the lock
//! ends just before it. Other sessions are still waited for while every trigger
//! is there, and not between the last DROP and the RENAME. Either way everything up
//! to the RENAME goes to the server in one packet: it executes that even when this
//! process dies in between. Views, routines and events cannot be renamed: they
//! are dropped and created.
//!
//! The text of a program is never part of a packet with several statements. It comes from
//! a file or a migration by way of the server, which prints other text than it was given
//! (it takes the marks of version comments out, and `-/*!- 1*/` becomes `-- 1`): what was
//! one statement could be several. So each program is made by a statement of its own.

use std::collections::BTreeSet;

use super::definer::{self, Owner};
use super::foreign_keys;
use model::facts::Flavour;
use model::ident::{qualified, quote};
use model::inventory::{Inventory, ObjectKind, Program};
use model::swap::JournalStatement;

/// Whether the table of a trigger is among those that a lock names.
fn is_of_lockable(live: &Inventory, trigger: &str) -> bool {
    let program = live.programs.get(&(ObjectKind::Trigger, trigger.to_owned()));
    let table = program.and_then(|program| live.tables.get(program.table.as_ref()?));
    table.is_none_or(|table| lockable(&table.engine))
}

/// The statements of one swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapPlan {
    /// Drops the staged triggers; the staging schema is not in use, so the order does not matter.
    pub prepare: Vec<String>,
    /// What must be done before the lock; the tables may still stay where they are.
    pub before_lock: Vec<String>,
    /// `LOCK TABLES …` over every table of both sides; `None` where nothing needs it.
    pub lock: Option<String>,
    /// The packet that moves the tables, under the lock. On MySQL the tables stay locked
    /// after it, until their triggers are made.
    pub packet: Vec<String>,
    /// Whether the triggers are made under the lock (MySQL).
    pub remake_triggers: bool,
    /// Makes what the packet dropped again, when it failed before its RENAME.
    pub undo: Vec<JournalStatement>,
    /// After the RENAME: triggers, then views, routines and events.
    pub finish: Vec<JournalStatement>,
    pub tables_in: Vec<String>,
    pub tables_out: Vec<String>,
}

impl SwapPlan {
    /// From the lock to the RENAME as one packet, for a swap that looks at nothing in
    /// between.
    pub fn whole(&self) -> Vec<String> {
        self.lock.iter().chain(&self.packet).cloned().collect()
    }
}

/// What changes places, and whose the programs are afterwards.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    pub flavour: Flavour,
    /// The live schema, and what is in it.
    pub target: &'a str,
    pub live: &'a Inventory,
    pub staging: &'a str,
    pub staged: &'a Inventory,
    /// Where the old tables go.
    pub before: &'a str,
    /// The definer of what is made.
    pub owner: Owner<'a>,
    pub leaving: Leaving<'a>,
}

/// What else becomes of the old state, where no backup holds all of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Leaving<'a> {
    /// A table of the staging schema that goes to `before` with the old ones.
    pub notes: Option<&'a str>,
    /// Packages of routines in the target, which are in no inventory.
    pub packages: &'a [String],
}

/// Engines whose tables are elsewhere: opening one, as a lock does, can fail or wait for ever.
const ELSEWHERE: [&str; 6] = ["FEDERATED", "CONNECT", "SPIDER", "MRG_MYISAM", "S3", "SPHINX"];

/// Whether a lock needs no other server.
fn lockable(engine: &str) -> bool {
    !ELSEWHERE.iter().any(|known| known.eq_ignore_ascii_case(engine))
}

/// Plans the swap of `staged` (in `staging`) for `live` (in `target`), the old
/// tables going to `before`. `always_lock` is for a caller that looks at the live
/// tables under the lock before it goes on.
pub fn plan(sides: &Sides<'_>, always_lock: bool) -> SwapPlan {
    let Sides { flavour, target, staging, before, owner, leaving, .. } = *sides;
    let changed = changed(sides);
    // What of it comes back, comes back to whom it belongs now.
    let (live, staged) = (&definer::as_before(sides.live), &owner.own(sides.staged));
    let new = &owner.own(&changed);
    let tables_out: Vec<String> = live.tables.keys().cloned().collect();
    let tables_in: Vec<String> = staged.tables.keys().cloned().collect();
    let drop_trigger =
        |schema: &str, name: &String| format!("DROP TRIGGER {}", qualified(schema, name));
    let new_triggers = statements(staged, ObjectKind::Trigger);
    // A MySQL with GTIDs refuses to change tables with and without transactions
    // under one lock (error 1785).
    let transactional =
        live.non_transactional().is_empty() && staged.non_transactional().is_empty();
    let locks = (flavour == Flavour::Mariadb || transactional)
        && (always_lock || !(live.trigger_order.is_empty() && staged.trigger_order.is_empty()));
    let in_the_way = in_the_way(live, staged);
    let drop_view = |name: &String| format!("DROP VIEW {}", qualified(target, name));
    // First, although the tables may then stay: programs keep the collation that the
    // schema has when they are made, and MySQL refuses this under LOCK TABLES.
    let mut before_lock: Vec<String> =
        default_collation(target, live, staged).map(|it| it.sql).into_iter().collect();
    before_lock.extend(in_the_way.iter().map(|(name, _)| drop_view(name)));
    // One that cannot be read cannot be made again either, should the swap fail.
    let broken = live.broken_views.iter().map(|view| &view.name);
    before_lock.extend(broken.filter(|it| staged.tables.contains_key(*it)).map(drop_view));
    let lock = |schema: &str, table: &String| format!("{} WRITE", qualified(schema, table));
    let out = live.tables.iter().filter(|(_, table)| lockable(&table.engine));
    let notes = leaving.notes.map(str::to_owned);
    let all: Vec<String> = out
        .map(|(name, _)| lock(target, name))
        .chain(tables_in.iter().chain(&notes).map(|t| lock(staging, t)))
        .collect();
    let lock = (locks && !all.is_empty()).then(|| format!("LOCK TABLES {}", all.join(", ")));
    let mut packet: Vec<String> = Vec::new();
    // Under LOCK TABLES only what is locked can be changed.
    let (held, free): (Vec<&String>, Vec<&String>) =
        live.trigger_order.iter().partition(|name| is_of_lockable(live, name));
    packet.extend(held.into_iter().map(|name| drop_trigger(target, name)));
    if locks && flavour == Flavour::Mariadb {
        packet.push("UNLOCK TABLES".to_owned());
    }
    packet.extend(free.into_iter().map(|name| drop_trigger(target, name)));
    let out = tables_out.iter().map(|t| moved(t, target, before));
    let moves: Vec<String> = out
        .chain(notes.iter().map(|t| moved(t, staging, before)))
        .chain(tables_in.iter().map(|t| moved(t, staging, target)))
        .collect();
    if !moves.is_empty() {
        packet.push(format!("RENAME TABLE {}", moves.join(", ")));
    }
    let mut finish = finish((live, target), staged, new, before, new_triggers);
    finish.extend(leaving.packages.iter().map(|name| drop_package(name)));
    SwapPlan {
        prepare: staged
            .trigger_order
            .iter()
            .map(|name| format!("DROP TRIGGER IF EXISTS {}", qualified(staging, name)))
            .collect(),
        before_lock,
        lock,
        packet,
        remake_triggers: flavour == Flavour::Mysql && !staged.trigger_order.is_empty(),
        undo: undo(target, live, staged, &in_the_way),
        finish,
        tables_in,
        tables_out,
    }
}

/// What comes after the RENAME.
fn finish(
    (live, target): (&Inventory, &str),
    staged: &Inventory,
    new: &Inventory,
    before: &str,
    new_triggers: Vec<JournalStatement>,
) -> Vec<JournalStatement> {
    // First on the list for a run that finds the tables moved and the triggers missing.
    let mut finish = new_triggers;
    finish.extend(foreign_keys::released(live, before).into_iter().map(plain));
    finish.extend(foreign_keys::remade(staged, target).into_iter().map(plain));
    // A run that died in here made some of the new ones already.
    finish.extend(drops(live, staged, new));
    // Views can call functions; nothing here is needed by a function to be created.
    finish.extend(statements(new, ObjectKind::Function));
    finish.extend(views(new));
    for kind in [ObjectKind::Procedure, ObjectKind::Event] {
        finish.extend(statements(new, kind));
    }
    finish
}

/// The staged programs that are not in the live schema just so. One that is stays as
/// it is, and keeps its definer: names in it mean the new tables from the RENAME on.
fn changed(sides: &Sides<'_>) -> Inventory {
    let Sides { live, staged, owner, .. } = sides;
    let programs = staged
        .programs
        .iter()
        .filter(|(key, program)| !left_alone((live, staged), owner, key, program));
    Inventory {
        programs: programs.map(|(key, program)| (key.clone(), program.clone())).collect(),
        ..Inventory::default()
    }
}

/// Whether a swap leaves the live program as it is where `program` is to be.
pub fn left_alone(
    (live, staged): (&Inventory, &Inventory),
    owner: &Owner<'_>,
    key: &(ObjectKind, String),
    program: &Program,
) -> bool {
    // Routines and events keep the schema's collation of the day they were made.
    let defaults = (&live.charset, &live.collation) == (&staged.charset, &staged.collation);
    defaults && live.programs.get(key).is_some_and(|old| owner.keeps(old, program))
}

fn moved(table: &str, from: &str, to: &str) -> String {
    format!("{} TO {}", qualified(from, table), qualified(to, table))
}

/// Live views that have the name of a table that comes in: RENAME refuses a name
/// that is taken.
fn in_the_way<'a>(live: &'a Inventory, staged: &Inventory) -> Vec<(&'a String, &'a Program)> {
    live.programs
        .iter()
        .filter(|((kind, name), _)| *kind == ObjectKind::View && staged.tables.contains_key(name))
        .map(|((_, name), program)| (name, program))
        .collect()
}

/// The old collation, triggers, and views that were in the way.
fn undo(
    target: &str,
    live: &Inventory,
    staged: &Inventory,
    in_the_way: &[(&String, &Program)],
) -> Vec<JournalStatement> {
    let mut undo: Vec<JournalStatement> =
        default_collation(target, staged, live).into_iter().collect();
    undo.extend(statements(live, ObjectKind::Trigger));
    let known = in_the_way.iter().filter(|(_, program)| !program.ddl.is_empty());
    undo.extend(known.map(|(_, program)| {
        let view = statement(program);
        JournalStatement { sql: view.sql.replacen("CREATE ", "CREATE OR REPLACE ", 1), ..view }
    }));
    undo
}

/// Gives the schema the character set and collation of `to`, where they differ.
fn default_collation(target: &str, from: &Inventory, to: &Inventory) -> Option<JournalStatement> {
    ((&from.charset, &from.collation) != (&to.charset, &to.collation))
        .then(|| plain(collation_statement(target, &to.charset, &to.collation)))
}

/// Gives a schema this character set and collation.
pub fn collation_statement(schema: &str, charset: &str, collation: &str) -> String {
    format!("ALTER DATABASE {} CHARACTER SET {charset} COLLATE {collation}", quote(schema))
}

/// Drops what goes, and what is made new, but the triggers, which went with their tables.
fn drops(live: &Inventory, staged: &Inventory, new: &Inventory) -> Vec<JournalStatement> {
    let broken = live
        .broken_views
        .iter()
        .map(|view| plain(format!("DROP VIEW IF EXISTS {}", quote(&view.name))));
    let gone = live.programs.keys().filter(|key| !staged.programs.contains_key(*key));
    let names: BTreeSet<_> = gone.chain(new.programs.keys()).collect();
    names
        .into_iter()
        .filter(|(kind, name)| {
            // DROP VIEW refuses the name of a table.
            let table = *kind == ObjectKind::View && staged.tables.contains_key(name);
            *kind != ObjectKind::Trigger && !table
        })
        .map(|(kind, name)| plain(format!("DROP {} IF EXISTS {}", kind.keyword(), quote(name))))
        .chain(broken)
        .collect()
}

/// The views, each after those whose names it mentions: a view can only be
/// created when what it reads is there.
pub fn views(staged: &Inventory) -> Vec<JournalStatement> {
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
            .filter(|(_, program)| !program.ddl.is_empty())
            .map(|(name, program)| JournalStatement {
                trigger: Some(name.clone()),
                ..statement(program)
            })
            .collect();
    }
    inventory.programs.iter().filter(|((k, _), _)| *k == kind).map(|(_, p)| statement(p)).collect()
}

/// The statement that creates a program, with the settings it has to run under.
pub fn statement(program: &Program) -> JournalStatement {
    JournalStatement {
        sql_mode: program.sql_mode.clone().unwrap_or_default(),
        charset_client: program.charset_client.clone(),
        collation: program.collation.clone(),
        time_zone: program.time_zone.clone(),
        trigger: None,
        sql: program.ddl.clone(),
    }
}

/// MariaDB knows the words only in the mode that packages come from.
fn drop_package(name: &str) -> JournalStatement {
    let sql = format!("DROP PACKAGE IF EXISTS {}", quote(name));
    JournalStatement { sql_mode: "ORACLE".to_owned(), ..plain(sql) }
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

/// The statements that make a trigger of `schema` again, to be sent one by one; `None` for
/// other programs.
pub fn remade(schema: &str, statement: &JournalStatement) -> Option<Vec<String>> {
    let name = statement.trigger.as_ref()?;
    let mut all = settings(statement);
    all.push(format!("DROP TRIGGER IF EXISTS {}", qualified(schema, name)));
    all.push(statement.sql.clone());
    Some(all)
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
#[path = "swap_tests.rs"]
mod tests;
