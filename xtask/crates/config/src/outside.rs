//! `[encryption]` and `[[destination]]` of `xtask.toml`, and what belongs to them in
//! `.env`: where copies go, and who can read them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::dotenv::DotEnv;
use super::options;
use model::copy::DestinationKind;
use model::exit::{ExitCode, Stop};
use model::secret::Secret;

/// Who can read encrypted files, and which files are encrypted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncryptionPolicy {
    /// age public keys (`age1…`); every one of them can decrypt alone.
    pub recipients: Vec<String>,
    /// Whether the files in the backups folder are encrypted, too.
    pub local: bool,
}

/// A place that backups are copied to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationPolicy {
    /// What people call it: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// A folder's path, or `s3://bucket/prefix`, `gs://…`, `az://…`.
    pub url: String,
    /// Whether copies are encrypted on their way.
    #[serde(default = "yes")]
    pub encrypt: bool,
    /// Whether it is in another place than this machine; `None`: object storage is,
    /// a folder is not.
    #[serde(default)]
    pub off_site: Option<bool>,
    /// Whether options that weaken the protection on the way there are meant: without it
    /// they are refused, but for an object store on this machine.
    #[serde(default)]
    pub insecure: bool,
    /// Options of the object store, such as `endpoint` and `region`. No secrets: they
    /// are `COPY_<NAME>_<OPTION>` in `.env`.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

impl DestinationPolicy {
    /// What kind of storage it is.
    pub fn kind(&self) -> DestinationKind {
        if self.url.contains("://") { DestinationKind::Object } else { DestinationKind::Folder }
    }

    /// Whether what lies there survives the loss of this machine and its room.
    pub fn is_off_site(&self) -> bool {
        self.off_site.unwrap_or(self.kind() == DestinationKind::Object)
    }

    /// What the variables of its credentials begin with: `COPY_<NAME>_`.
    pub fn variable_prefix(&self) -> String {
        format!("COPY_{}_", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    fn demand_sound(&self) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        if self.name.is_empty() || self.name.len() > 32 || !self.name.chars().all(plain) {
            return Err(format!(
                "the destination's name `{}` is not 1 to 32 lower-case letters, digits, - and _",
                self.name
            ));
        }
        if self.url.is_empty() {
            return Err(format!("the destination `{}` has no url", self.name));
        }
        if let Some(key) = self.options.keys().find(|key| options::is_secret(key)) {
            return Err(format!(
                "options.{key} of `{}` looks like a secret; put it into .env as {}{}",
                self.name,
                self.variable_prefix(),
                key.to_ascii_uppercase()
            ));
        }
        if options::has_credentials(&self.url) {
            return Err(format!(
                "the url of `{}` holds credentials; they belong into .env",
                self.name
            ));
        }
        if let Some((key, _)) = self.options.iter().find(|(_, url)| options::has_credentials(url)) {
            return Err(format!(
                "options.{key} of `{}` holds credentials; put it into .env as {}{}",
                self.name,
                self.variable_prefix(),
                key.to_ascii_uppercase()
            ));
        }
        Ok(())
    }
}

/// Every destination can be told from the others, and none holds a secret.
///
/// # Errors
/// What is wrong, as a fragment.
pub fn demand_sound(destinations: &[DestinationPolicy]) -> Result<(), String> {
    for (at, one) in destinations.iter().enumerate() {
        one.demand_sound()?;
        let same = |other: &DestinationPolicy| other.variable_prefix() == one.variable_prefix();
        if destinations[..at].iter().any(same) {
            return Err(format!(
                "two destinations are called `{}`, or share their variables",
                one.name
            ));
        }
    }
    Ok(())
}

/// What of the outside is secret, or this machine's own: from `.env` and the environment.
#[derive(Debug, Clone)]
pub struct Outside {
    /// Where the age identity (the private key) is: `BACKUP_AGE_IDENTITY`.
    pub identity: Option<PathBuf>,
    /// Options of each destination's object store, by destination and option in lower case.
    pub credentials: BTreeMap<String, BTreeMap<String, Secret>>,
    /// Whether backups are copied at the end of the command that took them; `COPIES=off`
    /// is for a machine that has no credentials.
    pub copies: bool,
    /// `NOTIFY_WEBHOOK_URL`: takes a JSON document.
    pub webhook: Option<Secret>,
    /// `NOTIFY_SLACK_URL`: takes what Slack's incoming webhooks take.
    pub slack: Option<Secret>,
    /// `HEARTBEAT_URL`: asked for when a backup was verified, and only then.
    pub heartbeat: Option<Secret>,
}

impl Outside {
    /// Reads it.
    pub fn read(env: &DotEnv, destinations: &[DestinationPolicy]) -> Self {
        let secret = |name: &str| env.get(name).map(Secret::new);
        let credentials = destinations.iter().map(|one| {
            let prefix = one.variable_prefix();
            let options = env.names_with(&prefix).into_iter().filter_map(|name| {
                let option = name[prefix.len()..].to_ascii_lowercase();
                Some((option, secret(&name)?))
            });
            (one.name.clone(), options.collect())
        });
        Self {
            identity: env.get("BACKUP_AGE_IDENTITY").map(PathBuf::from),
            credentials: credentials.collect(),
            copies: env.get("COPIES").is_none_or(|word| word != "off"),
            webhook: secret("NOTIFY_WEBHOOK_URL"),
            slack: secret("NOTIFY_SLACK_URL"),
            heartbeat: secret("HEARTBEAT_URL"),
        }
    }

