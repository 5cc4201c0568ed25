//! Which migrations are pending, decided from the files and from what
//! `_sqlx_migrations` says.

use std::fmt;

use config::gate::StrategyChoice;
use model::exit::{ExitCode, Stop};
use model::manifest::AppliedMigration;

/// A migration file, `<version>_<description>.up.sql`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationFile {
    /// The number at the front of its name.
    pub version: i64,
    /// The rest of its name, as people write it.
    pub description: String,
    /// SHA-384 of its bytes as hex, as sqlx keeps it.
    pub checksum: String,
}

impl MigrationFile {
    /// `<version>_<description>`, as its file is called.
    pub fn name(&self) -> String {
        format!("{}_{}", self.version, self.description)
    }

    /// Reads a file name; `None` for anything but an up migration.
    pub fn from_name(name: &str, checksum: String) -> Option<Self> {
        let (version, rest) = name.split_once('_')?;
        let stem = rest.strip_suffix(".up.sql").or_else(|| rest.strip_suffix(".sql"))?;
        let description = (!rest.ends_with(".down.sql")).then(|| stem.to_owned())?;
        Some(Self { version: version.parse().ok()?, description, checksum })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    pub applied: Vec<AppliedMigration>,
    /// In the folder, not applied, in order.
    pub pending: Vec<MigrationFile>,
    /// What prevents migrating.
    pub troubles: Vec<String>,
}

impl MigrationState {
    /// Compares files with what was applied.
    pub fn of(mut files: Vec<MigrationFile>, applied: Vec<AppliedMigration>) -> Self {
        files.sort_by_key(|file| file.version);
        let mut troubles = Vec::new();
        for done in &applied {
            let file = files.iter().find(|file| file.version == done.version);
            if !done.success {
                troubles.push(format!(
                    "{} {} is dirty: it started but did not finish",
                    done.version, done.description
                ));
            } else if file.is_none() {
                troubles.push(format!(
                    "{} {} is applied, but its file is missing",
                    done.version, done.description
                ));
            } else if file.is_some_and(|file| file.checksum != done.checksum) {
                troubles.push(format!(
                    "{} {} was changed after it was applied",
                    done.version, done.description
                ));
            }
        }
        let newest = applied.iter().map(|m| m.version).max().unwrap_or(i64::MIN);
        let pending: Vec<MigrationFile> =
            files.into_iter().filter(|f| applied.iter().all(|m| m.version != f.version)).collect();
        for late in pending.iter().filter(|file| file.version < newest) {
            troubles.push(format!(
                "{} {} is older than {newest}, which is applied",
                late.version, late.description
            ));
        }
        Self { applied, pending, troubles }
    }

    /// Refuses if anything prevents migrating.
    ///
    /// # Errors
    /// Exit code 20, with every trouble.
    pub fn demand_sound(&self) -> Result<(), Stop> {
        if self.troubles.is_empty() {
            return Ok(());
        }
        Err(Stop::new(
            ExitCode::GateRefused,
            format!("the migrations are not in order: {}", self.troubles.join("; ")),
        )
        .hint("`cargo xtask migrate --status` shows each. The database was not touched.")
        .hint(
            "The backup taken before a dirty migration has the previous state: `cargo xtask \
            db-list`.",
        ))
    }
}

impl fmt::Display for MigrationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for done in &self.applied {
            let word = if done.success { "applied" } else { "DIRTY  " };
            writeln!(f, "  {word}  {} {}", done.version, done.description)?;
        }
        for file in &self.pending {
            writeln!(f, "  pending  {} {}", file.version, file.description)?;
        }
        for trouble in &self.troubles {
            writeln!(f, "  trouble  {trouble}")?;
        }
        write!(f, "{} applied, {} pending", self.applied.len(), self.pending.len())
    }
}

/// What a run of `migrate` would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigratePlan {
    /// The schema.
    pub schema: String,
    /// The server, as it was found.
    pub server: String,
    /// Where the schema stands.
    pub state: MigrationState,
    /// How the migrations go live.
    pub choice: StrategyChoice,
    /// Whether a copy could follow what others write meanwhile, and if not, why, as far as that is
    /// known before a copy is there. What happens while nothing is written does not depend on it.
    pub follows: Result<(), String>,
    /// What the last run took, in words.
    pub last: Option<String>,
}

impl fmt::Display for MigratePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schema, server, state, choice, follows, last } = self;
        if state.pending.is_empty() {
            return write!(
                f,
                "Nothing is pending for `{schema}` on {server}; nothing would be done."
            );
        }
        let live = match choice {
            StrategyChoice::Auto | StrategyChoice::Swap => {
                "the copy takes the place of the live schema"
            }
            StrategyChoice::InPlace => "they run on the live schema",
        };
        writeln!(f, "Migrate `{schema}` on {server}:\n{state}")?;
        writeln!(f, "  first  a backup, restored beside the live schema and compared")?;
        writeln!(f, "  then   the pending migrations run on that copy")?;
        write!(f, "  then   {live}")?;
        match (choice, follows) {
            (StrategyChoice::InPlace, _) => {}
            (_, Ok(())) => write!(
                f,
                "\n         if others write meanwhile, it follows them first, and they wait for \
                 about a second at the end"
            )?,
            (StrategyChoice::Swap, Err(why)) => {
                write!(f, "\n         if others write meanwhile, nothing happens: {why}")?;
            }
            (StrategyChoice::Auto, Err(why)) => {
                write!(
                    f,
                    "\n         if others write meanwhile, they run on the live schema: {why}"
                )?;
            }
        }
        last.as_ref().map_or(Ok(()), |last| write!(f, "\n  time   {last}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: i64) -> MigrationFile {
        MigrationFile { version, description: "x".to_owned(), checksum: "aa".to_owned() }
    }

    fn applied(version: i64, success: bool, checksum: &str) -> AppliedMigration {
        AppliedMigration {
            version,
            description: "x".to_owned(),
            success,
            checksum: checksum.to_owned(),
        }
    }

    #[test]
    fn names_are_read() {
        let read = |name: &str| {
            MigrationFile::from_name(name, String::new()).map(|m| (m.version, m.description))
        };
        assert_eq!(
            read("20261122090100_accounts.up.sql"),
            Some((20_261_122_090_100, "accounts".to_owned()))
        );
        assert_eq!(read("20261122090100_accounts.down.sql"), None);
        assert_eq!(read("README.md"), None);
    }

    #[test]
    fn every_trouble_is_named() {
        let state =
            MigrationState::of(vec![file(3), file(1), file(2)], vec![applied(1, true, "aa")]);
        assert_eq!(state.pending.iter().map(|m| m.version).collect::<Vec<_>>(), [2, 3]);
        assert!(state.demand_sound().is_ok());
        for (files, done) in [
            (vec![file(1)], applied(1, false, "aa")),
            (vec![file(1)], applied(1, true, "bb")),
            (vec![], applied(1, true, "aa")),
            (vec![file(1), file(2)], applied(2, true, "aa")),
        ] {
            let stop = MigrationState::of(files, vec![done]).demand_sound().expect_err("a trouble");
            assert_eq!(stop.code, ExitCode::GateRefused);
        }
    }
}
