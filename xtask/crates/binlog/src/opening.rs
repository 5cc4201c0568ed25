//! The events that begin a transaction: its GTID, and what they say of it.

use crate::bytes::Bytes;
use crate::group::Id;
use crate::gtid::{mariadb, mysql};
use crate::halt::Halt;

/// How a group goes on after its GTID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// The next statement decides: BEGIN opens a transaction, anything else stands alone.
    ByStatement,
    /// One statement, without an end of its own.
    Alone,
    /// Events up to an end.
    Transaction,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) id: Id,
    /// When it was committed, in microseconds of Unix time; 0 where the event does not say.
    pub(crate) committed: u64,
    pub(crate) course: Course,
}

/// GTID and ANONYMOUS_GTID of MySQL.
pub(crate) fn mysql(body: &[u8], anonymous: bool) -> Result<Opening, Halt> {
    let mut bytes = Bytes::new(body);
    bytes.u8()?;
    let uuid = bytes.array()?;
    let number = bytes.u64()?;
    // Type 2: numbers of the logical clock follow, and then times, since 5.7 and 8.0.1.
    let mut committed = 0;
    if bytes.left() >= 17 && bytes.u8()? == 2 {
        bytes.take(16)?;
        if bytes.left() >= 7 {
            // The highest bit says that the time of the first commit, elsewhere, follows.
            committed = bytes.low_first(7)? & !(1 << 55);
        }
    }
    let id = match anonymous {
        true => Id::Anonymous,
        false => Id::Mysql(mysql::Gtid::new(mysql::Source::new(uuid, "")?, number)?),
    };
    Ok(Opening { id, committed, course: Course::ByStatement })
}

pub(crate) fn tagged(body: &[u8]) -> Result<Opening, Halt> {
    let (gtid, committed) = crate::gtid::tagged::read(body)?;
    Ok(Opening { id: Id::Mysql(gtid), committed, course: Course::ByStatement })
}

const STANDALONE: u8 = 1;

/// GTID of MariaDB. Other flags say whether it may be applied beside others, is DDL, or XA:
/// the events themselves say that, too.
pub(crate) fn mariadb(body: &[u8], server: u32) -> Result<Opening, Halt> {
    let mut bytes = Bytes::new(body);
    let (sequence, domain, flags) = (bytes.u64()?, bytes.u32()?, bytes.u8()?);
    let course = if flags & STANDALONE != 0 { Course::Alone } else { Course::Transaction };
    Ok(Opening {
        id: Id::Mariadb(mariadb::Gtid { domain, server, sequence }),
        committed: 0,
        course,
    })
}
