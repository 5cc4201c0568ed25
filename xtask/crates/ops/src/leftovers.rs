//! Companion schemas that earlier runs left behind, and what still runs in them.

use std::time::Duration;

use anyhow::Result;
use mysql_common::Row;

use crate::ctx::Ctx;
use crate::staging::drop_schema;
use server::session::code;
use server::{Session, inventory};
use sys::clock;

/// How long a statement of a dead run may take to roll back.
const ROLLED_BACK: Duration = Duration::from_secs(120);

/// Removes the staging schemas of runs that died. Call it with both locks held.
///
/// # Errors
/// The server refuses.
pub fn clean(ctx: &Ctx, session: &mut Session) -> Result<()> {
    for schema in companions(ctx, session, "staging")? {
        end_sessions_in(session, &schema)?;
        drop_schema(session, &schema)?;
        ctx.ui.say(format!("removed `{schema}`, left behind by an unfinished run"));
    }
    Ok(())
}

/// Removes the copies that drills kept, but for one: a new proof takes their place.
///
/// # Errors
/// The server refuses.
pub fn drop_kept(ctx: &Ctx, session: &mut Session, but: Option<&str>) -> Result<()> {
    for schema in companions(ctx, session, "proof")? {
        if Some(schema.as_str()) != but {
            drop_schema(session, &schema)?;
        }
    }
    Ok(())
}

/// Companions of a kind, by the names that this tool gives: the user may have made
/// one like it.
pub fn companions(ctx: &Ctx, session: &mut Session, kind: &str) -> Result<Vec<String>> {
    let prefix = format!("{}{kind}_", ctx.settings.companion_prefix());
    let mut all = inventory::schemas_with_prefix(session, &prefix)?;
    all.retain(|schema| {
        let stamp = &schema.as_bytes()[prefix.len()..];
        let digit = |(i, b): (usize, &u8)| if i == 8 { *b == b'_' } else { b.is_ascii_digit() };
        stamp.len() == 15 && stamp.iter().enumerate().all(digit)
    });
    Ok(all)
}

/// Ends what a dead run's sessions still do in a schema: the server goes on with the
/// statements of a client that is gone, and a table whose keys are being built cannot
/// be dropped. An account may end its own sessions.
fn end_sessions_in(session: &mut Session, schema: &str) -> Result<()> {
    let own = session.id();
    let ended = clock::poll(ROLLED_BACK, || {
        let left: Vec<u64> = session
            .rows::<Row>("SHOW PROCESSLIST")?
            .iter()
            .filter(|row| row.get::<Option<String>, _>("db").flatten().as_deref() == Some(schema))
            .filter_map(|row| row.get::<u64, _>("Id"))
            .filter(|id| *id != u64::from(own))
            .collect();
        for id in &left {
            match session.run(&format!("KILL {id}")) {
                // It has ended by itself; or it is another account's: the DROP will say so.
                Err(error) if !matches!(code(&error), Some(1094 | 1095)) => return Err(error),
                _ => {}
            }
        }
        Ok(left.is_empty().then_some(()))
    });
    // Whatever is left is for the DROP to wait for.
    ended.map(|_| ())
}
