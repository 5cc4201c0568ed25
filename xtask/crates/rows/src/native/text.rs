//! The file around the rows: what stands in front of a table, and the programs.
//!
//! The same forms as mysqldump's, so that one reader knows both. All of it is
//! UTF-8: a program from a client with another character set is written under
//! `character_set_client = utf8mb4`; what its strings mean is decided by
//! `collation_connection`, which stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use model::definers::Definers;
use model::facts::{Flavour, ServerFacts};
use model::ident::quote;
use model::inventory::{Inventory, ObjectKind, Program};
use sql::NATIVE;

/// The first lines and the session's settings.
pub(super) fn head(schema: &str, facts: &ServerFacts, inventory: &Inventory) -> String {
    let keys = inventory.tables.values().any(|table| table.ddl.contains(" FOREIGN KEY ("));
    let name: String = schema.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    format!(
        "-- Backup of {name}, {} {}\n{NATIVE} {}\n\n\
         SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT;\n\
         SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS;\n\
         SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION;\n\
         SET NAMES utf8mb4;\n\
         SET @OLD_TIME_ZONE=@@TIME_ZONE;\n\
         SET TIME_ZONE='+00:00';\n\
         SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0;\n\
         SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0;\n\
         SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES';\n{}",
        facts.flavour,
        facts.version,
        env!("CARGO_PKG_VERSION"),
        match facts.flavour {
            // Rows can be older than a CHECK, or written without.
            Flavour::Mariadb => "/*M!100201 SET CHECK_CONSTRAINT_CHECKS=0 */;\n",
            // What they reference need not be unique, and newer servers refuse that.
            Flavour::Mysql if keys => "/*!80400 SET RESTRICT_FK_ON_NON_STANDARD_KEY=0 */;\n",
            Flavour::Mysql => "",
        },
    )
}

/// The session as it was.
pub(super) fn tail() -> &'static str {
    "\nSET TIME_ZONE=@OLD_TIME_ZONE;\n\
     SET SQL_MODE=@OLD_SQL_MODE;\n\
     SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS;\n\
     SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS;\n\
     SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT;\n\
     SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS;\n\
     SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION;\n\n"
}

/// In front of a table's rows. `ddl` is what SHOW CREATE TABLE printed.
pub(super) fn table(name: &str, ddl: &str) -> String {
    format!("\nDROP TABLE IF EXISTS {};\n{ddl};\n", quote(name))
}

/// Statements that make programs, and which.
#[derive(Debug, Default)]
pub(super) struct Programs {
    pub(super) text: String,
    /// Each with its definer on the server.
    pub(super) written: Vec<((ObjectKind, String), String)>,
}

impl Programs {
    fn add(&mut self, inventory: &Inventory, kind: ObjectKind, name: &str, definers: Definers) {
        let id = (kind, name.to_owned());
        if let Some(program) = inventory.programs.get(&id) {
            program_text(&mut self.text, inventory, program, definers);
            self.written.push((id, program.definer.clone()));
        }
    }
}

/// Behind a table's rows: its triggers, in the order in which they fire.
pub(super) fn triggers(table: &str, inventory: &Inventory, definers: Definers) -> Programs {
    let mut out = Programs::default();
    for name in &inventory.trigger_order {
        let program = inventory.programs.get(&(ObjectKind::Trigger, name.clone()));
        if program.is_some_and(|program| program.table.as_deref() == Some(table)) {
            out.add(inventory, ObjectKind::Trigger, name, definers);
        }
    }
    out
}

/// Everything that belongs to no table. A view can read other views and call
/// functions, so each first stands there as its bare columns.
pub(super) fn programs(inventory: &Inventory, definers: Definers) -> Programs {
    let mut out = Programs::default();
    let of = |kind: ObjectKind| {
        inventory.programs.iter().filter(move |((k, _), _)| *k == kind).map(|((_, n), p)| (n, p))
    };
    for (name, view) in of(ObjectKind::View) {
        let columns: Vec<String> =
            view.columns.iter().map(|column| format!("1 AS {}", quote(column))).collect();
        let name = quote(name);
        let columns = columns.join(",");
        let _ = write!(
            out.text,
            "\nDROP VIEW IF EXISTS {name};\n/*!50001 CREATE VIEW {name} AS SELECT {columns} */;\n"
        );
    }
    for kind in [ObjectKind::Event, ObjectKind::Function, ObjectKind::Procedure] {
        for (name, _) in of(kind) {
            let _ = write!(out.text, "\nDROP {} IF EXISTS {};\n", kind.keyword(), quote(name));
            out.add(inventory, kind, name, definers);
        }
    }
    let views: BTreeMap<&str, &str> =
        of(ObjectKind::View).map(|(name, view)| (name.as_str(), view.ddl.as_str())).collect();
    for name in in_order(&views) {
        let _ = write!(out.text, "\nDROP VIEW IF EXISTS {};\n", quote(name));
        out.add(inventory, ObjectKind::View, name, definers);
    }
    out
}

/// Views behind those that they name: a stand-in has the columns of what it stands for,
/// but not their types, and MariaDB looks at those.
fn in_order<'a>(views: &BTreeMap<&'a str, &'a str>) -> Vec<&'a str> {
    fn visit<'a>(
        name: &'a str,
        views: &BTreeMap<&'a str, &'a str>,
        seen: &mut BTreeSet<&'a str>,
        out: &mut Vec<&'a str>,
    ) {
        // What is seen again on the way is a name in another meaning: views have no cycles.
        if !seen.insert(name) {
            return;
        }
        let ddl = views.get(name).copied().unwrap_or_default();
        for other in views.keys().filter(|other| ddl.contains(&quote(other))) {
            visit(other, views, seen, out);
        }
        out.push(name);
    }
    let (mut seen, mut out) = (BTreeSet::new(), Vec::new());
    views.keys().for_each(|name| visit(name, views, &mut seen, &mut out));
    out
}

