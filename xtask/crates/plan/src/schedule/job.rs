//! What a scheduler is to run: one program, its arguments, and the little of the
//! environment that it needs. No secret is in it: the run reads `.env`.

use std::path::PathBuf;

/// A job, as every scheduler needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The name of its unit, task or lines: `streamflix-backup-…`.
    pub name: String,
    pub root: PathBuf,
    pub program: PathBuf,
    pub args: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// Where what it says is kept.
    pub log: PathBuf,
}

impl Job {
    /// The job with `--if-due`, for schedulers that only know how to ask often.
    #[must_use]
    pub fn if_due(&self) -> Self {
        let mut job = self.clone();
        job.args.push("--if-due".to_owned());
        job
    }
}

/// The name for the workspace whose path has this hash: two checkouts of one machine
/// have a schedule each.
pub fn name_of(root_sha256: &str) -> String {
    format!("streamflix-backup-{}", root_sha256.get(..8).unwrap_or(root_sha256))
}
