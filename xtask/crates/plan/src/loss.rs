//! Which backups lost something against the last good one, and whether that is explained.
//!
//! A backup whose losses nothing explains is *suspect*. The next one is compared with the same
//! good backup, so a loss does not become normal by being backed up twice. What a restore or an
//! undo brought back is a state to compare with, too. What a migration or an import did is
//! explained by its entry, for the tables that its statements name.

use std::collections::{BTreeMap, BTreeSet};

use crate::status::broken;
use config::loss::LossPolicy;
use model::entry::{Entry, Event, GateOutcome};
use model::facts::Flavour;
use model::gate::StatementReport;
use model::inventory::ObjectKind;
use model::label::Label;
use model::loss::{Loss, LostProgram, TableLoss};
use model::manifest::Manifest;
use model::status::{Facts, Finding, Suspect};
use model::swap::Purpose;

/// What a schema holds, as far as a loss can be seen.
#[derive(Debug, Clone, Default)]
pub struct Holdings<'a> {
    /// Rows of each table.
    pub tables: BTreeMap<&'a str, u64>,
    /// Views, triggers, routines and events; `None`: not looked at.
    pub programs: Option<BTreeSet<(ObjectKind, &'a str)>>,
}

impl<'a> Holdings<'a> {
    /// What a backup holds.
    pub fn of(manifest: &'a Manifest) -> Self {
        let programs = manifest.programs.iter().map(|it| (it.kind, it.name.as_str()));
        // A view that broke is named elsewhere, and its definition is kept.
        let broken = manifest.broken_views.iter().map(|it| (ObjectKind::View, it.name.as_str()));
        Self {
            tables: manifest.tables.iter().map(|it| (it.name.as_str(), it.rows)).collect(),
            programs: Some(programs.chain(broken).collect()),
        }
    }
}

/// What `now` lacks that `before` has; `None`: nothing that matters by the policy.
pub fn between(before: &Manifest, now: &Holdings<'_>, policy: &LossPolicy) -> Option<Loss> {
    let table = |name: &str, before: u64| {
        let loss = |now| Some(TableLoss { name: name.to_owned(), before, now });
        let Some(&now) = now.tables.get(name) else { return loss(None) };
        let lost = before.saturating_sub(now);
        let much = lost >= policy.rows
            && u128::from(lost) * 100 >= u128::from(before) * u128::from(policy.percent);
        let ignored = policy.ignore.iter().any(|it| it == name);
        if !ignored && lost > 0 && (now == 0 || much) { loss(Some(now)) } else { None }
    };
    let tables: Vec<TableLoss> =
        before.tables.iter().filter_map(|it| table(&it.name, it.rows)).collect();
    let mut programs = Vec::new();
    if let Some(there) = &now.programs {
        let gone = before.programs.iter().filter(|it| !there.contains(&(it.kind, &it.name)));
        programs.extend(gone.map(|it| LostProgram { kind: it.kind, name: it.name.clone() }));
    }
    let found = !(tables.is_empty() && programs.is_empty());
    found.then(|| Loss { against: before.label.clone(), tables, programs })
}

/// Follows a schema's backups through the ledger.
#[derive(Debug)]
pub struct Watch<'a> {
    manifests: BTreeMap<&'a Label, &'a Manifest>,
    policy: &'a LossPolicy,
    /// By server ([`server_of`]): the same schema elsewhere is another one.
    servers: BTreeMap<&'a str, Known<'a>>,
    suspects: BTreeMap<Label, Loss>,
    /// What went live through the gate, and its statements.
    applied: Vec<(&'a Vec<String>, &'a Vec<StatementReport>)>,
}

/// MariaDB's uuid follows the network address, which a container changes: its servers are one.
const MARIADB: &str = "";

fn server_of(manifest: &Manifest) -> &str {
    match manifest.server.flavour {
        Flavour::Mysql => &manifest.server.uuid,
        Flavour::Mariadb => MARIADB,
    }
}

/// What is known of one server.
#[derive(Debug, Default)]
struct Known<'a> {
    /// States that the next backup may be compared with; the last good backup is the first.
    good: Vec<&'a Manifest>,
    explained: Explained<'a>,
}

#[derive(Debug, Default)]
struct Explained<'a> {
    /// By something that does not say what it did.
    all: bool,
    statements: Vec<&'a str>,
}

impl Explained<'_> {
    fn covers(&self, name: &str) -> bool {
        self.all || self.statements.iter().any(|statement| mentions(statement, name))
    }

    /// What of a loss is left.
    fn rest(&self, mut loss: Loss) -> Option<Loss> {
        loss.tables.retain(|it| !self.covers(&it.name));
        loss.programs.retain(|it| !self.covers(&it.name));
        (!(loss.tables.is_empty() && loss.programs.is_empty())).then_some(loss)
    }
}

/// Whether a name stands in a statement as a word of its own.
fn mentions(statement: &str, name: &str) -> bool {
    let (statement, name) = (statement.to_lowercase(), name.to_lowercase());
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    statement.match_indices(&name).any(|(at, _)| {
        !statement[..at].chars().next_back().is_some_and(part)
            && !statement[at + name.len()..].chars().next().is_some_and(part)
    })
}

