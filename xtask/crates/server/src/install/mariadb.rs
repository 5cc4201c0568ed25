//! MariaDB's programs: the server that a Debian machine can have without Docker.

use anyhow::Result;

use super::{Say, apt};
use sys::proc;

/// Makes sure that the server and its clients are installed. These packages
/// start no system service and create no account.
pub fn ensure(say: &mut Say<'_>) -> Result<()> {
    let server = proc::find("mariadbd").is_some() && proc::find("mariadb-install-db").is_some();
    let client = proc::find("mariadb-dump").is_some() && proc::find("mariadb").is_some();
    let mut missing = Vec::new();
    if !server {
        missing.push("mariadb-server-core");
    }
    if !client {
        missing.push("mariadb-client");
    }
    if missing.is_empty() {
        say("MariaDB's programs are already installed");
        return Ok(());
    }
    apt::install(&missing, say)?;
    say("MariaDB's programs are installed");
    Ok(())
}
