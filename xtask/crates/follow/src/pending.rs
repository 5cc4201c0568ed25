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
    /// Whether a transaction ended that had been prepared before: what it did is seen by
    /// comparing alone.
    blind: bool,
    /// Tables that were written to and that the target does without.
    pub(crate) dropped: BTreeSet<String>,
    /// Pairs whose source was written to.
    pub(crate) wrote: BTreeSet<usize>,
}

impl Pending {
    pub(crate) fn of(tables: usize) -> Self {
        Self { keys: vec![Keys::new(); tables], ..Self::default() }
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

    /// Whether a comparison of all rows has to begin behind what is not known.
    pub(crate) fn is_blind(&self) -> bool {
        self.blind
    }

    /// Such a comparison begins.
    pub(crate) fn look(&mut self) {
        self.blind = false;
    }

    pub(crate) fn add(&mut self, touched: &BTreeMap<usize, Keys>) {
        for (number, keys) in touched {
            self.keys[*number].extend(keys.iter().cloned());
        }
    }

    /// The keys that a transaction touched, by pair.
    ///
    /// # Errors
    /// It touched rows that cannot be told by their keys, or wrote to sqlx's own table.
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
                    self.blind = true;
                    return Ok(BTreeMap::new());
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
                    self.dropped.insert(table.name);
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
            self.wrote.insert(number);
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
