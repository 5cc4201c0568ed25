//! What a server says when it refuses.

use std::fmt;

use super::endpoint::Server;
use model::account::Account;
use model::exit::{ExitCode, Stop};

/// An error that the server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerError {
    pub code: u16,
    pub message: String,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for ServerError {}

fn own(error: &anyhow::Error) -> Option<&ServerError> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

/// The server's error number, when the server (and not the network) refused.
pub fn code(error: &anyhow::Error) -> Option<u16> {
    own(error).map(|error| error.code)
}

/// Whether the server may answer otherwise in a moment: a lock, a limit, memory, a KILL, a
/// shutdown.
pub(super) fn is_passing(code: u16) -> bool {
    const PASSING: [u16; 21] = [
        1021, 1037, 1038, 1040, 1041, 1053, 1152, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1317,
        1836, 1927, 1969, 3024, 3169, 4031,
    ];
    PASSING.contains(&code)
}

/// Whether an error is about what is in the schema: another attempt would end the same way.
pub fn is_lasting(error: &anyhow::Error) -> bool {
    code(error).is_some_and(|code| !is_passing(code))
}

/// Whether the server has no room for one more connection: all of them are taken (1040),
/// or all of this account's (1203, 1226).
pub fn has_no_room(error: &anyhow::Error) -> bool {
    matches!(code(error), Some(1040 | 1203 | 1226))
}

/// What went wrong in the server's own words, without the context around it.
pub fn said(error: &anyhow::Error) -> String {
    own(error).map_or_else(|| error.root_cause().to_string(), ToString::to_string)
}

/// Whether the server requires TLS. MariaDB uses another error number.
pub fn wants_tls(error: &anyhow::Error) -> bool {
    own(error).is_some_and(|e| e.code == 3159 || e.message.contains("require_secure_transport"))
}

/// Why a login was refused, and what the user can do about it.
pub(super) fn login_refused(
    error: anyhow::Error,
    server: &Server,
    account: &Account,
    schema: Option<&str>,
) -> anyhow::Error {
    // It says the cause already: TLS.
    if error.downcast_ref::<Stop>().is_some() {
        return error;
    }
    let var = account.role.password_var();
    let own = error.chain().find_map(|cause| cause.downcast_ref::<ServerError>());
    let stop = match own {
        Some(_) if wants_tls(&error) => Stop::new(
            ExitCode::Server,
            format!(
                "{server} refuses connections without TLS (require_secure_transport), and TLS \
            was not used"
            ),
        )
        .hint("Remove DB_TLS=off from .env, or set another mode: docs/tls.md.")
        .hint("If the server offers no TLS, give it a certificate (ssl_cert, ssl_key)."),
        Some(e) if e.code == 1045 && server.guard.is_off() => Stop::new(
            ExitCode::Server,
            format!("access denied for `{}` at {server}: {}", account.user, e.message),
        )
        .hint("DB_TLS is off, and the server may require TLS: MariaDB then gives no other error.")
        .hint(format!("If it does not, {var} in .env is not the account's password.")),
        Some(e) if matches!(e.code, 1045 | 1698 | 1130) => Stop::new(
            ExitCode::Server,
            format!("access denied for `{}` at {server}: {}", account.user, e.message),
        )
        .hint(format!("Compare {var} in .env with the account's password on the server."))
        .hint(
            "With DB_ROOT_PASSWORD set, `cargo xtask doctor --fix` creates the accounts and \
        grants their privileges.",
        ),
        Some(e) if e.code == 1044 => Stop::new(
            ExitCode::Server,
            format!(
                "`{}` may not use the schema {}: {}",
                account.user,
                schema.unwrap_or(""),
                e.message
            ),
        )
        .hint("DB_NAME in .env names the schema: is it spelled as on the server?")
        .hint("If it is, `cargo xtask doctor --fix` grants every account the privileges it needs."),
        Some(e) if e.code == 1049 => Stop::new(
            ExitCode::Server,
            format!("unknown database `{}` at {server}", schema.unwrap_or("")),
        )
        .hint("DB_NAME in .env names it: is it spelled as on the server?")
        .hint("If it is to be new, `cargo xtask doctor --fix` creates it."),
        Some(e) => Stop::new(
            ExitCode::Server,
            format!("{server} refused the login of `{}`: {} ({})", account.user, e.message, e.code),
        ),
        None => Stop::new(
            ExitCode::Server,
            format!(
                "no usable server answers at {server}: \
        {error:#}"
            ),
        )
        .hint(
            "`cargo xtask db-up` starts the database; `cargo xtask doctor` shows what is \
            missing.",
        ),
    };
    error.context(stop)
}
