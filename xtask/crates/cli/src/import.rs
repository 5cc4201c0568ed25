//! `import`

use std::path::PathBuf;

use clap::Args;

/// Load catalogue files behind the same gate as a migration.
///
/// Films, series, episodes, genres, people and credits from CSV or JSON; the file name
/// says which. Updates known rows and adds new ones; a single bad row rejects the whole import.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask import movies.csv genres.csv\n  cargo xtask import --dry-run catalogue/*.json\n\napi/README.md describes the files."
)]
pub struct Import {
    /// Files of movies, series, episodes, genres, people or credits, as .csv or .json
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Check the files and show what would happen, then stop
    #[arg(long)]
    pub dry_run: bool,
}
