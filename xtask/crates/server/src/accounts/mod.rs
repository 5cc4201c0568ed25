//! The schema and the accounts of docs/configuration.md: made once with root,
//! each with exactly the rights of its role, no more and no fewer.

mod grants;
mod password;
mod program;
mod rights;

use anyhow::{Context, Result};

pub use self::password::password_for;
pub(super) use self::password::set_password;
pub use self::rights::Difference;
use self::rights::{Advised, Dialect, Rights};
use super::endpoint::Server;
use super::greeting;
use super::making;
use super::session::{self, Session};
use config::Settings;
use model::account::{Account, Role};
use model::check::Check;
use model::exit::{ExitCode, Stop};
use model::facts::Version;
use model::ident::{literal, quote};
use ui::Ui;

/// Makes the schema and the accounts, or fixes them; gives one line for
/// each thing it changed. New passwords go into `.env` and nowhere else.
pub fn ensure(settings: &mut Settings, server: &Server, ui: &Ui) -> Result<Vec<String>> {
    let mut root = Session::open(server, settings.account(Role::Root), None)
        .map_err(|error| root_refused(error, server))?;
    let dialect = dialect(&mut root)?;
    refuse_literal_patterns(&mut root)?;
    let mut done = Vec::new();
    let exists: Option<String> = root.first(&format!(
        "SELECT schema_name FROM information_schema.schemata WHERE schema_name = {}",
        literal(&settings.schema)
    ))?;
    if exists.is_none() {
        // The newest general collation that both flavours know.
        root.run(&format!(
            "CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
            quote(&settings.schema)
        ))?;
        done.push(format!("created the schema {}", settings.schema));
    }
    for role in settings.created_roles() {
        if password_for(settings, role)? {
            done.push(format!("wrote a new {} to .env", role.password_var()));
        }
        let account = settings.account(role).clone();
        login(&mut root, server, &account, &settings.account_host, &mut done)?;
        let elsewhere = mend_rights(&mut root, settings, &account, dialect, &mut done)?;
        prove(server, settings, &account)?;
        ui.detail(format!("`{}` logs in and has exactly the privileges it needs", account.user));
        if !elsewhere.is_empty() {
            let rights = elsewhere.join("; ");
            ui.detail(format!(
                "`{}` keeps its privileges on other schemas: \
            {rights}",
                account.user
            ));
        }
    }
    program::ensure(&mut root, settings, dialect, &mut done)?;
    Ok(done)
}

/// Looks at the locked account that owns programs. Only root may see it.
pub fn look_at_programs(settings: &Settings, server: &Server) -> Result<Check> {
    let mut root = Session::open(server, settings.account(Role::Root), None)
        .map_err(|error| root_refused(error, server))?;
    let name = format!("object owner {}", settings.program_user);
    Ok(match program::state(&mut root, settings)? {
        program::State::Missing => Check::failed(name, "the account does not exist"),
        program::State::Open => Check::failed(name, program::open(settings).message),
        program::State::Locked(difference) if difference.none() => {
            Check::passed(name, "locked, with privileges on its schema only")
        }
        program::State::Locked(difference) => {
            let all: Vec<String> =
                difference.missing.into_iter().chain(difference.excess).collect();
            Check::failed(name, format!("to do: {}", all.join("; ")))
        }
    })
}

/// What an account lacks and cannot do its work without, each as the GRANT that gives it.
pub fn missing_grants(
    session: &mut Session,
    settings: &Settings,
    role: Role,
) -> Result<Vec<String>> {
    let dialect = dialect(session)?;
    let lines = own_grants(session)?;
    let mut rules = rules(session, settings, role, dialect, &lines)?;
    rules.tolerated.extend(rules.advised.drain(..).map(|advised| advised.rights));
    Ok(rules.compare(&lines, settings, role).missing)
}

fn own_grants(session: &mut Session) -> Result<Vec<String>> {
    session.rows("SHOW GRANTS FOR CURRENT_USER()")
}

/// What the logged-in account lacks and what it has too much, for its role.
pub fn difference(session: &mut Session, settings: &Settings, role: Role) -> Result<Difference> {
    let dialect = dialect(session)?;
    let lines = own_grants(session)?;
    Ok(rules(session, settings, role, dialect, &lines)?.compare(&lines, settings, role))
}

/// What a role has to have, what of it is not missed every day, and what it may have besides.
struct Rules {
    wanted: Vec<Rights>,
    advised: Vec<Advised>,
    tolerated: Vec<Rights>,
}

