//! The settings of a run: flag > environment > `.env` > `xtask.toml` > default.

pub mod backup;
pub mod checkout;
pub mod deploy;
pub mod dotenv;
pub mod gate;
pub mod keeping;
pub mod loss;
pub mod options;
pub mod outside;
pub mod place;
pub mod policy;
pub mod stage;
pub mod tls;
pub mod trust;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use dotenv::DotEnv;
use model::account::{Account, Role};
use model::exit::{ExitCode, Stop};
use model::ident::quote;
use model::secret::Secret;
use outside::Outside;
use policy::Policy;
use stage::Stage;
use tls::Tls;

/// How to look for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReachChoice {
    /// The first that works, in the order of docs/configuration.md.
    Auto,
    /// Only the address in `DB_HOST` and `DB_PORT`, or the socket in `DB_SOCKET`.
    Tcp,
    /// Only the container, by its published port or own address.
    Docker,
    /// Only through `docker exec`.
    DockerExec,
    /// Only the private local server.
    Local,
}

/// Every setting of a run.
#[derive(Debug, Clone)]
pub struct Settings {
    pub root: PathBuf,
    pub backups: PathBuf,
    /// Where the private server and other machine-local state is; never committed.
    pub local: PathBuf,
    /// The schema to protect.
    pub schema: String,
    pub container: String,
    /// The settings name the container, so that it may belong to another checkout.
    pub chosen_container: bool,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub socket: Option<PathBuf>,
    /// How to look for the server.
    pub reach: ReachChoice,
    /// What the schema's data is worth.
    pub stage: Stage,
    /// The server that the command line says it is about, as `plan::identity` shortens it.
    pub server_choice: Option<String>,
    /// The locked account that owns the views, triggers, routines and events the tool puts live.
    pub program_user: String,
    /// The host that the accounts are made for, as the server writes it.
    pub account_host: String,
    /// How connections to the server are encrypted.
    pub tls: Tls,
    pub api_url: String,
    /// `DB_TLS_TRUST_NETWORK` as it is written; the API checks it.
    pub api_trusts_network: Option<String>,
    /// Rules from `xtask.toml`.
    pub policy: Policy,
    /// Where this machine's signing key is: `SIGNING_KEY`; `None`: the usual place.
    pub signing_key: Option<PathBuf>,
    /// Credentials and addresses of remote services.
    pub outside: Outside,
    accounts: BTreeMap<Role, Account>,
    /// `.env` names the account that reads the server's log, or has its password.
    log_account: bool,
}

impl Settings {
    /// Reads everything once. `backups` is the folder from the command line, if given.
    pub fn load(backups: Option<PathBuf>) -> Result<Self> {
        let root = find_root()?;
        let env = DotEnv::read(&root.join(".env"))?;
        let policy = Policy::read(&root.join("xtask.toml"))?;
        let port = env
            .get("DB_PORT")
            .map(|text| {
                text.parse::<u16>().map_err(|_| bad_value("DB_PORT", &text, "a port number"))
            })
            .transpose()?;
        let reach = match env.get("DB_REACH").as_deref() {
            None | Some("auto") => ReachChoice::Auto,
            Some("tcp") => ReachChoice::Tcp,
            Some("docker") => ReachChoice::Docker,
            Some("docker-exec") => ReachChoice::DockerExec,
            Some("local") => ReachChoice::Local,
            Some(other) => {
                let known = "auto, tcp, docker, docker-exec or local";
                return Err(bad_value("DB_REACH", other, known).into());
            }
        };
        let schema = env.get("DB_NAME").unwrap_or_else(|| "mydb".to_owned());
        demand_name(&schema)?;
        let outside = Outside::read(&env, &policy.destination);
        outside.demand_protected(&policy.destination)?;
        Ok(Self {
            backups: backups
                .or_else(|| env.get("DB_BACKUPS").map(|dir| root.join(dir)))
                .unwrap_or_else(|| default_backups(&root)),
            local: root.join(".local"),
            schema,
            container: env
                .get("DB_CONTAINER")
                .unwrap_or_else(|| "data_processing_mysql".to_owned()),
            chosen_container: env.get("DB_CONTAINER").is_some(),
            host: env.get("DB_HOST"),
            port,
            socket: env.get("DB_SOCKET").map(PathBuf::from),
            reach,
            stage: Stage::read(&env)?,
            server_choice: None,
            program_user: env.get("DB_PROGRAM_USER").unwrap_or_else(|| "program_user".to_owned()),
            account_host: env.get("DB_ACCOUNT_HOST").unwrap_or_else(|| "%".to_owned()),
            tls: Tls::read(&env, &root)?,
            api_trusts_network: env.get("DB_TLS_TRUST_NETWORK"),
            api_url: env.get("API_URL").unwrap_or_else(|| "http://localhost:3000".to_owned()),
            signing_key: env.get("SIGNING_KEY").map(|path| root.join(path)),
            outside,
            policy,
            accounts: Role::ALL.into_iter().map(|role| (role, account(&env, role))).collect(),
            log_account: env.get("DB_LOG_USER").or_else(|| env.get("DB_LOG_PASSWORD")).is_some(),
            root,
        })
    }

