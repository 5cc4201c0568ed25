//! Encryption of backups, in the format of [age](https://age-encryption.org/v1): what
//! is written here opens with `age -d` and `rage -d`, and the other way round.
//!
//! A file is encrypted for recipients (public keys), each of which can read it alone. So
//! a machine that only writes backups needs no secret. age authenticates what it
//! encrypts, in blocks: an altered or shortened file fails to read; it never reads as a
//! shorter text.

mod identity;
mod sealing;

use std::io::{self, BufRead, Read, Write};

use age::stream::{StreamReader, StreamWriter};
use age::{DecryptError, Decryptor, Encryptor, x25519};
use anyhow::{Context, Result};

use super::seal;
use config::Settings;
use model::copy::Encryption;
use model::exit::{ExitCode, Stop};

pub(super) use identity::demand_private;
pub use identity::{Identities, KeyFile, VARIABLE, generate, identity, identity_of};
pub use sealing::Sealing;

/// What [`Encryption::method`] says.
pub const METHOD: &str = "age";

/// What an age file begins with.
pub const MAGIC: &[u8] = b"age-encryption.org/";

/// Hex digits of a fingerprint.
const FINGERPRINT: usize = 16;

/// The first 16 hex digits of the SHA-256 of a public key as it is written (`age1…`).
pub fn fingerprint(recipient: &str) -> String {
    seal::sha256_hex(recipient.as_bytes())[..FINGERPRINT].to_owned()
}

/// Who can read what is encrypted.
#[derive(Clone)]
pub struct Recipients {
    keys: Vec<x25519::Recipient>,
}

impl Recipients {
    /// Reads public keys (`age1…`); one that is named twice counts once.
    ///
    /// # Errors
    /// One of them is none ([`ExitCode::Configuration`]); the message names which.
    pub fn parse(texts: &[String]) -> Result<Self, Stop> {
        let mut keys: Vec<x25519::Recipient> = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            let key = text.trim().parse().map_err(|why| bad_recipient(at + 1, text, why))?;
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Ok(Self { keys })
    }

    /// The recipients of `xtask.toml`.
    ///
    /// # Errors
    /// There is none, or one cannot be read ([`ExitCode::Configuration`]).
    pub fn of(settings: &Settings) -> Result<Self, Stop> {
        let recipients = Self::parse(&settings.policy.encryption.recipients)?;
        if recipients.is_empty() {
            let message = "encryption is on, but xtask.toml names no recipient";
            return Err(Stop::new(ExitCode::Configuration, message)
                .hint(
                    "`cargo xtask db-keys new FILE` creates a key pair and shows where to put \
                it.",
                )
                .hint("docs/keys.md explains how to keep keys."));
        }
        Ok(recipients)
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The public keys, as they are written.
    pub fn texts(&self) -> Vec<String> {
        self.keys.iter().map(ToString::to_string).collect()
    }

    pub fn fingerprints(&self) -> Vec<String> {
        self.texts().iter().map(|text| fingerprint(text)).collect()
    }

    /// What a manifest or a note says of a file that was encrypted for them.
    pub fn encryption(&self, tested: bool) -> Encryption {
        Encryption { method: METHOD.to_owned(), recipients: self.fingerprints(), tested }
    }

    /// Encrypts what is written, into `out`. The header is written at once.
    pub fn sealer<W: Write>(&self, out: W) -> io::Result<Sealer<W>> {
        let keys = self.keys.iter().map(|key| key as &dyn age::Recipient);
        let encryptor = Encryptor::with_recipients(keys).map_err(io::Error::other)?;
        Ok(Sealer { inner: encryptor.wrap_output(out)? })
    }
}

/// Public keys are not secret, but long.
impl std::fmt::Debug for Recipients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Recipients").field(&self.fingerprints()).finish()
    }
}

fn bad_recipient(number: usize, text: &str, why: &str) -> Stop {
    let text = text.trim();
    if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
        // xtask.toml is committed, and this message is in logs: it is not repeated here.
        let message = format!("recipient {number} of [encryption] in xtask.toml is a private key");
        return Stop::new(ExitCode::Configuration, message)
            .hint("Put its public key there instead (the line `# public key: age1…` of its file).")
            .hint("If it was committed, it is no longer secret: create a new key pair.");
    }
    let message = format!(
        "recipient {number} of [encryption] in xtask.toml is not an age public key ({why}): `{text}`"
    );
    Stop::new(ExitCode::Configuration, message)
        .hint(
            "A public key looks like `age1…`, 62 characters; SSH keys, plugins and passphrases \
        are not supported.",
        )
        .hint("`cargo xtask db-keys new FILE` creates a key pair.")
}

/// Encrypts what is written to it. Without [`Sealer::finish`] the file cannot be read to its end.
pub struct Sealer<W> {
    inner: StreamWriter<W>,
}

