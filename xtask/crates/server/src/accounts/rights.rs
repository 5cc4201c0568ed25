//! Which rights each account has to have, and how held ones compare with them.

use std::collections::BTreeSet;

use super::grants::{ALL, Grant, Scope, parse, patterns_overlap, same_pattern};
use crate::making;
use model::account::Role;
use model::facts::{Flavour, Version};
use model::ident;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rights {
    pub privileges: BTreeSet<String>,
    pub scope: Scope,
}

impl Rights {
    /// The statement that gives them.
    pub(crate) fn grant(&self, account: &str) -> String {
        let names: Vec<&str> = self.privileges.iter().map(String::as_str).collect();
        granting(&names, &self.scope, account)
    }

    /// Whether they are rights on one table.
    pub(crate) fn on_table(&self) -> bool {
        matches!(self.scope, Scope::Table(..))
    }
}

fn granting(names: &[&str], scope: &Scope, account: &str) -> String {
    format!("GRANT {} ON {} TO {account}", names.join(", "), scope.sql())
}

/// The difference between what an account has and what it has to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// What is missing, each as the GRANT that gives it.
    pub missing: Vec<String>,
    /// What is too much, each as the REVOKE that takes it.
    pub excess: Vec<String>,
    /// Rights on schemas that this project has nothing to do with: another one may use the same
    /// account. They are reported and left alone.
    pub elsewhere: Vec<String>,
    /// What some of the missing ones are for, where that depends on the server.
    pub why: Vec<String>,
}

impl Difference {
    /// Whether the account has exactly the rights of its role.
    pub fn none(&self) -> bool {
        self.missing.is_empty() && self.excess.is_empty()
    }
}

/// Which rules of a server matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub flavour: Flavour,
    pub version: Version,
}

fn rights(privileges: &[&str], scope: Scope) -> Rights {
    Rights { privileges: privileges.iter().map(|name| (*name).to_owned()).collect(), scope }
}

/// Companions of a kind, as a pattern: `mydb\_\_staging\_%`; of every kind where it is empty.
fn companions(schema: &str, kind: &str) -> String {
    format!("{}%", ident::grant_pattern(&format!("{schema}__{kind}")))
}

/// The rights of the locked account that owns programs: what they may do in their schema.
pub(super) fn of_programs(schema: &str) -> Vec<Rights> {
    vec![rights(&[ALL], Scope::Schema(ident::grant_pattern(schema)))]
}

/// The rights of a role; root is not this tool's to restrict.
pub(super) fn wanted(role: Role, schema: &str, dialect: Dialect) -> Vec<Rights> {
    let own = Scope::Schema(ident::grant_pattern(schema));
    let kind = |kind| rights(&[ALL], Scope::Schema(companions(schema, kind)));
    let companions = Scope::Schema(companions(schema, ""));
    let mut wanted = match role {
        Role::Root => return Vec::new(),
        // Enough for all that a reader asks, on both flavours: tried one right at a time.
        Role::Log => return vec![rights(&["REPLICATION SLAVE"], Scope::Global)],
        // No right on anything else, not even to read a routine's body: what it makes
        // is its own.
        Role::Drill => return vec![kind("staging_"), kind("proof_")],
        Role::Backup => {
            vec![rights(&["SELECT", "SHOW VIEW", "TRIGGER", "EVENT", "LOCK TABLES"], own.clone())]
        }
        Role::Restore | Role::Migrate => {
            vec![rights(&[ALL], own.clone()), rights(&[ALL], companions)]
        }
        // Writing is a right on each table: [`of_the_api`].
        Role::App => return vec![rights(&["SELECT", "EXECUTE"], own)],
    };
    if role == Role::Restore {
        // Gives the API's account its rights on tables that a change brought.
        wanted.push(rights(&[GRANT_OPTION], own));
    }
    // MariaDB does not even list the columns of a view that calls a function to
    // someone who may not call it; a right on the function alone would go with
    // it, whenever a restore makes it again.
    if (role, dialect.flavour) == (Role::Backup, Flavour::Mariadb) {
        wanted[0].privileges.insert("EXECUTE".to_owned());
    }
    // Shows who is in a long transaction before a migration asks for a lock.
    if role == Role::Migrate {
        wanted.push(rights(&["PROCESS"], Scope::Global));
    }
    // A routine's body is shown to its definer and to holders of these. ALL on
    // the schema is not among them, except where MariaDB has a right of its own.
    match (dialect.flavour, dialect.version) {
        (Flavour::Mysql, version) if version >= Version(8, 0, 20) => {
            let mut global = rights(&["SHOW_ROUTINE"], Scope::Global);
            // Without it no view or routine can be dropped whose definer has it, as
            // root does. It gives nothing else to who may only write to these schemas.
            if matches!(role, Role::Restore | Role::Migrate) {
                global.privileges.insert("SYSTEM_USER".to_owned());
            }
            if role == Role::Restore {
                global.privileges.insert(another_definer(dialect).to_owned());
            }
            wanted.push(global);
        }
        // Older ones show it to holders of SELECT on everything only, which is
        // more than an account of this tool may have.
        (Flavour::Mysql, _) => {
            if role == Role::Restore {
                wanted.push(rights(&[another_definer(dialect)], Scope::Global));
            }
        }
        (Flavour::Mariadb, version) if version >= Version(11, 3, 0) => {
            if role == Role::Backup {
                wanted[0].privileges.insert("SHOW CREATE ROUTINE".to_owned());
            }
        }
        (Flavour::Mariadb, _) => {
            let proc = Scope::Table("mysql".to_owned(), "proc".to_owned());
            wanted.push(rights(&["SELECT"], proc));
        }
    }
    if (role, dialect.flavour) == (Role::Restore, Flavour::Mariadb) {
        wanted.push(rights(&[another_definer(dialect)], Scope::Global));
    }
    wanted
}

