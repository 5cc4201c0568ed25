//! The statements that follow foreign keys: the children of rows, and rows without their parent.

use model::ident::{qualified, quote};

use crate::columns::ForeignKey;
use crate::pairs::{Pair, Shared};
use crate::statements::{joined, written};

/// Gives the keys, as literals, of a child's rows in `schema` that refer to the noted rows of
/// their parent. The foreign key must refer to the parent's primary key.
pub(crate) fn children(
    schema: &str,
    key: &ForeignKey,
    (parent, parent_number): (&Pair, usize),
    (child, target): (&Pair, &str),
) -> String {
    let keys = qualified(target, &format!("__xtask_keys_{parent_number}"));
    let in_target = schema == target;
    let name = |it: &Shared| if in_target { it.target.clone() } else { it.source.clone() };
    let c = qualified(schema, &child.table);
    let literal: Vec<String> = child
        .key
        .iter()
        .map(|it| written(it.write, &format!("{c}.{}", quote(&name(it)))))
        .collect();
    // The foreign key names columns of the source.
    let on = joined_names(key, parent, &c, |column| {
        let shared = child.columns.iter().find(|it| it.source.eq_ignore_ascii_case(column));
        shared.map_or_else(|| column.to_owned(), &name)
    });
    format!(
        "SELECT CONCAT('(', {}, ')') FROM {keys} k STRAIGHT_JOIN {c} ON {}",
        literal.join(", ',', "),
        on.join(" AND ")
    )
}

/// `<c>.x = k.y` for each column of a foreign key.
fn joined_names(
    key: &ForeignKey,
    parent: &Pair,
    c: &str,
    child_column: impl Fn(&str) -> String,
) -> Vec<String> {
    let each = key.columns.iter().zip(&key.refers_to);
    each.map(|(column, refers_to)| {
        let known = parent.key.iter().find(|it| {
            it.target.eq_ignore_ascii_case(refers_to) || it.source.eq_ignore_ascii_case(refers_to)
        });
        let noted = known.map_or(refers_to.as_str(), |it| it.source.as_str());
        format!("{c}.{} = k.{}", quote(&child_column(column)), quote(noted))
    })
    .collect()
}

/// Finds a row of the target without the parent that a new foreign key demands.
pub(crate) struct Orphans {
    missing: String,
    select: String,
    child: String,
}

impl Orphans {
    /// Of a key between tables of `target`; `child` is the child's pair, if it has one.
    pub(crate) fn of(target: &str, key: &ForeignKey, child: Option<&Pair>) -> Self {
        let (c, p) = (qualified(target, &key.child), qualified(target, &key.parent));
        let on: Vec<String> = key
            .columns
            .iter()
            .zip(&key.refers_to)
            .map(|(column, refers_to)| format!("{p}.{} = {c}.{}", quote(refers_to), quote(column)))
            .collect();
        let set: Vec<String> =
            key.columns.iter().map(|column| format!("{c}.{} IS NOT NULL", quote(column))).collect();
        let missing = format!(
            "LEFT JOIN {p} ON {} WHERE {p}.{} IS NULL AND {} LIMIT 1",
            on.join(" AND "),
            key.refers_to.first().map(|it| quote(it)).unwrap_or_default(),
            set.join(" AND ")
        );
        let literals = child.map(|child| {
            let each = child.key.iter();
            each.map(|it| written(it.write, &format!("{c}.{}", quote(&it.target)))).collect()
        });
        let literals: Vec<String> = literals.unwrap_or_else(|| vec!["'?'".to_owned()]);
        let select = format!("SELECT CONCAT('(', {}, ')') FROM", literals.join(", ',', "));
        Self { missing, select, child: c }
    }

    /// Among all rows.
    pub(crate) fn all(&self) -> String {
        let Self { missing, select, child } = self;
        format!("{select} {child} {missing}")
    }

    /// Among the noted rows of the child.
    pub(crate) fn of_child(&self, target: &str, child: &Pair, number: usize) -> String {
        let Self { missing, select, child: c } = self;
        let keys = qualified(target, &format!("__xtask_keys_{number}"));
        let on = child.key.iter().map(|it| (it.target.as_str(), it.source.as_str()));
        format!("{select} {keys} k STRAIGHT_JOIN {c} ON {} {missing}", joined(on, c, "k"))
    }

    /// Among the children of the noted rows of the parent, which the key finds by its primary
    /// key.
    pub(crate) fn of_parent(
        &self,
        target: &str,
        key: &ForeignKey,
        parent: &Pair,
        number: usize,
    ) -> String {
        let Self { missing, select, child: c } = self;
        let keys = qualified(target, &format!("__xtask_keys_{number}"));
        let on = joined_names(key, parent, c, str::to_owned).join(" AND ");
        format!("{select} {keys} k STRAIGHT_JOIN {c} ON {on} {missing}")
    }
}
