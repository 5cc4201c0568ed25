//! Checks of the server: found, new enough, the schema, each account and its
//! rights, the dump client.

use anyhow::Result;

use super::{FIX, Findings, machine};
use config::backup::EngineChoice;
use config::tls::Mode;
use config::{ReachChoice, Settings};
use model::account::Role;
use model::check::Check;
use model::exit::Stop;
use ops::copy::fetching;
use rows::dumper;
use server::find::{self, Found};
use server::greeting::Greeting;
use server::{Reach, Server, Session, accounts, session};
use store::gate::WayBack;
use store::ledger::CHAIN;
use store::{Backup, Keyring, Store};
use ui::Ui;

const ACCOUNT_CHECKS: [&str; 6] =
    ["schema", "functions", "tls", "logins", "rights", "object owner"];

pub(super) fn look(settings: &Settings, ui: &Ui, findings: &mut Findings) -> Result<()> {
    let found = find::greeted(settings, ui);
    let by_docker = match &found {
        Ok(found) => found.server.container().is_some(),
        Err(_) => {
            settings.host.is_none()
                && settings.socket.is_none()
                && matches!(settings.reach, ReachChoice::Docker | ReachChoice::DockerExec)
        }
    };
    machine::docker(settings, by_docker, found.is_ok() && !by_docker, findings);
    match found {
        Ok(Found { server, greeting }) => {
            let what = format!("{} {} at {server}", greeting.flavour, greeting.version_text);
            findings.server(Check::passed("server", what), "");
            accounts_and_schema(settings, &server, findings);
            dump_client(settings, &server, &greeting, findings);
        }
        Err(error) => {
            let stop = error.downcast_ref::<Stop>();
            let hint = stop.and_then(|stop| stop.hints.first().cloned());
            let fix = hint.unwrap_or_else(|| "`cargo xtask db-up` starts it".to_owned());
            let fix = fix.trim_end_matches('.');
            findings.server(Check::failed("server", format!("{error}")), fix);
            for name in ACCOUNT_CHECKS.into_iter().chain(["dump client"]) {
                findings.not_run(name, "no server");
            }
        }
    }
    let keyring = signer(settings, findings);
    backups(settings, keyring, findings)?;
    Ok(())
}

/// The key that this machine signs with.
fn signer(settings: &Settings, findings: &mut Findings) -> Keyring {
    const NAME: &str = "signing key";
    let keyring = Keyring::of(settings);
    match keyring.own() {
        Ok(Some(key)) => {
            let path = keyring.path().ok().flatten().unwrap_or_default();
            let detail = format!("{}, {}", key.fingerprint(), path.display());
            findings.configuration(Check::passed(NAME, detail), "");
        }
        Ok(None) => findings.not_run(NAME, "none yet; the first backup creates it"),
        Err(stop) => {
            let fix = stop.hints.first().cloned().unwrap_or_default();
            let fix = fix.trim_end_matches('.').to_owned();
            findings.configuration(Check::failed(NAME, stop.message), fix);
        }
    }
    keyring
}

/// Whose signatures the entries and the backups carry. An origin that is not proven is
/// no failure; it is said, and proves nothing.
fn origins(store: &Store, entries: &[Backup], findings: &mut Findings) {
    const NAME: &str = "origins";
    let unproven: Vec<String> = entries
        .iter()
        .filter(|entry| entry.manifest().is_some() && !entry.trust.is_proven())
        .map(|entry| format!("{}: {}", entry.label, entry.trust))
        .collect();
    let entries = store.read().ok().and_then(|ledger| ledger.signed().unproven());
    let what: Vec<String> = unproven.into_iter().chain(entries).collect();
    if what.is_empty() {
        findings.store(Check::passed(NAME, "every backup and ledger entry is proven"), "");
    } else {
        findings.not_run(NAME, format!("not proven: {}", what.join("; ")));
    }
}

/// The backups folder's own state: the chain, leftovers, an unfinished swap.
fn backups(settings: &Settings, keyring: Keyring, findings: &mut Findings) -> Result<()> {
    let fetched = fetching::abandoned(&settings.local)?;
    let fetched: Vec<String> = fetched.iter().map(|name| format!(".local/{name}")).collect();
    let next = "the next `cargo xtask db-backup` or `doctor --fix` removes it";
    findings.store(none_of("fetched copies of crashed runs", &fetched), next);
    if !settings.backups.is_dir() {
        for name in BACKUP_CHECKS {
            findings.not_run(name, "there are no backups yet");
        }
        return Ok(());
    }
    let store = Store::open(&settings.backups)?.with_keyring(keyring);
    let aside = "make a copy of the backups folder and read docs/formats.md: a ledger is never \
    repaired automatically";
    findings.store(store.verify_chain()?, aside);
    findings.store(none_of("leftovers", &store.leftovers()?), next);
    let entries = store.list()?;
    let damaged: Vec<String> = entries
        .iter()
        .filter_map(|entry| Some(format!("{}: {}", entry.label, entry.problem()?)))
        .collect();
    findings.store(
        none_of("damaged backups", &damaged),
        "restore them from another copy, or delete their files",
    );
    origins(&store, &entries, findings);
    unfinished(&store, findings)
}

