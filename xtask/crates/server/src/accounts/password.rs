//! Passwords of the accounts: made here, kept in `.env`, and given to a server that is
//! trusted with them.

use anyhow::Result;

use crate::session::{self, Session};
use config::{Settings, dotenv};
use model::account::{Account, Role};
use model::exit::{ExitCode, Stop};
use model::ident::literal;
use model::secret::Secret;

/// Generates an account's password and keeps it in `.env` where it has none;
/// says whether it did.
pub fn password_for(settings: &mut Settings, role: Role) -> Result<bool> {
    let account = settings.account(role);
    if account.password.is_some() {
        return Ok(false);
    }
    let password = generate()?;
    let account = Account { password: Some(password.clone()), ..account.clone() };
    // Into the file before the server knows it: a run that is killed in between
    // leaves a password that the next one can still give to the account.
    dotenv::set(&settings.env_file(), &[(role.password_var(), &password)])?;
    settings.set_account(account);
    Ok(true)
}

/// 32 letters and digits, so that no tool on the way needs to quote them.
fn generate() -> Result<Secret> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut password = String::new();
    while password.len() < 32 {
        let mut bytes = [0_u8; 64];
        getrandom::fill(&mut bytes)
            .map_err(|error| anyhow::anyhow!("ask the system for random bytes: {error}"))?;
        // Only values below 4 * 62: a plain remainder would favour some letters.
        let fair = bytes.iter().filter(|byte| **byte < 248);
        let letters = fair.map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
        password.extend(letters.take(32 - password.len()));
    }
    Ok(Secret::new(password))
}

/// `CREATE USER` or `ALTER USER` with a password. The statement appears in no
/// error: it holds the password, so it does not go to a server that was not verified
/// either. An account that is used from elsewhere then logs in with TLS only.
pub(crate) fn set_password(
    session: &mut Session,
    verb: &str,
    user: &str,
    host: &str,
    password: &Secret,
) -> Result<()> {
    if !session.may_send_secrets() {
        return Err(Stop::new(
            ExitCode::Server,
            format!(
                "the password of '{user}'@'{host}' is not sent to the server: the connection is {}",
                session.protection()
            ),
        )
        .hint("DB_TLS=verify-identity with DB_TLS_CA, or DB_TLS_FINGERPRINT, verifies it: docs/tls.md.")
        .hint("Or run this on the server's machine.")
        .into());
    }
    let sql = format!(
        "{verb} {}@{} IDENTIFIED BY {}{}",
        literal(user),
        literal(host),
        // IDENTIFIED BY takes a plain string only. Sessions have `sql_mode=''`, so a
        // backslash escapes.
        format_args!("'{}'", password.reveal().replace('\\', "\\\\").replace('\'', "''")),
        if session.is_here() { "" } else { " REQUIRE SSL" }
    );
    session.run_secret(&sql).map_err(|error| {
        let message = password.redact(&format!("{error:#}"));
        let stop = Stop::new(ExitCode::Server, format!("{verb} '{user}'@'{host}': {message}"));
        match session::code(&error) {
            Some(1819) => stop.hint(
                "The server rejects the password (validate_password): put one it accepts into \
                .env.",
            ),
            _ => stop,
        }
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_plain_and_new_each_time() {
        let (a, b) = (generate().expect("a password"), generate().expect("a password"));
        assert_eq!(a.reveal().len(), 32);
        assert!(a.reveal().chars().all(|c| c.is_ascii_alphanumeric()));
        assert_ne!(a, b);
    }
}
