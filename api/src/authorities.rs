//! Makes `DB_TLS_CA` the only authority for the connection to the database.
//!
//! The driver adds that file to the system's authorities, of which any could then vouch
//! for a server. The library that reads the system's takes a file named by `SSL_CERT_FILE`
//! in their place, and a variable of a running program cannot be changed safely. So the
//! program starts itself once more, with the variable set.

use anyhow::Result;
use api::config;

const FILE: &str = "SSL_CERT_FILE";
const FOLDER: &str = "SSL_CERT_DIR";

/// Comes back when nothing else is trusted than what `DB_TLS_CA` says, if it says anything.
pub(crate) fn only_those_named() -> Result<()> {
    let Some(path) = config::environment("DB_TLS_CA").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let alone = config::environment(FOLDER).is_none();
    if alone && config::environment(FILE).as_ref() == Some(&path) {
        return Ok(());
    }
    again(&path)
}

#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "this process becomes the program it starts")]
fn again(path: &str) -> Result<()> {
    use std::os::unix::process::CommandExt as _;

    use anyhow::Context as _;

    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let mut arguments = std::env::args_os();
    let mut command = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    let error = command.args(arguments).env(FILE, path).env_remove(FOLDER).exec();
    Err(error).context("cannot start again with the authorities of DB_TLS_CA")
}

#[cfg(not(unix))]
fn again(path: &str) -> Result<()> {
    anyhow::bail!(
        "DB_TLS_CA: on this system, also set {FILE} to {path} and unset {FOLDER}; otherwise \
         the system's authorities would be trusted as well"
    )
}