    /// What of a destination's options, wherever they are set, weakens the protection of
    /// what goes there; empty: nothing.
    pub fn weak(&self, destination: &DestinationPolicy) -> Vec<String> {
        let own = destination.options.iter().map(|(name, value)| (name, value.as_str()));
        let more = self.credentials.get(&destination.name).into_iter().flatten();
        options::weak(own.chain(more.map(|(name, value)| (name, value.reveal()))))
    }

    /// Demands that no destination is weakened without saying so.
    ///
    /// # Errors
    /// One is ([`ExitCode::Configuration`]); its options are named.
    pub fn demand_protected(&self, destinations: &[DestinationPolicy]) -> Result<(), Stop> {
        let Some((one, weak)) = destinations
            .iter()
            .filter(|one| !one.insecure)
            .map(|one| (one, self.weak(one)))
            .find(|(_, weak)| !weak.is_empty())
        else {
            return Ok(());
        };
        let message = format!(
            "the destination `{}` is insecure by its own options ({})",
            one.name,
            weak.join("; ")
        );
        Err(Stop::new(ExitCode::Configuration, message)
            .hint("Remove these options from xtask.toml, or from .env, where they begin with COPY_.")
            .hint("If it is meant to be so, say it: `insecure = true` in its section of xtask.toml (docs/off-site.md)."))
    }

    /// Everything that must not be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let urls = [&self.webhook, &self.slack, &self.heartbeat].into_iter().flatten();
        self.credentials.values().flat_map(BTreeMap::values).chain(urls)
    }
}

/// The destination of that name.
///
/// # Errors
/// There is none ([`ExitCode::Configuration`]); the hint names those that are there.
pub fn named<'a>(all: &'a [DestinationPolicy], name: &str) -> Result<&'a DestinationPolicy, Stop> {
    all.iter().find(|one| one.name == name).ok_or_else(|| {
        let stop = Stop::new(ExitCode::Configuration, format!("there is no destination `{name}`"));
        let known: Vec<String> = all.iter().map(|one| format!("`{}`", one.name)).collect();
        if known.is_empty() {
            stop.hint("xtask.toml declares none; docs/off-site.md shows how.")
        } else {
            stop.hint(format!("xtask.toml declares {}.", known.join(", ")))
        }
    })
}
