//! Loads the catalogue, or a part of it, from CSV and JSON files: first read and check
//! everything, then store it in one transaction. Running it twice gives the same as
//! running it once.

mod fields;
mod files;
mod read;
mod store;

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use sqlx::Connection as _;

use crate::gate::{MayImport, Subject};

pub use files::{Usage, folder};

/// Most faults that are listed for people.
const SHOWN: usize = 50;

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    pub file: String,
    /// Line of a CSV file, or element of a JSON array, from 1; 0 for the file as a whole.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl Rejected {
    // An element of a JSON array is no line, so the reason says what is counted.
    fn new(file: &str, line: u64, reason: String) -> Self {
        let reason = match files::format(file) {
            Some(files::Format::Json) if line > 0 => format!("element {line}: {reason}"),
            _ => reason,
        };
        Self { file: file.to_owned(), line, reason }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.reason),
            line => write!(f, "{}:{line}: {}", self.file, self.reason),
        }
    }
}

/// Everything that is wrong with the rows; nothing was imported.
#[derive(Debug)]
pub struct Refused(pub Vec<Rejected>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rejected in self.0.iter().take(SHOWN) {
            writeln!(f, "{rejected}")?;
        }
        if let Some(rest) = self.0.len().checked_sub(SHOWN).filter(|rest| *rest > 0) {
            writeln!(f, "… and {rest} more")?;
        }
        let rows: BTreeSet<_> = self.0.iter().map(|one| (&one.file, one.line)).collect();
        write!(f, "{} row(s) cannot be imported; nothing was changed", rows.len())
    }
}

impl std::error::Error for Refused {}

/// What the files brought for one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    pub table: &'static str,
    pub rows: usize,
    /// Rows that were not there before.
    pub inserted: usize,
    /// Rows that were there with other values.
    pub updated: usize,
    /// Rows taken away: only genres that a given title no longer has.
    pub deleted: usize,
}

/// The JSON document of `import --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    pub version: u32,
    /// One entry a table, in the order of loading.
    pub tables: Vec<Count>,
}

/// The JSON document of `import --check --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    pub version: u32,
    /// How many rows each file holds.
    pub files: Vec<CheckedFile>,
    /// References to rows outside of these files; only the database knows whether
    /// they are there.
    pub outside: usize,
}

/// A file without a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedFile {
    pub file: String,
    pub rows: usize,
}

/// The files of an import, read and checked.
#[derive(Debug)]
pub struct Batch {
    catalogue: read::Catalogue,
    bad: Vec<Rejected>,
    subject: Vec<Subject>,
}

/// Reads and checks the files at `paths`, without any database. Bad rows are kept for
/// later, so that one run tells all of them.
///
/// # Errors
/// [`Usage`] when the files are none of an import; otherwise when one cannot be read.
pub fn read(paths: &[PathBuf]) -> Result<Batch> {
    let inputs = files::inputs(paths)?;
    let mut bad = vec![];
    let catalogue = read::catalogue(&inputs, &mut bad);
    let subject = inputs.into_iter().map(|input| Subject::whole(input.name, input.checksum));
    let batch = Batch { catalogue, bad: vec![], subject: subject.collect() };
    let bad = batch.in_order(bad);
    Ok(Batch { bad, ..batch })
}

impl Batch {
    /// The files, as a permit names them.
    #[must_use]
    pub fn subject(&self) -> &[Subject] {
        &self.subject
    }

    /// What can be said of the files alone.
    ///
    /// # Errors
    /// [`Refused`] when rows are bad.
    pub fn check(self) -> Result<Checked, Refused> {
        if !self.bad.is_empty() {
            return Err(Refused(self.bad));
        }
        let all = &self.catalogue;
        let counts = [
            (&all.credits.file, all.credits.lines.len()),
            (&all.episodes.file, all.episodes.lines.len()),
            (&all.genres.file, all.genres.lines.len()),
            (&all.movies.file, all.movies.lines.len()),
            (&all.people.file, all.people.lines.len()),
            (&all.series.file, all.series.lines.len()),
        ];
        let given = self.subject.iter().map(|subject| CheckedFile {
            file: subject.name.clone(),
            rows: counts.iter().filter(|(file, _)| **file == subject.name).map(|(_, n)| n).sum(),
        });
        Ok(Checked { version: 1, files: given.collect(), outside: all.outside() })
    }

    // As the files were given, from top to bottom.
    fn in_order(&self, mut bad: Vec<Rejected>) -> Vec<Rejected> {
        let place = |file: &str| self.subject.iter().position(|subject| subject.name == file);
        bad.sort_by_key(|rejected| (place(&rejected.file), rejected.line));
        bad
    }
}

/// Stores what `batch` holds. They have to be the very files that were allowed.
///
/// # Errors
/// [`Refused`] when rows are bad, by themselves or with what is in the database;
/// otherwise when the database refuses. In every case its rows are as before.
pub async fn store(mut allowed: MayImport<'_>, mut batch: Batch) -> Result<Report> {
    if allowed.subject != batch.subject {
        bail!("the permit was checked for other files than these");
    }
    let bad = std::mem::take(&mut batch.bad);
    let mut tx = allowed.locked.conn().begin().await.context("cannot begin the transaction")?;
    // With bad rows as well: the good ones may be bad too, and one run should tell all.
    let (tables, bad) = store::catalogue(&batch.catalogue, &mut tx, bad).await?;
    if !bad.is_empty() {
        tx.rollback().await.context("cannot roll back")?;
        return Err(Refused(batch.in_order(bad)).into());
    }
    tx.commit().await.context("cannot commit the import")?;
    allowed.locked.release().await?;
    Ok(Report { version: 1, tables })
}

/// The files that `--dir` or the command line names.
pub fn paths(dir: Option<&Path>, files: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    match dir {
        Some(dir) => folder(dir),
        None => Ok(files),
    }
}
