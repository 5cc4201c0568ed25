//! How old the newest verified backup was at each moment: it grows by itself, and
//! falls when a newer backup is proven.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use model::entry::Event;
use model::history::History;
use model::trust::Trust;

/// The moment and the age in seconds then, the oldest first. A proof has two points,
/// before it and after it. A new piece begins where there was none that was verified.
pub(crate) fn ages(history: &History) -> Vec<Vec<(DateTime<Utc>, f64)>> {
    let mut made: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
    let mut safety: Vec<String> = Vec::new();
    for backup in &history.backups {
        if let Some(manifest) = backup.manifest() {
            made.insert(backup.label.to_string(), manifest.created_utc);
        }
    }
    let mut verified: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
    let mut pieces: Vec<Vec<(DateTime<Utc>, f64)>> = vec![Vec::new()];
    // Before the first signed entry none was signed; after it, unsigned ones prove nothing.
    let mut signed = false;
    let own = history.entries.iter().filter(|entry| entry.schema == history.schema);
    for entry in own {
        signed |= entry.trust.is_proven();
        let believed = entry.trust.is_proven() || !signed && entry.trust == Trust::Unsigned;
        let at = entry.at_utc;
        let before = verified.values().max().copied();
        match &entry.event {
            Event::Backup { label, duration_ms, reason, .. } => {
                // Deleted by now: only its entry knows when it was made.
                let length = TimeDelta::milliseconds(i64::try_from(*duration_ms).unwrap_or(0));
                made.entry(label.to_string()).or_insert(at - length);
                if reason == "safety" {
                    safety.push(label.to_string());
                }
            }
            Event::Verify { subject, passed: true, place: None, .. }
                if believed && !safety.contains(subject) =>
            {
                let Some(created) = made.get(subject) else { continue };
                verified.insert(subject.clone(), *created);
            }
            Event::Verify { subject, passed: false, place: None, .. } => {
                verified.remove(subject);
            }
            _ => continue,
        }
        let after = verified.values().max().copied();
        if before == after {
            continue;
        }
        step(&mut pieces, at, before, after);
    }
    if let Some(newest) = verified.values().max().copied() {
        step(&mut pieces, history.made_utc, Some(newest), None);
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn step(
    pieces: &mut Vec<Vec<(DateTime<Utc>, f64)>>,
    at: DateTime<Utc>,
    before: Option<DateTime<Utc>>,
    after: Option<DateTime<Utc>>,
) {
    let age = |created: DateTime<Utc>| (at - created).num_milliseconds().max(0) as f64 / 1000.0;
    if let Some(piece) = pieces.last_mut() {
        piece.extend([before, after].into_iter().flatten().map(|created| (at, age(created))));
    }
    if after.is_none() {
        pieces.push(Vec::new());
    }
}
