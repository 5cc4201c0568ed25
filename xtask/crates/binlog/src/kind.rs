//! Every type of event of both flavours, and what becomes of it.

use model::facts::Flavour;

/// The type that says how a file is written.
pub(crate) const FORMAT: u8 = 15;

/// What rows events do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Write,
    Update,
    Delete,
}

/// How a rows event is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) change: Change,
    /// The second version has room for more in its header.
    pub(crate) extra: bool,
    /// JSON values may be there as their differences.
    pub(crate) partial: bool,
    /// Rows are compressed (MariaDB).
    pub(crate) compressed: bool,
}

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Format,
    Rotate,
    Gtid,
    TaggedGtid,
    AnonymousGtid,
    MariadbGtid,
    Query {
        compressed: bool,
    },
    ExecuteLoad,
    Xid,
    XaPrepare,
    TableMap,
    Rows(Layout),
    Payload,
    Incident,
    Heartbeat,
    /// Changes nothing in a table; the reason.
    Harmless(#[allow(dead_code, reason = "says why to whoever reads the table")] &'static str),
    /// Known, and the end of reading: what it is.
    Refused(&'static str),
}

impl Kind {
    /// Whether it stands between transactions or at their beginning, never inside of one.
    pub(crate) fn is_outer(self) -> bool {
        matches!(
            self,
            Self::Format
                | Self::Rotate
                | Self::Gtid
                | Self::TaggedGtid
                | Self::AnonymousGtid
                | Self::MariadbGtid
                | Self::Payload
                | Self::Heartbeat
        )
    }
}

/// What becomes of an event of this type; `None` if no such type is known.
pub(crate) fn of(flavour: Flavour, code: u8) -> Option<Kind> {
    common(code).or_else(|| match flavour {
        Flavour::Mysql => mysql(code),
        Flavour::Mariadb => mariadb(code),
    })
}

const fn rows(change: Change, extra: bool) -> Kind {
    Kind::Rows(Layout { change, extra, partial: false, compressed: false })
}

const fn compressed(change: Change, extra: bool) -> Kind {
    Kind::Rows(Layout { change, extra, partial: false, compressed: true })
}

const OF_A_STATEMENT: &str = "a value for the statement that follows, which is seen by itself";
const OF_A_FILE: &str = "data for the LOAD DATA that follows, which is seen by itself";

fn common(code: u8) -> Option<Kind> {
    Some(match code {
        1 => Kind::Refused("START_V3, of servers before 5.0"),
        2 => Kind::Query { compressed: false },
        3 => Kind::Harmless("STOP: the server was shut down in order"),
        4 => Kind::Rotate,
        5 => Kind::Harmless(OF_A_STATEMENT),
        6..=12 => Kind::Refused("an event of servers before 5.0"),
        13 | 14 => Kind::Harmless(OF_A_STATEMENT),
        FORMAT => Kind::Format,
        16 => Kind::Xid,
        17 => Kind::Harmless(OF_A_FILE),
        18 => Kind::ExecuteLoad,
        19 => Kind::TableMap,
        20..=22 => Kind::Refused("rows of servers before 5.1.17"),
        23 => rows(Change::Write, false),
        24 => rows(Change::Update, false),
        25 => rows(Change::Delete, false),
        26 => Kind::Incident,
        27 => Kind::Heartbeat,
        28 => Kind::Harmless("IGNORABLE: says of itself that it can be ignored"),
        29 => Kind::Harmless("ROWS_QUERY: the text of a statement whose rows follow"),
        30 => rows(Change::Write, true),
        31 => rows(Change::Update, true),
        32 => rows(Change::Delete, true),
        38 => Kind::XaPrepare,
        _ => return None,
    })
}

fn mysql(code: u8) -> Option<Kind> {
    Some(match code {
        33 => Kind::Gtid,
        34 => Kind::AnonymousGtid,
        35 => Kind::Harmless("PREVIOUS_GTIDS: what earlier files hold"),
        36 => Kind::Harmless("TRANSACTION_CONTEXT: what a group replication certifies by"),
        37 => Kind::Harmless("VIEW_CHANGE: members of a group replication"),
        39 => Kind::Rows(Layout {
            change: Change::Update,
            extra: true,
            partial: true,
            compressed: false,
        }),
        40 => Kind::Payload,
        41 => Kind::Heartbeat,
        42 => Kind::TaggedGtid,
        _ => return None,
    })
}

fn mariadb(code: u8) -> Option<Kind> {
    Some(match code {
        160 => Kind::Harmless("ANNOTATE_ROWS: the text of a statement whose rows follow"),
        161 => Kind::Harmless("BINLOG_CHECKPOINT: where a crash recovery begins"),
        162 => Kind::MariadbGtid,
        163 => Kind::Harmless("GTID_LIST: what earlier files hold"),
        164 => Kind::Refused("START_ENCRYPTION: the rest of the file is encrypted"),
        165 => Kind::Query { compressed: true },
        166 => compressed(Change::Write, false),
        167 => compressed(Change::Update, false),
        168 => compressed(Change::Delete, false),
        169 => compressed(Change::Write, true),
        170 => compressed(Change::Update, true),
        171 => compressed(Change::Delete, true),
        172 => Kind::Refused("PARTIAL_ROW_DATA: a part of a rows event"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_one_flavour_mean_nothing_to_the_other() {
        for code in 33..=42_u8 {
            let mariadb = of(Flavour::Mariadb, code);
            assert_eq!(mariadb.is_some(), code == 38, "{code}");
            assert!(of(Flavour::Mysql, code).is_some(), "{code}");
        }
        for code in 160..=172_u8 {
            assert!(of(Flavour::Mariadb, code).is_some(), "{code}");
            assert_eq!(of(Flavour::Mysql, code), None, "{code}");
        }
        for code in [0, 43, 99, 159, 173, 255] {
            assert_eq!((of(Flavour::Mysql, code), of(Flavour::Mariadb, code)), (None, None));
        }
    }
}
