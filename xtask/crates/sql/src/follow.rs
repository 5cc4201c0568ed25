//! Follows the SET statements of a dump: what the session's settings are after each.
//!
//! A SET is never passed on. It is read into the values that it gives, and a loader
//! brings its sessions to [`State`] in words of its own. User variables stay here: no
//! statement that is loaded reads one.

use std::collections::HashMap;
use std::sync::Arc;

use super::charset::Charset;
use super::lex::{LexMode, Tokens};
use super::setting::{self, Assignment, Scope, Value};
use super::sql_mode::SqlMode;
use super::state::{Collation, State};
use super::versions;

/// More user variables than a dump has.
const MANY: usize = 1000;

/// Longer than the value of any variable here.
const LONG: usize = 4096;

/// The value of a variable, as far as it must be known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    Text(String),
    Number(String),
    Null,
    /// A character set's own collation.
    DefaultOf(String),
    /// Something that nothing here looks at.
    Opaque,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It concerns replication alone, which a load leaves as it is.
    Replication,
    /// The state may be another one.
    Session,
}

/// Variables that a dump may set, and that change nothing of what is loaded.
const WITHOUT_MEANING: [&str; 6] = [
    "autocommit",
    "character_set_results",
    "note_verbosity",
    "restrict_fk_on_non_standard_key",
    "sql_notes",
    "sql_quote_show_create",
];

/// Of all variables, those that only one server has: a SET of them may stand in a
/// comment that the other skips.
const OF_ONE_SERVER: [&str; 3] =
    ["check_constraint_checks", "note_verbosity", "restrict_fk_on_non_standard_key"];

/// Follows the SETs of one dump.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    state: Arc<State>,
    saved: HashMap<String, Known>,
    others: HashMap<String, Known>,
}

impl Model {
    /// The settings now in force.
    pub(crate) fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// What of them matters to the lexer.
    pub(crate) fn mode(&self) -> LexMode {
        self.state.sql_mode.lex()
    }

    /// Takes note of a statement, whatever it is. A SET that is not understood changes
    /// nothing here; the code that loads the file refuses it.
    pub(crate) fn observe(&mut self, text: &[u8]) {
        // No sensible SET is long.
        if text.len() <= 64 * 1024 && Tokens::new(text, self.mode()).eat("SET") {
            let _ = self.apply(text, 0);
        }
    }

    /// Reads a SET; `line` is where it stands in the dump.
    ///
    /// # Errors
    /// Why it is refused, with the variable's name. The state is then not to be relied on.
    pub(crate) fn apply(&mut self, text: &[u8], line: u64) -> Result<Effect, String> {
        let mode = self.mode();
        if text.len() > 64 * 1024 {
            return Err("a SET is longer than in any dump".to_owned());
        }
        let all = setting::parse(text, mode).ok_or("this form of SET is not allowed")?;
        if all.iter().all(is_replication) {
            return Ok(Effect::Replication);
        }
        if all.iter().any(is_replication) {
            // Leaving out half of a statement is no option.
            return Err("a SET mixes replication and session variables".to_owned());
        }
        let skipped = versions::skipped(text, mode)?;
        let mut values = Vec::with_capacity(all.len());
        for (at, set) in all.iter().enumerate() {
            if skipped && !may_be_skipped(set) {
                return Err(format!(
                    "{} is set in a version comment that some servers skip",
                    shown(set)
                ));
            }
            values.push(self.value(set, &all[..at])?);
        }
        for (set, value) in all.iter().zip(values) {
            self.assign(set, value, line)?;
        }
        Ok(Effect::Session)
    }

