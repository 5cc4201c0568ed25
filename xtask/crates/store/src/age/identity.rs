//! The private keys that this machine holds, from the file that `BACKUP_AGE_IDENTITY`
//! names. A machine that only writes backups has none.

use std::fmt::Write as _;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use age::x25519;
use anyhow::Result;
use chrono::{DateTime, Utc};

use super::{Opened, fingerprint};
use config::Settings;
use model::exit::{ExitCode, Stop};
use model::secret::Secret;
use sys::fs;

/// The variable that names the file.
pub const VARIABLE: &str = "BACKUP_AGE_IDENTITY";

/// What every private key of age begins with.
const PREFIX: &str = "AGE-SECRET-KEY-";

/// No file with keys is larger; whatever is, was named by mistake.
const LARGEST: u64 = 1 << 20;

/// Private keys, and where they are from.
#[derive(Clone)]
pub struct Identities {
    keys: Vec<x25519::Identity>,
    path: PathBuf,
}

impl Identities {
    /// The file they are from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The public keys that belong to them.
    pub fn recipients(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.to_public().to_string()).collect()
    }

    /// Fingerprint of each public key.
    pub fn fingerprints(&self) -> Vec<String> {
        self.recipients().iter().map(|text| fingerprint(text)).collect()
    }

    pub(super) fn keys(&self) -> &[x25519::Identity] {
        &self.keys
    }
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identities").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Where the private keys are; read only for an encrypted file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFile(Option<PathBuf>);

impl KeyFile {
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(Some(path.into()))
    }

    /// As the settings name it; a relative path is one in the workspace.
    pub fn of(settings: &Settings) -> Self {
        Self(settings.outside.identity.as_ref().map(|path| settings.root.join(path)))
    }

    /// Reads it; `None` when none is named.
    pub fn read(&self) -> Result<Option<Identities>, Stop> {
        self.0.as_deref().map(identity).transpose()
    }

    /// Opens an encrypted file; as [`super::open`].
    ///
    /// # Errors
    /// As [`super::open`], and no key file is named, or it cannot be used
    /// ([`ExitCode::Configuration`]).
    pub fn open<R: BufRead>(
        &self,
        reader: R,
        path: &Path,
        written_for: &[String],
    ) -> Result<Opened<R>> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(identities) = self.read()? else {
            return Err(no_key(&name, written_for).into());
        };
        super::open(reader, &identities, written_for).map_err(|error| {
            match error.downcast::<Stop>() {
                Ok(stop) => {
                    Stop { message: format!("{name} cannot be read: {}", stop.message), ..stop }
                        .into()
                }
                Err(error) => error.context(format!("open {}", path.display())),
            }
        })
    }
}

fn no_key(name: &str, written_for: &[String]) -> Stop {
    let of = if written_for.is_empty() {
        String::new()
    } else {
        format!(" for {}", written_for.join(", "))
    };
    let message = format!("{name} is encrypted{of}, and {VARIABLE} names no private key");
    Stop::new(ExitCode::Configuration, message)
        .hint(format!("Set {VARIABLE} in .env to the file with the private key (docs/keys.md)."))
        .hint("Taking backups needs no private key; reading one back does.")
}

/// The private keys of this machine; `None` when it has none. A relative path is one in
/// the workspace.
pub fn identity_of(settings: &Settings) -> Result<Option<Identities>, Stop> {
    KeyFile::of(settings).read()
}

/// Reads an identity file, as `age-keygen` and `db-keys new` write it: one private key on
/// a line, empty lines and lines that begin with `#`.
///
/// # Errors
/// It is not there, others can read it, or it holds no key, or something else
/// ([`ExitCode::Configuration`]). No message repeats what is in it.
pub fn identity(path: &Path) -> Result<Identities, Stop> {
    let shown = path.display();
    let refuse = |what: String| Stop::new(ExitCode::Configuration, what);
    let facts = match std::fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let stop = refuse(format!("{VARIABLE} names {shown}, but there is no such file"));
            return Err(if path.to_string_lossy().contains('~') {
                stop.hint("`~` is not expanded in .env: write the full path.")
            } else {
                stop.hint("Is the drive with the key connected?").hint(format!(
                    "If this machine only takes backups, remove {VARIABLE} from .env: that needs \
                    no private key."
                ))
            });
        }
        Err(error) => return Err(refuse(format!("{shown} cannot be accessed ({error})"))),
    };
    if !facts.is_file() || facts.len() > LARGEST {
        return Err(refuse(format!("{shown} is not a file with age keys")));
    }
    demand_private(path, &facts)?;
    let text = fs::read_text(path)
        .map_err(|_| refuse(format!("{shown} cannot be read, or is not text")))?;
    let keys = parse(&text).map_err(|what| refuse(format!("{shown} {what}")).hint(FORM))?;
    Ok(Identities { keys, path: path.to_owned() })
}

const FORM: &str = "It should contain a line that starts with AGE-SECRET-KEY-, as `cargo xtask \
db-keys new` \
     and `age-keygen` write it.";

fn parse(text: &str) -> Result<Vec<x25519::Identity>, String> {
    if text.as_bytes().starts_with(super::MAGIC) || text.starts_with("-----BEGIN AGE") {
        return Err("is itself encrypted, and an unattended run cannot open it".to_owned());
    }
    let mut keys = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let what = if line.starts_with(PREFIX) {
            "a private key that is damaged, or of a kind that is not supported,"
        } else {
            "something that is not a private key"
        };
        keys.push(line.parse().map_err(|_| format!("has {what} in line {}", at + 1))?);
    }
    if keys.is_empty() { Err("holds no private key".to_owned()) } else { Ok(keys) }
}

/// A private key that others can read is refused.
#[cfg(unix)]
pub(crate) fn demand_private(path: &Path, facts: &std::fs::Metadata) -> Result<(), Stop> {
    use std::os::unix::fs::PermissionsExt;
    let mode = facts.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let message =
        format!("others can read the private key in {} (its mode is {mode:o})", path.display());
    Err(Stop::new(ExitCode::Configuration, message)
        .hint(format!("Run `chmod 600 {}`.", path.display())))
}

/// On Windows the file inherits the access list of its folder.
#[cfg(not(unix))]
pub(crate) fn demand_private(_path: &Path, _facts: &std::fs::Metadata) -> Result<(), Stop> {
    Ok(())
}

/// A new key pair: the public key, and the text of the identity file.
pub fn generate(now: DateTime<Utc>) -> (String, Secret) {
    let key = x25519::Identity::generate();
    let recipient = key.to_public().to_string();
    let mut text = String::new();
    // The lines of `age-keygen`; programs and people look for the second.
    let _ = writeln!(text, "# created: {}", now.format("%Y-%m-%dT%H:%M:%SZ"));
    let _ = writeln!(text, "# public key: {recipient}");
    let _ = writeln!(text, "{}", key.to_string().expose_secret());
    (recipient, Secret::new(text))
}