    /// The account for a role.
    pub fn account(&self, role: Role) -> &Account {
        &self.accounts[&role]
    }

    /// Whether `.env` asks for an account that reads the server's log.
    pub fn reads_log(&self) -> bool {
        self.log_account
    }

    /// The roles that `quickstart` and `doctor --fix` make accounts for.
    pub fn created_roles(&self) -> Vec<Role> {
        let log = self.log_account.then_some(Role::Log);
        Role::CREATED.into_iter().chain(log).collect()
    }

    /// Replaces an account, for example after generating its password.
    pub fn set_account(&mut self, account: Account) {
        self.accounts.insert(account.role, account);
    }

    /// The path of `.env`.
    pub fn env_file(&self) -> PathBuf {
        self.root.join(".env")
    }

    /// The definer of what the tool puts live, as written in a DEFINER clause.
    pub fn program_definer(&self) -> String {
        format!("{}@{}", quote(&self.program_user), quote("%"))
    }

    /// Prefix of every companion schema, `mydb__`.
    pub fn companion_prefix(&self) -> String {
        format!("{}__", self.schema)
    }

    /// `text` with every password known to this run replaced.
    pub fn redact(&self, text: &str) -> String {
        self.accounts
            .values()
            .filter_map(|account| account.password.as_ref())
            .chain(self.outside.secrets())
            .fold(text.to_owned(), |text, secret| secret.redact(&text))
    }
}

/// One folder for all working trees of a repository: a worktree that was made for one change
/// finds the backups of the others, and leaves its own where they are found. One that has a
/// ledger already keeps its own.
fn default_backups(root: &Path) -> PathBuf {
    let own = root.join("backups");
    match checkout::main_tree(root) {
        Some(main) if !own.join("ledger.jsonl").is_file() => main.join("backups"),
        _ => own,
    }
}

fn account(env: &DotEnv, role: Role) -> Account {
    let user = role.user_var().and_then(|name| env.get(name));
    Account {
        role,
        user: user.unwrap_or_else(|| role.default_user().to_owned()),
        password: env.get(role.password_var()).map(Secret::new),
    }
}

fn bad_value(name: &str, value: &str, wanted: &str) -> Stop {
    Stop::new(ExitCode::Configuration, format!("{name} is `{value}`, but must be {wanted}"))
        .hint(format!("Change {name} in .env or in the environment."))
}

/// A name that companions such as `mydb__staging_…` and `mydb__gate` can be made from:
/// with `__` inside of it, or `_` at its end, their names would be those of another schema's.
fn demand_name(schema: &str) -> Result<(), Stop> {
    // `bench` runs this tool on its own schema, `mydb__bench`.
    let base = schema.strip_suffix("__bench").filter(|base| !base.is_empty()).unwrap_or(schema);
    if schema.len() > 40 || schema.contains(['/', '\\', '.', '`', '\0', '%']) {
        let known = "at most 40 bytes without / \\ . ` %, because the names of companions such as \
        mydb__staging_… contain it";
        return Err(bad_value("DB_NAME", schema, known));
    }
    if base.contains("__") || base.ends_with('_') {
        let known = "a name without `__` in it and without `_` at its end: `__` separates a schema's name from those of its companions, such as mydb__gate";
        return Err(bad_value("DB_NAME", schema, known));
    }
    Ok(())
}

/// The workspace: `XTASK_ROOT` when set, else the nearest folder upwards whose
/// Cargo.toml has a `[workspace]`.
///
/// # Errors
/// There is none ([`ExitCode::Configuration`]).
pub fn find_root() -> Result<PathBuf> {
    if let Some(root) = sys::env::var_os("XTASK_ROOT") {
        return Ok(PathBuf::from(root));
    }
    let here = std::env::current_dir()?;
    let found = here.ancestors().find(|dir| is_workspace(dir)).map(Path::to_owned);
    found.ok_or_else(|| {
        Stop::new(
            ExitCode::Configuration,
            format!("there is no Cargo workspace at or above {}", here.display()),
        )
        .hint("Run this inside the StreamFlix checkout.")
        .into()
    })
}

fn is_workspace(dir: &Path) -> bool {
    sys::fs::read_text(&dir.join("Cargo.toml"))
        .is_ok_and(|text| text.lines().any(|line| line.trim() == "[workspace]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_companions_would_be_mistaken_under_is_refused() {
        for good in ["mydb", "my_db", "_my", "mydb__bench"] {
            assert!(demand_name(good).is_ok(), "{good}");
        }
        for bad in ["my__db", "my_", "mydb__staging_1", "a__bench__bench", "__bench", "a.b"] {
            let refused = demand_name(bad).map_err(|stop| stop.code);
            assert!(refused == Err(ExitCode::Configuration), "{bad}");
        }
    }
}