/// What runs left for the next one.
fn unfinished(store: &Store, findings: &mut Findings) -> Result<()> {
    const NAME: &str = "unfinished restores";
    let refused = store.refused_journals()?;
    if refused.is_empty() {
        let unfinished: Vec<String> =
            store.read_journal()?.map(|journal| journal.what()).into_iter().collect();
        findings.store(none_of(NAME, &unfinished), "`cargo xtask doctor --fix` finishes it");
    } else {
        let all: Vec<String> = refused.into_iter().map(|(_, stop)| stop.message).collect();
        findings.store(
            Check::failed(NAME, all.join("; ")),
            "finish it with the version of the tool that wrote it, or compare the live schema \
             with the newest backup, then `cargo xtask doctor --forget-restore`",
        );
    }
    // No failure: nothing but `migrate --undo` refuses because of it.
    match store.way_back()? {
        WayBack::Nothing => findings.store(Check::passed(WAY_BACK, "none are kept"), ""),
        WayBack::Known(undo) => {
            let detail = format!("the old tables are in `{}`", undo.previous_schema);
            findings.store(Check::passed(WAY_BACK, detail), "");
        }
        WayBack::Refused(refused) => findings.not_run(WAY_BACK, refused.warning()),
    }
    Ok(())
}

const WAY_BACK: &str = "undo of the last migration";

const BACKUP_CHECKS: [&str; 6] =
    [CHAIN, "leftovers", "damaged backups", "origins", "unfinished restores", WAY_BACK];

fn none_of(name: &str, found: &[String]) -> Check {
    if found.is_empty() {
        Check::passed(name, "none")
    } else {
        Check::failed(name, found.join("; "))
    }
}

fn accounts_and_schema(settings: &Settings, server: &Server, findings: &mut Findings) {
    let mut seen_schema = false;
    for role in settings.created_roles() {
        let account = settings.account(role);
        let (login, rights) =
            (format!("login {}", account.user), format!("rights {}", account.user));
        let mut session = match Session::open(server, account, None) {
            Ok(session) => {
                findings.server(Check::passed(&login, "logs in"), "");
                session
            }
            Err(error) => {
                let fix = fix_for(settings, &error);
                findings.server(Check::failed(&login, settings.redact(&error.to_string())), &fix);
                findings.not_run(&rights, "it cannot log in");
                continue;
            }
        };
        if role == Role::Log {
            log(&mut session, findings);
        }
        // These two accounts cannot see it.
        if !seen_schema && !matches!(role, Role::Drill | Role::Log) {
            seen_schema = true;
            schema(settings, &mut session, findings);
            functions(&mut session, findings);
            tls(&session, findings);
        }
        match accounts::difference(&mut session, settings, role) {
            Ok(difference) if difference.none() => {
                let beside = listed("on other schemas", &difference.elsewhere);
                let beside = beside.map_or_else(String::new, |it| format!("; {it}"));
                let detail = format!("exactly those of its role{beside}");
                findings.server(Check::passed(&rights, detail), "");
            }
            Ok(difference) => {
                let missing = listed("missing", &difference.missing);
                let excess = listed("too many", &difference.excess);
                let why = listed("needed because", &difference.why);
                let detail = [missing, excess, why].into_iter().flatten();
                let detail = detail.collect::<Vec<_>>().join("; ");
                findings.server(Check::failed(&rights, detail), FIX);
            }
            Err(error) => findings.not_run(&rights, format!("{error:#}")),
        }
    }
    if !seen_schema {
        findings.not_run("schema", "no account logs in");
        findings.not_run("functions", "no account logs in");
        findings.not_run("tls", "no account logs in");
    }
    programs(settings, server, findings);
}

/// Whether the server writes a log that can be read.
fn log(session: &mut Session, findings: &mut Findings) {
    let name = "binary log";
    match server::log::state(session) {
        Ok(state) if state.writes_rows => {
            findings
                .server(Check::passed(name, format!("can be read; now at {}", state.position)), "");
        }
        Ok(_) => findings.not_run(
            name,
            "binlog_format is not ROW: what sessions write as statements cannot be followed",
        ),
        Err(error) => {
            let fix = "set it on the server; docs/configuration.md says how";
            findings.server(Check::failed(name, format!("{error:#}")), fix);
        }
    }
}