/// A right that a role has to have, although most of its work goes without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Advised {
    pub rights: Rights,
    /// What needs it.
    pub why: String,
}

/// The rights of a role without which it is not refused: what needs them says so. `rule` is
/// what the server demands of new tables' keys.
pub(super) fn advised(
    role: Role,
    schema: &str,
    dialect: Dialect,
    rule: Option<&str>,
) -> Vec<Advised> {
    if dialect.flavour == Flavour::Mariadb {
        return Vec::new();
    }
    let own = Scope::Schema(ident::grant_pattern(schema));
    match (role, rule) {
        (Role::Backup, _) => vec![Advised {
            rights: rights(&["EXECUTE"], own),
            why: "some views that call a function are shown only to an account that may call it"
                .to_owned(),
        }],
        (Role::Drill | Role::Restore, Some(rule)) => vec![Advised {
            rights: rights(&[making::PRIVILEGE], Scope::Global),
            why: format!(
                "the server has {rule}, and tables without a primary key are loaded without it"
            ),
        }],
        _ => Vec::new(),
    }
}

/// The right to pass rights on. ALL does not hold it.
const GRANT_OPTION: &str = "GRANT OPTION";

/// Where sqlx records the migrations. Write access to it decides what counts as applied.
pub(super) const MIGRATIONS: &str = "_sqlx_migrations";

const WRITING: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];

/// The rights of the API's account on the tables of its schema: it writes to all of them but
/// [`MIGRATIONS`]. No server can take a right on one table from an account that has it on the
/// whole schema, so it is given table by table.
pub(super) fn of_the_api(schema: &str, tables: &[String]) -> Vec<Rights> {
    let writable = tables.iter().filter(|table| table.as_str() != MIGRATIONS);
    writable.map(|table| rights(&WRITING, Scope::Table(schema.to_owned(), table.clone()))).collect()
}

/// Rights of the API's account on tables that are not there (any more): they do no harm, and
/// a table that comes back finds them again.
pub(super) fn on_former_tables(schema: &str, lines: &[String]) -> Vec<Rights> {
    let tables = lines.iter().filter_map(|line| match parse(line) {
        Grant::Rights(_, Scope::Table(of, table)) if of == schema => Some(table),
        _ => None,
    });
    of_the_api(schema, &tables.collect::<Vec<String>>())
}

/// The right to make a program that belongs to another account.
fn another_definer(dialect: Dialect) -> &'static str {
    match (dialect.flavour, dialect.version) {
        (Flavour::Mariadb, _) => "SET USER",
        (Flavour::Mysql, version) if version >= Version(8, 2, 0) => "SET_ANY_DEFINER",
        (Flavour::Mysql, _) => "SET_USER_ID",
    }
}

/// Rights that a role may have and does not need. `drill_user` may keep drills out of
/// the server's log.
pub(super) fn tolerated(role: Role, dialect: Dialect) -> Vec<Rights> {
    match (role, dialect.flavour) {
        (Role::Drill, Flavour::Mysql) => {
            vec![rights(&["SESSION_VARIABLES_ADMIN"], Scope::Global)]
        }
        (Role::Drill, Flavour::Mariadb) => vec![rights(&["BINLOG ADMIN"], Scope::Global)],
        _ => Vec::new(),
    }
}

/// Everything that ALL means on a schema, where a server lists it by name.
const ON_SCHEMA: [&str; 18] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "REFERENCES",
    "INDEX",
    "ALTER",
    "CREATE TEMPORARY TABLES",
    "LOCK TABLES",
    "EXECUTE",
    "CREATE VIEW",
    "SHOW VIEW",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
    "EVENT",
    "TRIGGER",
];

