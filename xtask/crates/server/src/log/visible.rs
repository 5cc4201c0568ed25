//! Which transactions of the log can be seen in the tables.
//!
//! A transaction can be read from the log before its rows can be read: the server writes its
//! log first. Who reads rows because of what the log says has to ask here first, or holds a
//! lock on the tables.

use anyhow::{Context, Result};
use binlog::gtid::mysql::GtidSet;
use binlog::{Ending, Group, Id, Place};

use super::position::Position;
use crate::session::Session;
use model::facts::Flavour;

/// What can be seen by whoever looks from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visible {
    /// MySQL: `@@gtid_executed`.
    Gtids(GtidSet),
    /// MariaDB: all that the log holds up to here.
    Upto(Place),
}

impl Visible {
    /// Whether each reading that begins from now on sees what the transaction did. What was
    /// only prepared (XA) is seen when a later one commits it.
    pub fn has(&self, group: &Group) -> bool {
        if matches!(group.ending, Ending::Prepared(_)) {
            return false;
        }
        match (self, &group.id) {
            (Self::Gtids(set), Id::Mysql(gtid)) => set.contains(gtid),
            (Self::Upto(place), _) => is_upto(&group.end, place),
            (Self::Gtids(_), _) => false,
        }
    }

    /// Whether all is seen that a reader has passed on its way to this position. On MariaDB
    /// only the place of a group says so: [`Visible::has`].
    pub fn has_all(&self, from: &Position) -> bool {
        match (self, from) {
            (Self::Gtids(set), Position::Gtids(passed)) => set.covers(passed),
            (Self::Upto(place), Position::Place(passed)) => is_upto(passed, place),
            _ => false,
        }
    }
}

/// Asks with rights that every account has. On MariaDB this begins and ends a transaction:
/// `session` must not be in one.
pub fn visible(session: &mut Session, flavour: Flavour) -> Result<Visible> {
    match flavour {
        Flavour::Mysql => {
            let text: String = session.value("SELECT @@global.gtid_executed")?;
            let set = GtidSet::parse(&text);
            Ok(Visible::Gtids(set.with_context(|| format!("read the GTIDs `{text}`"))?))
        }
        Flavour::Mariadb => {
            // `@@gtid_binlog_pos` counts what was written, seen or not. A consistent snapshot
            // says where in the log it was taken: transactions become visible in its order.
            session.run("START TRANSACTION WITH CONSISTENT SNAPSHOT")?;
            let place = place(session);
            session.run("COMMIT")?;
            place.map(Visible::Upto)
        }
    }
}

fn place(session: &mut Session) -> Result<Place> {
    let rows: Vec<(String, String)> = session.rows("SHOW STATUS LIKE 'binlog\\_snapshot\\_%'")?;
    let value = |name: &str| {
        let row = rows.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        row.map(|(_, value)| value.clone()).with_context(|| format!("the server has no {name}"))
    };
    let offset = value("binlog_snapshot_position")?;
    let offset = offset.parse().with_context(|| format!("`{offset}` is no place in a log"))?;
    Ok(Place { file: value("binlog_snapshot_file")?, offset })
}

/// Whether a place is not behind another. Files are numbered, and a number can grow a digit.
fn is_upto(place: &Place, mark: &Place) -> bool {
    match (split(&place.file), split(&mark.file)) {
        (Some((name, number)), Some((mark_name, mark_number))) if name == mark_name => {
            (number, place.offset) <= (mark_number, mark.offset)
        }
        _ => false,
    }
}

fn split(file: &str) -> Option<(&str, u64)> {
    // One server may call it by its path.
    let (name, number) = file.rsplit('/').next()?.rsplit_once('.')?;
    Some((name, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_compared_by_the_number_of_their_files() {
        let place = |file: &str, offset| Place { file: file.to_owned(), offset };
        let mark = place("binlog.1000000", 400);
        assert!(is_upto(&place("binlog.999999", 9000), &mark));
        assert!(is_upto(&place("binlog.1000000", 400), &mark));
        assert!(!is_upto(&place("binlog.1000000", 401), &mark));
        assert!(!is_upto(&place("binlog.1000001", 4), &mark));
        // Of another log nothing is known.
        assert!(!is_upto(&place("other.000001", 4), &mark));
        assert!(!is_upto(&place("binlog", 4), &mark));
        assert!(!Visible::Upto(mark).has_all(&Position::Gtids(GtidSet::default())));
    }
}
