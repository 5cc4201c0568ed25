//! This machine's key pair, and the file that it lies in.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::super::age::demand_private;
use super::super::seal::{hex, sha256_hex};
use super::public_text;
use config::Settings;
use model::exit::{ExitCode, Stop};
use sys::{env, fs};

/// The variable that names the file.
pub const VARIABLE: &str = "SIGNING_KEY";

/// Below the user's folder for settings.
const FOLDER: &str = "streamflix-xtask";
const FILE: &str = "signing.pk8";
/// A PKCS#8 document of this kind has 85 bytes.
const LARGEST: u64 = 4096;

/// The first 16 hex digits of the SHA-256 of a public key's text: what people compare.
pub fn fingerprint(public: &str) -> String {
    sha256_hex(public.as_bytes()).chars().take(16).collect()
}

pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: String,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl SigningKey {
    fn new(pair: Ed25519KeyPair) -> Self {
        let public = public_text(pair.public_key().as_ref());
        Self { pair, public }
    }

    /// From the seed of a published test vector.
    #[cfg(test)]
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        Self::new(Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed of 32 bytes"))
    }

    /// The public key, `ed25519:…`.
    pub fn public(&self) -> &str {
        &self.public
    }

    pub fn fingerprint(&self) -> String {
        fingerprint(&self.public)
    }

    pub(super) fn sign(&self, message: &[u8]) -> String {
        hex(self.pair.sign(message).as_ref())
    }
}

/// Where the key belongs, and where it must not be.
#[derive(Debug)]
pub(super) struct Place {
    path: Option<PathBuf>,
    root: PathBuf,
    backups: PathBuf,
}

impl Place {
    pub(super) fn of(settings: &Settings) -> Self {
        let usual = || env::config_dir().map(|folder| folder.join(FOLDER).join(FILE));
        Self {
            path: settings.signing_key.clone().or_else(usual),
            root: settings.root.clone(),
            backups: settings.backups.clone(),
        }
    }

    /// That file, for a backups folder that is in no repository.
    pub(super) fn at(key: &Path, backups: &Path) -> Self {
        let backups = backups.to_owned();
        Self { path: Some(key.to_owned()), root: backups.clone(), backups }
    }

    #[cfg(test)]
    pub(super) fn for_test(key: &Path, root: &Path, backups: &Path) -> Self {
        Self { path: Some(key.to_owned()), root: root.to_owned(), backups: backups.to_owned() }
    }

    /// Where it is, or will be.
    pub(super) fn path(&self) -> Result<&Path, Stop> {
        self.path.as_deref().ok_or_else(|| {
            let message = "the system has no folder for this machine's signing key";
            Stop::new(ExitCode::Configuration, message).hint(format!(
                "Set {VARIABLE} in .env to a file outside the repository and the backups folder."
            ))
        })
    }

    /// Anyone who can write there could sign: the repository is shared, and so is the folder that
    /// the signatures protect.
    fn demand_apart(&self, path: &Path) -> Result<(), Stop> {
        let whole = fs::whole_path(path);
        let within = |folder: &Path| whole.starts_with(fs::whole_path(folder));
        let why = if within(&self.root) {
            "in the repository, where it could be committed"
        } else if within(&self.backups) {
            "in the backups folder, beside what it signs"
        } else {
            return Ok(());
        };
        let message = format!("the signing key {} is {why}", path.display());
        Err(Stop::new(ExitCode::Configuration, message)
            .hint(format!("Move it elsewhere, and set {VARIABLE} in .env to its new path.")))
    }

    /// The key; `None`: there is none yet.
    pub(super) fn read(&self) -> Result<Option<SigningKey>, Stop> {
        let Some(path) = &self.path else { return Ok(None) };
        let refuse = |what: String| Stop::new(ExitCode::Configuration, what);
        let facts = match std::fs::metadata(path) {
            Ok(facts) => facts,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let what = format!("the signing key {} cannot be read ({error})", path.display());
                return Err(refuse(what));
            }
        };
        self.demand_apart(path)?;
        demand_private(path, &facts)?;
        let broken = || {
            refuse(format!("{} is not a signing key (PKCS#8, Ed25519)", path.display())).hint(
                format!(
                    "Put back a copy of the file, or set {VARIABLE} to another one. If the key is \
                    lost, move the file away: the next backup creates a new key, and what the old \
                    one signed has an unknown origin until `[trust]` names it (docs/keys.md)."
                ),
            )
        };
        if !facts.is_file() || facts.len() > LARGEST {
            return Err(broken());
        }
        let bytes = fs::read_bytes(path).map_err(|error| refuse(format!("{error:#}")))?;
        let pair = Ed25519KeyPair::from_pkcs8(&bytes).map_err(|_| broken())?;
        Ok(Some(SigningKey::new(pair)))
    }

    /// Makes one, and gives its file; `None`: another run made one meanwhile.
    pub(super) fn make(&self) -> Result<Option<PathBuf>> {
        let path = self.path()?;
        self.demand_apart(path)?;
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let document =
            made.map_err(|_| anyhow!("the system provides no random bytes for a key"))?;
        fs::create_private_dir(path.parent().unwrap_or(Path::new(".")))?;
        let created = fs::create_durably(path, document.as_ref())?;
        Ok(created.then(|| path.to_owned()))
    }
}
