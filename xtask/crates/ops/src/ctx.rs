//! What every command is given.

use std::cell::RefCell;

use anyhow::Result;

use config::Settings;
use config::place::Where;
use model::account::Role;
use model::exit::{ExitCode, Stop};
use model::label::Label;
use server::local::{self, Status};
use server::{self, Server, Session, accounts};
use store::Store;
use sys::docker;
use ui::Ui;

/// The settings of this run and the terminal.
#[derive(Debug)]
pub struct Ctx {
    /// What is true for this run.
    pub settings: Settings,
    /// What a person sees.
    pub ui: Ui,
    /// The backups that this run took into the backups folder and that are not copied yet.
    pub made: RefCell<Vec<Label>>,
}

impl Ctx {
    /// The backups folder.
    ///
    /// # Errors
    /// It cannot be created or is not ours, or this machine's signing key cannot be used.
    pub fn store(&self) -> Result<Store> {
        Store::of(&self.settings)
    }

    /// Makes this machine's signing key before the first thing that it has to sign, and
    /// says so.
    ///
    /// # Errors
    /// It cannot be made, or the one that is there cannot be used.
    pub fn demand_signer(&self, store: &Store) -> Result<()> {
        if let Some(path) = store.keyring().make()? {
            let name = path.display();
            self.ui.say(format!(
                "made this machine's signing key, {name}; `cargo xtask db-keys signer` shows its public half"
            ));
        }
        Ok(())
    }

    /// The server. One that is there and stopped is started: under `yes`, or after
    /// asking where somebody can answer.
    ///
    /// # Errors
    /// None is found, or it does not start; the message names the exact trouble.
    pub fn server(&mut self, yes: bool) -> Result<Server> {
        let error = match server::find(&self.settings, &self.ui) {
            Ok(server) => return Ok(server),
            Err(error) => error,
        };
        let Some(what) = self.stopped() else { return Err(error) };
        if !self.ui.ask(&format!("{what} is not running. Start it?"), yes)? {
            return Err(error);
        }
        Ok(crate::up::up(self, Where::Auto, yes)?.0.server)
    }

    /// A database of this project that exists and does not run.
    fn stopped(&self) -> Option<String> {
        if self.settings.host.is_some() || self.settings.socket.is_some() {
            return None;
        }
        let container = docker::inspect(&self.settings.container).ok().flatten();
        if let Some(container) = container {
            let down = matches!(container.status.as_str(), "exited" | "created");
            return down.then(|| format!("container `{}`", self.settings.container));
        }
        let local = local::status(&self.settings).ok()?;
        matches!(local, Status::Stopped(_)).then(|| "the private local server".to_owned())
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

    /// Demands that the account that is logged in has every right of its role.
    ///
    /// # Errors
    /// It has not: the message holds each GRANT that is missing.
    pub fn demand_rights(&self, session: &mut Session, role: Role, why: &str) -> Result<()> {
        let mut missing = accounts::missing_grants(session, &self.settings, role)?;
        // Only what comes after a change needs the right to grant, and says so itself: the
        // way back does not depend on it.
        missing.retain(|grant| !grant.starts_with("GRANT GRANT OPTION "));
        if missing.is_empty() {
            return Ok(());
        }
        let user = &self.settings.account(role).user;
        let mut stop =
            Stop::new(ExitCode::Configuration, format!("`{user}` lacks rights that {why}"));
        for grant in missing {
            stop = stop.hint(format!("Run as root: {grant};"));
        }
        Err(stop.hint("`cargo xtask doctor --fix` does all of it.").into())
    }
}
