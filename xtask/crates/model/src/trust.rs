//! Who vouches for a backup or for a line of the ledger.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::label::Label;

/// Whose signature it carries. A signature that does not verify is not a kind of trust but damage,
/// and is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Trust {
    /// The key of this machine.
    Own,
    /// A key that `[trust]` in `xtask.toml` names: the name there.
    Named(String),
    /// A key that is named nowhere here: its fingerprint.
    Unknown(String),
    /// It has none: an older version of this tool wrote it, or someone else.
    #[default]
    Unsigned,
}

impl Trust {
    /// Whether the origin is proven: signed on this machine, or with a key that is trusted.
    pub fn is_proven(&self) -> bool {
        matches!(self, Self::Own | Self::Named(_))
    }

    /// The stronger of two signatures that speak for the same thing.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        if self.is_proven() || !other.is_proven() { self } else { other.clone() }
    }

    pub fn word(&self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Named(_) => "trusted",
            Self::Unknown(_) => "unknown",
            Self::Unsigned => "unsigned",
        }
    }

    /// The name or the fingerprint of a signer that is not this machine.
    pub fn signer(&self) -> Option<&str> {
        match self {
            Self::Named(signer) | Self::Unknown(signer) => Some(signer),
            Self::Own | Self::Unsigned => None,
        }
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("signed on this machine"),
            Self::Named(name) => write!(f, "signed by {name}"),
            Self::Unknown(fingerprint) => write!(f, "origin unknown (signer {fingerprint})"),
            Self::Unsigned => f.write_str("unsigned"),
        }
    }
}

/// A backup whose origin is not proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unproven {
    pub label: Label,
    /// `unsigned`, or the words for an unknown signer.
    pub origin: String,
    /// Whether it is signed with a key that is trusted nowhere here.
    pub stranger: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proven_signature_adds_trust() {
        let ci = Trust::Named("ci".to_owned());
        let stranger = Trust::Unknown("ab12".to_owned());
        assert_eq!(Trust::Unsigned.or(&ci), ci);
        assert_eq!(stranger.clone().or(&ci), ci);
        assert_eq!(ci.clone().or(&Trust::Own), ci);
        assert_eq!(Trust::Unsigned.or(&stranger), Trust::Unsigned);
        assert_eq!(stranger.to_string(), "origin unknown (signer ab12)");
    }
}
