//! A benchmark as text, as a part of a page, and as a chart.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::bars::{self, Bar, Group, short};
use super::human;
use model::bench::{Document, Entry, Machine, Ratio, Subject};

/// The line before the generated part of the page.
pub const BEGIN: &str = "<!-- bench:begin -->";
pub const END: &str = "<!-- bench:end -->";
/// The heading that comes with the markers where a page has none yet.
const HEADING: &str = "## Engines compared";

/// The page with `section` between its markers; the rest stays byte for byte. A page
/// without markers gets them at its end, under a heading of their own.
pub fn into_page(page: &str, section: &str) -> Result<String, String> {
    let at = |marker: &str| -> Result<Option<usize>, String> {
        let mut found = page.match_indices(marker).map(|(at, _)| at);
        match (found.next(), found.next()) {
            (at, None) => Ok(at),
            _ => Err(format!("`{marker}` appears more than once")),
        }
    };
    let body = format!("{BEGIN}\n{}\n{END}", section.trim());
    match (at(BEGIN)?, at(END)?) {
        (Some(begin), Some(end)) if begin < end => {
            Ok(format!("{}{body}{}", &page[..begin], &page[end + END.len()..]))
        }
        (None, None) => Ok(format!("{}\n\n{HEADING}\n\n{body}\n", page.trim_end())),
        (Some(_), Some(_)) => Err(format!("`{END}` comes before `{BEGIN}`")),
        (None, _) => Err(format!("`{BEGIN}` is missing")),
        (_, None) => Err(format!("`{END}` is missing")),
    }
}

/// For a terminal.
pub fn text(document: &Document) -> String {
    let mut text = format!("{}\n{}\n", machine(&document.machine), document.server);
    for subject in &document.subjects {
        let _ = writeln!(text, "\n{}", title(subject));
        for (what, entries) in [("dump", &subject.dump), ("restore", &subject.restore)] {
            let rows = entries.iter().map(cells).collect();
            text.push_str(&plain(&[what, "median", "runs", "size", "memory", "fsync"], rows));
        }
        let rows = load(subject);
        text.push_str(&plain(&["concurrent load during", "ops/s", "p99", "worst"], rows));
        for line in remarks(subject) {
            let _ = writeln!(text, " {line}");
        }
        let rows = subject.ratios.iter().map(ratio).collect();
        text.push_str(&plain(&["figure", "measured", "target", ""], rows));
    }
    if !document.scaling.is_empty() {
        let rows = document.scaling.iter().map(ratio).collect();
        text.push('\n');
        text.push_str(&plain(&["growth", "measured", "target", ""], rows));
    }
    text
}

pub fn markdown(document: &Document) -> String {
    let mut text = format!(
        "Written by `cargo xtask bench --write` on {}, version {}.\n{}; {}.\n\
         Medians of {}, each candidate in turn, by wall clock; server and clients on the same machine.\n\n![Medians with the shortest and the longest run](benchmarks.svg)\n",
        document.started_utc.format("%Y-%m-%d"),
        document.tool_version,
        machine(&document.machine),
        document.server,
        human::count(u64::from(document.rounds), "round"),
    );
    for subject in &document.subjects {
        let _ = writeln!(text, "\n### {}", title(subject));
        for (what, entries) in [("dump", &subject.dump), ("restore", &subject.restore)] {
            let rows = entries.iter().map(cells).collect();
            let head = [what, "median", "runs (s)", "size", "peak memory", "fsync"];
            text.push_str(&piped(&head, rows));
        }
        let connections = human::count(u64::from(subject.connections), "connection");
        let _ = writeln!(text, "\nThe floor and the native engine read over {connections}.");
        text.push_str("\nA session that reads and writes single rows, meanwhile:\n");
        let head = ["effect on a concurrent load, during", "operations/s", "p99", "longest"];
        text.push_str(&piped(&head, load(subject)));
        let remarks: Vec<String> =
            remarks(subject).into_iter().map(|line| format!("- {line}\n")).collect();
        if !remarks.is_empty() {
            let _ = write!(text, "\n{}", remarks.concat());
        }
        text.push_str("\nCompared with the others:\n");
        let rows = subject.ratios.iter().map(ratio).collect();
        text.push_str(&piped(&["figure", "measured", "target", ""], rows));
    }
    if !document.scaling.is_empty() {
        text.push_str("\n### Growth\n");
        let rows = document.scaling.iter().map(ratio).collect();
        text.push_str(&piped(
            &["time at the largest / at the smallest scale", "measured", "target", ""],
            rows,
        ));
    }
    text.push_str(&commands(document));
    text
}

/// The exact commands, once; at another scale only the schema differs.
fn commands(document: &Document) -> String {
    let mut text = String::from("\n### The commands\n");
    let Some(subject) = document.subjects.last() else { return text };
    let rows = subject.dump.iter().chain(&subject.restore).filter_map(|entry| {
        let command = entry.command.as_ref()?;
        let program = entry.program.clone().unwrap_or_else(|| "this tool".to_owned());
        Some(vec![entry.what.clone(), program, format!("`{command}`")])
    });
    text.push_str(&piped(&["candidate", "program", "command"], rows.collect()));
    text.push_str(
        "\nNo command contains a password: those go through standard input or the environment. \
        `cargo xtask` stands for the built program.\n",
    );
    text
}