impl Rules {
    fn all(&self) -> Vec<Rights> {
        let advised = self.advised.iter().map(|advised| advised.rights.clone());
        self.wanted.iter().cloned().chain(advised).collect()
    }

    fn compare(&self, lines: &[String], settings: &Settings, role: Role) -> Difference {
        let name = shown(&settings.account(role).user, &settings.account_host);
        let with = |wanted: &[Rights]| {
            rights::compare(lines, wanted, &self.tolerated, &name, &settings.schema)
        };
        let missed = |it: &&Advised| !with(std::slice::from_ref(&it.rights)).missing.is_empty();
        let why = self.advised.iter().filter(missed).map(|it| it.why.clone()).collect();
        Difference { why, ..with(&self.all()) }
    }
}

/// The rules of a role. `session` sees every table of the schema.
fn rules(
    session: &mut Session,
    settings: &Settings,
    role: Role,
    dialect: Dialect,
    lines: &[String],
) -> Result<Rules> {
    let schema = settings.schema.as_str();
    let mut wanted = rights::wanted(role, schema, dialect);
    let mut tolerated = rights::tolerated(role, dialect);
    if role == Role::App {
        let tables: Vec<String> = session.rows(&format!(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}",
            literal(schema)
        ))?;
        wanted.extend(rights::of_the_api(schema, &tables));
        tolerated.extend(rights::on_former_tables(schema, lines));
    }
    let rule = match role {
        Role::Drill | Role::Restore => making::about_primary_keys(session)?,
        _ => None,
    };
    let advised = rights::advised(role, schema, dialect, rule.as_deref());
    Ok(Rules { wanted, advised, tolerated })
}

fn dialect(session: &mut Session) -> Result<Dialect> {
    let text: String = session.value("SELECT VERSION()")?;
    let version = Version::parse(&text).with_context(|| format!("read the version `{text}`"))?;
    Ok(Dialect { flavour: greeting::flavour_of(&text), version })
}

/// With `partial_revokes` the server takes `%` in a schema's name literally, and
/// the rights on the companion schemas would silently be rights on nothing.
fn refuse_literal_patterns(root: &mut Session) -> Result<()> {
    let row: Option<(String, String)> =
        root.first("SHOW GLOBAL VARIABLES LIKE 'partial\\_revokes'")?;
    if row.is_none_or(|(_, value)| value != "ON") {
        return Ok(());
    }
    Err(Stop::new(
        ExitCode::Server,
        "the server has partial_revokes ON, so accounts cannot get privileges on mydb__… schemas",
    )
    .hint("As root: SET PERSIST partial_revokes = OFF; then run this again.")
    .into())
}

fn shown(user: &str, host: &str) -> String {
    format!("{}@{}", literal(user), literal(host))
}

/// Makes the account when it is missing, and its password that of `.env`.
fn login(
    root: &mut Session,
    server: &Server,
    account: &Account,
    own_host: &str,
    done: &mut Vec<String>,
) -> Result<()> {
    let password = account.password.as_ref().context("the account has a password by now")?;
    let user = account.user.as_str();
    let hosts: Vec<String> =
        root.rows(&format!("SELECT Host FROM mysql.user WHERE User = {}", literal(user)))?;
    if !hosts.iter().any(|host| host == own_host) {
        set_password(root, "CREATE USER", user, own_host, password)?;
        done.push(format!("created the account {user}"));
        if hosts.iter().any(|host| host == "%") {
            let drop = format!("DROP USER {}", shown(user, "%"));
            done.push(format!("{user} can still log in from anywhere; to stop that: {drop}"));
        }
        return Ok(());
    }
    let refused =
        |error: &anyhow::Error| session::code(error) == Some(1045) && !session::wants_tls(error);
    match Session::open(server, account, None) {
        Ok(_) => return Ok(()),
        Err(error) if refused(&error) => {}
        Err(error) => return Err(error),
    }
    set_password(root, "ALTER USER", user, own_host, password)?;
    match Session::open(server, account, None) {
        Err(error) if refused(&error) => Err(still_refused(error, user, own_host, &hosts)),
        Err(error) => Err(error),
        Ok(_) => {
            done.push(format!("set the password of {user} to the one in .env"));
            Ok(())
        }
    }
}

