//! The small files that one run leaves for the next: journals, and the undo state of a migration.
//! They contain statements to execute, so they are signed like the ledger, and only those of
//! trusted installations are used.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::signing::{self, Subject};
use super::{Store, StoreLock};
use model::exit::{ExitCode, Stop};
use sys::fs;

/// The format version this tool writes, and the newest it reads. Files of version 1 had no
/// signature.
const VERSION: u32 = 2;

/// The file: the state as text, because the signature is over exactly these bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    state: String,
}

/// What to do about a file of another version.
const OTHER_VERSION: &str =
    "Finish an unfinished run with the version of the tool that wrote the file.";

/// Why a signature is asked for.
const UNTRUSTED: &str = "Such a file tells the next run which statements to send, so it must be \
signed by a trusted installation ([trust] in xtask.toml, docs/keys.md).";

/// The way on where a journal is not followed.
pub(super) const FORGET: &str = "Then `cargo xtask doctor --forget-restore` moves the file away, and the other commands work \
    again.";

/// A state as it lies in the folder.
#[derive(Debug)]
pub(super) enum Found<T> {
    Nothing,
    Followed(T),
    /// One that is not, and why.
    Refused {
        stop: Stop,
        /// What it says, where it can be read. It is not believed: good for keeping what it
        /// names, never for a statement or a deletion.
        claims: Option<serde_json::Value>,
    },
}

impl<T> Found<T> {
    /// The state; `None` when there is none.
    ///
    /// # Errors
    /// It is refused ([`ExitCode::Store`]).
    pub(super) fn followed(self) -> Result<Option<T>> {
        match self {
            Self::Nothing => Ok(None),
            Self::Followed(state) => Ok(Some(state)),
            Self::Refused { stop, .. } => Err(stop.into()),
        }
    }

    pub(super) fn refusal(self) -> Option<Stop> {
        match self {
            Self::Nothing | Self::Followed(_) => None,
            Self::Refused { stop, .. } => Some(stop),
        }
    }
}

impl Store {
    /// Writes a state durably; an older one of that name is replaced in one step.
    pub(super) fn write_state<T: Serialize>(
        &self,
        lock: &StoreLock,
        name: &str,
        value: &T,
    ) -> Result<()> {
        self.demand(lock)?;
        let state = serde_json::to_string(value).with_context(|| format!("write {name}"))?;
        let key = self.keyring.signer()?;
        let envelope = Envelope {
            version: VERSION,
            signer: key.map(|key| key.public().to_owned()),
            signature: key.map(|key| signing::sign_text(&state, Subject::State(name), key)),
            state,
        };
        let text = serde_json::to_vec_pretty(&envelope).with_context(|| format!("write {name}"))?;
        fs::write_durably(&self.path(name), &text)
    }