/// The chart of the largest schema: dumps, and below them restores.
pub fn plot(document: &Document) -> String {
    let Some(subject) = document.subjects.last() else { return bars::chart("no runs", &[]) };
    let group = |title: &str, entries: &[Entry]| Group {
        title: title.to_owned(),
        bars: entries.iter().filter_map(bar).collect(),
    };
    let groups = [group("dump", &subject.dump), group("restore", &subject.restore)];
    bars::chart(&title(subject), &groups)
}

fn bar(entry: &Entry) -> Option<Bar> {
    Some(Bar {
        label: entry.what.clone(),
        value: entry.median_s?,
        least: entry.seconds.iter().copied().fold(f64::INFINITY, f64::min),
        most: entry.seconds.iter().copied().fold(0.0, f64::max),
        own: entry.id.starts_with("own-"),
    })
}

fn machine(machine: &Machine) -> String {
    let cpu = machine.cpu.as_deref().unwrap_or("an unknown processor");
    let memory = machine.memory_bytes.map_or_else(|| "unknown memory".to_owned(), human::bytes);
    format!("{}, {cpu}, {memory}, {}", human::count(machine.cores, "core"), machine.os)
}

fn title(subject: &Subject) -> String {
    let scale = subject
        .scale
        .map_or_else(|| "a schema as it is".to_owned(), |scale| format!("scale {scale}"));
    let rows = subject.rows.map_or_else(|| "unknown rows".to_owned(), |n| human::count(n, "row"));
    let size = subject
        .text_bytes
        .map_or_else(String::new, |n| format!(", {} of SQL text", human::bytes(n)));
    format!("{scale}: {}, {rows}{size}", human::count(subject.tables, "table"))
}

fn seconds(value: f64) -> String {
    format!("{} s", short(value))
}

fn cells(entry: &Entry) -> Vec<String> {
    let known = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), human::bytes);
    let Some(median) = entry.median_s else {
        let mut cells = vec![entry.what.clone(), "not run".to_owned()];
        cells.resize(6, String::new());
        return cells;
    };
    let runs: Vec<String> = entry.seconds.iter().map(|run| short(*run)).collect();
    let fsync = match entry.fsync {
        Some(true) => "yes",
        Some(false) => "no",
        None => "-",
    };
    vec![
        entry.what.clone(),
        seconds(median),
        runs.join(", "),
        known(entry.bytes),
        known(entry.peak_memory_bytes),
        fsync.to_owned(),
    ]
}

fn load(subject: &Subject) -> Vec<Vec<String>> {
    let cells = subject.load.iter().map(|phase| match &phase.not_run {
        Some(_) => {
            let mut cells = vec![phase.during.clone(), "not run".to_owned()];
            cells.resize(4, String::new());
            cells
        }
        None => vec![
            phase.during.clone(),
            human::thousands(phase.per_second.round() as u64),
            format!("{:.1} ms", phase.p99_ms),
            format!("{:.1} ms", phase.worst_ms),
        ],
    });
    cells.collect()
}

fn ratio(ratio: &Ratio) -> Vec<String> {
    let figure = |value: f64| match ratio.unit.as_str() {
        "times" => format!("{value:.2}"),
        unit => format!("{value:.0} {unit}"),
    };
    let measured = ratio.value.map_or_else(|| "-".to_owned(), figure);
    let mut verdict = match (ratio.reached, &ratio.not_run) {
        (Some(true), _) => "reached".to_owned(),
        (Some(false), _) => "not reached".to_owned(),
        (None, why) => {
            let word = if ratio.value.is_some() { "unknown" } else { "not run" };
            format!("{word}: {}", why.as_deref().unwrap_or("unknown why"))
        }
    };
    if let Some(note) = &ratio.note {
        let _ = write!(verdict, "; but {note}");
    }
    vec![ratio.what.clone(), measured, figure(ratio.target), verdict]
}

/// Why something did not run, and what an output lacked.
fn remarks(subject: &Subject) -> Vec<String> {
    let mut remarks = Vec::new();
    for entry in subject.dump.iter().chain(&subject.restore) {
        let what = &entry.what;
        if let Some(why) = &entry.not_run {
            remarks.push(format!("not run: {what}: {}", one_line(why)));
        }
        if let Some(missing) = &entry.incomplete {
            remarks.push(format!("incomplete: {what}: {}", one_line(missing)));
        }
    }
    for phase in &subject.load {
        if let Some(why) = &phase.not_run {
            let during = &phase.during;
            remarks.push(format!("not run: concurrent load during {during}: {}", one_line(why)));
        }
    }
    remarks
}

/// A program's last words as one line.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn plain(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.iter().copied());
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.add_rows(rows);
    table.lines().flat_map(|line| [line.trim_end().to_owned(), "\n".to_owned()]).collect()
}

fn piped(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut text = format!("\n| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        // A bar ends a cell even between backquotes.
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

#[cfg(test)]
#[path = "bench_tests.rs"]
mod tests;
