//! TABLE_MAP: which table the rows that follow belong to, and how they are laid out.

use crate::bytes::{Bytes, bit};
use crate::column::Shape;
use crate::group::Table;
use crate::halt::Halt;
use crate::key::{KeySpec, Want};

/// The number of the collation `binary`.
const BINARY: u64 = 63;

/// No table has more columns.
const COLUMNS_MAX: usize = 4096;

/// A table that rows may follow of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mapped {
    Unwanted,
    Presence(Table),
    Keys(Layout),
}

/// What rows of a table look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) table: Table,
    pub(crate) columns: Vec<Shape>,
    /// How many of them are JSON.
    pub(crate) json: usize,
    pub(crate) key: Vec<Part>,
}

/// A column of the key, with all that is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) at: usize,
    pub(crate) unsigned: Option<bool>,
    pub(crate) binary: Option<bool>,
}

/// The number by which rows name the table, and the table.
pub(crate) fn read(
    body: &[u8],
    want: &mut dyn FnMut(&Table) -> Want,
) -> Result<(u64, Mapped), Halt> {
    let mut bytes = Bytes::new(body);
    let id = bytes.low_first(6)?;
    bytes.u16()?;
    let (schema, name) = (bytes.name()?.to_owned(), bytes.name()?.to_owned());
    let table = Table { schema, name };
    let mapped = match want(&table) {
        Want::Nothing => Mapped::Unwanted,
        Want::Presence => Mapped::Presence(table),
        Want::Keys(spec) => {
            let name = table.to_string();
            Mapped::Keys(layout(table, &mut bytes, &spec).map_err(|halt| halt.of(&name))?)
        }
    };
    Ok((id, mapped))
}

fn layout(table: Table, bytes: &mut Bytes<'_>, spec: &KeySpec) -> Result<Layout, Halt> {
    let count = bytes.count()?;
    if count > COLUMNS_MAX {
        return Err(Halt::damaged(format!("a table of {count} columns")));
    }
    if count != spec.columns {
        return Err(Halt::changed(format!("it has {count} columns instead of {}", spec.columns)));
    }
    let codes = bytes.take(count)?;
    let length = bytes.count()?;
    let mut meta = Bytes::new(bytes.take(length)?);
    let columns = codes.iter().enumerate().map(|(at, code)| {
        Shape::read(*code, &mut meta).map_err(|halt| halt.of(&format!("column {}", at + 1)))
    });
    let columns: Vec<Shape> = columns.collect::<Result<_, _>>()?;
    if !meta.is_empty() {
        return Err(Halt::damaged("its columns have more description than they need"));
    }
    // Which may be NULL.
    bytes.take(count.div_ceil(8))?;
    let said = Said::read(bytes, &columns)?;
    let part = |column: &crate::key::KeyColumn| {
        let at = column.at;
        let shape = columns.get(at);
        let shape = shape.ok_or_else(|| Halt::changed("its key has a column that is not there"))?;
        shape.demand_key().map_err(|halt| halt.of(&format!("column {}", at + 1)))?;
        let (unsigned, binary) = (
            agreed(said.unsigned(at), column.unsigned, at, "unsigned")?,
            agreed(said.binary(at), column.binary, at, "binary")?,
        );
        Ok(Part { at, unsigned, binary })
    };
    let key: Vec<Part> = spec.key.iter().map(part).collect::<Result<_, Halt>>()?;
    if key.is_empty() {
        return Err(Halt::unsupported("a key without columns"));
    }
    let json = columns.iter().filter(|shape| shape.is_json()).count();
    Ok(Layout { table, columns, json, key })
}

/// What the log says and what the caller says, which must not differ.
fn agreed(
    log: Option<bool>,
    caller: Option<bool>,
    at: usize,
    what: &str,
) -> Result<Option<bool>, Halt> {
    match (log, caller) {
        (Some(log), Some(caller)) if log != caller => {
            let is = if log { "is" } else { "is not" };
            Err(Halt::changed(format!("column {} {is} {what} in the log", at + 1)))
        }
        (log, caller) => Ok(log.or(caller)),
    }
}

/// The optional part: what `binlog_row_metadata` adds.
#[derive(Debug, Default)]
struct Said {
    /// For each number, whether it is unsigned.
    unsigned: Vec<Option<bool>>,
    /// For each text, whether it is binary.
    binary: Vec<Option<bool>>,
}

const SIGNEDNESS: u8 = 1;
const DEFAULT_CHARSET: u8 = 2;
const COLUMN_CHARSET: u8 = 3;

impl Said {
    fn read(bytes: &mut Bytes<'_>, columns: &[Shape]) -> Result<Self, Halt> {
        let mut said =
            Self { unsigned: vec![None; columns.len()], binary: vec![None; columns.len()] };
        let places = |of: fn(Shape) -> bool| -> Vec<usize> {
            let all = columns.iter().enumerate();
            all.filter(|(_, shape)| of(**shape)).map(|(at, _)| at).collect()
        };
        // How compressed columns count here, no document says.
        let packed = columns.iter().any(|shape| matches!(shape, Shape::Packed { .. }));
        while !bytes.is_empty() {
            let kind = bytes.u8()?;
            let length = bytes.count()?;
            let mut value = Bytes::new(bytes.take(length)?);
            match kind {
                SIGNEDNESS => {
                    let bits = value.rest();
                    for (number, at) in places(Shape::may_be_unsigned).into_iter().enumerate() {
                        // The highest bit comes first.
                        let byte = bits.get(number / 8).ok_or_else(crate::bytes::cut_off)?;
                        put(&mut said.unsigned, at, byte << (number % 8) & 0x80 != 0);
                    }
                }
                DEFAULT_CHARSET if !packed => {
                    let places = places(Shape::has_characters);
                    let usual = value.number()? == BINARY;
                    places.iter().for_each(|at| put(&mut said.binary, *at, usual));
                    while !value.is_empty() {
                        let (number, collation) = (value.count()?, value.number()?);
                        let at = places.get(number).ok_or_else(|| {
                            Halt::damaged("a character set of a column that is not there")
                        })?;
                        put(&mut said.binary, *at, collation == BINARY);
                    }
                }
                COLUMN_CHARSET if !packed => {
                    for at in places(Shape::has_characters) {
                        put(&mut said.binary, at, value.number()? == BINARY);
                    }
                }
                // Names, values, dimensions: nothing that a key depends on.
                _ => {}
            }
        }
        Ok(said)
    }

    fn unsigned(&self, at: usize) -> Option<bool> {
        self.unsigned.get(at).copied().flatten()
    }

    fn binary(&self, at: usize) -> Option<bool> {
        self.binary.get(at).copied().flatten()
    }
}

fn put(list: &mut [Option<bool>], at: usize, value: bool) {
    if let Some(place) = list.get_mut(at) {
        *place = Some(value);
    }
}

/// Which columns have a value in a row image.
pub(crate) fn present(map: &[u8], columns: usize) -> Vec<bool> {
    (0..columns).map(|at| bit(map, at)).collect()
}
