//! Keys and their text: Bech32, as `age-keygen` writes it.

use std::fmt;
use std::str::FromStr;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use ring::rand::{SecureRandom as _, SystemRandom};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

const PUBLIC: &str = "age";
const PRIVATE: &str = "age-secret-key-";

/// What is wrong with the text of a key. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadKey(&'static str);

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadKey {}

/// A public key, for which files are encrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Recipient(pub(crate) PublicKey);

impl FromStr for Recipient {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        bytes_of(text, PUBLIC).map(|bytes| Self(PublicKey::from(*bytes)))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hrp = Hrp::parse(PUBLIC).map_err(|_| fmt::Error)?;
        bech32::encode_to_fmt::<Bech32, _>(f, hrp, self.0.as_bytes()).map_err(|_| fmt::Error)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A private key, which opens what is encrypted for its recipient.
#[derive(Clone)]
pub struct Identity(pub(crate) StaticSecret);

impl Identity {
    /// A new one; `None` when the system gives no random bytes.
    pub fn generate() -> Option<Self> {
        random().map(|bytes| Self(StaticSecret::from(*bytes)))
    }

    /// Its public key.
    pub fn recipient(&self) -> Recipient {
        Recipient(PublicKey::from(&self.0))
    }

    /// As `age-keygen` writes it. This is the secret itself.
    pub fn reveal(&self) -> Zeroizing<String> {
        let text = Hrp::parse(PRIVATE).ok().and_then(|hrp| {
            let bytes = Zeroizing::new(self.0.to_bytes());
            bech32::encode_upper::<Bech32>(hrp, bytes.as_slice()).ok()
        });
        // Neither can fail: the name is a constant, and 32 bytes are short enough.
        Zeroizing::new(text.unwrap_or_default())
    }
}

impl FromStr for Identity {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        bytes_of(text, PRIVATE).map(|bytes| Self(StaticSecret::from(*bytes)))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

fn bytes_of(text: &str, name: &str) -> Result<Zeroizing<[u8; 32]>, BadKey> {
    let parsed =
        CheckedHrpstring::new::<Bech32>(text).map_err(|_| BadKey("invalid Bech32 encoding"))?;
    if parsed.hrp().to_lowercase() != name {
        return Err(BadKey("another kind of key"));
    }
    let mut bytes = Zeroizing::new([0; 32]);
    let mut count = 0;
    for byte in parsed.byte_iter() {
        if let Some(place) = bytes.get_mut(count) {
            *place = byte;
        }
        count += 1;
    }
    if count == bytes.len() { Ok(bytes) } else { Err(BadKey("wrong length")) }
}

/// Random bytes of the system; `None` when it gives none.
pub(crate) fn random<const N: usize>() -> Option<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom::new().fill(bytes.as_mut_slice()).ok().map(|()| bytes)
}
