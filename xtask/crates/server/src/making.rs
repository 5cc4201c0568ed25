//! A server's rules for new tables, taken off a session that makes tables as they were.
//!
//! A definition that was written without a rule, or before it, is refused under it, or
//! becomes another one. On MySQL most of them need a privilege to be set, so what could not
//! be taken off is known, and said where it matters.

use std::collections::BTreeMap;

use anyhow::Result;

use super::session::{Session, code, said};
use model::exit::{ExitCode, Stop};
use model::ident::literal;

/// The privilege that MySQL wants for them.
pub const PRIVILEGE: &str = "SESSION_VARIABLES_ADMIN";

/// Gives tables without a primary key one that no definition shows as written.
const GENERATES: &str = "sql_generate_invisible_primary_key";
/// Refuses tables without a primary key.
const REQUIRES: &str = "sql_require_primary_key";
/// Refuses rows that may not fit into a page, and options that InnoDB passes over.
const STRICT: &str = "innodb_strict_mode";

/// The variables and the values under which a table becomes what its definition says.
const RULES: [(&str, &str); 6] = [
    (GENERATES, "OFF"),
    (REQUIRES, "OFF"),
    (STRICT, "OFF"),
    // A TIMESTAMP gets a default that is not written.
    ("explicit_defaults_for_timestamp", "ON"),
    // A row moves the counter by more than the definition says.
    ("auto_increment_increment", "1"),
    ("auto_increment_offset", "1"),
];

/// The rules that are in force all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InForce {
    /// As `CURRENT_USER()` says: the account that matched, not the one that logs in.
    account: String,
    rules: Vec<&'static str>,
}

/// Takes the rules off this session, as far as its account may.
///
/// # Errors
/// The connection is gone.
pub fn take_off(session: &mut Session) -> Result<InForce> {
    let now = values(session, "SESSION")?;
    let mut rules = Vec::new();
    for (name, wanted) in RULES {
        let Some(value) = now.get(name) else { continue };
        if value.eq_ignore_ascii_case(wanted) {
            continue;
        }
        match session.run(&format!("SET SESSION {name} = {wanted}")) {
            Ok(()) => {}
            Err(error) if code(&error).is_some() => rules.push(name),
            Err(error) => return Err(error),
        }
    }
    let account = match rules.is_empty() {
        true => String::new(),
        false => session.value("SELECT CURRENT_USER()")?,
    };
    Ok(InForce { account, rules })
}

/// Whether the server has a rule about primary keys, and the words for it.
pub(super) fn about_primary_keys(session: &mut Session) -> Result<Option<String>> {
    let now = values(session, "GLOBAL")?;
    let on = |name: &str| now.get(name).is_some_and(|value| value == "ON");
    let names: Vec<String> = [GENERATES, REQUIRES]
        .into_iter()
        .filter(|name| on(name))
        .map(|name| format!("{name}=ON"))
        .collect();
    Ok((!names.is_empty()).then(|| names.join(" and ")))
}

/// The values of [`RULES`] that this server has.
fn values(session: &mut Session, scope: &str) -> Result<BTreeMap<String, String>> {
    let names: Vec<String> = RULES.iter().map(|(name, _)| format!("'{name}'")).collect();
    let sql = format!("SHOW {scope} VARIABLES WHERE Variable_name IN ({})", names.join(", "));
    let rows: Vec<(String, String)> = session.rows(&sql)?;
    Ok(rows.into_iter().collect())
}

impl InForce {
    fn has(&self, name: &str) -> bool {
        self.rules.contains(&name)
    }

    /// Whether tables without a primary key do not become what they were.
    pub fn about_primary_keys(&self) -> bool {
        self.has(GENERATES) || self.has(REQUIRES)
    }

    /// Whether InnoDB refuses what it does not fully carry out.
    pub fn is_strict(&self) -> bool {
        self.has(STRICT)
    }

    /// Why a table without a primary key is not made; `None` where it may be.
    pub fn refuses_without_key(&self, table: &str) -> Option<Stop> {
        let rule = [REQUIRES, GENERATES].into_iter().find(|rule| self.has(rule))?;
        Some(self.lacking(format!(
            "`{table}` has no primary key, and the server has {rule}=ON: it would refuse the table \
             or change it"
        )))
    }

    /// What the server's refusal of a definition means under these rules: the error as it
    /// was where they are not the reason.
    pub fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let said = said(&error);
        let stop = match code(&error) {
            Some(3750) if self.has(REQUIRES) => self.lacking(format!(
                "a table has no primary key, and the server has {REQUIRES}=ON: {said}"
            )),
            // Too wide for any table, whatever the rules: the message has that limit.
            Some(1118) if self.has(STRICT) && !said.contains("65535") => self.lacking(format!(
                "a table was made with {STRICT}=OFF, and the server has it ON: {said}"
            )),
            // Options that do not fit the table: a file of another origin may have them, too.
            Some(1031 | 1478) if self.has(STRICT) => {
                let words = error.downcast_ref::<Stop>().map(|stop| stop.message.clone());
                let stop = self.lacking(words.unwrap_or(said));
                Stop { code: ExitCode::Store, ..stop }
            }
            _ => return error,
        };
        let known = error.downcast_ref::<Stop>().map(|stop| stop.hints.clone());
        let stop = known.into_iter().flatten().fold(stop, Stop::hint);
        error.context(stop)
    }

    /// The statement that lets the account take them off.
    pub fn grant(&self) -> String {
        let (user, host) = self.account.rsplit_once('@').unwrap_or((&self.account, "%"));
        format!("GRANT {PRIVILEGE} ON *.* TO {}@{};", literal(user), literal(host))
    }

    fn lacking(&self, what: String) -> Stop {
        let account = &self.account;
        Stop::new(ExitCode::Configuration, what)
            .hint(format!(
                "`{account}` needs {PRIVILEGE} to turn the rule off in its own sessions. `cargo xtask \
                 doctor --fix` grants it where the rule holds for the whole server."
            ))
            .hint(format!("Otherwise run as root: {}", self.grant()))
    }
}
