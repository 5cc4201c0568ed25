//! What a restore will do, and the names it uses.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};

use super::{change, unsaved};
use model::change::Changes;
use model::inventory::ObjectKind;
use model::left_out::LeftOut;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything, in place of the live schema.
    Replace,
    /// Everything, into a new schema beside the live one.
    Beside,
    /// Some tables' rows, inside the live schema.
    Tables(Vec<String>),
}

/// A program of the file that the live schema does not have, or not just so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// "procedure `p`".
    pub what: String,
    /// Whether one of that name is live; `None`: it is, and whether it differs is seen when
    /// the file was loaded.
    pub differs: Option<bool>,
}

impl Brought {
    /// What is known of one.
    pub fn of((kind, name): &(ObjectKind, String), differs: Option<bool>) -> Self {
        Self { what: format!("{} `{name}`", kind.keyword().to_lowercase()), differs }
    }
}

impl fmt::Display for Brought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.differs {
            Some(false) => "new",
            Some(true) => "differs",
            None => "exist; compared when loaded",
        };
        write!(f, "{} ({how})", self.what)
    }
}

/// The plan of one restore.
#[derive(Debug, Clone)]
pub struct RestorePlan {
    /// The backup's label or the file's name.
    pub source: String,
    /// "19 tables, …, 1,234 rows", or that it is unknown.
    pub contents: String,
    /// Who vouches for it, in words.
    pub origin: String,
    /// When it was taken; `None`: not known.
    pub taken_utc: Option<DateTime<Utc>>,
    /// "taken 2026-11-22 11:11, 3 hours ago", or that it is unknown.
    pub age: String,
    /// The server, as it was found.
    pub server: String,
    /// The schema that is written.
    pub target: String,
    /// What is there now: "19 tables, …", or "nothing".
    pub target_contents: String,
    /// What becomes of it; `None`: there is nothing, or it stays.
    pub changes: Option<Changes>,
    pub scope: Scope,
    /// Where it is loaded first.
    pub staging: String,
    /// Where the old tables go.
    pub before: String,
    /// Whether they are dropped afterwards.
    pub drop_old: bool,
    /// Whether the target holds anything that a safety backup can save.
    pub safety_backup: bool,
    /// What it cannot save.
    pub unsaved: Vec<LeftOut>,
    /// Whether `--accept-unsaved` was given.
    pub accepts_unsaved: bool,
    /// Events that run in the backup.
    pub events: bool,
    /// Whether it is known that this machine made the file.
    pub proven: bool,
    /// What a file of unknown origin brings.
    pub brings: Vec<Brought>,
    /// Whether its events may run all the same.
    pub enable_events: bool,
}

impl fmt::Display for RestorePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Restore {} ({}):", self.source, self.age)?;
        writeln!(f, "  backup   {}", self.contents)?;
        writeln!(f, "  origin   {}", self.origin)?;
        writeln!(f, "  server   {}", self.server)?;
        match &self.scope {
            Scope::Replace => {
                writeln!(f, "  replaces `{}`, which has {}", self.target, self.target_contents)?;
            }
            Scope::Beside => writeln!(f, "  creates  `{}`; nothing else is touched", self.target)?,
            Scope::Tables(tables) => {
                writeln!(f, "  replaces the rows of {} in `{}`", tables.join(", "), self.target)?;
            }
        }
        if let Some(changes) = &self.changes {
            f.write_str(&change::lines(changes))?;
        }
        self.safety(f)?;
        if !self.proven {
            writeln!(f, "  origin   unknown: no ledger entry on this machine records this file")?;
            if !self.brings.is_empty() {
                let all: Vec<String> = self.brings.iter().map(Brought::to_string).collect();
                writeln!(f, "  brings   {}", all.join(", "))?;
            }
            if self.scope == Scope::Replace && !self.enable_events {
                writeln!(
                    f,
                    "  events   stay disabled, even one that runs now for another account; \
                    --enable-events enables them"
                )?;
            }
        }
        if self.scope == Scope::Beside {
            if self.events {
                writeln!(f, "  events   stay disabled: nothing acts in a copy")?;
            }
            return write!(
                f,
                "  then     load it into `{}`, compare, and move it into place",
                self.staging
            );
        }
        if let Scope::Tables(_) = self.scope {
            let staging = &self.staging;
            return write!(
                f,
                "  then     load them into `{staging}`, compare, and copy the rows in one transaction"
            );
        }
        write!(f, "  then     load into `{}`, compare, and swap", self.staging)?;
        if self.scope == Scope::Replace && self.safety_backup {
            let fate = if self.drop_old { "dropped" } else { "kept" };
            write!(f, "\n  the old tables go to `{}` and are {fate}", self.before)?;
        }
        Ok(())
    }
}

impl RestorePlan {
    fn safety(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.safety_backup {
            return Ok(());
        }
        if self.unsaved.is_empty() {
            return writeln!(f, "  first    a safety backup of `{}`", self.target);
        }
        writeln!(f, "  first    a partial safety backup of `{}`; it cannot hold", self.target)?;
        for line in unsaved::lines(&self.unsaved) {
            writeln!(f, "             {line}")?;
        }
        if self.scope == Scope::Replace {
            let before = &self.before;
            writeln!(f, "           That is then in no backup, and only in `{before}`")?;
        }
        if !self.accepts_unsaved {
            writeln!(f, "           With --yes this needs {}", unsaved::OPTION)?;
        }
        Ok(())
    }
}

/// `mydb__staging_20261122_101112`: where a backup is loaded before it counts.
pub fn staging_name(schema: &str, now_local: NaiveDateTime) -> String {
    format!("{schema}__staging_{}", now_local.format("%Y%m%d_%H%M%S"))
}

/// `mydb__proof_20261122_101112`: where a drill keeps its copy for a migration.
pub fn proof_name(schema: &str, now_local: NaiveDateTime) -> String {
    format!("{schema}__proof_{}", now_local.format("%Y%m%d_%H%M%S"))
}

/// `mydb__before_20261122_101112`: where a swap puts the old tables.
pub fn before_name(schema: &str, now_local: NaiveDateTime) -> String {
    format!("{schema}__before_{}", now_local.format("%Y%m%d_%H%M%S"))
}
