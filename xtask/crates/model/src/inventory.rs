//! What a schema contains: every object and its definition.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The kinds of object a schema can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    Table,
    View,
    Trigger,
    Procedure,
    Function,
    Event,
}

impl ObjectKind {
    /// Every kind, in the order in which a file holds them.
    pub const ALL: [Self; 6] =
        [Self::Table, Self::View, Self::Trigger, Self::Procedure, Self::Function, Self::Event];

    pub fn keyword(self) -> &'static str {
        match self {
            Self::Table => "TABLE",
            Self::View => "VIEW",
            Self::Trigger => "TRIGGER",
            Self::Procedure => "PROCEDURE",
            Self::Function => "FUNCTION",
            Self::Event => "EVENT",
        }
    }

    /// "1 table", "18 tables".
    pub fn count(self, n: usize) -> String {
        let word = self.keyword().to_lowercase();
        if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
    }
}

/// A table, as far as its definition goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFacts {
    /// `SHOW CREATE TABLE` without `AUTO_INCREMENT=…`.
    pub ddl: String,
    /// The next AUTO_INCREMENT value, for tables that have one. An empty
    /// column of InnoDB's reports 1 or NULL depending on the server: both are `None`.
    pub auto_increment: Option<u64>,
    pub engine: String,
    /// The columns that hold data of their own (generated ones left out), in
    /// table order; invisible columns included.
    pub columns: Vec<String>,
    /// `DATA_TYPE` and `CHARACTER_SET_NAME` of each of `columns`.
    #[serde(default)]
    pub types: Vec<(String, Option<String>)>,
    /// Columns of type FLOAT: a dump program writes six of their digits.
    pub float_columns: Vec<String>,
    /// The optimizer's estimate of rows; for progress only.
    pub rows_estimate: u64,
    /// Data length in bytes by the server's statistics; for progress and disk checks only.
    pub bytes_estimate: u64,
}

/// A view, trigger, routine or event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// A statement that creates it in the session's current schema, without DEFINER.
    pub ddl: String,
    /// The definer's account as the server shows it.
    pub definer: String,
    /// The `sql_mode` it was created under; `None` for views.
    pub sql_mode: Option<String>,
    /// `character_set_client` it was created under.
    pub charset_client: String,
    /// `collation_connection` it was created under.
    pub collation: String,
    /// The time zone of an event.
    pub time_zone: Option<String>,
    /// The table a trigger belongs to.
    pub table: Option<String>,
    /// The schema's default collation when it was created; `None` for views.
    #[serde(default)]
    pub database_collation: Option<String>,
    /// The columns of a view.
    #[serde(default)]
    pub columns: Vec<String>,
}

/// A view that cannot be read, because something it names is gone. No dump
/// program can carry it, and no server can create it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenView {
    pub name: String,
    /// Its definition, for the user to fix.
    pub ddl: String,
    /// What the server says about it.
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Inventory {
    /// The schema's default character set.
    pub charset: String,
    pub collation: String,
    pub tables: BTreeMap<String, TableFacts>,
    /// Everything else by kind and name. Triggers of one table and event are
    /// created in the order of `trigger_order`.
    #[serde(with = "as_list")]
    pub programs: BTreeMap<(ObjectKind, String), Program>,
    /// Trigger names in the order in which they fire, so that recreating them
    /// in this order keeps it.
    pub trigger_order: Vec<String>,
    /// Views that cannot be read.
    pub broken_views: Vec<BrokenView>,
}

impl Inventory {
    /// How many objects of a kind there are.
    pub fn count(&self, kind: ObjectKind) -> usize {
        if kind == ObjectKind::Table {
            self.tables.len()
        } else {
            self.programs.keys().filter(|(k, _)| *k == kind).count()
        }
    }

    /// Whether the schema holds nothing at all.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.programs.is_empty() && self.broken_views.is_empty()
    }

    /// Every object's kind, name and definition as it is compared and hashed.
    /// Definitions are free of the schema's name, of definers and of AUTO_INCREMENT.
    pub fn definitions(&self) -> impl Iterator<Item = (ObjectKind, &str, String)> {
        let tables =
            self.tables.iter().map(|(name, t)| (ObjectKind::Table, name.as_str(), t.ddl.clone()));
        let programs = self.programs.iter().map(|((kind, name), p)| {
            let mode = p.sql_mode.as_deref().unwrap_or("-");
            let zone = p.time_zone.as_deref().unwrap_or("-");
            // The collation decides what strings in the body are.
            let collation = &p.collation;
            (*kind, name.as_str(), format!("{}\u{0}{mode}\u{0}{collation}\u{0}{zone}", p.ddl))
        });
        tables.chain(programs)
    }

    /// Tables whose engine has no transactions, so that a snapshot does not cover them.
    pub fn non_transactional(&self) -> Vec<&str> {
        self.tables
            .iter()
            .filter(|(_, t)| !t.engine.eq_ignore_ascii_case("innodb"))
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// Sum of the server's size estimates, in bytes.
    pub fn bytes_estimate(&self) -> u64 {
        self.tables.values().map(|t| t.bytes_estimate).sum()
    }

    /// Sum of the server's row estimates.
    pub fn rows_estimate(&self) -> u64 {
        self.tables.values().map(|t| t.rows_estimate).sum()
    }
}

/// JSON has no maps with pairs as keys.
mod as_list {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{ObjectKind, Program};

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<(ObjectKind, String), Program>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<(ObjectKind, String), Program>, D::Error> {
        let list = Vec::<((ObjectKind, String), Program)>::deserialize(from)?;
        Ok(list.into_iter().collect())
    }
}
