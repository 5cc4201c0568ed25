//! `[encryption]` and `[[destination]]` in `xtask.toml`, and their variables in `.env`: where
//! copies go, and who can read them.

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
    /// age public keys (`age1…`); each of them can decrypt alone.
    pub recipients: Vec<String>,
    /// Whether the files in the backups folder are encrypted, too.
    pub local: bool,
}

/// Where backups are copied to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationPolicy {
    /// Its name: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// A folder's path, or `s3://bucket/prefix`, `gs://…`, `az://…`.
    pub url: String,
    /// Whether copies are encrypted before they are sent.
    #[serde(default = "yes")]
    pub encrypt: bool,
    /// Whether it is at another site; `None`: object storage is, a folder is not.
    #[serde(default)]
    pub off_site: Option<bool>,
    /// Allows options that weaken transport security; without it they are refused, except for an
    /// object store on this machine.
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

    /// Whether copies there survive the loss of this machine and its room.
    pub fn is_off_site(&self) -> bool {
        self.off_site.unwrap_or(self.kind() == DestinationKind::Object)
    }

    /// The prefix of its variables: `COPY_<NAME>_`.
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
                "the url of `{}` contains credentials; put them into .env",
                self.name
            ));
        }
        if let Some((key, _)) = self.options.iter().find(|(_, url)| options::has_credentials(url)) {
            return Err(format!(
                "options.{key} of `{}` contains credentials; put it into .env as {}{}",
                self.name,
                self.variable_prefix(),
                key.to_ascii_uppercase()
            ));
        }
        Ok(())
    }
}

/// Demands that names are unique and no destination contains a secret.
///
/// # Errors
/// What is wrong, as a fragment.
pub fn demand_sound(destinations: &[DestinationPolicy]) -> Result<(), String> {
    for (at, one) in destinations.iter().enumerate() {
        one.demand_sound()?;
        let same = |other: &DestinationPolicy| other.variable_prefix() == one.variable_prefix();
        if destinations[..at].iter().any(same) {
            return Err(format!(
                "two destinations are named `{}`, or share their variables in .env",
                one.name
            ));
        }
    }
    Ok(())
}

/// Secrets and machine-local settings of remote services, from `.env` and the environment.
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
    /// `HEARTBEAT_URL`: requested after a backup was verified, and only then.
    pub heartbeat: Option<Secret>,
}

impl Outside {
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

    /// Which of a destination's options, wherever they are set, weaken transport security; empty:
    /// none.
    pub fn weak(&self, destination: &DestinationPolicy) -> Vec<String> {
        let own = destination.options.iter().map(|(name, value)| (name, value.as_str()));
        let more = self.credentials.get(&destination.name).into_iter().flatten();
        options::weak(own.chain(more.map(|(name, value)| (name, value.reveal()))))
    }

    /// Refuses insecure options of a destination that does not allow them.
    ///
    /// # Errors
    /// [`ExitCode::Configuration`], naming the options.
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
            "the options of destination `{}` make it insecure ({})",
            one.name,
            weak.join("; ")
        );
        Err(Stop::new(ExitCode::Configuration, message)
            .hint(
                "Remove these options from xtask.toml, or from .env, where they begin with COPY_.",
            )
            .hint(
                "If you want this, set `insecure = true` in its section of xtask.toml \
            (docs/off-site.md).",
            ))
    }

    /// Every secret, for redaction.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let urls = [&self.webhook, &self.slack, &self.heartbeat].into_iter().flatten();
        self.credentials.values().flat_map(BTreeMap::values).chain(urls)
    }
}

/// The destination of that name.
///
/// # Errors
/// [`ExitCode::Configuration`]; the hint lists the destinations.
pub fn named<'a>(all: &'a [DestinationPolicy], name: &str) -> Result<&'a DestinationPolicy, Stop> {
    all.iter().find(|one| one.name == name).ok_or_else(|| {
        let stop = Stop::new(ExitCode::Configuration, format!("there is no destination `{name}`"));
        let known: Vec<String> = all.iter().map(|one| format!("`{}`", one.name)).collect();
        if known.is_empty() {
            stop.hint("xtask.toml declares no destinations; docs/off-site.md shows how.")
        } else {
            stop.hint(format!("xtask.toml declares {}.", known.join(", ")))
        }
    })
}
