//! A section for each backup: what it holds, what its manifest says, and every entry
//! about it. Older ones are lines of a table, so that the page stays one that opens.

use std::collections::{BTreeMap, HashMap};

use super::plots::{self, shortened};
use super::{stamp, timeline, words};
use crate::html::{Html, paragraph, table};
use crate::human;
use model::entry::{Entry, Level};
use model::facts::LogPosition;
use model::history::{HeldBackup, History};
use model::manifest::{Compression, Manifest};

/// Sections are written until they take this many bytes.
const SECTIONS_BYTES: usize = 1_500_000;
const SECTIONS_MAX: usize = 60;
const TABLES_MAX: usize = 300;
const ENTRIES_MAX: usize = 40;
/// Names beyond these would only make the page long.
const PROGRAMS_MAX: usize = 60;

/// Every backup, the newest first.
pub(crate) fn backups(history: &History) -> Html {
    if history.backups.is_empty() {
        return paragraph("There is no backup yet. `cargo xtask db-backup` makes one.");
    }
    let mut about: HashMap<String, Vec<&Entry>> = HashMap::new();
    for entry in &history.entries {
        for name in words::about(&entry.event) {
            about.entry(name).or_default().push(entry);
        }
    }
    let mut html = Html::new();
    let mut shown = 0;
    for backup in history.backups.iter().take(SECTIONS_MAX) {
        if shown > 0 && html.len() > SECTIONS_BYTES {
            break;
        }
        let entries = about.get(&backup.label.to_string()).map_or(&[][..], Vec::as_slice);
        html.push(&section(backup, entries, shown + 1));
        shown += 1;
    }
    let older = &history.backups[shown..];
    if !older.is_empty() {
        let words = format!(
            "The newest {shown} have their own section; these {} are older.",
            human::thousands(older.len() as u64)
        );
        html.push(&Html::tag("h3", &[("id", "older")], Html::text("Older backups")));
        html.push(&paragraph(&words));
        html.push(&compact(older));
    }
    html
}

/// When it was made; unknown where that is not believed.
fn made(backup: &HeldBackup, manifest: &Manifest) -> Html {
    match backup.wrong_clock {
        Some(_) => Html::text("unknown"),
        None => stamp(manifest.created_utc),
    }
}

fn compact(older: &[HeldBackup]) -> Html {
    let heads = ["Backup", "Made", "Why", "Tables", "Rows", "Size", "Proof"];
    let rows = older.iter().map(|backup| match &backup.content {
        Ok(manifest) => vec![
            Html::name(&backup.label.to_string()),
            made(backup, manifest),
            Html::text(manifest.reason.word()),
            Html::text(&human::thousands(manifest.tables.len() as u64)),
            Html::text(&human::thousands(manifest.rows)),
            Html::text(&human::bytes(manifest.bytes)),
            Html::said(&format!("{}{}{}", proof(backup), origin(backup), mark(backup))),
        ],
        Err(problem) => {
            let text = format!("cannot be used: {}", shortened(problem, 200));
            let mut row = vec![Html::name(&backup.label.to_string()), Html::said(&text)];
            row.resize(heads.len(), Html::new());
            row
        }
    });
    table("Older backups", &heads, rows)
}

/// How far it was proven, in words.
fn proof(backup: &HeldBackup) -> &'static str {
    match (&backup.content, backup.verified) {
        (Err(_), _) => "cannot be used",
        (Ok(_), Some((Level::Restore, _))) => "restored and compared",
        (Ok(_), Some((Level::File, _))) => "its file was read",
        (Ok(_), None) => "not verified",
    }
}

/// Who vouches for it, where that is not this machine or one that is trusted.
fn origin(backup: &HeldBackup) -> String {
    if backup.trust.is_proven() { String::new() } else { format!(", {}", backup.trust) }
}

/// Whether it lost something, in a word.
fn mark(backup: &HeldBackup) -> &'static str {
    if backup.suspect.is_some() { ", SUSPECT" } else { "" }
}

fn section(backup: &HeldBackup, entries: &[&Entry], number: usize) -> Html {
    let title = Html::tag("h3", &[], Html::name(&backup.label.to_string()));
    let short = match backup.manifest() {
        Some(manifest) => format!(
            " {}, {}, {}{}{}",
            human::count(manifest.rows, "row"),
            human::bytes(manifest.bytes),
            proof(backup),
            origin(backup),
            mark(backup)
        ),
        None => format!(" {}", proof(backup)),
    };
    let summary = Html::tag("summary", &[], title.and(Html::text(&short)));
    let suspect = match &backup.suspect {
        None => Html::new(),
        Some(loss) => {
            let text = format!("Suspect: since {}, {loss}. `latest` never means it.", loss.against);
            let words = Html::tag("span", &[("class", "w")], Html::said(&text));
            Html::tag("p", &[("class", "bad")], words)
        }
    };
    let clock = match &backup.wrong_clock {
        None => Html::new(),
        Some(wrong) => paragraph(&format!("When it was made is unknown: {wrong}.")),
    };
    let inner = match &backup.content {
        Ok(manifest) => facts(backup, manifest).and(contents(manifest)),
        Err(problem) => paragraph(&format!("It {problem}.")),
    };
    let told = entries.len().min(ENTRIES_MAX);
    let caption = match entries.len() {
        n if n > told => format!("The newest {told} of its {n} ledger entries"),
        _ => "Its ledger entries".to_owned(),
    };
    let entries = match entries.is_empty() {
        true => paragraph("The ledger has no entry about it."),
        false => timeline::events(&caption, entries.iter().rev().take(ENTRIES_MAX).copied()),
    };
    let id = format!("backup-{number}");
    let inner = suspect.and(clock).and(inner).and(entries);
    Html::tag("details", &[("id", &id), ("class", "backup")], summary.and(inner))
        .and(Html::fixed("\n"))
}