impl<'a> Watch<'a> {
    /// Reads the ledger about one schema. `manifests`: its usable backups.
    pub fn new(
        schema: &str,
        manifests: &[&'a Manifest],
        entries: &'a [Entry],
        policy: &'a LossPolicy,
    ) -> Self {
        let manifests = manifests.iter().map(|it| (&it.label, *it)).collect();
        let (servers, suspects) = (BTreeMap::new(), BTreeMap::new());
        let mut watch = Self { manifests, policy, servers, suspects, applied: Vec::new() };
        for entry in entries.iter().filter(|entry| entry.schema == schema) {
            watch.see(entry);
        }
        watch
    }

    /// The suspect backups, with what each lost.
    pub fn suspects(&self) -> &BTreeMap<Label, Loss> {
        &self.suspects
    }

    /// What a new state of a server lost; `None`: nothing that is not explained.
    pub fn judge(&self, (flavour, uuid): (Flavour, &str), now: &Holdings<'_>) -> Option<Loss> {
        let server = if flavour == Flavour::Mysql { uuid } else { MARIADB };
        self.lost(server, now)
    }

    fn lost(&self, server: &str, now: &Holdings<'_>) -> Option<Loss> {
        let known = self.servers.get(server)?;
        let mut losses = Vec::new();
        for good in &known.good {
            losses.push(known.explained.rest(between(good, now, self.policy)?)?);
        }
        // The one against the last good backup says it best.
        losses.into_iter().next()
    }

    fn see(&mut self, entry: &'a Entry) {
        // Only a proven entry explains anything, or makes a backup one to compare with: a forged
        // one that holds more than the schema would make each honest one after it suspect.
        let proven = entry.trust.is_proven();
        match &entry.event {
            Event::Backup { label, sha256, accepted_loss, .. } => {
                let made = self.manifests.get(label).copied();
                let Some(made) = made.filter(|it| it.sha256 == *sha256 && !it.is_partial()) else {
                    return;
                };
                match self.lost(server_of(made), &Holdings::of(made)) {
                    Some(loss) if !(proven && accepted_loss.is_some()) => {
                        self.suspects.insert(label.clone(), loss);
                    }
                    _ if proven => {
                        let known = Known { good: vec![made], explained: Explained::default() };
                        self.servers.insert(server_of(made), known);
                    }
                    _ => {}
                }
            }
            _ if !proven => {}
            Event::Gate { outcome: GateOutcome::Applied, statements, changes, .. } => {
                self.applied.push((changes, statements));
                for known in self.at(&entry.server_uuid) {
                    known.explained.all |= statements.is_empty();
                    let texts = statements.iter().map(|it| it.statement.as_str());
                    known.explained.statements.extend(texts);
                }
            }
            Event::Restore { sha256, target, .. } if *target == entry.schema => {
                let restored = self.manifests.values().find(|it| it.sha256 == *sha256).copied();
                self.returned(&entry.server_uuid, restored);
            }
            // What the migrations did, or its opposite; the rows are none that a backup holds.
            Event::Undone { followed: true, changes, again, .. } => {
                let names = if again.is_empty() { changes } else { again };
                let known = self.applied.iter().rev().find(|(applied, _)| *applied == names);
                let statements = known.map(|(_, statements)| *statements);
                for known in self.at(&entry.server_uuid) {
                    known.explained.all |= statements.is_none_or(Vec::is_empty);
                    let texts = statements.into_iter().flatten().map(|it| it.statement.as_str());
                    known.explained.statements.extend(texts);
                }
            }
            Event::Undone { backup, .. } => {
                let restored = self.manifests.get(backup).copied();
                self.returned(&entry.server_uuid, restored);
            }
            Event::Recovered { how, subject, purpose } if how == "finished" => {
                // What a migration made of the backup is not known here.
                let label = subject.parse().ok().filter(|_| *purpose == Some(Purpose::Restore));
                let restored = label.and_then(|it: Label| self.manifests.get(&it).copied());
                self.returned(&entry.server_uuid, restored);
            }
            _ => {}
        }
    }

    /// What is known of the server that an entry names, which does not say its flavour.
    fn at(&mut self, server: &'a str) -> impl Iterator<Item = &mut Known<'a>> {
        self.servers.entry(server).or_default();
        self.servers
            .iter_mut()
            .filter(move |(it, _)| **it == server || **it == MARIADB)
            .map(|it| it.1)
    }

    /// The live schema became what a backup holds, or something unknown.
    fn returned(&mut self, server: &'a str, restored: Option<&'a Manifest>) {
        for known in self.at(server) {
            match restored {
                Some(manifest) => known.good.push(manifest),
                None => known.explained.all = true,
            }
        }
    }
}

/// What the status says where the newest backup is suspect.
pub(crate) fn finding(facts: &Facts) -> Option<Finding> {
    let newest = &facts.last_backup.as_ref()?.label;
    let Suspect { label, loss } = facts.suspects.iter().find(|it| it.label == *newest)?;
    Some(broken(
        "loss",
        format!("{label}, the newest backup, is suspect: since {}, {loss}", loss.against),
        format!(
            "If this was not meant, `cargo xtask db-restore {}` brings it back; if it was, `cargo \
            xtask db-backup --accept-loss` takes a backup that counts as good.",
            loss.against
        ),
    ))
}

#[cfg(test)]
#[path = "loss_tests.rs"]
mod tests;