/// Each object by itself, as the file has it: with the head in front, it is a file.
pub(super) fn each(inventory: &Inventory) -> impl Iterator<Item = (ObjectKind, &str, String)> {
    let tables = inventory
        .tables
        .iter()
        .map(|(name, facts)| (ObjectKind::Table, name.as_str(), table(name, &facts.ddl)));
    let programs = inventory.programs.iter().map(|((kind, name), program)| {
        let mut text = String::new();
        program_text(&mut text, inventory, program, Definers::CurrentUser);
        (*kind, name.as_str(), text)
    });
    tables.chain(programs)
}

/// One program under the settings that it was created under.
fn program_text(out: &mut String, inventory: &Inventory, program: &Program, definers: Definers) {
    let ddl = match definers {
        Definers::CurrentUser => program.ddl.clone(),
        Definers::Keep => with_definer(&program.ddl, &program.definer),
    };
    let charset = if ddl.is_ascii() { &program.charset_client } else { "utf8mb4" };
    // Parameters and variables without a character set take the schema's.
    let other = program.database_collation.as_ref().filter(|c| **c != inventory.collation);
    if let Some(collation) = other {
        let charset = collation.split('_').next().unwrap_or("utf8mb4");
        let _ = writeln!(out, "ALTER DATABASE CHARACTER SET {charset} COLLATE {collation};");
    }
    let _ = write!(
        out,
        "SET @saved_cs_client = @@character_set_client;\n\
         SET @saved_col_connection = @@collation_connection;\n\
         SET character_set_client = {charset};\n\
         SET collation_connection = {};\n",
        program.collation
    );
    if let Some(mode) = &program.sql_mode {
        let _ = write!(out, "SET @saved_sql_mode = @@sql_mode;\nSET sql_mode = '{mode}';\n");
    }
    if let Some(zone) = &program.time_zone {
        let _ = write!(out, "SET @saved_time_zone = @@time_zone;\nSET time_zone = '{zone}';\n");
    }
    let delimiter = delimiter(&ddl);
    let _ = write!(out, "DELIMITER {delimiter}\n{ddl}\n{delimiter}\nDELIMITER ;\n");
    if program.time_zone.is_some() {
        out.push_str("SET time_zone = @saved_time_zone;\n");
    }
    if program.sql_mode.is_some() {
        out.push_str("SET sql_mode = @saved_sql_mode;\n");
    }
    out.push_str(
        "SET character_set_client = @saved_cs_client;\n\
         SET collation_connection = @saved_col_connection;\n",
    );
    if other.is_some() {
        let _ = writeln!(
            out,
            "ALTER DATABASE CHARACTER SET {} COLLATE {};",
            inventory.charset, inventory.collation
        );
    }
}

/// A delimiter that the statement does not hold.
fn delimiter(ddl: &str) -> String {
    let mut delimiter = ";;".to_owned();
    while ddl.contains(&delimiter) {
        delimiter.push('$');
    }
    delimiter
}

/// Puts the definer back: behind CREATE and, in a view, its ALGORITHM.
fn with_definer(ddl: &str, definer: &str) -> String {
    const CREATE: &str = "CREATE ";
    let Some(rest) = ddl.strip_prefix(CREATE).filter(|_| !definer.is_empty()) else {
        return ddl.to_owned();
    };
    let algorithm = match rest.starts_with("ALGORITHM=") {
        true => rest.find(' ').map_or(0, |end| end + 1),
        false => 0,
    };
    let (algorithm, rest) = rest.split_at(algorithm);
    format!("{CREATE}{algorithm}DEFINER={definer} {rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definers_go_where_they_belong() {
        assert_eq!(
            with_definer(
                "CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW `v` AS select 1",
                "`a`@`%`"
            ),
            "CREATE ALGORITHM=MERGE DEFINER=`a`@`%` SQL SECURITY INVOKER VIEW `v` AS select 1"
        );
        assert_eq!(
            with_definer("CREATE PROCEDURE `p`() SELECT 1", "`a`@`b`"),
            "CREATE DEFINER=`a`@`b` PROCEDURE `p`() SELECT 1"
        );
        assert_eq!(with_definer("CREATE VIEW `v` AS select 1", ""), "CREATE VIEW `v` AS select 1");
    }

    #[test]
    fn views_come_behind_those_that_they_name() {
        let views = BTreeMap::from([
            ("a", "CREATE VIEW `a` AS select `z`.`x` AS `x` from `z`"),
            ("m", "CREATE VIEW `m` AS select `a`.`x` AS `z` from `a`"),
            ("z", "CREATE VIEW `z` AS select 1 AS `x`"),
        ]);
        assert_eq!(in_order(&views), ["z", "a", "m"]);
        let circle = BTreeMap::from([("a", "`b`"), ("b", "`a`")]);
        assert_eq!(in_order(&circle).len(), 2);
    }

    #[test]
    fn a_delimiter_is_not_in_the_text() {
        assert_eq!(delimiter("BEGIN; END"), ";;");
        assert_eq!(delimiter("SELECT ';;' , ';;$'"), ";;$$");
    }
}