    /// Looks for a state; one that is damaged, of another format or not signed by a trusted
    /// installation is refused, with `by_hand` as the hint.
    pub(super) fn find_state<T: DeserializeOwned>(
        &self,
        name: &str,
        by_hand: &[&str],
    ) -> Result<Found<T>> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let path = self.path(name);
        if !fs::exists(&path)? {
            return Ok(Found::Nothing);
        }
        let text = fs::read_bytes(&path)?;
        let at = path.display();
        let refused = |message: String, hint: Option<&str>, claims| {
            let hints = hint.into_iter().chain(by_hand.iter().copied());
            let stop = hints.fold(Stop::new(ExitCode::Store, message), Stop::hint);
            Ok(Found::Refused { stop, claims })
        };
        let damaged = |error: serde_json::Error| format!("{at} is damaged: {error}");
        let head: Head = match serde_json::from_slice(&text) {
            Ok(head) => head,
            Err(error) => return refused(damaged(error), None, None),
        };
        if head.version != VERSION {
            let message = format!("{at} has format {}, this tool reads {VERSION}", head.version);
            // What version 1 held is the document itself.
            let old = head.version < VERSION;
            let claims = if old { serde_json::from_slice(&text).ok() } else { None };
            return refused(message, Some(OTHER_VERSION), claims);
        }
        let envelope: Envelope = match serde_json::from_slice(&text) {
            Ok(envelope) => envelope,
            Err(error) => return refused(damaged(error), None, None),
        };
        if let Some(why) = self.distrusted(name, &envelope) {
            let message = format!("{at} {why}; none of it was executed");
            return refused(message, Some(UNTRUSTED), serde_json::from_str(&envelope.state).ok());
        }
        match serde_json::from_str(&envelope.state) {
            Ok(state) => Ok(Found::Followed(state)),
            Err(error) => refused(damaged(error), None, None),
        }
    }

    /// Why a state is not followed. A store without a key signs nothing and asks for nothing.
    fn distrusted(&self, name: &str, envelope: &Envelope) -> Option<String> {
        let (signer, signature) = (envelope.signer.as_deref(), envelope.signature.as_deref());
        let signed = match (signer, signature) {
            (Some(signer), Some(signature)) => {
                signing::is_signed(&envelope.state, Subject::State(name), signer, signature)
            }
            _ if self.keyring.signs() => return Some("is unsigned".to_owned()),
            _ => return None,
        };
        if !signed {
            return Some("was tampered with: its signature is wrong".to_owned());
        }
        let trust = self.keyring.judge(signer);
        (self.keyring.signs() && !trust.is_proven()).then(|| format!("has {trust}"))
    }

    pub(super) fn remove_state(&self, lock: &StoreLock, name: &str) -> Result<()> {
        self.demand(lock)?;
        fs::remove_if_exists(&self.path(name))?;
        fs::sync_dir(self.dir())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Keyring;
    use super::super::testing::{first_key, put, scratch, second_key, stop_of};
    use super::*;

    const NAME: &str = ".state.json";

    fn read(store: &Store) -> Result<Option<Vec<String>>> {
        store.find_state(NAME, &["Compare by hand."])?.followed()
    }

    #[test]
    fn only_what_a_trusted_installation_wrote_is_followed() {
        let (dir, _) = scratch();
        let at = |key| Store::open(dir.path()).unwrap().with_keyring(Keyring::holding(key, vec![]));
        let (own, other) = (at(first_key()), at(second_key()));
        let lock = own.lock_within(Duration::ZERO).unwrap();
        assert_eq!(read(&own).unwrap(), None);
        let state = vec!["DROP VIEW `a`".to_owned()];
        own.write_state(&lock, NAME, &state).unwrap();
        assert_eq!(read(&own).unwrap(), Some(state));

        let stop = stop_of(read(&other));
        assert!(stop.message.contains("origin unknown"), "{stop}");
        let text = fs::read_text(&own.path(NAME)).unwrap();
        put(&own.path(NAME), text.replace("DROP VIEW", "DROP TABLE").as_bytes());
        assert!(stop_of(read(&own)).message.contains("signature is wrong"));
        // The signature names the file: one kind of state is not another.
        put(&own.path(".other.json"), text.as_bytes());
        let moved: Found<Vec<String>> = own.find_state(".other.json", &[]).unwrap();
        assert!(moved.refusal().unwrap().message.contains("signature is wrong"));

        put(&own.path(NAME), br#"{"version": 2, "state": "[]"}"#);
        assert!(stop_of(read(&own)).message.contains("is unsigned"));
        put(&own.path(NAME), br#"{"version": 1, "schema": "mydb"}"#);
        let old = stop_of(read(&own));
        assert!(old.message.contains("format 1") && old.hints[1] == "Compare by hand.", "{old:?}");
        put(&own.path(NAME), b"{");
        let damaged = stop_of(read(&own));
        assert!(damaged.message.contains("is damaged") && damaged.hints[0] == "Compare by hand.");
        own.remove_state(&lock, NAME).unwrap();
        assert_eq!(read(&own).unwrap(), None);
    }
}
