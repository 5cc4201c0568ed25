//! The manifest of a dump that is written and complete.

use std::time::Instant;

use super::prepare::Prepared;
use super::{Dumped, Wish};
use crate::ctx::Ctx;
use model::definers::Definers;
use model::inventory::ObjectKind;
use model::manifest::{Manifest, ProgramEntry, TableEntry, version_written};
use plan::backup::Mover;
use sql::fingerprint;
use store::commit::FileFacts;
use sys::{clock, git};

/// The manifest, but for its signature and its own hash.
pub(super) fn of(
    ctx: &Ctx,
    prepared: &Prepared,
    dumped: &Dumped,
    file: &FileFacts,
    wish: &Wish,
    created_utc: chrono::DateTime<chrono::Utc>,
    start: Instant,
) -> Manifest {
    let seen = &dumped.seen;
    let native = matches!(prepared.plan.mover, Mover::Native { .. });
    let definers = if native { ctx.settings.policy.backup.definers } else { Definers::CurrentUser };
    let hashes = fingerprint::definitions(&prepared.before);
    let hash = |kind: ObjectKind, name: &str| {
        hashes.get(&(kind, name.to_owned())).cloned().unwrap_or_default()
    };
    let tables = prepared.before.tables.iter().map(|(name, facts)| {
        let table = seen.tables.get(name);
        let content = table.map(|t| t.digest).unwrap_or_default();
        TableEntry {
            name: name.clone(),
            rows: content.rows,
            digest: content.hex(),
            columns: facts.columns.clone(),
            auto_increment: table.and_then(|t| t.auto_increment),
            ddl_sha256: hash(ObjectKind::Table, name),
            exact_floats: if native { facts.float_columns.clone() } else { Vec::new() },
            changed_texts: prepared.changed_texts.get(name).copied().unwrap_or(0),
            rounded_floats: prepared.rounded.get(name).copied().unwrap_or(0),
        }
    });
    let programs = prepared.before.programs.iter().map(|((kind, name), program)| {
        let (name, definer) = (name.clone(), program.definer.clone());
        ProgramEntry { kind: *kind, ddl_sha256: hash(*kind, &name), name, definer }
    });
    Manifest {
        version: version_written(!wish.left_out.is_empty()),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        git_commit: git::commit(&ctx.settings.root),
        label: file.label.clone(),
        created_utc,
        reason: wish.reason.clone(),
        note: wish.note.clone(),
        server: prepared.facts.clone(),
        schema: prepared.plan.schema.clone(),
        charset: prepared.before.charset.clone(),
        collation: prepared.before.collation.clone(),
        log_position: dumped.position.clone(),
        migrations: prepared.migrations.clone(),
        engine: prepared.plan.mover.engine().to_owned(),
        engine_version: dumped.engine_version.clone(),
        definer_policy: definers.word().to_owned(),
        compression: file.compression,
        encryption: file.encryption.clone(),
        file: file.file.clone(),
        bytes: file.bytes,
        text_bytes: file.text_bytes,
        sha256: file.sha256.clone(),
        rows: seen.rows,
        tables: tables.collect(),
        programs: programs.collect(),
        broken_views: prepared.before.broken_views.clone(),
        left_out: wish.left_out.clone(),
        schema_fingerprint: fingerprint::schema(&prepared.before),
        sections: file.sections.clone(),
        duration_ms: clock::elapsed_ms(start),
        signer: None,
        signature: None,
        manifest_sha256: String::new(),
    }
}
