//! An entry in words: what happened, how it ended, and which backups it is about.

use crate::human;
use model::copy::CopyOutcome;
use model::entry::{DeployOutcome, Entry, Event, GateOutcome, Level};
use model::label::Label;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Good,
    /// Neither: it was refused or undone, and nothing was lost.
    Neither,
    Bad,
}

impl End {
    /// The word beside it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Good => "done",
            Self::Neither => "refused or undone",
            Self::Bad => "failed",
        }
    }

    /// The class of its mark.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Neither => "neither",
            Self::Bad => "bad",
        }
    }
}

/// The lanes of the timeline, from the top.
pub(crate) const LANES: [&str; 6] =
    ["Backups", "Proofs", "Copies", "Changes", "Deploys", "Restores"];

/// Which lane an event belongs to; the others appear as text only.
pub(crate) fn lane(event: &Event) -> Option<usize> {
    match event {
        Event::Backup { .. } => Some(0),
        Event::Verify { .. } | Event::Live { .. } => Some(1),
        Event::Copy { .. } => Some(2),
        Event::Gate { .. } | Event::Undone { .. } => Some(3),
        Event::Deploy { .. } => Some(4),
        Event::Restore { .. } | Event::Recovered { .. } => Some(5),
        Event::Prune { .. } | Event::Pin { .. } => None,
        // What it did has entries of its own; only its failure is more than those say.
        Event::Scheduled { passed, .. } => (!passed).then_some(0),
    }
}

pub(crate) fn end(event: &Event) -> End {
    let of = |passed: bool| if passed { End::Good } else { End::Bad };
    match event {
        Event::Verify { passed, .. }
        | Event::Live { passed, .. }
        | Event::Scheduled { passed, .. } => of(*passed),
        Event::Copy { outcome, .. } => of(*outcome != CopyOutcome::Failed),
        Event::Gate { outcome, .. } => match outcome {
            GateOutcome::Applied => End::Good,
            GateOutcome::Refused => End::Neither,
            GateOutcome::Restored | GateOutcome::NotRestored | GateOutcome::Failed => End::Bad,
        },
        Event::Deploy { outcome, .. } => of(*outcome == DeployOutcome::Done),
        Event::Undone { .. } | Event::Recovered { .. } => End::Neither,
        Event::Backup { .. } | Event::Restore { .. } | Event::Prune { .. } | Event::Pin { .. } => {
            End::Good
        }
    }
}

/// What it is, in one word or two.
pub(crate) fn kind(event: &Event) -> &'static str {
    match event {
        Event::Backup { .. } => "backup",
        Event::Verify { level: Level::File, .. } => "file read",
        Event::Verify { level: Level::Restore, .. } => "drill",
        Event::Live { .. } => "live check",
        Event::Restore { .. } => "restore",
        Event::Gate { .. } => "change",
        Event::Undone { .. } => "undone",
        Event::Recovered { .. } => "cleaned up",
        Event::Deploy { .. } => "deploy",
        Event::Copy { outcome: CopyOutcome::Checked, .. } => "copy checked",
        Event::Copy { .. } => "copy",
        Event::Prune { .. } => "deleted",
        Event::Pin { pinned: true, .. } => "pinned",
        Event::Pin { .. } => "unpinned",
        Event::Scheduled { .. } => "scheduled run",
    }
}

/// The names of the backups it is about.
pub fn about(event: &Event) -> Vec<String> {
    let names = |labels: &[Option<&Label>]| -> Vec<String> {
        labels.iter().flatten().map(ToString::to_string).collect()
    };
    match event {
        Event::Backup { label, .. } | Event::Copy { label, .. } | Event::Pin { label, .. } => {
            names(&[Some(label)])
        }
        Event::Verify { subject, .. }
        | Event::Prune { subject, .. }
        | Event::Recovered { subject, .. } => vec![subject.clone()],
        Event::Restore { subject, safety_backup, .. } => {
            let mut all = vec![subject.clone()];
            all.extend(names(&[safety_backup.as_ref()]));
            all
        }
        Event::Gate { backup, .. } | Event::Deploy { backup, .. } => names(&[backup.as_ref()]),
        Event::Undone { backup, .. } => names(&[Some(backup)]),
        Event::Scheduled { label, .. } => names(&[label.as_ref()]),
        Event::Live { .. } => Vec::new(),
    }
}

/// How long it took, if recorded.
pub(crate) fn duration_ms(event: &Event) -> Option<u64> {
    match event {
        Event::Backup { duration_ms, .. }
        | Event::Verify { duration_ms, .. }
        | Event::Live { duration_ms, .. }
        | Event::Restore { duration_ms, .. }
        | Event::Deploy { duration_ms, .. }
        | Event::Copy { duration_ms, .. }
        | Event::Scheduled { duration_ms, .. } => Some(*duration_ms),
        Event::Gate { times, .. } => Some(times.total_ms),
        Event::Undone { .. }
        | Event::Recovered { .. }
        | Event::Prune { .. }
        | Event::Pin { .. } => None,
    }
}

