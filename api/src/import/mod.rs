//! Loads the catalogue from CSV files: first read and check everything, then store
//! it in one transaction. Running it twice gives the same as running it once.

mod fields;
mod read;
mod store;

use std::{fmt, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;
use sqlx::{Connection, MySqlConnection};

/// A row that cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// File name.
    pub file: &'static str,
    /// Line in the file, from 1; 0 for the file as a whole.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.reason),
            line => write!(f, "{}:{line}: {}", self.file, self.reason),
        }
    }
}

/// All rows that cannot be imported; nothing was.
#[derive(Debug)]
pub struct Refused(pub Vec<Rejected>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rejected in &self.0 {
            writeln!(f, "{rejected}")?;
        }
        write!(f, "{} row(s) cannot be imported; nothing was changed", self.0.len())
    }
}

impl std::error::Error for Refused {}

/// What one file brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Table.
    pub table: &'static str,
    /// Rows given.
    pub rows: usize,
    /// Rows that were not there before.
    pub inserted: usize,
}

/// The JSON document of `import --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Format version.
    pub version: u32,
    /// One entry a table, in the order of loading.
    pub tables: Vec<Count>,
}

/// Imports the files of `dir`.
///
/// # Errors
/// [`Refused`] when rows are bad; otherwise when a file cannot be read or the
/// database refuses. In every case the database is as before.
pub async fn import(dir: &Path, conn: &mut MySqlConnection) -> Result<Report> {
    let catalogue = read::catalogue(dir).map_err(Refused)?;
    let mut tx = conn.begin().await.context("cannot begin the transaction")?;
    let tables = store::catalogue(&catalogue, &mut tx).await?;
    tx.commit().await.context("cannot commit the import")?;
    Ok(Report { version: 1, tables })
}
