//! What the gate found, as text.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::human;
use model::gate::{Effect, GateTimes, StatementReport};

/// What the rehearsal saw: one line a statement.
pub fn rehearsal(statements: &[StatementReport], duration_ms: u64) -> String {
    let mut text = format!(
        "rehearsed on the copy in {}: {}",
        human::duration(duration_ms),
        human::count(statements.len() as u64, "statement")
    );
    // A first migration has dozens; what touches what was there is what matters.
    let shown: Vec<&StatementReport> =
        statements.iter().filter(|s| s.effect != Effect::New || statements.len() <= 12).collect();
    if shown.is_empty() {
        return text;
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for report in &shown {
        let rows = match report.table_rows {
            Some(rows) => format!("{} in the table", human::count(rows, "row")),
            None if report.rows > 0 => format!("{} touched", human::count(report.rows, "row")),
            None => String::new(),
        };
        table.add_row([
            format!("{}/{}", report.number, report.of),
            human::duration(report.duration_ms),
            report.effect.phrase().to_owned(),
            rows,
            report.statement.chars().take(60).collect(),
        ]);
    }
    for column in [0, 1] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        let _ = write!(text, "\n {}", line.trim_end());
    }
    let left_out = statements.len() - shown.len();
    if left_out > 0 {
        let _ = write!(
            text,
            "\n  and {} that touch no table",
            human::count(left_out as u64, "statement")
        );
    }
    text
}

/// What the last passage took, for a dry run.
pub fn prediction(times: &GateTimes) -> String {
    let part = |what: &str, ms: u64| (ms > 0).then(|| format!("{what} {}", human::duration(ms)));
    let parts: Vec<String> = [
        part("build", times.build_ms),
        part("backup", times.backup_ms),
        part("proof", times.proof_ms),
        part("rehearsal", times.rehearsal_ms),
        part("live", times.live_ms),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("the last passage took {} ({})", human::duration(times.total_ms), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_sees_what_is_copied() {
        let report = StatementReport {
            migration: "1_x".to_owned(),
            number: 1,
            of: 2,
            statement: "ALTER TABLE rating MODIFY stars BIGINT".to_owned(),
            duration_ms: 41_000,
            rows: 3_000_000,
            effect: Effect::Copy,
            table_rows: Some(3_000_000),
        };
        let text = rehearsal(&[report], 41_200);
        assert!(text.contains("41 s") && text.contains("copies the table"), "{text}");
        assert!(text.contains("3,000,000 rows in the table"), "{text}");
    }
}