/// What happened, and who says so where that is not proven.
pub(crate) fn said_by(entry: &Entry) -> String {
    let sentence = sentence(&entry.event);
    if entry.trust.is_proven() { sentence } else { format!("{sentence} ({})", entry.trust) }
}

/// What happened, as a fragment.
pub(crate) fn sentence(event: &Event) -> String {
    match event {
        Event::Backup { label, reason, rows, .. } => {
            format!("{label} with {} ({reason})", human::count(*rows, "row"))
        }
        Event::Verify { subject, level, passed, checks, place, .. } => {
            let what = match level {
                Level::File => "its file was read",
                Level::Restore => "it was restored and compared",
            };
            let of = place.as_ref().map(|at| format!(" (the copy at {at})")).unwrap_or_default();
            format!("{subject}{of}: {what}; {}", judged(*passed, checks))
        }
        Event::Live { passed, checks, .. } => {
            format!("the running database; {}", judged(*passed, checks))
        }
        Event::Restore { subject, target, safety_backup, rows, unsaved, .. } => {
            let before = match safety_backup {
                Some(label) if unsaved.is_empty() => format!("the previous state is in {label}"),
                Some(label) => format!("a part of the previous state is in {label}"),
                None if unsaved.is_empty() => "the target was empty".to_owned(),
                None => "the previous state is in no backup".to_owned(),
            };
            format!("{subject} into {target}, {}; {before}", human::count(*rows, "row"))
        }
        Event::Gate { changes, outcome, detail, strategy, .. } => {
            let how = match (outcome, strategy) {
                (GateOutcome::Applied, Some(strategy)) => format!("applied ({})", strategy.word()),
                (GateOutcome::Applied, None) => "applied".to_owned(),
                (GateOutcome::Refused, _) => "refused, the database was not touched".to_owned(),
                (GateOutcome::Restored, _) => "failed, the previous state is restored".to_owned(),
                (GateOutcome::NotRestored, _) => {
                    "failed, the previous state is NOT restored".to_owned()
                }
                (GateOutcome::Failed, _) => "failed in the middle".to_owned(),
            };
            with(&format!("{}: {how}", some(changes)), detail)
        }
        Event::Undone { again, .. } if !again.is_empty() => {
            format!("{}: the undo was undone", some(again))
        }
        Event::Undone { changes, backup, .. } => {
            format!("{}; {backup} had been taken for it", some(changes))
        }
        Event::Recovered { how, subject, .. } => {
            format!("an unfinished restore of {subject} was {how}")
        }
        Event::Deploy { target, release, outcome, migrations, .. } => {
            let how = match outcome {
                DeployOutcome::Done => "is running and answers",
                DeployOutcome::RolledBack => "failed and was rolled back",
                DeployOutcome::NeedsAPerson => "failed and needs manual action",
            };
            let migrations = match migrations.is_empty() {
                true => String::new(),
                false => format!(", with {}", some(migrations)),
            };
            format!("{release} to {target} {how}{migrations}")
        }
        other => kept(other),
    }
}

/// The events of keeping: copies, deletions, pins, the schedule.
fn kept(event: &Event) -> String {
    match event {
        Event::Copy { label, destination, outcome, bytes, detail, .. } => match outcome {
            CopyOutcome::Copied => {
                format!("{label} to {destination}, {}, read back identical", human::bytes(*bytes))
            }
            CopyOutcome::Checked => format!("{label} at {destination} is intact"),
            CopyOutcome::Failed => with(&format!("{label} at {destination}"), detail),
        },
        Event::Prune { destination, subject, reason, bytes } => {
            let place = destination.as_deref().unwrap_or("this machine");
            format!("{subject} at {place}, {} free: {reason}", human::bytes(*bytes))
        }
        Event::Pin { label, note, .. } => with(&label.to_string(), note),
        Event::Scheduled { label, passed, detail, .. } => {
            let made = match label {
                Some(label) => format!("made {label}"),
                None => "made no backup".to_owned(),
            };
            if *passed { made } else { with(&made, detail) }
        }
        _ => String::new(),
    }
}

fn judged(passed: bool, checks: &[model::check::Check]) -> String {
    use model::check::Outcome;
    let count = |outcome| checks.iter().filter(|check| check.outcome == outcome).count() as u64;
    if !passed || count(Outcome::Failed) > 0 {
        let failed = checks.iter().find(|check| check.outcome == Outcome::Failed);
        let which = failed.map(|check| format!("{}: {}", check.name, check.detail));
        return with("failed", &which.unwrap_or_default());
    }
    let not_run = match count(Outcome::NotRun) {
        0 => String::new(),
        n => format!(", {n} not run"),
    };
    format!("{} passed{not_run}", human::count(count(Outcome::Passed), "check"))
}

/// Two of a list, and how many more.
fn some(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one}, {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

fn with(what: &str, detail: &str) -> String {
    if detail.is_empty() { what.to_owned() } else { format!("{what}: {detail}") }
}
