//! Rows events: the keys of the rows before and after, and nothing else of them.

use std::borrow::Cow;

use crate::bytes::{Bytes, bit};
use crate::compressed;
use crate::halt::Halt;
use crate::key::{Key, KeyValue};
use crate::kind::{Change, Layout as Kind};
use crate::table_map::{Layout, present};

/// The last rows event of a statement.
const STATEMENT_ENDS: u16 = 1;

/// A row's value options: JSON values as differences.
const PARTIAL_JSON: u64 = 1;

/// The beginning of a rows event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) table: u64,
    pub(crate) ends_statement: bool,
    rest: &'a [u8],
}

/// Reads whose rows they are.
pub(crate) fn head(body: &[u8], kind: Kind) -> Result<Head<'_>, Halt> {
    let mut bytes = Bytes::new(body);
    let table = bytes.low_first(6)?;
    let flags = bytes.u16()?;
    if kind.extra {
        // Its length counts itself.
        let length = usize::from(bytes.u16()?);
        bytes.take(length.checked_sub(2).ok_or_else(crate::bytes::cut_off)?)?;
    }
    Ok(Head { table, ends_statement: flags & STATEMENT_ENDS != 0, rest: bytes.rest() })
}

/// Gives the key of each row image to `take`.
pub(crate) fn keys(
    head: Head<'_>,
    kind: Kind,
    layout: &Layout,
    limit: usize,
    take: &mut dyn FnMut(Key) -> Result<(), Halt>,
) -> Result<(), Halt> {
    let mut bytes = Bytes::new(head.rest);
    let columns = bytes.count()?;
    if columns != layout.columns.len() {
        return Err(Halt::damaged(format!(
            "rows of {columns} columns in a table of {}",
            layout.columns.len()
        )));
    }
    let size = columns.div_ceil(8);
    let first = present(bytes.take(size)?, columns);
    let second = match kind.change {
        Change::Update => present(bytes.take(size)?, columns),
        Change::Write | Change::Delete => Vec::new(),
    };
    let rest = bytes.rest();
    let rest = if kind.compressed { compressed::unpack(rest, limit)? } else { Cow::Borrowed(rest) };
    let mut bytes = Bytes::new(&rest);
    while !bytes.is_empty() {
        let before_it = bytes.left();
        let key = image(&mut bytes, layout, &first, None)?;
        if kind.change == Change::Update {
            if kind.partial {
                options(&mut bytes, layout)?;
            }
            let after = image(&mut bytes, layout, &second, Some(&key))?;
            if after != key {
                take(after)?;
            }
        }
        take(key)?;
        if bytes.left() == before_it {
            return Err(Halt::damaged("rows without any bytes"));
        }
    }
    Ok(())
}

/// Which JSON values of the row that follows are differences. These have their length in
/// front as whole values have, so that is all there is to know.
fn options(bytes: &mut Bytes<'_>, layout: &Layout) -> Result<(), Halt> {
    match bytes.number()? {
        0 => Ok(()),
        PARTIAL_JSON => bytes.take(layout.json.div_ceil(8)).map(drop),
        other => Err(Halt::unknown(format!("rows with options {other}"))),
    }
}

/// Reads one row image. With `binlog_row_image=MINIMAL` the one after a change has only what
/// was changed: the rest of the key is as it was `before`.
fn image(
    bytes: &mut Bytes<'_>,
    layout: &Layout,
    present: &[bool],
    before: Option<&Key>,
) -> Result<Key, Halt> {
    let count = present.iter().filter(|here| **here).count();
    let nulls = bytes.take(count.div_ceil(8))?;
    let mut found: Vec<Option<KeyValue>> = match before {
        Some(key) => key.iter().cloned().map(Some).collect(),
        None => vec![None; layout.key.len()],
    };
    let mut number = 0;
    for (at, (shape, here)) in layout.columns.iter().zip(present).enumerate() {
        if !here {
            continue;
        }
        let null = bit(nulls, number);
        number += 1;
        let part = layout.key.iter().enumerate().find(|(_, part)| part.at == at);
        let column = |halt: Halt| halt.of(&format!("column {}", at + 1));
        match part {
            Some(_) if null => return Err(column(Halt::damaged("a key of NULL"))),
            Some((place, part)) => {
                let value = shape.value(bytes, part.unsigned, part.binary).map_err(column)?;
                if let Some(slot) = found.get_mut(place) {
                    *slot = Some(value);
                }
            }
            None if null => {}
            None => shape.skip(bytes).map_err(column)?,
        }
    }
    let absent = |at: usize| {
        Halt::unsupported(format!(
            "column {} of the key is not in the log (binlog_row_image)",
            layout.key.get(at).map_or(0, |part| part.at) + 1
        ))
    };
    let values = found.into_iter().enumerate();
    values.map(|(at, value)| value.ok_or_else(|| absent(at))).collect()
}
