//! Which backups the newest changes would go back to.

use std::collections::BTreeSet;

use model::entry::{DeployOutcome, Event, GateOutcome};
use model::label::Label;
use store::ledger::Ledger;

/// What the newest changes of each schema would go back to.
pub(super) fn of_changes(ledger: &Ledger) -> Vec<(Label, &'static str)> {
    let mut found = Vec::new();
    let (mut applied, mut migrated, mut deployed) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for entry in ledger.entries.iter().rev() {
        let schema = entry.schema.as_str();
        match &entry.event {
            Event::Gate { outcome: GateOutcome::Applied, backup, changes, .. } => {
                let first = applied.insert(schema);
                let migration = changes.iter().all(|name| is_migration(name));
                if migration && migrated.insert(schema) {
                    found
                        .extend(backup.clone().map(|it| (it, "the newest migration relies on it")));
                } else if first {
                    found.extend(backup.clone().map(|it| (it, "the newest import relies on it")));
                }
            }
            Event::Gate {
                outcome: GateOutcome::NotRestored | GateOutcome::Failed, backup, ..
            } if !applied.contains(schema) => {
                found.extend(backup.clone().map(|it| {
                    (
                        it,
                        "a change failed, and it restores the state \
                    before",
                    )
                }));
            }
            Event::Deploy { target, outcome, backup, .. } if deployed.insert(target.as_str()) => {
                let why = match outcome {
                    DeployOutcome::NeedsAPerson => {
                        "a deploy failed, and it restores the state \
                    before"
                    }
                    _ => "the newest deploy relies on it",
                };
                found.extend(backup.clone().map(|it| (it, why)));
            }
            _ => {}
        }
    }
    found
}

/// `<version>_<description>`, as a migration is called in entries.
fn is_migration(name: &str) -> bool {
    name.split_once('_').is_some_and(|(version, rest)| {
        !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit()) && !rest.contains('.')
    })
}
