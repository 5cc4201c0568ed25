//! The locked account that owns the programs which a swap makes. It cannot log in; a view, trigger,
//! routine or event may do what this account may do: work in its schema.

use anyhow::Result;

use super::rights::{self, Dialect, Difference};
use crate::session::Session;
use config::Settings;
use model::exit::{ExitCode, Stop};
use model::facts::Flavour;
use model::ident::literal;

/// How the account stands on the server.
#[derive(Debug)]
pub(super) enum State {
    Missing,
    /// It can log in.
    Open,
    /// Locked, with these rights too few or too many.
    Locked(Difference),
}

fn name(settings: &Settings) -> String {
    format!("{}@'%'", literal(&settings.program_user))
}

/// Looks at it; `root` may see other accounts.
pub(super) fn state(root: &mut Session, settings: &Settings) -> Result<State> {
    let user = &settings.program_user;
    let there: u64 = root.value(&format!(
        "SELECT COUNT(*) FROM mysql.user WHERE User = {} AND Host = '%'",
        literal(user)
    ))?;
    if there == 0 {
        return Ok(State::Missing);
    }
    let account = name(settings);
    let shown: String = root.value(&format!("SHOW CREATE USER {account}"))?;
    // MySQL writes ACCOUNT UNLOCK for the other state, MariaDB nothing.
    if !shown.contains(" ACCOUNT LOCK") {
        return Ok(State::Open);
    }
    let lines: Vec<String> = root.rows(&format!("SHOW GRANTS FOR {account}"))?;
    let wanted = rights::of_programs(&settings.schema);
    let difference = rights::compare(&lines, &wanted, &[], &account, &settings.schema);
    Ok(State::Locked(difference))
}

/// Makes it, or makes its rights exact.
pub(super) fn ensure(
    root: &mut Session,
    settings: &Settings,
    dialect: Dialect,
    done: &mut Vec<String>,
) -> Result<()> {
    let (user, account) = (&settings.program_user, name(settings));
    if matches!(state(root, settings)?, State::Missing) {
        // No one knows its password: MySQL generates one, MariaDB gets a hash that no text has.
        let secret = match dialect.flavour {
            Flavour::Mysql => "IDENTIFIED BY RANDOM PASSWORD",
            Flavour::Mariadb => "IDENTIFIED VIA mysql_native_password USING 'invalid'",
        };
        root.run(&format!("CREATE USER {account} {secret} ACCOUNT LOCK"))?;
        done.push(format!("created the locked account {user}"));
    }
    let difference = match state(root, settings)? {
        State::Locked(difference) => difference,
        State::Missing | State::Open => return Err(open(settings).into()),
    };
    for statement in difference.excess.iter().chain(&difference.missing) {
        root.run(statement)?;
        done.push(statement.clone());
    }
    match state(root, settings)? {
        State::Locked(difference) if difference.none() => Ok(()),
        _ => Err(Stop::new(
            ExitCode::Server,
            format!("the privileges of `{user}` could not be corrected"),
        )
        .hint(
            "Run `SHOW GRANTS` for it as an administrator, and compare with docs/configuration.md.",
        )
        .into()),
    }
}

/// It may be in use: it is not locked without asking.
pub(super) fn open(settings: &Settings) -> Stop {
    let account = name(settings);
    Stop::new(
        ExitCode::Server,
        format!(
            "`{}` is not locked, so it must not own the schema's views, triggers, routines and \
            events",
            settings.program_user
        ),
    )
    .hint(format!("If nothing logs in as it, run as root: ALTER USER {account} ACCOUNT LOCK;"))
    .hint("If it belongs to another project, set DB_PROGRAM_USER in .env to another account.")
}