    /// What a variable is set to. `before` stands in front of it in the same statement,
    /// of which servers do not say in which order they carry it out.
    fn value(&self, set: &Assignment, before: &[Assignment]) -> Result<Known, String> {
        let fixed = |scope: Scope, name: &str| {
            let again = |other: &Assignment| {
                other.scope == Scope::Names || other.name == name && other.scope == scope
            };
            match before.iter().any(again) {
                true => Err(format!(
                    "{} is set from a variable that the same statement \
                sets",
                    shown(set)
                )),
                false => Ok(()),
            }
        };
        Ok(match &set.value {
            Value::Text(text) if text.len() > LONG => Known::Opaque,
            Value::Text(text) => Known::Text(text.clone()),
            Value::Word(word) if word.eq_ignore_ascii_case("NULL") => Known::Null,
            Value::Word(_) if set.scope == Scope::User => Known::Opaque,
            Value::Word(word) if word.eq_ignore_ascii_case("DEFAULT") => {
                return Err(format!(
                    "{} is set to its default, which varies between \
                servers",
                    shown(set)
                ));
            }
            Value::Word(word) => Known::Text(word.clone()),
            Value::Number(number) if number.len() > LONG => Known::Opaque,
            Value::Number(number) => Known::Number(number.clone()),
            Value::Escaped => Known::Opaque,
            Value::Expression => return Err(format!("{} is set to an expression", shown(set))),
            Value::User(name) => {
                fixed(Scope::User, name)?;
                self.saved.get(name).cloned().unwrap_or(Known::Null)
            }
            Value::System(name) => {
                fixed(Scope::Session, name)?;
                self.now(name)
            }
            Value::IfNull(name, fallback) => {
                fixed(Scope::User, name)?;
                match self.saved.get(name) {
                    Some(known) if *known != Known::Null => known.clone(),
                    _ => {
                        self.value(&Assignment { value: (**fallback).clone(), ..set.clone() }, &[])?
                    }
                }
            }
        })
    }

    fn now(&self, name: &str) -> Known {
        let flag = |on: bool| Known::Number(u8::from(on).to_string());
        let state = &self.state;
        match name {
            "sql_mode" => Known::Text(state.sql_mode.text()),
            "character_set_client" => Known::Text(state.client.name.to_owned()),
            "character_set_connection" => Known::Text(state.collation.charset().to_owned()),
            "collation_connection" => match &state.collation {
                Collation::DefaultOf(charset) => Known::DefaultOf(charset.clone()),
                Collation::Named(name) => Known::Text(name.clone()),
            },
            "time_zone" => Known::Text(state.time_zone.clone()),
            "foreign_key_checks" => flag(state.foreign_keys),
            "unique_checks" => flag(state.unique_keys),
            "check_constraint_checks" => flag(state.checks),
            other => self.others.get(other).cloned().unwrap_or(Known::Opaque),
        }
    }

    fn assign(&mut self, set: &Assignment, value: Known, line: u64) -> Result<(), String> {
        match set.scope {
            Scope::Global => return Err("a global variable is set".to_owned()),
            Scope::User => {
                self.saved.insert(set.name.clone(), value);
                let few = self.saved.len() <= MANY;
                return few.then_some(()).ok_or_else(|| "too many user variables".to_owned());
            }
            Scope::Session if WITHOUT_MEANING.contains(&set.name.as_str()) => {
                self.others.insert(set.name.clone(), value);
                return Ok(());
            }
            Scope::Names | Scope::Session => {}
        }
        let state = Arc::make_mut(&mut self.state);
        let at = match set.name.as_str() {
            "sql_mode" => {
                state.sql_mode = sql_mode(&value)?;
                0
            }
            "character_set_client" => {
                state.client = client(&set.name, &value)?;
                1
            }
            "names" if set.scope == Scope::Names => {
                state.client = client("character_set_client", &value)?;
                state.collation = Collation::DefaultOf(state.client.name.to_owned());
                state.lines[1] = line;
                self.others.insert("character_set_results".to_owned(), value);
                2
            }
            "character_set_connection" => {
                state.collation = Collation::DefaultOf(client(&set.name, &value)?.name.to_owned());
                2
            }
            "collation_connection" => {
                state.collation = match value {
                    Known::DefaultOf(charset) => Collation::DefaultOf(charset),
                    other => Collation::Named(collation(&other)?),
                };
                2
            }
            "time_zone" => {
                state.time_zone = zone(&value)?;
                3
            }
            "foreign_key_checks" => {
                state.foreign_keys = flag(&set.name, &value)?;
                4
            }
            "unique_checks" => {
                state.unique_keys = flag(&set.name, &value)?;
                5
            }
            "check_constraint_checks" => {
                state.checks = flag(&set.name, &value)?;
                6
            }
            other => return Err(format!("dumps do not set the variable {other}")),
        };
        state.lines[at] = line;
        Ok(())
    }
}