/// The password is right now, so another account of that name must be in front.
fn still_refused(
    error: anyhow::Error,
    user: &str,
    own_host: &str,
    hosts: &[String],
) -> anyhow::Error {
    let others: Vec<String> = hosts
        .iter()
        .filter(|host| *host != own_host)
        .map(|host| format!("'{user}'@'{host}'"))
        .collect();
    let others = if others.is_empty() { "an anonymous one".to_owned() } else { others.join(", ") };
    let stop = Stop::new(
        ExitCode::Server,
        format!("'{user}'@'{own_host}' has the password from .env, but its login is still refused"),
    )
    .hint(format!(
        "A more specific account takes precedence: {others}. Remove it if nothing uses \
    it."
    ));
    error.context(stop)
}

/// Takes what is too much and gives what is missing; touches nothing when the
/// rights are already exact. Gives the rights on other schemas, which are left alone.
fn mend_rights(
    root: &mut Session,
    settings: &Settings,
    account: &Account,
    dialect: Dialect,
    done: &mut Vec<String>,
) -> Result<Vec<String>> {
    let name = shown(&account.user, &settings.account_host);
    let compare = |root: &mut Session| -> Result<Difference> {
        let lines: Vec<String> = root.rows(&format!("SHOW GRANTS FOR {name}"))?;
        Ok(rules(root, settings, account.role, dialect, &lines)?.compare(
            &lines,
            settings,
            account.role,
        ))
    };
    let before = compare(root)?;
    if before.none() {
        return Ok(before.elsewhere);
    }
    if !before.excess.is_empty() {
        // Grants table by table before revoking a schema-wide right, so that a running API never
        // lacks it.
        let lines: Vec<String> = root.rows(&format!("SHOW GRANTS FOR {name}"))?;
        let rules = rules(root, settings, account.role, dialect, &lines)?;
        for right in
            rules.wanted.iter().filter(|right| account.role == Role::App && right.on_table())
        {
            root.run(&right.grant(&name))?;
        }
        // One by one: another schema of this server may be used by the same account.
        for revoke in &before.excess {
            root.run(revoke)?;
        }
        done.push(format!("revoked from {}: {}", account.user, before.excess.join("; ")));
    }
    let missing = compare(root)?.missing;
    for grant in &missing {
        root.run(grant)?;
    }
    match missing.as_slice() {
        // One line for each of the schema's tables says no more than their number.
        many if account.role == Role::App && many.len() > 2 => {
            done.push(format!("granted {} its privileges ({} grants)", account.user, many.len()));
        }
        few => done.extend_from_slice(few),
    }
    let after = compare(root)?;
    if after.none() {
        return Ok(after.elsewhere);
    }
    let left = after.missing.iter().chain(&after.excess).cloned().collect::<Vec<_>>().join("; ");
    Err(Stop::new(
        ExitCode::Server,
        format!("the privileges of `{}` could not be corrected; still to do: {left}", account.user),
    )
    .hint("Run the statements as an administrator and see what the server answers.")
    .into())
}

/// Logs in as the account: the only proof that it works.
fn prove(server: &Server, settings: &Settings, account: &Account) -> Result<()> {
    // A drill has no business in the schema itself, and who reads the log none in any.
    let outside = matches!(account.role, Role::Drill | Role::Log);
    let own = (!outside).then_some(settings.schema.as_str());
    let mut session = Session::open(server, account, own)?;
    let current: String = session.value("SELECT CURRENT_USER()")?;
    let wanted = format!("{}@{}", account.user, settings.account_host);
    if current == wanted {
        return Ok(());
    }
    Err(Stop::new(
        ExitCode::Server,
        format!("`{}` logs in as {current} instead of {wanted}", account.user),
    )
    .hint(format!(
        "The more specific account {current} takes precedence: remove it, or set another user as \
        {} in .env.",
        account.role.user_var().unwrap_or("DB_…_USER")
    ))
    .into())
}

fn root_refused(error: anyhow::Error, server: &Server) -> anyhow::Error {
    if session::code(&error) != Some(1045) || session::wants_tls(&error) {
        return error;
    }
    let stop = Stop::new(
        ExitCode::Server,
        format!("root cannot log in at {server} with DB_ROOT_PASSWORD"),
    );
    let stop = match server.container() {
        Some(name) => stop
            .hint(format!(
                "Container `{name}` keeps the root password from its first start \
            (MYSQL_ROOT_PASSWORD at that time)."
            ))
            .hint("Put that password into .env; changing it there does not change the server."),
        None => stop.hint("Put root's password on that server into .env as DB_ROOT_PASSWORD."),
    };
    error.context(stop)
}
