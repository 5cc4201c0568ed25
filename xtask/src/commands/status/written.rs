//! How much was written since a backup, where the server's log can say.

use anyhow::Result;

use crate::commands::ctx::Ctx;
use crate::model::account::Role;
use crate::model::facts::{Flavour, LogPosition};
use crate::model::gtid::GtidSet;
use crate::model::ident::literal;
use crate::model::manifest::Manifest;
use crate::model::status::{Answer, Written};
use crate::plan::status::{NOT_REACHED, OTHER_SERVER};
use crate::server::facts::UNKNOWN;
use crate::server::{self, Session, facts};

/// Asks the server; a server that is down is no failure of the status.
pub(super) fn since(ctx: &Ctx, manifest: &Manifest, own: &[&str]) -> Answer<Written> {
    let session = server::find(&ctx.settings, &ctx.ui).and_then(|server| {
        // The tunnel to the server lives as long as it does.
        let session = ctx.session(&server, Role::Backup, None)?;
        Ok((server, session))
    });
    let (_server, mut session) = match session {
        Ok(both) => both,
        Err(error) => {
            let why = ctx.settings.redact(&format!("{error}"));
            return Answer::unknown(format!("{NOT_REACHED}: {why}"));
        }
    };
    ask(&mut session, manifest, own)
        .unwrap_or_else(|error| Answer::unknown(format!("the server was asked in vain: {error}")))
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
        return Ok(Answer::unknown("MariaDB's log position is no set that could be subtracted"));
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
