//! Locks on tables that others use: short tries with growing pauses, in which others get
//! through. A session that waits for a lock stops everybody who comes after it.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::ctx::Ctx;
use config::policy::RestorePolicy;
use model::account::Role;
use model::exit::Stop;
use report::human;
use server::session::code;
use server::{Server, Session};
use sys::clock;

/// ER_LOCK_WAIT_TIMEOUT.
const TIMEOUT: u16 = 1205;
/// The first pause, and the longest: it doubles in between.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(4));
/// How long a session waits where the wait stops nobody, or others wait anyway, in seconds.
pub(crate) const PATIENT_S: u32 = 10;

/// How long statements behind a lock wait; another number than that of a try, by which a
/// failure at the lock is known.
fn behind(policy: &RestorePolicy) -> u32 {
    if policy.lock_wait_s == PATIENT_S { PATIENT_S + 1 } else { PATIENT_S }
}

/// Runs a statement that may have to wait for a table, again and again as `[restore]` says.
/// When it fails at the lock, it has done nothing. Its text goes to the server alone.
///
/// # Errors
/// No try got the lock ([`hint`] says who may hold it), someone pressed Ctrl-C, or the server
/// refuses the statement for another reason.
pub(crate) fn run(ctx: &Ctx, session: &mut Session, sql: &str) -> Result<()> {
    let tried = patiently(ctx, session, |session, short| {
        session.run(short)?;
        session.run(sql)
    });
    // A session that is gone needs no limit.
    session.run(&wait(behind(&ctx.settings.policy.restore))).ok();
    tried
}

/// As [`run`], with one try: the caller has better to do in the pauses.
///
/// # Errors
/// It did not get the lock (1205), or the server refuses the statement.
pub(crate) fn once(ctx: &Ctx, session: &mut Session, sql: &str) -> Result<()> {
    let policy = &ctx.settings.policy.restore;
    session.run(&wait(policy.lock_wait_s))?;
    let tried = session.run(sql);
    session.run(&wait(behind(policy))).ok();
    tried
}

/// The pause before a further try.
pub fn pause(tries: u32) -> Duration {
    PAUSES.0.saturating_mul(1 << tries.min(8)).min(PAUSES.1)
}

/// As [`run`], for a packet of this tool's own statements, of which the first takes the lock.
/// Those behind it wait longer, for sessions that come in between.
pub(crate) fn run_all(ctx: &Ctx, session: &mut Session, packet: &[String]) -> Result<()> {
    let Some((first, others)) = packet.split_first() else { return Ok(()) };
    let patient = wait(behind(&ctx.settings.policy.restore));
    let tried = patiently(ctx, session, |session, short| {
        let begin = [short.to_owned(), first.clone(), patient.clone()];
        session.run_all(&[&begin, others].concat())
    });
    session.run(&patient).ok();
    tried
}

/// `attempt` gets the statement that makes a wait short.
fn patiently(
    ctx: &Ctx,
    session: &mut Session,
    mut attempt: impl FnMut(&mut Session, &str) -> Result<()>,
) -> Result<()> {
    let policy = &ctx.settings.policy.restore;
    let mut pause = PAUSES.0;
    let mut left = policy.lock_retries;
    loop {
        let Err(error) = attempt(session, &wait(policy.lock_wait_s)) else { return Ok(()) };
        // With the longer wait it was a statement behind the lock.
        let at_lock = code(&error) == Some(TIMEOUT)
            && session.value::<u32>("SELECT @@SESSION.lock_wait_timeout")? == policy.lock_wait_s;
        if !at_lock || left == 0 {
            return Err(error);
        }
        if left == policy.lock_retries {
            ctx.ui.say(
                "others are using the tables; retrying in short attempts, so that they can go on",
            );
        }
        clock::until(Instant::now(), pause)?;
        pause = (pause * 2).min(PAUSES.1);
        left -= 1;
    }
}

fn wait(seconds: u32) -> String {
    format!("SET SESSION lock_wait_timeout = {seconds}")
}

/// Who may hold a lock that no try got, for the hints of a refusal.
pub fn holders(ctx: &Ctx, server: &Server) -> Vec<String> {
    // It is about other people's sessions: the refusal matters more than a question that fails.
    match open(ctx, server, 1).ok().flatten() {
        None => vec![
            "`SHOW PROCESSLIST` as root lists the sessions; which of them are in a \
            transaction could not be seen."
                .to_owned(),
        ],
        Some(open) if open.is_empty() => {
            vec![
                "No transaction is open for a second or longer: the lock was held by short ones \
            in turn, by LOCK TABLES, or by another definition (`SHOW PROCESSLIST`)."
                    .to_owned(),
            ]
        }
        Some(open) => open.iter().map(|one| format!("Open now: {one}.")).collect(),
    }
}

/// Adds [`holders`] to a refusal, and what to do; `section` of `xtask.toml` has the number of
/// tries, where it can be chosen.
pub fn hint(stop: Stop, holders: &[String], section: Option<&str>) -> Stop {
    let stop = holders.iter().fold(stop, |stop, one| stop.hint(one));
    match section {
        Some(section) => {
            stop.hint(format!("End what holds it, or raise {section}.lock_retries in xtask.toml."))
        }
        None => stop.hint("End what holds it, then run the command again."),
    }
}

/// Who is in a transaction for at least that many seconds, the longest first, five at most;
/// `None`: `migrate_user` has no right to see it. Statements are not shown: they may hold what is
/// nobody's business.
///
/// # Errors
/// The server cannot be asked.
pub fn open(ctx: &Ctx, server: &Server, seconds: u64) -> Result<Option<Vec<String>>> {
    let mut session = ctx.session(server, Role::Migrate, None)?;
    let sql = format!(
        "SELECT t.trx_mysql_thread_id, COALESCE(p.USER, '?'), \
         TIMESTAMPDIFF(SECOND, t.trx_started, NOW()), t.trx_rows_modified \
         FROM information_schema.INNODB_TRX t \
         LEFT JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id \
         WHERE TIMESTAMPDIFF(SECOND, t.trx_started, NOW()) >= {seconds} ORDER BY 3 DESC LIMIT 5"
    );
    // The server's times are in its own zone.
    session.run("SET time_zone = 'SYSTEM'")?;
    let open: Vec<(u64, String, u64, u64)> = match session.rows(&sql) {
        Ok(open) => open,
        // The right PROCESS is missing.
        Err(error) if code(&error) == Some(1227) => return Ok(None),
        Err(error) => return Err(error),
    };
    let line = |(id, user, age, modified): (u64, String, u64, u64)| {
        let wrote = if modified == 0 {
            "has written nothing".to_owned()
        } else {
            format!("has written {}", human::count(modified, "row"))
        };
        let age = human::duration(age * 1000);
        format!("connection {id} of {user} is in a transaction for {age} and {wrote}")
    };
    Ok(Some(open.into_iter().map(line).collect()))
}
