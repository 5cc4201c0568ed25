//! What every command is given.

use std::ops::Deref;

use anyhow::Result;

use config::place::Where;
use config::{ReachChoice, Settings};
use model::account::Role;
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::manifest::Manifest;
use server::local::{self, Status};
use server::{self, Server, Session, accounts};
use store::Store;
use sys::docker;
use ui::Ui;

/// The settings of this run and the terminal.
#[derive(Debug)]
pub struct Ctx {
    /// What is true for this run.
    pub settings: Fixed,
    /// What the user sees.
    pub ui: Ui,
}

/// Settings that nothing can change any more.
#[derive(Debug)]
pub struct Fixed(Settings);

impl Deref for Fixed {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.0
    }
}

/// The backups that a command took and that are not copied yet. A command that fails has
/// made them all the same, so they cannot be a part of its result.
#[derive(Debug, Default)]
pub struct Made(Vec<Label>);

impl Made {
    pub(crate) fn add(&mut self, manifest: &Manifest) {
        self.0.push(manifest.label.clone());
    }

    /// Their labels; from then on they count as copied.
    pub(crate) fn take(&mut self) -> Vec<Label> {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn put_back(&mut self, labels: Vec<Label>) {
        self.0 = labels;
    }
}

impl Ctx {
    /// A run with these settings.
    pub fn new(settings: Settings, ui: Ui) -> Self {
        Self { settings: Fixed(settings), ui }
    }

    /// The same run with some settings as the command line has them.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.settings.clone();
        change(&mut settings);
        Self::new(settings, self.ui.clone())
    }

    /// Lets `make` write new passwords to `.env`, and learns them. It is all that a run
    /// learns about its settings: its later steps have to log in with what an earlier one
    /// made, and to read `.env` again would also take up what others changed there.
    ///
    /// # Errors
    /// As `make`. Passwords that were written before it failed are known all the same.
    pub fn learn<T>(&mut self, make: impl FnOnce(&mut Settings, &Ui) -> Result<T>) -> Result<T> {
        let mut copy = self.settings.clone();
        let made = make(&mut copy, &self.ui);
        for role in Role::ALL {
            self.settings.0.set_account(copy.account(role).clone());
        }
        made
    }

    /// The backups folder.
    ///
    /// # Errors
    /// It cannot be created or is not ours, or this machine's signing key cannot be used.
    pub fn store(&self) -> Result<Store> {
        Store::of(&self.settings)
    }

    /// The server. One that is there and stopped is started: under `yes`, or after
    /// asking where someone can answer.
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
        let container = match self.settings.reach {
            ReachChoice::Local => None,
            _ => docker::inspect(&self.settings.container).ok().flatten(),
        };
        let ours = container.filter(|it| server::find::elsewhere(&self.settings, it).is_none());
        if let Some(container) = ours {
            let down = matches!(container.status.as_str(), "exited" | "created");
            return down.then(|| format!("container `{}`", self.settings.container));
        }
        let local = local::status(&self.settings).ok()?;
        matches!(local, Status::Stopped(_)).then(|| "the private local server".to_owned())
    }

    /// Whether a backup that a command takes is copied elsewhere at its end.
    pub fn copies_follow(&self) -> bool {
        // What a run on a read-only folder writes is not copied.
        let usual = self.settings.backups != self.settings.local.join("backups");
        usual && self.settings.outside.copies && !self.settings.policy.destination.is_empty()
    }

    /// Ends a dry run: the plan is the result.
    ///
    /// # Errors
    /// Never; the signature lets a command end with it.
    pub fn show_plan(&self, plan: &str) -> Result<()> {
        if self.ui.json() {
            let document = serde_json::json!({"version": 1, "dry_run": true, "plan": plan});
            self.ui.result(document.to_string());
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
            Stop::new(ExitCode::Configuration, format!("`{user}` lacks privileges that {why}"));
        for grant in missing {
            stop = stop.hint(format!("Run as root: {grant};"));
        }
        Err(stop.hint("Or let `cargo xtask doctor --fix` do it.").into())
    }
}
