//! Foreign keys whose parent table is not there, and what a swap does about them.
//!
//! Someone can drop a parent with `foreign_key_checks = 0`. InnoDB keeps such a
//! key by the parent's schema and name, and a RENAME of the child does not change
//! that. So after a swap an old table's key would hold on to the new parent of
//! that name (and stop deletes in it), and a new table's key would still mean the
//! staging schema. Keys whose parent is there move along and need nothing.

use model::ident::{qualified, quote};
use model::inventory::Inventory;

/// A foreign key as `SHOW CREATE TABLE` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ForeignKey {
    name: String,
    parent: String,
    /// `CONSTRAINT … REFERENCES …`, as ALTER TABLE … ADD takes it.
    clause: String,
}

/// Drops the keys without a parent from the tables that moved to `schema`.
pub fn released(old: &Inventory, schema: &str) -> Vec<String> {
    let drop = |(table, key): (&String, ForeignKey)| {
        format!("ALTER TABLE {} DROP FOREIGN KEY {}", qualified(schema, table), quote(&key.name))
    };
    without_parent(old).map(drop).collect()
}

/// Makes the keys without a parent again in `schema`, so that they mean a table of it.
pub fn remade(new: &Inventory, schema: &str) -> Vec<String> {
    let again = |(table, key): (&String, ForeignKey)| {
        let table = qualified(schema, table);
        let drop = format!("ALTER TABLE {table} DROP FOREIGN KEY {}", quote(&key.name));
        [drop, format!("ALTER TABLE {table} ADD {}", key.clause)]
    };
    without_parent(new).flat_map(again).collect()
}

fn without_parent(inventory: &Inventory) -> impl Iterator<Item = (&String, ForeignKey)> {
    inventory
        .tables
        .iter()
        .flat_map(|(name, facts)| foreign_keys(&facts.ddl).into_iter().map(move |key| (name, key)))
        .filter(|(_, key)| !inventory.tables.contains_key(&key.parent))
}

/// Only keys to tables of the same schema: others are written with their schema.
fn foreign_keys(ddl: &str) -> Vec<ForeignKey> {
    const START: &str = "\n  CONSTRAINT ";
    ddl.match_indices(START)
        .filter_map(|(at, _)| {
            let line = &ddl[at + 3..];
            let end = line.find(['\n']).unwrap_or(line.len());
            let clause = line[..end].trim_end_matches(',');
            let (name, rest) = quoted(clause.strip_prefix("CONSTRAINT ")?)?;
            let rest = rest.strip_prefix(" FOREIGN KEY (")?;
            let (parent, rest) = quoted(rest.split_once(") REFERENCES ")?.1)?;
            (!rest.starts_with('.')).then(|| ForeignKey { name, parent, clause: clause.to_owned() })
        })
        .collect()
}

/// Reads a backticked name; gives it and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('`')?;
    let mut name = String::new();
    let mut rest = inside;
    loop {
        let at = rest.find('`')?;
        name.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('`') {
            Some(more) => {
                name.push('`');
                rest = more;
            }
            None => return Some((name, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::inventory::TableFacts;

    fn inventory(tables: &[(&str, &str)]) -> Inventory {
        let table = |ddl: &str| TableFacts {
            ddl: ddl.to_owned(),
            auto_increment: None,
            engine: "InnoDB".to_owned(),
            columns: Vec::new(),
            types: Vec::new(),
            float_columns: Vec::new(),
            rows_estimate: 0,
            bytes_estimate: 0,
        };
        Inventory {
            tables: tables.iter().map(|(n, ddl)| ((*n).to_owned(), table(ddl))).collect(),
            ..Inventory::default()
        }
    }

    const CHILD: &str = "CREATE TABLE `c` (\n  `p_id` int,\n  CONSTRAINT `f``k` FOREIGN KEY (`p_id`) REFERENCES `p``x` (`id`) ON DELETE CASCADE,\n  CONSTRAINT `other` FOREIGN KEY (`p_id`) REFERENCES `far`.`p` (`id`),\n  CONSTRAINT `ck` CHECK (`p_id` > 0)\n) ENGINE=InnoDB";

    #[test]
    fn a_parent_that_is_there_needs_nothing() {
        let whole = inventory(&[("c", CHILD), ("p`x", "CREATE TABLE `p``x` (\n  `id` int\n)")]);
        assert!(released(&whole, "b").is_empty() && remade(&whole, "s").is_empty());
    }

    #[test]
    fn keys_without_a_parent_are_released_and_remade() {
        let broken = inventory(&[("c", CHILD)]);
        assert_eq!(released(&broken, "b"), ["ALTER TABLE `b`.`c` DROP FOREIGN KEY `f``k`"]);
        assert_eq!(
            remade(&broken, "s"),
            [
                "ALTER TABLE `s`.`c` DROP FOREIGN KEY `f``k`",
                "ALTER TABLE `s`.`c` ADD CONSTRAINT `f``k` FOREIGN KEY (`p_id`) REFERENCES `p``x` (`id`) ON DELETE CASCADE",
            ]
        );
    }
}
