//! Results as text: lines and tables that read well without colour. Every text
//! ends with a line break.

mod columns;
mod list;
#[cfg(test)]
mod picture_tests;
mod show;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

pub use list::{ListRow, list};
pub use show::show;

use super::human;
use super::json::{BackupDocument, RestoreDocument, SeedDocument, VerifyDocument};
use model::check::{Check, Outcome};
use model::manifest::{Compression, Manifest};
use model::toned::{Tone, Toned};

/// "passed", "failed", "not run".
pub fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::NotRun => "not run",
    }
}

/// How a reader takes it.
pub fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Passed => Tone::Good,
        Outcome::Failed => Tone::Bad,
        Outcome::NotRun => Tone::Unsure,
    }
}

/// What `db-backup` made.
pub fn backup(document: &BackupDocument, manifest: &Manifest) -> String {
    let size = match manifest.compression {
        Compression::None => human::bytes(document.bytes),
        Compression::Zstd => format!(
            "{}, {} of SQL",
            human::bytes(document.bytes),
            human::bytes(manifest.text_bytes)
        ),
    };
    let contents = format!("{}; {}", manifest.contents(), human::count(document.rows, "row"));
    let time = format!("{} with {}", human::duration(document.duration_ms), document.engine);
    let title = format!("Backup {} is complete but not verified yet.", document.label);
    facts(
        &title,
        &[
            ("file", &format!("{} ({size})", document.file)),
            ("manifest", &document.manifest),
            ("contents", &contents),
            ("sha-256", &document.sha256),
            ("time", &time),
        ],
    )
}

/// What `db-verify` found: the checks, and the verdict with its level.
pub fn verify(document: &VerifyDocument) -> Toned {
    let VerifyDocument { label, level, checks, .. } = document;
    let number = |outcome| checks.iter().filter(|check| check.outcome == outcome).count() as u64;
    let (passed, failed, not_run) =
        (number(Outcome::Passed), number(Outcome::Failed), number(Outcome::NotRun));
    let time = human::duration(document.duration_ms);
    let verdict = if document.passed {
        let rest = if not_run > 0 { format!(", {not_run} not run") } else { String::new() };
        format!(
            "{label} is verified at level `{level}`: {} passed{rest}, in {time}.",
            human::count(passed, "check")
        )
    } else if failed > 0 {
        let of = human::count(checks.len() as u64, "check");
        format!("{label} FAILED verification at level `{level}`: {failed} of {of}, in {time}.")
    } else {
        format!("{label} is NOT verified at level `{level}`: no check could be run.")
    };
    let origin = document.origin.as_ref().map_or_else(String::new, |it| format!("Origin: {it}.\n"));
    let mut text = self::checks(checks);
    text.push(&origin);
    text.push_as(if document.passed { Tone::Good } else { Tone::Bad }, &verdict);
    text.push("\n");
    text
}

/// The checks as a table; empty when there are none.
pub fn checks(checks: &[Check]) -> Toned {
    if checks.is_empty() {
        return Toned::default();
    }
    let mut table = table();
    for check in checks {
        table.add_row([word(check.outcome), &check.name, &check.detail]);
    }
    let text = finished(&table);
    let mut toned = Toned::default();
    let mut left = checks.iter().map(|check| check.outcome).peekable();
    for line in text.split_inclusive('\n') {
        // A detail of several lines leaves this column empty but for its first line.
        let first = left.peek().and_then(|of| Some((*of, line.strip_prefix(' ')?)));
        let rest = first.and_then(|(of, line)| Some((of, line.strip_prefix(word(of))?)));
        match rest {
            Some((of, rest)) => {
                toned.push(" ");
                toned.push_as(tone(of), word(of));
                toned.push(rest);
                left.next();
            }
            None => toned.push(line),
        }
    }
    toned
}

/// What `db-seed` added.
pub fn seed(document: &SeedDocument) -> String {
    let mut table = table();
    for (name, rows) in &document.rows {
        table.add_row([name.as_str(), &human::thousands(*rows)]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let total = human::count(document.rows.values().sum(), "row");
    let time = human::duration(document.duration_ms);
    let SeedDocument { scale, seed, .. } = document;
    format!("{}Added {total} at scale {scale}, seed {seed}, in {time}.\n", finished(&table))
}

/// What `db-restore` did.
pub fn restore(document: &RestoreDocument) -> String {
    let title = format!("{} is restored into `{}`.", document.label, document.target);
    let contents = format!(
        "{}, {}",
        human::count(document.tables, "table"),
        human::count(document.rows, "row")
    );
    let safety = match (&document.safety_backup, document.unsaved.is_empty()) {
        (Some(label), true) => format!("{label}, the state before"),
        (Some(label), false) => format!("{label}, a part of the state before"),
        (None, true) => "none, the target was empty".to_owned(),
        (None, false) => "none, it could not be made".to_owned(),
    };
    let previous = document
        .previous_schema
        .as_ref()
        .map_or_else(|| "none kept".to_owned(), |schema| format!("in `{schema}` until dropped"));
    let mut text = facts(
        &title,
        &[
            ("contents", &contents),
            ("safety backup", &safety),
            ("old tables", &previous),
            ("time", &human::duration(document.duration_ms)),
        ],
    );
    for line in restored_but(document) {
        text += &line;
        text.push('\n');
    }
    text
}

/// What somebody has to know after a restore: what is in no backup, and what stays disabled.
pub fn restored_but(document: &RestoreDocument) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(schema), false) = (&document.previous_schema, document.unsaved.is_empty()) {
        lines.push(format!("In no backup, and only in `{schema}`:"));
        lines.extend(document.unsaved.iter().map(|line| format!("  {line}")));
        let table = document.definitions.iter();
        lines.extend(
            table.map(|table| format!("Definitions that no backup holds are rows of {table}.")),
        );
    }
    if !document.disabled_events.is_empty() {
        let why = "The origin of the file is unknown, so its events stay disabled. To enable them, \
        as root:";
        lines.push(why.to_owned());
        lines.extend(document.disabled_events.iter().map(|sql| format!("  {sql};")));
    }
    lines
}

