//! How much was written since a backup, where the server's log can say, and whether the
//! definitions are still those of the newest one.

use anyhow::Result;

use model::account::Role;
use model::facts::{Flavour, LogPosition};
use model::gtid::GtidSet;
use model::ident::literal;
use model::manifest::Manifest;
use model::status::{Answer, Written};
use ops::ctx::Ctx;
use plan::status::{NOT_REACHED, OTHER_SERVER};
use server::facts::UNKNOWN;
use server::{self, Session, facts, inventory};
use sql::fingerprint;

pub(super) struct Said {
    /// How much was written since the newest verified backup.
    pub written: Answer<Written>,
    /// How the definitions differ from those of the newest backup.
    pub definitions: Answer<Vec<String>>,
}

/// Asks the server; a server that is down does not fail the status.
pub(super) fn ask_all(
    ctx: &Ctx,
    verified: Option<&Manifest>,
    newest: Option<&Manifest>,
    own: &[&str],
) -> Said {
    const NOTHING: &str = "there is no backup to compare with";
    let no_count = || Answer::unknown("there is no verified backup to count from");
    let Some(newest) = newest else {
        return Said { written: no_count(), definitions: Answer::unknown(NOTHING) };
    };
    let session = server::find(&ctx.settings, &ctx.ui).and_then(|server| {
        // The tunnel to the server lives as long as it does.
        let session = ctx.session(&server, Role::Backup, None)?;
        Ok((server, session))
    });
    let (_server, mut session) = match session {
        Ok(both) => both,
        Err(error) => {
            let why = ctx.settings.redact(&format!("{error}"));
            let why = format!("{NOT_REACHED}: {why}");
            let written = verified.map_or_else(no_count, |_| Answer::unknown(why.as_str()));
            return Said { written, definitions: Answer::Unknown(why) };
        }
    };
    fn in_vain<T>(error: anyhow::Error) -> Answer<T> {
        Answer::unknown(format!("the server did not answer: {error}"))
    }
    let written = match verified {
        Some(manifest) => ask(&mut session, manifest, own).unwrap_or_else(in_vain),
        None => no_count(),
    };
    Said { written, definitions: definitions(ctx, &mut session, newest).unwrap_or_else(in_vain) }
}

/// What anybody changed who may: an account that reads triggers may drop them, too.
fn definitions(ctx: &Ctx, session: &mut Session, newest: &Manifest) -> Result<Answer<Vec<String>>> {
    if facts::read(session)?.flavour != newest.server.flavour {
        return Ok(Answer::unknown(OTHER_SERVER));
    }
    let live = inventory::read(session, &ctx.settings.schema)?;
    let (then, now) = (fingerprint::listed(newest), fingerprint::definitions(&live));
    let mut differing = fingerprint::differing(&then, &now);
    // The API's account may write this table, and the gate believes it.
    if facts::migrations(session, &ctx.settings.schema)? != newest.migrations {
        differing.push("`_sqlx_migrations` records different migrations".to_owned());
    }
    Ok(Answer::Known(differing))
}

fn ask(session: &mut Session, manifest: &Manifest, own: &[&str]) -> Result<Answer<Written>> {
    let now = facts::read(session)?;
    let then = &manifest.server;
    // MariaDB's follows the network address, which a container changes.
    let told = now.flavour == Flavour::Mysql && now.uuid != UNKNOWN && then.uuid != UNKNOWN;
    if now.flavour != then.flavour || (told && now.uuid != then.uuid) {
        return Ok(Answer::unknown(OTHER_SERVER));
    }
    let LogPosition::Gtid { set } = &manifest.log_position else {
        return Ok(Answer::unknown(match &manifest.log_position {
            LogPosition::Unknown { reason } => format!("the backup has no log position: {reason}"),
            LogPosition::Gtid { .. } => String::new(),
        }));
    };
    if manifest.server.flavour != Flavour::Mysql {
        return Ok(Answer::unknown("a MariaDB log position is not a set to subtract from"));
    }
    if let LogPosition::Unknown { reason } = facts::log_position(session, now.flavour) {
        return Ok(Answer::Unknown(reason));
    }
    let mut known = GtidSet::default();
    own.iter().copied().chain([set.as_str()]).for_each(|texts| known.add(texts));
    let sql = format!(
        "SELECT GTID_SUBSET({}, @@global.gtid_executed), \
         GTID_SUBTRACT(@@global.gtid_executed, {})",
        literal(set),
        literal(&known.texts().join(","))
    );
    let Some((grown, since)) = session.first::<(bool, String)>(&sql)? else {
        return Ok(Answer::unknown("the server gave no answer"));
    };
    if !grown {
        return Ok(Answer::unknown("the server's log was reset since the backup"));
    }
    let mut set = GtidSet::default();
    set.add(&since.replace('\n', ""));
    Ok(match set.count() {
        Some(transactions) => Answer::Known(Written { transactions }),
        None => Answer::unknown("the server's log is not understood"),
    })
}
