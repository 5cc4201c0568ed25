//! Issues permits as the deployment tool does, with a seal of its own making: what is
//! tested is the format, not that one function agrees with itself.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;
use api::{
    gate::{self, Subject},
    import::{self, Report},
    migrate::{self, Done, MIGRATOR, Progress},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::migrate::Migrator;

use crate::support::{Schema, WAIT};

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn random_hex(count: usize) -> String {
    let mut random = vec![0_u8; count];
    getrandom::fill(&mut random).unwrap();
    hex(&random)
}

/// HMAC-SHA256 by the book (RFC 2104), for keys of 32 bytes.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

/// A permit: `document` in one line, and its seal.
pub(crate) fn sign(document: &Value, password: &str) -> String {
    let line = document.to_string();
    let key = [b"streamflix gate receipt v1\0", password.as_bytes()].concat();
    let seal = hmac(&Sha256::digest(key), line.as_bytes());
    format!("{line}\n{}\n", hex(&seal))
}

impl Schema {
    async fn document(&self, purpose: &str, subject: Value) -> Value {
        let facts = gate::facts(&mut self.connect().await).await.unwrap();
        let fingerprint = match purpose {
            "import" => facts.import_fingerprint,
            _ => facts.fingerprint,
        };
        let backup = json!({
            "label": "mydb_backup_20261122_101112", "sha256": "ab", "level": "restore",
            "verified_utc": gate::now(),
        });
        json!({
            "version": 1, "id": random_hex(16), "purpose": purpose,
            "server_uuid": facts.server_uuid, "schema": facts.schema,
            "fingerprint": fingerprint, "subject": subject,
            "backup": if facts.tables == 0 { Value::Null } else { backup },
            "rehearsed": true, "issued_utc": gate::now(), "max_age_s": 900,
        })
    }

    /// What a permit for the pending migrations says now.
    pub(crate) async fn migrate_document(&self, migrator: &Migrator) -> Value {
        let status = migrate::status(&mut self.connect().await, migrator).await.unwrap();
        let subject = status
            .pending
            .iter()
            .map(|pending| json!({"name": pending.name, "checksum": pending.checksum}));
        self.document("migrate", subject.collect()).await
    }

    /// What a permit for an import of these files says now.
    pub(crate) async fn import_document(&self, files: &[Subject]) -> Value {
        let subject =
            files.iter().map(|file| json!({"name": file.name, "checksum": file.checksum}));
        self.document("import", subject.collect()).await
    }

    /// `import` of these files with a good permit.
    pub(crate) async fn import(&self, paths: &[PathBuf]) -> Result<Report> {
        let batch = import::read(paths)?;
        let permit = self.sign(&self.import_document(batch.subject()).await);
        let mut conn = self.connect().await;
        let locked = migrate::lock(&mut conn, WAIT).await?;
        let password = &self.database.password;
        let subject = batch.subject().to_vec();
        let allowed = gate::import(locked, subject, permit, password, gate::now()).await?;
        import::store(allowed, batch).await
    }

    /// `import` of all files of a folder with a good permit.
    pub(crate) async fn import_folder(&self, dir: &Path) -> Result<Report> {
        self.import(&import::folder(dir)?).await
    }

    /// `document`, sealed for this schema's account.
    pub(crate) fn sign(&self, document: &Value) -> String {
        sign(document, self.database.password.expose())
    }

    /// `migrate up` with this text as the permit.
    pub(crate) async fn up_with(
        &self,
        migrator: &Migrator,
        permit: String,
        wait: Duration,
        retries: u32,
        each: impl FnMut(Progress<'_>),
    ) -> Result<Vec<Done>> {
        let mut conn = self.connect().await;
        let locked = migrate::lock(&mut conn, wait).await?;
        let password = &self.database.password;
        let allowed = gate::migration(locked, migrator, Ok(permit), password, gate::now()).await?;
        match allowed {
            Some(allowed) => migrate::up(allowed, retries, each).await,
            None => Ok(vec![]),
        }
    }

    /// `migrate up` with a good permit.
    pub(crate) async fn up(&self, migrator: &Migrator, wait: Duration) -> Result<Vec<Done>> {
        let permit = self.sign(&self.migrate_document(migrator).await);
        self.up_with(migrator, permit, wait, 0, |_| ()).await
    }

    /// All embedded migrations.
    pub(crate) async fn migrate(&self) {
        self.up(&MIGRATOR, WAIT).await.unwrap();
    }
}
