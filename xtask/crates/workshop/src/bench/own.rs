//! The tool as a child: it lies beside the workshop.

use std::path::Path;

use anyhow::Result;

use super::{Bench, Target};
use model::account::{Account, Role};
use sys::package;
use sys::proc::Cmd;

impl Bench<'_> {
    /// A command of this tool that keeps its backups in `store`; `schema` is its `DB_NAME`.
    fn own(&self, schema: &str, store: &Path, args: &[&str]) -> Result<Cmd> {
        let settings = &self.ctx.settings;
        let cmd = Cmd::new(package::beside("xtask")?)
            .args(args.iter().copied())
            .args(["--json", "--quiet", "--backups"])
            .arg(store)
            .dir(&settings.root)
            .env("XTASK_ROOT", settings.root.to_string_lossy())
            .env("DB_NAME", schema);
        let cmd = logged_in(cmd, settings.account(Role::Restore));
        Ok(logged_in(cmd, &self.stand_in(Role::Drill)))
    }

    /// `db-backup` of what is measured.
    pub(super) fn backup(
        &self,
        target: &Target,
        store: &Path,
        engine: &str,
        compress: &str,
    ) -> Result<Cmd> {
        let args = ["db-backup", "--engine", engine, "--compress", compress];
        let mut cmd = self.own(&target.schema, store, &args)?;
        if let Some(threads) = self.threads.filter(|_| engine == "native") {
            cmd = cmd.args(["--threads", &threads.to_string()]);
        }
        Ok(logged_in(cmd, &target.reader))
    }

    /// A command that makes schemas: all of them below the benchmark's own.
    pub(super) fn restoring(&self, store: &Path, args: &[&str]) -> Result<Cmd> {
        self.own(&self.arena, store, args)
    }
}

/// Names an account to the child; its password may stand nowhere else.
fn logged_in(mut cmd: Cmd, account: &Account) -> Cmd {
    if let Some(variable) = account.role.user_var() {
        cmd = cmd.env(variable, &account.user);
    }
    match &account.password {
        Some(password) => cmd.env(account.role.password_var(), password.reveal()),
        None => cmd,
    }
}
