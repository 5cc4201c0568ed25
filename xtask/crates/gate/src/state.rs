//! What is to be changed: the pending migrations, as files, as the server's table of
//! applied ones, and as the built API know them. All three have to agree.

use anyhow::{Context, Result};

use crate::api;
use model::account::Role;
use model::exit::{ExitCode, Stop, find_stop};
use model::hash;
use model::inventory::Inventory;
use model::label::Label;
use ops::ctx::Ctx;
use plan::migrate::{MigrationFile, MigrationState};
use server::{Server, facts, inventory};
use sql::own_schema::named_schema;
use sql::split::Part;
use sys::fs;

/// A pending migration with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its name and checksum.
    pub file: MigrationFile,
    /// What it runs.
    pub text: String,
    /// Its file, from the workspace's folder on.
    pub path: String,
}

impl Pending {
    /// `<version>_<description>`.
    pub fn name(&self) -> String {
        self.file.name()
    }

    /// `file:line` of a statement, of which the server said that.
    pub fn place(&self, part: &Part<'_>, said: &str) -> String {
        format!("{}:{}", self.path, plan::early::line_of((part.line, part.from), said))
    }
}

/// Reads files and table; creates nothing by looking.
///
/// # Errors
/// The server or the folder cannot be read.
pub fn read(ctx: &Ctx, server: &Server) -> Result<MigrationState> {
    let mut session = ctx.session(server, Role::Backup, None)?.read_only()?;
    let applied = facts::migrations(&mut session, &ctx.settings.schema)?;
    Ok(MigrationState::of(all_files(ctx)?, applied))
}

/// Every migration file with its checksum.
///
/// # Errors
/// The folder cannot be read, or holds none.
pub fn all_files(ctx: &Ctx) -> Result<Vec<MigrationFile>> {
    let dir = api::migrations_dir(&ctx.settings.root);
    let mut files = Vec::new();
    for name in fs::names(&dir)? {
        if let Some(mut file) = MigrationFile::from_name(&name, String::new()) {
            file.checksum = hash::sha384_hex(&fs::read_bytes(&dir.join(&name))?);
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(Stop::new(
            ExitCode::Configuration,
            format!("no migrations in {}", dir.display()),
        )
        .into());
    }
    Ok(files)
}

/// The texts of pending migrations.
///
/// # Errors
/// A file cannot be read, or is another one than a moment ago.
pub fn texts(ctx: &Ctx, state: &MigrationState) -> Result<Vec<Pending>> {
    let dir = api::migrations_dir(&ctx.settings.root);
    let read = |file: &MigrationFile| {
        let paths = [".up.sql", ".sql"].map(|end| dir.join(format!("{}{end}", file.name())));
        let path = paths.iter().find(|path| path.is_file());
        let path = path.with_context(|| format!("{} is gone", file.name()))?;
        let bytes = fs::read_bytes(path)?;
        anyhow::ensure!(
            hash::sha384_hex(&bytes) == file.checksum,
            "{} was changed while it was read",
            file.name()
        );
        let text = String::from_utf8(bytes).map_err(|_| {
            Stop::new(ExitCode::GateRefused, format!("the migration {} is not UTF-8", file.name()))
                .hint("Save it as UTF-8 and run `cargo xtask migrate` again.")
        })?;
        let path = path.strip_prefix(&ctx.settings.root).unwrap_or(path).display().to_string();
        Ok(Pending { file: file.clone(), text, path })
    };
    state.pending.iter().map(read).collect()
}

/// A migration that names a schema would not be rehearsed on the copy but run on
/// the live schema.
///
/// # Errors
/// Exit code 20.
pub fn demand_own_schema(ctx: &Ctx, pending: &[Pending]) -> Result<()> {
    for one in pending {
        if let Some(place) = named_schema(&one.text, &ctx.settings.schema) {
            return Err(Stop::new(
                ExitCode::GateRefused,
                format!(
                    "the migration {} names a schema ({place}), so it cannot be rehearsed on a copy",
                    one.name()
                ),
            )
            .hint("Remove the schema name: a migration runs in the current schema. The database \
            was not touched.")
            .into());
        }
    }
    Ok(())
}

/// A trigger or routine that names the live schema acts on it from every copy: a
/// rehearsal that fires it would write live rows.
///
/// # Errors
/// Exit code 20.
pub fn demand_own_programs(ctx: &Ctx, live: &Inventory) -> Result<()> {
    for ((kind, name), program) in &live.programs {
        if let Some(place) = named_schema(&program.ddl, &ctx.settings.schema) {
            let kind = kind.keyword().to_lowercase();
            return Err(Stop::new(
                ExitCode::GateRefused,
                format!("the {kind} `{name}` names a schema ({place}), so on a copy it would act on the live one"),
            )
            .hint("Recreate it without the schema name: names in it then refer to its own schema. \
            The database was not touched.")
            .into());
        }
    }
    Ok(())
}

/// What is in the live schema.
///
/// # Errors
/// It cannot be read.
pub fn live(ctx: &Ctx, server: &Server) -> Result<Inventory> {
    let mut session = ctx.session(server, Role::Backup, None)?.read_only()?;
    inventory::read(&mut session, &ctx.settings.schema)
}

/// Where the live schema holds what cannot be read, the way that is left.
pub fn or_restore(error: anyhow::Error, backup: Option<&Label>) -> anyhow::Error {
    let Some((stop, label)) = find_stop(&error).cloned().zip(backup) else { return error };
    error.context(stop.hint(format!(
        "`cargo xtask db-restore {label}` restores the state before, whatever is live now, and \
        loses what was written since."
    )))
}