fn facts(backup: &HeldBackup, manifest: &Manifest) -> Html {
    let server = &manifest.server;
    let verified = match backup.verified {
        Some((_, at)) => format!("{}, {}", proof(backup), at.format("%Y-%m-%d %H:%M:%S UTC")),
        None => "not verified, or a later proof failed".to_owned(),
    };
    let compression = match manifest.compression {
        Compression::None => "not compressed",
        Compression::Zstd => "zstd",
    };
    let encryption = match &manifest.encryption {
        Some(encryption) => format!("encrypted ({})", encryption.method),
        None => "not encrypted".to_owned(),
    };
    let position = match &manifest.log_position {
        LogPosition::Gtid { set } => shortened(set, 120),
        LogPosition::Unknown { reason } => format!("unknown ({reason})"),
    };
    let migrations = match manifest.migrations.last() {
        Some(last) => format!(
            "{}, the last is {}_{}{}",
            human::thousands(manifest.migrations.len() as u64),
            last.version,
            last.description,
            if manifest.migrations.iter().any(|one| !one.success) {
                "; one is not finished"
            } else {
                ""
            }
        ),
        None => "none".to_owned(),
    };
    let made = match backup.wrong_clock {
        Some(_) => "unknown".to_owned(),
        None => manifest.created_utc.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
    };
    let mut rows = vec![("Made", made), ("Why", manifest.reason.word().to_owned())];
    rows.extend(manifest.note.iter().map(|note| ("Note", note.clone())));
    rows.extend([
        ("Proof", verified),
        ("Origin", backup.trust.to_string()),
        ("Holds", manifest.contents()),
        ("Schema", format!("{}, {}", manifest.schema, manifest.collation)),
        ("From", format!("{} {}", server.flavour, server.version_text)),
        ("Server", server.uuid.clone()),
        ("Log position", position),
        ("Migrations", migrations),
        ("File", format!("{}, {compression}, {encryption}", manifest.file)),
        (
            "Size",
            format!(
                "{}; {} of SQL text",
                human::bytes(manifest.bytes),
                human::bytes(manifest.text_bytes)
            ),
        ),
        ("SHA-256", manifest.sha256.clone()),
        (
            "Made by",
            format!("{}, in {}", manifest.engine_version, human::duration(manifest.duration_ms)),
        ),
        ("Commit", manifest.git_commit.clone().unwrap_or_else(|| "unknown".to_owned())),
    ]);
    let rows = rows.into_iter().map(|(name, text)| vec![Html::text(name), Html::said(&text)]);
    table("Its manifest", &[], rows)
}

fn contents(manifest: &Manifest) -> Html {
    let sizes = plots::sizes(manifest);
    let size = |name: &str| sizes.get(name).copied();
    let mut tables: Vec<_> = manifest.tables.iter().collect();
    tables.sort_by(|a, b| size(&b.name).cmp(&size(&a.name)).then(a.name.cmp(&b.name)));
    let caption = match tables.len() {
        n if n > TABLES_MAX => format!("Its {TABLES_MAX} largest tables of {n}"),
        _ => "Its tables, the largest first".to_owned(),
    };
    let rows = tables.iter().take(TABLES_MAX).map(|table| {
        let mut notes = Vec::new();
        if table.rounded_floats > 0 {
            notes.push(format!("{} rounded", human::count(table.rounded_floats, "FLOAT")));
        }
        if table.changed_texts > 0 {
            notes.push(format!("{} changed", human::count(table.changed_texts, "text")));
        }
        vec![
            Html::name(&table.name),
            Html::text(&human::thousands(table.rows)),
            Html::text(&size(&table.name).map_or_else(|| "unknown".to_owned(), human::bytes)),
            Html::tag("code", &[], Html::text(&shortened(&table.digest, 13))),
            Html::text(&notes.join(", ")),
        ]
    });
    let tables = table(&caption, &["Table", "Rows", "SQL text", "Digest", "Not exact"], rows);
    tables.and(programs(manifest))
}

fn programs(manifest: &Manifest) -> Html {
    let mut kinds: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for program in &manifest.programs {
        kinds.entry(program.kind).or_default().push(&program.name);
    }
    let rows = kinds.into_iter().map(|(kind, names)| {
        let more = names.len().saturating_sub(PROGRAMS_MAX);
        let shown = names.iter().take(PROGRAMS_MAX).enumerate().map(|(at, name)| {
            let comma = if at == 0 { Html::new() } else { Html::fixed(", ") };
            comma.and(Html::name(name))
        });
        let mut shown: Html = shown.collect();
        if more > 0 {
            shown.push(&Html::text(&format!(" and {} more", human::thousands(more as u64))));
        }
        vec![Html::text(&kind.count(names.len())), shown]
    });
    let mut html = Html::new();
    if !manifest.programs.is_empty() {
        html.push(&table("Views, triggers, routines and events", &[], rows));
    }
    for view in manifest.broken_views.iter().take(PROGRAMS_MAX) {
        html.push(&paragraph(&format!(
            "The view {} was broken and is not in the \
        backup.",
            view.name
        )));
    }
    html
}
