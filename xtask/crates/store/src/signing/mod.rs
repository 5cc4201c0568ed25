//! Signatures: what this installation made, it signs with a key that is neither in the
//! repository nor in the backups folder, and what others made is believed when their key
//! is named in `[trust]` of `xtask.toml`.
//!
//! A signature is Ed25519 over a text that names what is signed, which one, and the
//! SHA-256 of the document with the values of `signature` and of its own hash left empty.
//! So it covers the signer's key, the hash of the data file, and of a ledger line its
//! number and the hash of the line before.

mod key;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use anyhow::{Context, Result};
use ring::signature::{ED25519, UnparsedPublicKey};

pub use key::{SigningKey, VARIABLE, fingerprint};

use super::seal::{blank, hex, sha256_hex};
use config::Settings;
use config::trust::{ALGORITHM, NamedSigner};
use key::Place;
use model::exit::Stop;
use model::label::Label;
use model::trust::Trust;

#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    /// The manifest of a backup.
    Manifest(&'a Label),
    /// A line of the ledger, by its number.
    Line(u64),
    /// A file that one run leaves for the next, by its name.
    State(&'a str),
}

impl Subject<'_> {
    /// The signed text. The first line keeps the kinds, and any later form, apart.
    fn message(self, digest: &str) -> String {
        match self {
            Self::Manifest(label) => format!("streamflix-xtask manifest v1\n{label}\n{digest}\n"),
            Self::Line(sequence) => format!("streamflix-xtask ledger v1\n{sequence}\n{digest}\n"),
            Self::State(name) => format!("streamflix-xtask state v1\n{name}\n{digest}\n"),
        }
    }
}

/// Where the two values stand in a document: the text in front of each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// `"signature":"`
    pub signature: &'static str,
    /// `"hash":"`
    pub hash: &'static str,
}

/// Puts the signature of `key` into the empty field of a document whose hash is empty, too.
pub(super) fn sign(
    text: &str,
    form: Form,
    subject: Subject<'_>,
    key: &SigningKey,
) -> Option<(String, String)> {
    let at = text.rfind(form.signature)? + form.signature.len();
    let signature = key.sign(subject.message(&sha256_hex(text.as_bytes())).as_bytes());
    let (head, tail) = text.split_at(at);
    tail.starts_with('"').then(|| (format!("{head}{signature}{tail}"), signature))
}

/// Whether the signature of a document is the signer's; one that has none passes.
pub(super) fn demand_signed(
    text: &str,
    form: Form,
    subject: Subject<'_>,
    (signer, signature): (Option<&str>, Option<&str>),
) -> Result<(), &'static str> {
    const WRONG: &str = "was tampered with: its signature is wrong";
    let (signer, signature) = match (signer, signature) {
        (None, None) => return Ok(()),
        (Some(signer), Some(signature)) => (signer, signature),
        _ => return Err(WRONG),
    };
    let verified = || {
        let text = blank(text, form.hash, 64)?;
        let text = blank(&text, form.signature, 128)?;
        let key = signer.strip_prefix(ALGORITHM).and_then(unhex)?;
        let signature = unhex(signature)?;
        let message = subject.message(&sha256_hex(text.as_bytes()));
        UnparsedPublicKey::new(&ED25519, key).verify(message.as_bytes(), &signature).ok()
    };
    verified().ok_or(WRONG)
}

/// The signature of a whole text.
pub(super) fn sign_text(text: &str, subject: Subject<'_>, key: &SigningKey) -> String {
    key.sign(subject.message(&sha256_hex(text.as_bytes())).as_bytes())
}

/// Whether the signature of a whole text is the signer's.
pub(super) fn is_signed(text: &str, subject: Subject<'_>, signer: &str, signature: &str) -> bool {
    let verified = || {
        let key = signer.strip_prefix(ALGORITHM).and_then(unhex)?;
        let message = subject.message(&sha256_hex(text.as_bytes()));
        let signature = unhex(signature)?;
        UnparsedPublicKey::new(&ED25519, key).verify(message.as_bytes(), &signature).ok()
    };
    verified().is_some()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pair = |pair: &[u8]| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?);
    text.as_bytes().chunks(2).map(pair).collect()
}