/// Compares the lines of `SHOW GRANTS` with the rights of a role, and those that it may
/// have besides. Rights on other schemas than `schema` and its companions do not count.
pub(super) fn compare(
    lines: &[String],
    wanted: &[Rights],
    tolerated: &[Rights],
    account: &str,
    schema: &str,
) -> Difference {
    let grants: Vec<Grant> = lines.iter().map(|line| parse(line)).collect();
    let allowed: Vec<Rights> = wanted.iter().chain(tolerated).cloned().collect();
    let mut difference = Difference::default();
    for right in wanted {
        let held = held_at(&grants, &right.scope);
        let missing: Vec<&str> = right
            .privileges
            .iter()
            .filter(|name| !holds(&held, name))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            difference.missing.push(granting(&missing, &right.scope, account));
        }
    }
    for grant in &grants {
        match grant {
            Grant::Role(role) => difference.excess.push(format!("REVOKE {role} FROM {account}")),
            Grant::Rights(names, scope) => {
                let allowed = allowed_at(&allowed, scope);
                let excess: Vec<&str> = names
                    .iter()
                    .filter(|name| !holds(&allowed, name))
                    .map(String::as_str)
                    .collect();
                if excess.is_empty() {
                    continue;
                }
                let on = scope.sql();
                if !concerns(scope, schema) {
                    difference.elsewhere.push(format!("{} ON {on}", excess.join(", ")));
                    continue;
                }
                // ALL goes alone, and does not reach the right to grant.
                let (all, rest): (Vec<&str>, Vec<&str>) =
                    excess.iter().partition(|name| **name == ALL);
                for names in [all, rest].iter().filter(|names| !names.is_empty()) {
                    let names = names.join(", ");
                    difference.excess.push(format!("REVOKE {names} ON {on} FROM {account}"));
                }
            }
            Grant::Except(_) | Grant::Nothing => {}
        }
    }
    difference
}

/// Schemas that belong to the server.
const SYSTEM: [&str; 4] = ["mysql", "sys", "information_schema", "performance_schema"];

/// Whether a right there is one on the schema, on a companion of it, or on the server.
fn concerns(scope: &Scope, schema: &str) -> bool {
    let own = [ident::grant_pattern(schema), companions(schema, "")];
    let system = SYSTEM.map(ident::grant_pattern);
    let any =
        |pattern: &str| own.iter().chain(&system).any(|known| patterns_overlap(pattern, known));
    match scope {
        Scope::Global => true,
        Scope::Schema(pattern) => any(pattern),
        Scope::Table(of, _) => any(&ident::grant_pattern(of)),
        Scope::Other(text) => text
            .split_once('`')
            .and_then(|(_, rest)| rest.split_once('`'))
            .is_none_or(|(of, _)| any(&ident::grant_pattern(of))),
    }
}

fn holds(held: &BTreeSet<String>, name: &str) -> bool {
    if name == GRANT_OPTION {
        return held.contains(name);
    }
    // A right on some columns is at most the right on the table.
    let bare = name.split(" (").next().unwrap_or(name);
    held.contains(name)
        || held.contains(bare)
        || held.contains(ALL)
        || (name == ALL && ON_SCHEMA.iter().all(|one| held.contains(*one)))
}

/// The privileges that hold at a scope. Of several schema patterns the server
/// uses only the most specific one, so rights of wider ones do not add up.
fn held_at(grants: &[Grant], at: &Scope) -> BTreeSet<String> {
    let excepted = grants.iter().any(|grant| matches!(grant, Grant::Except(_)));
    let mut held = BTreeSet::new();
    let mut best: Option<(bool, usize, &BTreeSet<String>)> = None;
    for grant in grants {
        let Grant::Rights(names, scope) = grant else { continue };
        match (scope, at) {
            // With exceptions a global right proves nothing about this scope.
            (Scope::Global, Scope::Global) => held.extend(names.iter().cloned()),
            (Scope::Global, _) if !excepted => held.extend(names.iter().cloned()),
            (Scope::Schema(pattern), Scope::Schema(wanted)) if scope.covers(at) => {
                let specific = pattern.find(['%', '_']).unwrap_or(pattern.len());
                let rank = (same_pattern(pattern, wanted), specific);
                if best.is_none_or(|(same, length, _)| rank > (same, length)) {
                    best = Some((rank.0, rank.1, names));
                }
            }
            (Scope::Schema(_) | Scope::Table(..), Scope::Table(..)) if scope.covers(at) => {
                held.extend(names.iter().cloned());
            }
            _ => {}
        }
    }
    if let Some((_, _, names)) = best {
        held.extend(names.iter().cloned());
    }
    held
}

fn allowed_at(wanted: &[Rights], at: &Scope) -> BTreeSet<String> {
    let covering = wanted.iter().filter(|right| right.scope.covers(at));
    // A global right of this tool is about one privilege, never about tables.
    covering.flat_map(|right| right.privileges.iter().cloned()).collect()
}

#[cfg(test)]
#[path = "rights_tests.rs"]
mod tests;
