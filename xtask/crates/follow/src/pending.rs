//! Keys that were touched and are not equal yet, by table.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use binlog::{Ending, Group, Table, Touched, Xid};

use crate::literal;
use crate::pairs::{BOOKS, Pair, Pairs};
use crate::refused;
use server::log::Visible;

/// Keys as rows of literals.
pub(crate) type Keys = BTreeSet<String>;

/// By the number of the pair.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    keys: Vec<Keys>,
    /// What prepared transactions touched, until it is known how they end.
    prepared: BTreeMap<String, BTreeMap<Table, Touched>>,
}

impl Pending {
    pub(crate) fn of(tables: usize) -> Self {
        Self { keys: vec![Keys::new(); tables], prepared: BTreeMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.iter().map(Keys::len).sum()
    }

    pub(crate) fn of_table(&self, number: usize) -> &Keys {
        &self.keys[number]
    }

    /// Gives a table's keys away.
    pub(crate) fn take(&mut self, number: usize) -> Keys {
        std::mem::take(&mut self.keys[number])
    }

    pub(crate) fn put(&mut self, number: usize, keys: impl IntoIterator<Item = String>) {
        self.keys[number].extend(keys);
    }

    pub(crate) fn add(&mut self, touched: &BTreeMap<usize, Keys>) {
        for (number, keys) in touched {
            self.keys[*number].extend(keys.iter().cloned());
        }
    }

    /// The keys that a transaction touched, by pair.
    ///
    /// # Errors
    /// It touched rows that cannot be told by their keys, wrote to sqlx's own table, or ended a
    /// prepared transaction whose rows were never seen.
    pub(crate) fn touched(
        &mut self,
        pairs: &Pairs,
        source: &str,
        group: Group,
    ) -> Result<BTreeMap<usize, Keys>> {
        let tables = match group.ending {
            Ending::Committed | Ending::RolledBack => group.tables,
            Ending::Prepared(xid) => {
                self.prepared.insert(name(&xid), group.tables);
                return Ok(BTreeMap::new());
            }
            Ending::XaRolledBack(xid) => {
                self.prepared.remove(&name(&xid));
                return Ok(BTreeMap::new());
            }
            Ending::XaCommitted(xid) => match self.prepared.remove(&name(&xid)) {
                Some(tables) => tables,
                None => {
                    return Err(refused(
                        "a transaction was committed that had been prepared (XA) before the \
                         backup: which rows it changed is not known",
                    )
                    .into());
                }
            },
        };
        let mut all = BTreeMap::new();
        for (table, touched) in tables {
            if !table.schema.eq_ignore_ascii_case(source) {
                continue;
            }
            if table.name.eq_ignore_ascii_case(BOOKS) {
                return Err(refused("someone else is migrating it").into());
            }
            let named = |pair: &Pair| pair.table.eq_ignore_ascii_case(&table.name);
            let Some(number) = pairs.pairs.iter().position(named) else {
                if pairs.dropped.contains(&table.name.to_lowercase()) {
                    continue;
                }
                return Err(refused(format!("the table `{}` is new", table.name)).into());
            };
            if touched.keys.is_empty() {
                return Err(refused(format!(
                    "the log does not say which rows of `{}` were changed",
                    table.name
                ))
                .into());
            }
            let keys = touched.keys.iter().map(|key| literal::row(key));
            all.insert(number, keys.collect::<Keys>());
        }
        Ok(all)
    }
}

/// A prepared transaction's name, as a key.
fn name(xid: &Xid) -> String {
    format!("{xid:?}")
}

/// Whether a reading that begins now sees what the transaction did. What was only prepared is
/// taken as well: it is kept until it ends.
pub(crate) fn may_take(group: &Group, present: &Visible) -> bool {
    matches!(group.ending, Ending::Prepared(_)) || present.has(group)
}
