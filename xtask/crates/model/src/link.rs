//! How another program connects to the server.

use std::path::PathBuf;

/// A client certificate and its key, as PEM files.
pub type ClientFiles = Option<(PathBuf, PathBuf)>;

/// How a dump program is to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Without TLS, on this machine.
    Plain,
    /// With TLS, on this machine: the server requires it, and no network is involved.
    Encrypted { client: ClientFiles },
    /// With TLS, and the certificate leads to an authority of this file.
    Verified {
        ca: PathBuf,
        /// The certificate must be for the host, too.
        identity: bool,
        client: ClientFiles,
    },
    /// It must not connect, because a dump program cannot check what is to be checked;
    /// why.
    Not(&'static str),
}
