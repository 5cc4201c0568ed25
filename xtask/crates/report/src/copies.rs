//! What became of copies, as text and as JSON.

use serde::Serialize;

use super::human;
use super::json::DOCUMENT_VERSION;
use model::copy::CopyOutcome;
use model::label::Label;

/// One copy that was sent or read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopyLine {
    pub label: Label,
    pub destination: String,
    pub outcome: CopyOutcome,
    /// The object's size; 0 where it failed.
    pub bytes: u64,
    /// SHA-256 of the object; empty where it failed.
    pub sha256: String,
    /// Why it failed; else empty.
    pub detail: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// What `db-copy` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopyDocument {
    /// [`DOCUMENT_VERSION`].
    pub version: u32,
    pub copies: Vec<CopyLine>,
}

impl CopyDocument {
    pub fn new(copies: Vec<CopyLine>) -> Self {
        Self { version: DOCUMENT_VERSION, copies }
    }
}

pub fn text(copies: &[CopyLine]) -> String {
    if copies.is_empty() {
        return "There are no copies.\n".to_owned();
    }
    copies.iter().map(|copy| line(copy) + "\n").collect()
}

/// The line about one copy.
pub fn line(copy: &CopyLine) -> String {
    let CopyLine { label, destination, .. } = copy;
    let size = human::bytes(copy.bytes);
    let took = human::duration(copy.duration_ms);
    match copy.outcome {
        CopyOutcome::Copied => {
            format!(
                "{label} is copied to `{destination}`, and reads back identical ({size}, \
            {took})"
            )
        }
        CopyOutcome::Checked => {
            format!("{label} at `{destination}` was re-read and is intact ({size}, {took})")
        }
        CopyOutcome::Failed => {
            format!("{label} at `{destination}`: FAILED: {}", copy.detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_a_contract() {
        let copy = CopyLine {
            label: "mydb_backup_20261122_101112".parse().unwrap(),
            destination: "s3".to_owned(),
            outcome: CopyOutcome::Copied,
            bytes: 5,
            sha256: "ab".to_owned(),
            detail: String::new(),
            duration_ms: 7,
        };
        assert_eq!(
            serde_json::to_string(&CopyDocument::new(vec![copy])).unwrap(),
            "{\"version\":1,\"copies\":[{\"label\":\"mydb_backup_20261122_101112\",\
             \"destination\":\"s3\",\"outcome\":\"copied\",\"bytes\":5,\"sha256\":\"ab\",\
             \"detail\":\"\",\"duration_ms\":7}]}"
        );
    }
}
