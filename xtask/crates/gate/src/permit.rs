//! Who may sign a permit, and for what: the API changes a schema for nothing else.

use anyhow::Result;

use crate::rehearse::Rehearsed;
use crate::told::Told;
use model::account::Role;
use model::exit::{ExitCode, Stop};
use model::inventory::Inventory;
use model::manifest::Manifest;
use ops::ctx::Ctx;
use ops::prove::{Proven, ProvenCopy};
use permit::{Backup, Permit, RESTORED, Subject};
use sys::clock;

/// A schema that holds no table: there is nothing that could be lost.
#[derive(Debug)]
pub struct Empty(());

impl Empty {
    /// `None` where it holds one.
    pub fn of(live: &Inventory) -> Option<Self> {
        live.tables.is_empty().then_some(Self(()))
    }
}

/// What a permit stands on.
#[derive(Debug, Clone, Copy)]
pub enum Ground<'a> {
    /// The live schema: the change was rehearsed on the copy of a proven backup.
    Rehearsed(&'a Rehearsed<'a>),
    /// The live schema, where it holds no table.
    Empty(&'a Empty),
    /// The copy itself, where the API rehearses.
    Copy(&'a ProvenCopy),
}

impl<'a> Ground<'a> {
    fn proven(self) -> Option<&'a Proven> {
        match self {
            Self::Rehearsed(rehearsed) => Some(rehearsed.copy().proven()),
            Self::Copy(copy) => Some(copy.proven()),
            Self::Empty(_) => None,
        }
    }

    /// The backup that proves it.
    pub fn manifest(self) -> Option<&'a Manifest> {
        self.proven().map(Proven::manifest)
    }

    /// Where the change may be made: a permit that stands on a copy is for nothing else.
    pub fn schema(self, ctx: &'a Ctx) -> &'a str {
        match self {
            Self::Copy(copy) => &copy.staged().schema,
            Self::Rehearsed(_) | Self::Empty(_) => &ctx.settings.schema,
        }
    }
}

/// What the API may do.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// Apply these migrations.
    Migrate,
    /// Import these files.
    Import,
}

/// Signs the permit with the password of the account that makes the change.
///
/// # Errors
/// The account has no password, or the system has no random bytes.
pub fn sign(
    ctx: &Ctx,
    ground: Ground<'_>,
    purpose: Purpose,
    role: Role,
    told: &Told,
    subject: Vec<Subject>,
) -> Result<String> {
    let Some(password) = &ctx.settings.account(role).password else {
        let message = format!("{} is not set", role.password_var());
        return Err(Stop::new(ExitCode::Configuration, message)
            .hint("`cargo xtask doctor --fix` makes the account.")
            .into());
    };
    let (purpose, fingerprint) = match purpose {
        Purpose::Migrate => ("migrate", &told.fingerprint),
        Purpose::Import => ("import", &told.import_fingerprint),
    };
    let permit = Permit {
        id: permit::new_id()?,
        purpose: purpose.to_owned(),
        server_uuid: told.server_uuid.clone(),
        schema: ground.schema(ctx).to_owned(),
        fingerprint: fingerprint.clone(),
        subject,
        backup: ground.proven().map(backup),
        rehearsed: matches!(ground, Ground::Rehearsed(_)),
        issued_utc: clock::now(),
        max_age_s: ctx.settings.policy.gate.receipt_max_age_s,
    };
    permit.sign(password.reveal())
}

fn backup(proven: &Proven) -> Backup {
    Backup {
        label: proven.label().to_string(),
        sha256: proven.manifest().sha256.clone(),
        level: RESTORED.to_owned(),
        verified_utc: proven.verified_utc(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::inventory::TableFacts;

    #[test]
    fn only_a_schema_without_tables_is_empty() {
        let mut live = Inventory::default();
        assert!(Empty::of(&live).is_some());
        let table = TableFacts {
            ddl: String::new(),
            auto_increment: None,
            engine: "InnoDB".to_owned(),
            columns: Vec::new(),
            types: Vec::new(),
            float_columns: Vec::new(),
            rows_estimate: 0,
            bytes_estimate: 0,
        };
        live.tables.insert("movie".to_owned(), table);
        assert!(Empty::of(&live).is_none());
    }
}
