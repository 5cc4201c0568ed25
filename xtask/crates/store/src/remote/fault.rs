//! Why a destination could not be used, and whether it helps to try again.

use std::{fmt, io};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It does not know us, or does not let us do this.
    Credentials,
    /// The folder or the bucket is not there.
    Missing,
    /// It does not answer, or the connection broke.
    Connection,
    /// It answers that it cannot now (HTTP 429 or 5xx), again and again.
    Busy,
    /// There is no room left, or a file may not be that large.
    Full,
    /// Url or options cannot be used.
    Configuration,
    /// What lies there is not what was sent.
    Damaged,
    /// Another backup of that name lies there.
    Conflict,
    Other,
}

impl FaultKind {
    /// Whether the same thing may succeed in a moment.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Connection | Self::Busy | Self::Damaged | Self::Other)
    }

    /// The word in messages of the child that speaks to object stores.
    pub fn of_word(word: &str) -> Self {
        match word {
            "credentials" => Self::Credentials,
            "missing" => Self::Missing,
            "connection" => Self::Connection,
            "busy" => Self::Busy,
            "full" => Self::Full,
            "configuration" => Self::Configuration,
            _ => Self::Other,
        }
    }

    /// What to do about it at the destination `name`; a full sentence.
    pub fn advice(self, name: &str) -> String {
        let again = format!("`cargo xtask db-copy --to {name}` tries again.");
        match self {
            Self::Credentials => format!(
                "Check the credentials of `{name}` in .env; they must allow to list, read, write \
                and delete (docs/off-site.md)."
            ),
            Self::Missing => format!(
                "Check the url of `{name}` in xtask.toml; the drive must be mounted, the bucket \
                must exist. {again}"
            ),
            Self::Connection => format!("Check the network and the endpoint. {again}"),
            Self::Busy => format!("If this lasts, ask its operator. {again}"),
            Self::Full => {
                format!(
                    "Free space at `{name}` (`cargo xtask db-prune` shows what can go). {again}"
                )
            }
            Self::Configuration => {
                format!("Correct `{name}` in xtask.toml (docs/off-site.md).")
            }
            Self::Damaged => {
                format!("{again} Then find out what altered it: the disk, or someone with access.")
            }
            Self::Conflict => {
                format!("Two machines write to `{name}`: give each its own url in xtask.toml.")
            }
            Self::Other => again,
        }
    }
}

/// What failed at a destination. The message is a fragment without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// What failed, on what.
    pub message: String,
}

impl Fault {
    /// A fault of a kind.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The fault in an error: the outermost one, or what the system said.
    pub fn of(error: &anyhow::Error) -> Self {
        if let Some(fault) = error.chain().find_map(|cause| {
            cause
                .downcast_ref::<Self>()
                .or_else(|| cause.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref::<Self>())
        }) {
            return fault.clone();
        }
        let system = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
        Self::new(system.map_or(FaultKind::Other, of_system), format!("{error:#}"))
    }
}

/// What the system's own errors mean for a folder.
fn of_system(error: &io::Error) -> FaultKind {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => FaultKind::Full,
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => FaultKind::Credentials,
        Kind::NotFound | Kind::NotADirectory => FaultKind::Missing,
        Kind::TimedOut | Kind::HostUnreachable | Kind::StaleNetworkFileHandle => {
            FaultKind::Connection
        }
        _ => FaultKind::Other,
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