/// Columns apart by blanks only, so that lines can be copied and cut; as wide as
/// their content, whatever the terminal: a label that is broken cannot be copied.
pub(super) fn table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

pub(super) fn finished(table: &Table) -> String {
    let text = table.to_string();
    text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

pub(super) fn facts(title: &str, facts: &[(&str, &str)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = facts.iter().map(|(name, value)| {
        // A path or a name may hold a line break: it must not begin a line.
        let value = value.replace('\n', &format!("\n  {:width$}  ", ""));
        format!("  {name:width$}  {value}\n")
    });
    std::iter::once(format!("{title}\n")).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_never_says_more_than_was_checked() {
        let of = |checks| verify(&VerifyDocument::new("mydb", "file", checks, 1200));
        let text = of(vec![Check::passed("file size", "9 bytes"), Check::not_run("rows", "why")]);
        assert!(
            text.ends_with(
                "mydb is verified at level `file`: 1 check passed, 1 not run, in 1.2 s.\n"
            )
        );
        assert!(text.contains("not run") && text.contains("9 bytes"));
        let text = of(vec![Check::passed("a", ""), Check::failed("b", "")]);
        assert!(text.ends_with("FAILED verification at level `file`: 1 of 2 checks, in 1.2 s.\n"));
        for checks in [vec![], vec![Check::not_run("a", "b")]] {
            assert!(
                of(checks).ends_with("is NOT verified at level `file`: no check could be run.\n")
            );
        }
    }

    #[test]
    fn a_backup() {
        let manifest: Manifest = serde_json::from_value(serde_json::json!({
            "version": 1, "tool_version": "0.1.0", "git_commit": null,
            "label": "mydb_backup_20261122_101112", "created_utc": "2026-11-22T10:11:12Z",
            "reason": "manual", "note": null,
            "server": {
                "flavour": "mysql", "version": [9, 7, 4], "version_text": "9.7.4",
                "uuid": "unknown", "sql_mode": "", "time_zone": "+00:00",
                "max_allowed_packet": 1, "lower_case_table_names": 0
            },
            "schema": "mydb", "charset": "utf8mb4", "collation": "utf8mb4_0900_ai_ci",
            "log_position": { "kind": "unknown", "reason": "a test" }, "migrations": [],
            "engine": "native", "engine_version": "0.1.0", "definer_policy": "current_user",
            "compression": "zstd", "file": "mydb_backup_20261122_101112.sql.zst",
            "bytes": 2048, "text_bytes": 9000, "sha256": "abc", "rows": 1234,
            "tables": [{
                "name": "movie", "rows": 1234, "digest": "", "columns": [],
                "auto_increment": null, "ddl_sha256": ""
            }],
            "programs": [], "schema_fingerprint": "", "sections": [], "duration_ms": 1240,
            "manifest_sha256": ""
        }))
        .unwrap();
        let document = BackupDocument::new(&manifest, "b/x.sql.zst", "b/x.json");
        assert_eq!(
            backup(&document, &manifest),
            "Backup mydb_backup_20261122_101112 is complete but not verified yet.\n\
             \x20 file      b/x.sql.zst (2.0 KiB, 8.8 KiB of SQL)\n\
             \x20 manifest  b/x.json\n\
             \x20 contents  1 table; 1,234 rows\n\
             \x20 sha-256   abc\n\
             \x20 time      1.2 s with native\n"
        );
    }

    #[test]
    fn a_restore() {
        let document = RestoreDocument {
            version: 1,
            label: "mydb_backup_20261122_101112".to_owned(),
            target: "mydb".to_owned(),
            safety_backup: None,
            previous_schema: Some("mydb__before_1".to_owned()),
            unsaved: Vec::new(),
            definitions: None,
            tables: 1,
            rows: 2000,
            duration_ms: 61_000,
            disabled_events: Vec::new(),
        };
        assert_eq!(
            restore(&document),
            "mydb_backup_20261122_101112 is restored into `mydb`.\n\
             \x20 contents       1 table, 2,000 rows\n\
             \x20 safety backup  none, the target was empty\n\
             \x20 old tables     in `mydb__before_1` until dropped\n\
             \x20 time           1 min 01 s\n"
        );
    }
}