/// The account that owns programs. Nobody logs in as it, so only root can look at it.
fn programs(settings: &Settings, server: &Server, findings: &mut Findings) {
    let name = format!("object owner {}", settings.program_user);
    if settings.account(Role::Root).password.is_none() {
        return findings.not_run(name, "only root can see it, and DB_ROOT_PASSWORD is not set");
    }
    match accounts::look_at_programs(settings, server) {
        Ok(check) => findings.server(check, FIX),
        Err(error) => findings.not_run(name, settings.redact(&format!("{error:#}"))),
    }
}

/// How an account that cannot log in gets in. A new password is an answer to a wrong one
/// only: where the server was not reached as it must be, it would change nothing.
fn fix_for(settings: &Settings, error: &anyhow::Error) -> String {
    let stop = error.downcast_ref::<Stop>();
    match (session::code(error), stop.and_then(|stop| stop.hints.first())) {
        (Some(1045 | 1698), _)
            if !session::wants_tls(error) && settings.tls.mode != Some(Mode::Off) =>
        {
            FIX.to_owned()
        }
        (_, Some(hint)) => hint.trim_end_matches('.').to_owned(),
        (_, None) => FIX.to_owned(),
    }
}

/// How the connection is protected.
fn tls(session: &Session, findings: &mut Findings) {
    let safe = session.may_send_secrets();
    let fix = "DB_TLS=verify-identity with DB_TLS_CA, or DB_TLS_FINGERPRINT, in .env: docs/tls.md";
    findings.server(Check::of(safe, "tls", session.protection()), fix);
}

fn listed(what: &str, statements: &[String]) -> Option<String> {
    (!statements.is_empty()).then(|| format!("{what}: {}", statements.join("; ")))
}

fn schema(settings: &Settings, session: &mut Session, findings: &mut Findings) {
    let name = &settings.schema;
    let query = format!(
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = {0} AND table_type = 'BASE TABLE'",
        model::ident::literal(name)
    );
    let used = session.run(&format!("USE {}", model::ident::quote(name)));
    match used.and_then(|()| session.value::<u64>(&query)) {
        Ok(tables) => {
            findings.server(Check::passed("schema", format!("{name}, {tables} tables")), "");
        }
        Err(error) => {
            let detail = format!("{name}: {}", error.root_cause());
            findings.server(Check::failed("schema", detail), FIX);
        }
    }
}

/// With the binary log on, accounts without SUPER make triggers and functions
/// only where the server trusts them; a restore has to make them.
fn functions(session: &mut Session, findings: &mut Findings) {
    let query =
        "SELECT CAST(@@log_bin AS SIGNED), CAST(@@log_bin_trust_function_creators AS SIGNED)";
    match session.first::<(i64, i64)>(query) {
        Ok(Some((log, trust))) => {
            let words = |on| if on == 0 { "OFF" } else { "ON" };
            let detail =
                format!("log_bin {}, log_bin_trust_function_creators {}", words(log), words(trust));
            findings.server(
                Check::of(log == 0 || trust != 0, "functions", detail),
                "as root: SET GLOBAL log_bin_trust_function_creators = ON (SET PERSIST on MySQL)",
            );
        }
        Ok(None) => findings.not_run("functions", "the server gave no answer"),
        Err(error) => findings.not_run("functions", format!("{error:#}")),
    }
}

/// The program that a backup calls where the native engine has no way in, or is not wanted.
fn dump_client(settings: &Settings, server: &Server, greeting: &Greeting, findings: &mut Findings) {
    let needed = match settings.policy.backup.engine {
        EngineChoice::Native => false,
        EngineChoice::Mysqldump => true,
        EngineChoice::Auto => matches!(server.reach, Reach::DockerExec { .. }),
    };
    match dumper::find_client(server, greeting.flavour, greeting.version) {
        Ok(client) => findings.configuration(Check::passed("dump client", client.to_string()), ""),
        Err(_) if !needed => {
            let none = "no matching one, and none is needed: the native engine reads over the \
            protocol";
            findings.configuration(Check::passed("dump client", none), "");
        }
        Err(error) => {
            let stop = error.downcast_ref::<Stop>();
            let fix = stop.and_then(|stop| stop.hints.last().cloned()).unwrap_or_default();
            let found = Check::failed("dump client", format!("{error}"));
            findings.configuration(found, fix.trim_end_matches('.'));
        }
    }
}