/// The keys of a run: its own, which signs, and those that are trusted. The default signs nothing
/// and trusts no one.
#[derive(Debug, Clone, Default)]
pub struct Keyring(Arc<Keys>);

#[derive(Debug, Default)]
struct Keys {
    place: Option<Place>,
    own: OnceLock<SigningKey>,
    named: Vec<NamedSigner>,
    /// Hashes of ledger lines whose signature was verified in this run: a command reads
    /// the ledger several times.
    verified: Mutex<HashSet<String>>,
}

impl Keyring {
    /// As the settings have it. Nothing is read or created yet.
    pub fn of(settings: &Settings) -> Self {
        Self(Arc::new(Keys {
            place: Some(Place::of(settings)),
            named: settings.policy.trust.named(),
            ..Keys::default()
        }))
    }

    /// With the key in that file, created if missing; trusts no one else. For programs without
    /// settings, such as tests.
    pub fn in_file(key: &std::path::Path, backups: &std::path::Path) -> Self {
        let place = Some(Place::at(key, backups));
        Self(Arc::new(Keys { place, ..Keys::default() }))
    }

    /// With a key that lies in no file.
    #[cfg(test)]
    pub(crate) fn holding(key: SigningKey, named: Vec<NamedSigner>) -> Self {
        let own = OnceLock::from(key);
        Self(Arc::new(Keys { own, named, ..Keys::default() }))
    }

    /// This machine's key; `None`: there is none yet.
    ///
    /// # Errors
    /// It lies in the repository or beside the backups, others can read it, or it is no
    /// key ([`model::exit::ExitCode::Configuration`]).
    pub fn own(&self) -> Result<Option<&SigningKey>, Stop> {
        if let Some(key) = self.0.own.get() {
            return Ok(Some(key));
        }
        let read = self.0.place.as_ref().map(Place::read).transpose()?.flatten();
        Ok(read.map(|key| self.0.own.get_or_init(|| key)))
    }

    /// Where this machine's key is, or will be.
    pub fn path(&self) -> Result<Option<PathBuf>, Stop> {
        self.0.place.as_ref().map(|place| place.path().map(PathBuf::from)).transpose()
    }

    /// Whether there is a key to sign with, or a place for one.
    pub(super) fn signs(&self) -> bool {
        self.0.place.is_some() || self.0.own.get().is_some()
    }

    /// Makes this machine's key when there is none, and gives its file when it was made.
    pub fn make(&self) -> Result<Option<PathBuf>> {
        if self.own()?.is_some() {
            return Ok(None);
        }
        let Some(place) = &self.0.place else { return Ok(None) };
        let made = place.make()?;
        self.own()?.context("the signing key just created was not found")?;
        Ok(made)
    }

    /// The key to sign with; made when there is none. `None`: nothing is signed here.
    pub(super) fn signer(&self) -> Result<Option<&SigningKey>> {
        self.make()?;
        Ok(self.own()?)
    }

    /// Whom a signature is of that was found right. A key of this machine that cannot be
    /// used vouches for nothing.
    pub fn judge(&self, signer: Option<&str>) -> Trust {
        let Some(signer) = signer else { return Trust::Unsigned };
        if self.own().ok().flatten().is_some_and(|own| own.public() == signer) {
            return Trust::Own;
        }
        match self.0.named.iter().find(|named| named.key == signer) {
            Some(named) => Trust::Named(named.name.clone()),
            None => Trust::Unknown(fingerprint(signer)),
        }
    }

    /// Whether the line with this hash was verified before in this run.
    pub(super) fn remembers(&self, hash: &str) -> bool {
        self.0.verified.lock().is_ok_and(|known| known.contains(hash))
    }

    pub(super) fn remember(&self, hash: &str) {
        if let Ok(mut known) = self.0.verified.lock() {
            known.insert(hash.to_owned());
        }
    }
}

/// Lower-case hex digits of a public key, with the algorithm in front.
fn public_text(bytes: &[u8]) -> String {
    format!("{ALGORITHM}{}", hex(bytes))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