/// The list of words of an `sql_mode`.
fn sql_mode(value: &Known) -> Result<SqlMode, String> {
    match value {
        Known::Text(text) => SqlMode::parse(text)
            .map_err(|word| format!("sql_mode is set to {word:?}, an unknown mode")),
        Known::Number(_) => Err("sql_mode is set to a number".to_owned()),
        _ => Err(unknown("sql_mode")),
    }
}

/// A character set that a client may use.
fn client(variable: &str, value: &Known) -> Result<Charset, String> {
    let name = word(variable, value)?;
    Charset::of(&name)
        .ok_or_else(|| format!("{variable} is set to {name}, and dumps cannot be read in it"))
}

/// A collation of such a character set: in UTF-16 a server would not understand its own
/// words, `'+00:00'` for one.
fn collation(value: &Known) -> Result<String, String> {
    let name = word("collation_connection", value)?;
    match Charset::of(name.split('_').next().unwrap_or_default()) {
        Some(_) => Ok(name),
        None => Err(format!(
            "collation_connection is set to {name}, and dumps cannot be read in its character set"
        )),
    }
}

/// The name of a character set or collation.
fn word(variable: &str, value: &Known) -> Result<String, String> {
    match value {
        Known::Text(name)
            if (1..=64).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && !name.as_bytes()[0].is_ascii_digit() =>
        {
            Ok(name.to_ascii_lowercase())
        }
        Known::DefaultOf(charset) => Ok(charset.clone()),
        Known::Text(_) | Known::Number(_) => Err(format!("{variable} is not set to a name")),
        _ => Err(unknown(variable)),
    }
}

fn zone(value: &Known) -> Result<String, String> {
    match value {
        Known::Text(zone) if zone.len() <= 64 && model::ident::zone(zone).is_ok() => {
            Ok(zone.clone())
        }
        _ => Err("time_zone is not set to a time zone".to_owned()),
    }
}

fn flag(variable: &str, value: &Known) -> Result<bool, String> {
    let (Known::Text(text) | Known::Number(text)) = value else { return Err(unknown(variable)) };
    match text.to_ascii_uppercase().as_str() {
        "1" | "ON" | "TRUE" => Ok(true),
        "0" | "OFF" | "FALSE" => Ok(false),
        _ => Err(format!("{variable} is set to neither 0 nor 1")),
    }
}

fn unknown(variable: &str) -> String {
    format!("{variable} is set to a value that the file does not contain")
}

fn shown(set: &Assignment) -> String {
    match set.scope {
        Scope::User => format!("@{}", set.name),
        Scope::Names => "character_set_client".to_owned(),
        Scope::Session | Scope::Global => set.name.clone(),
    }
}

fn may_be_skipped(set: &Assignment) -> bool {
    let known = |name: &String| OF_ONE_SERVER.contains(&name.as_str());
    match (&set.scope, &set.value) {
        (Scope::Session, _) => known(&set.name),
        (Scope::User, Value::System(name)) => known(name),
        _ => false,
    }
}

/// Whether it only concerns replication.
fn is_replication(set: &Assignment) -> bool {
    match set.scope {
        Scope::Global => set.name == "gtid_purged",
        Scope::Session => set.name == "sql_log_bin",
        Scope::User => set.name == "mysqldump_temp_log_bin",
        Scope::Names => false,
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