impl<W: Write> Sealer<W> {
    /// Writes the last block, and gives back what was written to.
    pub fn finish(self) -> io::Result<W> {
        let mut out = self.inner.finish()?;
        out.flush()?;
        Ok(out)
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W> std::fmt::Debug for Sealer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

/// The text of an encrypted file. Whatever is wrong with the file is an error, on this
/// read and on every later one.
pub struct Opened<R> {
    /// `None`: it could not be opened, and `failed` says why.
    inner: Option<StreamReader<R>>,
    failed: Option<(io::ErrorKind, &'static str)>,
}

/// Opens an encrypted file; `written_for` are the fingerprints of its recipients as its
/// manifest or note has them (empty: unknown). Damage, even to its header, shows up as a read
/// error.
///
/// # Errors
/// No key of `identities` fits, or the file is of a kind that keys do not open
/// ([`ExitCode::Store`]); or it cannot be read.
pub fn open<R: BufRead>(
    reader: R,
    identities: &Identities,
    written_for: &[String],
) -> Result<Opened<R>> {
    let opened = Decryptor::new_buffered(reader).and_then(|decryptor| {
        if decryptor.is_scrypt() {
            return Err(DecryptError::KeyDecryptionFailed);
        }
        decryptor.decrypt(identities.keys().iter().map(|key| key as &dyn age::Identity))
    });
    let refuse = |what: &str, hint: &str| Err(Stop::new(ExitCode::Store, what).hint(hint).into());
    // Then what does not open is damaged: its header named one of these keys once.
    let fits = || identities.fingerprints().iter().any(|held| written_for.contains(held));
    match opened {
        Ok(inner) => Ok(Opened { inner: Some(inner), failed: None }),
        Err(DecryptError::NoMatchingKeys) if !fits() => {
            Err(no_key_fits(identities, written_for).into())
        }
        Err(DecryptError::KeyDecryptionFailed) if !fits() => refuse(
            "it was encrypted with a passphrase, not for a key",
            "Decrypt it first: `age -d -o FILE.sql FILE.sql.age`.",
        ),
        Err(DecryptError::UnknownFormat) if !fits() => refuse(
            "it is in a newer age format than this tool reads",
            "Update this checkout, or decrypt the file with a newer `age -d`.",
        ),
        Err(DecryptError::Io(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
            Err(error).context("read the encryption header")
        }
        Err(_) => {
            let failed = (io::ErrorKind::InvalidData, "its encryption header is damaged");
            Ok(Opened { inner: None, failed: Some(failed) })
        }
    }
}

fn no_key_fits(identities: &Identities, written_for: &[String]) -> Stop {
    let held = identities.fingerprints().join(", ");
    let path = identities.path().display();
    let message = if written_for.is_empty() {
        format!("no key in {path} decrypts it (that file holds {held})")
    } else {
        let wanted = written_for.join(", ");
        format!("it is encrypted for {wanted}, but {path} holds {held}")
    };
    // Not the backup's fault: a drill must not book it as damaged.
    Stop::new(ExitCode::Configuration, message)
        .hint(format!("Set {VARIABLE} to the file with the private key of one of its recipients."))
        .hint("Keep replaced keys until the last backup encrypted for them is gone: docs/keys.md.")
        .hint(
            "Without such a key it cannot be read; a plain backup in the backups folder is not \
        affected.",
        )
}

impl<R> Opened<R> {
    /// Does it, or says that it failed before; what fails now fails from now on.
    fn attempt<T>(
        &mut self,
        action: impl FnOnce(&mut StreamReader<R>) -> io::Result<T>,
    ) -> io::Result<T> {
        if let Some((kind, why)) = self.failed {
            return Err(io::Error::new(kind, why));
        }
        let inner = self.inner.as_mut().ok_or(io::ErrorKind::InvalidData)?;
        let error = match action(inner) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => error,
            other => return other,
        };
        let kind = error.kind();
        let (why, own) = match kind {
            io::ErrorKind::UnexpectedEof => ("the encrypted file ends too early", true),
            io::ErrorKind::InvalidData => ("the encrypted file was altered or cut off", true),
            _ => ("the encrypted file could not be read before", false),
        };
        self.failed = Some((kind, why));
        Err(if own { io::Error::new(kind, why) } else { error })
    }
}

impl<R: Read> Read for Opened<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.attempt(|inner| inner.read(buf))
    }
}

impl<R> std::fmt::Debug for Opened<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("failed", &self.failed).finish_non_exhaustive()
    }
}

/// Proves that a key at hand opens what is encrypted for the recipients: there and back,
/// in memory.
///
/// # Errors
/// It does not ([`ExitCode::Configuration`]).
pub fn round_trip(recipients: &Recipients, identities: &Identities) -> Result<()> {
    const TEXT: &[u8] = b"-- a line that has to come back\n";
    let mut sealer = recipients.sealer(Vec::new())?;
    sealer.write_all(TEXT)?;
    let sealed = sealer.finish()?;
    let fits = open(sealed.as_slice(), identities, &recipients.fingerprints());
    let mut opened = fits.map_err(|error| unfit(recipients, identities, &error))?;
    let mut text = Vec::new();
    opened.read_to_end(&mut text).context("decrypt what was just encrypted")?;
    anyhow::ensure!(text == TEXT, "decrypting what was just encrypted gave something else");
    Ok(())
}

fn unfit(recipients: &Recipients, identities: &Identities, error: &anyhow::Error) -> Stop {
    let message = format!(
        "the identity in {} cannot decrypt what is encrypted for the recipients in xtask.toml \
        ({error})",
        identities.path().display()
    );
    Stop::new(ExitCode::Configuration, message)
        .hint(format!("The recipients are {}.", recipients.texts().join(", ")))
        .hint(format!("The identity belongs to {}.", identities.recipients().join(", ")))
        .hint(format!(
            "Add that recipient to [encryption] in xtask.toml, or set {VARIABLE} to the matching \
            file."
        ))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
