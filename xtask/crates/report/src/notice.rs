//! The messages to webhooks when findings appear or are resolved.

use serde_json::json;

use model::status::{Finding, Severity, Status};

/// What changed since the last message.
#[derive(Debug)]
pub struct Change<'a> {
    pub status: &'a Status,
    /// Findings that were not there.
    pub come: Vec<&'a Finding>,
    /// Findings that are gone: their names and what they were.
    pub gone: Vec<(&'a str, &'a str)>,
}

/// The document for a webhook of your own.
pub fn document(change: &Change<'_>) -> String {
    let Change { status, come, gone } = change;
    let gone: Vec<_> =
        gone.iter().map(|(id, message)| json!({"id": id, "message": message})).collect();
    json!({
        "version": 1,
        "schema": status.facts.schema,
        "at_utc": status.facts.at_utc,
        "state": status.state,
        "summary": status.summary,
        "new": come,
        "resolved": gone,
        "open": status.findings,
    })
    .to_string()
}

/// The document for Slack, and for what takes the same.
pub fn slack(change: &Change<'_>) -> String {
    let Change { status, come, gone } = change;
    let mut lines = vec![format!("*Backups of {}*: {}", status.facts.schema, status.summary)];
    for finding in come {
        let word = match finding.severity {
            Severity::Broken => "New",
            Severity::NotLookedAt => "New, not checked",
            Severity::Warning => "New, a warning",
        };
        lines.push(format!("{word}: {}. {}", finding.message, finding.todo));
    }
    lines.extend(gone.iter().map(|(_, message)| format!("Resolved: {message}.")));
    let text = lines.join("\n").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({"text": text}).to_string()
}
