//! FORMAT_DESCRIPTION: which server writes the file, and how.

use model::facts::Flavour;

use crate::bytes::Bytes;
use crate::event;
use crate::halt::Halt;

/// Lengths of fixed parts that this reader relies on: the type, and the length.
const FIXED: [(usize, u8); 11] = [
    (2, 13),
    (4, 8),
    (19, 8),
    (23, 8),
    (24, 8),
    (25, 8),
    (30, 10),
    (31, 10),
    (32, 10),
    (26, 2),
    (18, 26),
];

/// What the beginning of a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Format {
    /// The server was started when this file began: what the file before left open was lost.
    pub(crate) restarted: bool,
}

/// Reads one, with its own checksum.
pub(crate) fn read(event: &[u8], body: &[u8], flavour: Flavour) -> Result<Format, Halt> {
    let mut bytes = Bytes::new(body);
    let version = bytes.u16()?;
    let server = bytes.take(50)?;
    let created = bytes.u32()?;
    let header = bytes.u8()?;
    let rest = bytes.rest();
    let server: String = server.iter().take_while(|b| **b != 0).map(|b| char::from(*b)).collect();
    if version != 4 || usize::from(header) != event::HEADER {
        return Err(Halt::unsupported(format!("version {version} of the log, by server {server}")));
    }
    // The kind of checksum, and that of this event.
    let at = rest.len().checked_sub(5).ok_or_else(crate::bytes::cut_off)?;
    let (lengths, [kind, ..]) = rest.split_at(at) else { return Err(crate::bytes::cut_off()) };
    match kind {
        1 => event::verify(event)?,
        0 => {
            return Err(Halt::unsupported(
                "a file of the log has no checksums (binlog_checksum=NONE)",
            ));
        }
        other => return Err(Halt::unknown(format!("checksums of kind {other}"))),
    }
    let found = if server.contains("MariaDB") { Flavour::Mariadb } else { Flavour::Mysql };
    if found != flavour {
        return Err(Halt::unsupported(format!("the log of another kind of server, {server}")));
    }
    for (code, wanted) in FIXED {
        // A server that does not know a type does not write it.
        if let Some(length) = lengths.get(code - 1)
            && *length != wanted
            && *length != 0
        {
            return Err(Halt::unknown(format!(
                "events of type {code} have {length} bytes in front instead of {wanted}"
            )));
        }
    }
    Ok(Format { restarted: created != 0 })
}
