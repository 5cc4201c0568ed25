//! What every command is given.

use anyhow::Result;

use crate::config::Settings;
use crate::model::account::Role;
use crate::server::{Server, Session};
use crate::store::Store;
use crate::ui::Ui;

/// The settings of this run and the terminal.
#[derive(Debug)]
pub struct Ctx {
    /// What is true for this run.
    pub settings: Settings,
    /// What a person sees.
    pub ui: Ui,
}

impl Ctx {
    /// The backups folder.
    ///
    /// # Errors
    /// It cannot be created or is not ours.
    pub fn store(&self) -> Result<Store> {
        Store::open(&self.settings.backups)
    }

    /// Ends a dry run: the plan is the result.
    ///
    /// # Errors
    /// Never; the signature lets a command end with it.
    pub fn show_plan(&self, plan: &str) -> Result<()> {
        if self.ui.json() {
            let document = serde_json::json!({"version": 1, "dry_run": true, "plan": plan});
            self.ui.result(&document.to_string());
        } else {
            self.ui.result(plan);
        }
        Ok(())
    }

    /// A session of an account, with `schema` as its current one.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn session(&self, server: &Server, role: Role, schema: Option<&str>) -> Result<Session> {
        let timeout = std::time::Duration::from_secs(self.settings.policy.server.connect_timeout_s);
        Session::open_within(server, self.settings.account(role), schema, timeout)
    }
}
