//! The schema that is measured: the configured one as it is, or one with generated rows.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{Bench, Target};
use crate::seed;
use gate::api::migrations_dir;
use model::account::{Account, Role};
use model::bench::Subject;
use model::exit::{ExitCode, Stop};
use model::ident::quote;
use ops::staging::drop_schema;
use report::human;
use server::inventory;
use sql::split;
use store::space;
use sys::fs;

/// Which schema of generated rows is ours. It is written before the schema is made, so
/// that the next run knows it whatever happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Note {
    server: String,
    schema: String,
    scale: f64,
    complete: bool,
}

impl Bench<'_> {
    /// The configured schema, which is only read.
    pub(super) fn as_it_is(&mut self) -> Result<Target> {
        let schema = self.ctx.settings.schema.clone();
        let there = inventory::schema_exists(&mut self.session, &schema)?;
        let found = if there { Some(inventory::read(&mut self.session, &schema)?) } else { None };
        let rows = found.map_or(0, |it| it.tables.values().map(|t| t.rows_estimate).sum::<u64>());
        if rows == 0 {
            return Err(Stop::new(ExitCode::Usage, format!("`{schema}` has no rows to measure"))
                .hint("`cargo xtask bench --scale 0.05` generates some in a separate schema.")
                .into());
        }
        self.ctx.ui.warn(format!(
            "plain mysqldump locks the tables of `{schema}` against writes while it runs"
        ));
        let reader = self.ctx.settings.account(Role::Backup).clone();
        Ok(Target { schema, scale: None, reader })
    }

    /// A schema with generated rows of a scale, made now or kept by an earlier run.
    pub(super) fn grown(&mut self, scale: f64, replace: bool) -> Result<Target> {
        let schema = self.arena.clone();
        let wanted =
            Note { server: self.facts.uuid.clone(), schema: schema.clone(), scale, complete: true };
        let reader = self.stand_in(Role::Backup);
        let target = Target { schema, scale: Some(scale), reader };
        if inventory::schema_exists(&mut self.session, &target.schema)? {
            let known = self
                .note_of()
                .filter(|note| (&note.server, &note.schema) == (&wanted.server, &wanted.schema));
            if known.as_ref() == Some(&wanted) {
                self.ctx.ui.say(format!("using `{}`, kept by an earlier run", target.schema));
                return Ok(target);
            }
            if known.is_none() && !replace {
                let message = format!(
                    "`{}` exists, but no benchmark of this checkout created it",
                    target.schema
                );
                return Err(Stop::new(ExitCode::Usage, message)
                    .hint("Drop it, or add --yes to replace it.")
                    .into());
            }
            self.drop_grown()?;
        }
        self.write_note(&Note { complete: false, ..wanted.clone() })?;
        let made = self.make(&target.schema, scale);
        if let Err(error) = made {
            let deferred = sys::signal::defer();
            let dropped = self.drop_grown();
            drop(deferred);
            dropped.ok();
            return Err(error);
        }
        self.write_note(&wanted)?;
        Ok(target)
    }

    fn make(&mut self, schema: &str, scale: f64) -> Result<()> {
        self.ctx.ui.say(format!("making `{schema}` at scale {scale}"));
        self.session.run(&format!("CREATE DATABASE {} CHARACTER SET utf8mb4", quote(schema)))?;
        let folder = migrations_dir(&self.ctx.settings.root);
        let mut names = fs::names(&folder)?;
        names.retain(|name| name.ends_with(".up.sql"));
        let mut session = self.worker(Some(schema))?;
        // As migrations run, and not under the settings that digests need.
        session.run("SET sql_mode = @@GLOBAL.sql_mode")?;
        for name in &names {
            sys::signal::check()?;
            let text = fs::read_text(&folder.join(name))?;
            for statement in split::split(&text) {
                session.run(statement).with_context(|| format!("run the migration {name}"))?;
            }
        }
        let own = self.ctx.with(|settings| {
            settings.schema = schema.to_owned();
            settings.set_account(self.stand_in(Role::App));
        });
        seed::fill(&own, self.server, scale, 1)
    }

    /// `restore_user` in another one's place: only it may do anything in the benchmark's schemas.
    pub(super) fn stand_in(&self, role: Role) -> Account {
        Account { role, ..self.ctx.settings.account(Role::Restore).clone() }
    }

    /// Removes the schema of generated rows.
    pub(super) fn drop_grown(&mut self) -> Result<()> {
        self.sweep()?;
        let schema = self.arena.clone();
        drop_schema(&mut self.session, &schema)?;
        fs::remove_if_exists(&self.note_path())
    }

    fn note_path(&self) -> std::path::PathBuf {
        self.ctx.settings.local.join("bench-schema.json")
    }

    fn note_of(&self) -> Option<Note> {
        let text = fs::read_text(&self.note_path()).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn write_note(&self, note: &Note) -> Result<()> {
        fs::write_durably(&self.note_path(), &serde_json::to_vec(note)?)
    }

    /// What is known of it before anything is measured; demands room for several dumps.
    pub(super) fn describe(&mut self, target: &Target) -> Result<Subject> {
        let found = inventory::read(&mut self.session, &target.schema)?;
        let rows: u64 = found.tables.values().map(|table| table.rows_estimate).sum();
        let bytes = found.bytes_estimate();
        self.ctx.ui.say(format!(
            "measuring `{}`: {}, about {} in {}; {} each",
            target.schema,
            human::count(found.tables.len() as u64, "table"),
            human::count(rows, "row"),
            human::bytes(bytes),
            human::count(u64::from(self.rounds), "round"),
        ));
        // Three plain dumps are kept for the restores while another one is written.
        space::require(&self.scratch, bytes.saturating_mul(6))?;
        Ok(Subject {
            schema: target.schema.clone(),
            scale: target.scale,
            tables: found.tables.len() as u64,
            connections: u32::try_from(self.connections(bytes))?,
            ..Subject::default()
        })
    }
}
