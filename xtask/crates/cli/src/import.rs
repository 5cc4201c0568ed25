//! `import`

use std::path::PathBuf;

use clap::Args;

/// Load catalogue files, behind the same gate as a migration.
///
/// Films, series, episodes, genres, people and credits from CSV or JSON; the file's name
/// says which. Known rows are brought up to date, new ones added, and one bad row
/// stops all of it.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask import movies.csv genres.csv\n  cargo xtask import --dry-run catalogue/*.json\n\napi/README.md describes the files."
)]
pub struct Import {
    /// The files: movies, series, episodes, genres, people or credits, as .csv or .json
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Check the files, show what would be done and stop
    #[arg(long)]
    pub dry_run: bool,
}
