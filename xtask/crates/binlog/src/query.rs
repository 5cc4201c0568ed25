//! QUERY: a statement's text, and what it ran under.

use std::borrow::Cow;

use crate::bytes::Bytes;
use crate::compressed;
use crate::halt::Halt;

/// The variables of a session that a statement ran under, as far as the event names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `sql_mode` as the server's bits.
    pub sql_mode: Option<u64>,
    /// Numbers of `character_set_client`, `collation_connection` and `collation_server`.
    pub charsets: Option<(u16, u16, u16)>,
    pub time_zone: Option<String>,
    /// Schemas that the statement changes; `None`: not said, or too many to say.
    pub schemas: Option<Vec<String>>,
    /// Microseconds beyond the event's second.
    pub micros: u32,
    /// Whether each of the event's variables is known to this reader. A statement must not be
    /// replayed otherwise.
    pub complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    /// The session's schema, which need not be that of the text; empty without one.
    pub(crate) schema: String,
    pub(crate) text: String,
    pub(crate) settings: Settings,
}

/// Above this number of schemas the event names none of them.
const TOO_MANY_SCHEMAS: u8 = 254;

/// Reads one. `more` is the length of what the fixed part has in addition: that of
/// EXECUTE_LOAD_QUERY is longer.
pub(crate) fn read(body: &[u8], more: usize, packed: bool, limit: usize) -> Result<Query, Halt> {
    let mut bytes = Bytes::new(body);
    bytes.take(8)?;
    let schema_length = usize::from(bytes.u8()?);
    bytes.take(2)?;
    let variables = usize::from(bytes.u16()?);
    bytes.take(more)?;
    let settings = settings(bytes.take(variables)?);
    let schema = text(bytes.take(schema_length)?);
    if bytes.u8()? != 0 {
        return Err(Halt::damaged("a statement's schema has no end"));
    }
    let rest = bytes.rest();
    let rest = if packed { compressed::unpack(rest, limit)? } else { Cow::Borrowed(rest) };
    Ok(Query { schema, text: text(&rest), settings })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn settings(bytes: &[u8]) -> Settings {
    let mut found = Settings::default();
    let mut bytes = Bytes::new(bytes);
    while !bytes.is_empty() {
        // What follows an unknown variable cannot be read: nothing says how long it is.
        if !matches!(one(&mut bytes, &mut found), Ok(true)) {
            return found;
        }
    }
    found.complete = true;
    found
}

/// Reads one variable; whether it is known.
fn one(bytes: &mut Bytes<'_>, found: &mut Settings) -> Result<bool, Halt> {
    let fixed = match bytes.u8()? {
        0 | 3 | 10 => 4,
        1 => {
            found.sql_mode = Some(bytes.u64()?);
            0
        }
        2 => usize::from(bytes.u8()?).saturating_add(1),
        4 => {
            found.charsets = Some((bytes.u16()?, bytes.u16()?, bytes.u16()?));
            0
        }
        5 => {
            let length = usize::from(bytes.u8()?);
            found.time_zone = Some(text(bytes.take(length)?));
            0
        }
        6 => usize::from(bytes.u8()?),
        7 | 8 | 18 | 130 => 2,
        9 | 17 | 129 => 8,
        11 => {
            let user = usize::from(bytes.u8()?);
            bytes.take(user)?;
            usize::from(bytes.u8()?)
        }
        12 => {
            found.schemas = schemas(bytes)?;
            0
        }
        13 => {
            found.micros = u32::try_from(bytes.low_first(3)?).unwrap_or_default();
            0
        }
        128 => 3,
        16 | 19 | 20 => 1,
        _ => return Ok(false),
    };
    bytes.take(fixed)?;
    Ok(true)
}

fn schemas(bytes: &mut Bytes<'_>) -> Result<Option<Vec<String>>, Halt> {
    let count = bytes.u8()?;
    if count == TOO_MANY_SCHEMAS {
        return Ok(None);
    }
    let mut names = Vec::new();
    for _ in 0..count {
        let mut name = Vec::new();
        loop {
            match bytes.u8()? {
                0 => break,
                byte => name.push(byte),
            }
        }
        names.push(text(&name));
    }
    Ok(Some(names))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(variables: &[u8], rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(variables.len()).unwrap().to_le_bytes();
        [&[0; 8][..], &[4, 0, 0], &length, variables, rest].concat()
    }

    #[test]
    fn a_statement_has_its_schema_and_its_settings() {
        let variables = [
            &[0, 0, 0, 0, 0][..],
            &[1, 32, 0, 0, 0, 0, 0, 0, 0],
            b"\x06\x03std",
            &[4, 45, 0, 45, 0, 255, 0],
            b"\x05\x06+00:00",
            b"\x0c\x02shop\0other\0",
            &[13, 1, 1, 0],
            &[18, 255, 0],
        ]
        .concat();
        let query = read(&event(&variables, b"shop\0DROP TABLE t"), 0, false, 100).unwrap();
        assert_eq!((query.schema.as_str(), query.text.as_str()), ("shop", "DROP TABLE t"));
        let settings = query.settings;
        assert_eq!(settings.sql_mode, Some(32));
        assert_eq!(settings.charsets, Some((45, 45, 255)));
        assert_eq!(settings.time_zone.as_deref(), Some("+00:00"));
        assert_eq!(settings.schemas, Some(vec!["shop".to_owned(), "other".to_owned()]));
        assert_eq!((settings.micros, settings.complete), (257, true));
    }

    #[test]
    fn an_unknown_variable_is_no_reason_to_stop_and_is_not_hidden() {
        let query = read(&event(&[99, 1, 2], b"shop\0BEGIN"), 0, false, 100).unwrap();
        assert_eq!((query.text.as_str(), query.settings.complete), ("BEGIN", false));
        let whole = event(&[], b"shop\0BEGIN");
        for length in 0..whole.len() - 5 {
            assert!(read(&whole[..length], 0, false, 100).is_err(), "{length}");
        }
    }
}
