//! Entries for tests of decisions: unchained, only their events matter.

use chrono::{DateTime, Utc};

use model::copy::CopyOutcome;
use model::entry::{Entry, Event, Level};
use model::label::Label;

/// A ledger that is being written.
#[derive(Debug, Default)]
pub(crate) struct Log(Vec<Entry>);

/// The label of a moment.
pub(crate) fn label(stamp: &str) -> Label {
    format!("mydb_backup_{stamp}").parse().expect("a label")
}

impl Log {
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.0
    }

    pub(crate) fn add(&mut self, at_utc: DateTime<Utc>, event: Event) -> &mut Self {
        self.0.push(Entry {
            version: 1,
            sequence: self.0.len() as u64 + 1,
            at_utc,
            server_uuid: "unknown".to_owned(),
            schema: "mydb".to_owned(),
            tool_version: String::new(),
            event,
            previous: String::new(),
            signer: None,
            signature: None,
            hash: String::new(),
            trust: model::trust::Trust::Own,
        });
        self
    }

    pub(crate) fn backup(&mut self, at: DateTime<Utc>, label: &Label) -> &mut Self {
        let event = Event::Backup {
            label: label.clone(),
            sha256: String::new(),
            manifest_sha256: None,
            reason: "manual".to_owned(),
            rows: 0,
            duration_ms: 1,
            accepted_loss: None,
        };
        self.add(at, event)
    }

    pub(crate) fn verify(
        &mut self,
        at: DateTime<Utc>,
        label: &Label,
        level: Level,
        passed: bool,
    ) -> &mut Self {
        let event = Event::Verify {
            subject: label.to_string(),
            sha256: String::new(),
            level,
            passed,
            checks: Vec::new(),
            duration_ms: 1200,
            own_gtids: None,
            kept: None,
            place: None,
        };
        self.add(at, event)
    }

    /// What was added last was about a copy elsewhere.
    pub(crate) fn at_place(&mut self, destination: &str) -> &mut Self {
        if let Some(Entry { event: Event::Verify { place, .. }, .. }) = self.0.last_mut() {
            *place = Some(destination.to_owned());
        }
        self
    }

    pub(crate) fn drill(&mut self, at: DateTime<Utc>, label: &Label, passed: bool) -> &mut Self {
        self.verify(at, label, Level::Restore, passed)
    }

    pub(crate) fn copy(
        &mut self,
        at: DateTime<Utc>,
        destination: &str,
        label: &Label,
        outcome: CopyOutcome,
    ) -> &mut Self {
        let event = Event::Copy {
            label: label.clone(),
            destination: destination.to_owned(),
            outcome,
            bytes: 1,
            sha256: String::new(),
            detail: "why".to_owned(),
            duration_ms: 1,
        };
        self.add(at, event)
    }
}
