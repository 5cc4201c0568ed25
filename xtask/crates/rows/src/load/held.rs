//! What comes after all rows: views, triggers, routines and events, with the SETs
//! around them. Dumps write them between the tables; made there, triggers would act
//! on rows that are still to come over other sessions.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::Made;
use super::settings::{InForce, Settings};
use super::statement::{event_exists, run, run_program};
use model::ident::word;
use server::{Session, inventory};
use sql::{Kind, LexMode, Piece, disable_event};
use sys::signal;

/// Limit for held programs; beyond it they are created in place.
const LARGEST: usize = 64 << 20;

#[derive(Debug)]
struct Item {
    text: Vec<u8>,
    mode: LexMode,
    line: u64,
    /// The number of the settings that it needs.
    settings: usize,
    program: bool,
    event: Option<String>,
}

/// Statements that are held back, in order.
#[derive(Debug, Default)]
pub(super) struct Held {
    items: Vec<Item>,
    bytes: usize,
    /// Tables and views that exist only once these statements have run.
    names: BTreeSet<String>,
    /// The schema's character set and collation before the first of them.
    defaults: Option<(String, String)>,
    /// An ALTER DATABASE that is held, and counts for tables that come now.
    altered: Option<(Vec<u8>, LexMode, u64)>,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether it is too much to be held.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > LARGEST
    }

    /// Whether the name is one of a table or view that is yet to come.
    pub(super) fn names(&self, key: &str) -> bool {
        self.names.contains(key)
    }

    /// Holds a statement back. `key` is the name of the table or view that it makes.
    pub(super) fn push(&mut self, piece: &Piece<'_>, settings: usize, key: Option<String>) {
        self.names.extend(key);
        let event = match piece.kind {
            Kind::CreateEvent(name) => Some(name.name.clone()),
            _ => None,
        };
        if matches!(piece.kind, Kind::AlterDatabase(_)) {
            self.altered = Some((piece.text.to_vec(), piece.mode, piece.line));
        }
        self.bytes += piece.text.len();
        self.items.push(Item {
            text: piece.text.to_vec(),
            mode: piece.mode,
            line: piece.line,
            settings,
            program: piece.kind.program().is_some(),
            event,
        });
    }

    /// Whether an ALTER DATABASE is held that counts for a table made now.
    pub(super) fn has_altered(&self) -> bool {
        self.altered.is_some()
    }

    /// Runs the ALTER DATABASE that is held, ahead of its turn, for a table that is
    /// made now.
    pub(super) fn alter_now(&mut self, session: &mut Session, schema: &str) -> Result<()> {
        let Some((text, mode, line)) = self.altered.take() else { return Ok(()) };
        if self.defaults.is_none() {
            self.defaults = inventory::defaults(session, schema)?;
        }
        run(session, &text, mode, line)
    }

    /// Runs all of them in order.
    ///
    /// # Errors
    /// The server refuses one; the message has the line in the dump.
    pub(super) fn run(
        self,
        (session, force): (&mut Session, &mut InForce),
        schema: &str,
        settings: &Settings,
        made: &mut Made,
    ) -> Result<()> {
        if let Some((charset, collation)) = &self.defaults {
            let (charset, collation) = (word(charset)?, word(collation)?);
            let sql = format!("ALTER DATABASE CHARACTER SET {charset} COLLATE {collation}");
            session.run(&sql).context("put the schema's defaults back")?;
        }
        for item in self.items {
            signal::check()?;
            force.become_state(session, &settings.at(item.settings))?;
            match item.event {
                Some(name) => {
                    let text = (&item.text[..], item.mode, item.line);
                    make_event((session, force), schema, &name, text, made)?;
                }
                None if item.program => {
                    run_program(session, force, &item.text, item.mode, item.line)?;
                }
                None => run(session, &item.text, item.mode, item.line)?,
            }
        }
        Ok(())
    }
}

/// Makes an event that does not fire: a copy must not act.
pub(super) fn make_event(
    (session, force): (&mut Session, &mut InForce),
    schema: &str,
    name: &str,
    (text, mode, line): (&[u8], LexMode, u64),
    made: &mut Made,
) -> Result<()> {
    let disabled = disable_event(text, mode);
    if *disabled != *text {
        made.enabled_events.insert(name.to_owned());
    }
    run_program(session, force, &disabled, mode, line)?;
    if !event_exists(session, schema, name)? {
        made.past_events.insert(name.to_owned());
    }
    Ok(())
}
