//! The settings of a session that loads a dump, in words of our own: how to reach
//! them, and whether a server has them.
//!
//! Only those are here that change what a table, a row or a program becomes.

use super::charset::{Charset, UTF8MB4, same_name};
use super::sql_mode::SqlMode;

/// The collation of string literals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Collation {
    /// The one that the server has for a character set.
    DefaultOf(String),
    Named(String),
}

impl Collation {
    /// The character set that it belongs to.
    pub fn charset(&self) -> &str {
        match self {
            Self::DefaultOf(charset) => charset,
            Self::Named(name) => name.split('_').next().unwrap_or(name),
        }
    }
}

#[derive(Debug, Clone)]
pub struct State {
    /// `sql_mode`.
    pub sql_mode: SqlMode,
    /// `character_set_client`.
    pub client: Charset,
    /// `collation_connection`, with `character_set_connection`.
    pub collation: Collation,
    /// `time_zone`.
    pub time_zone: String,
    /// `foreign_key_checks`.
    pub foreign_keys: bool,
    /// `unique_checks`.
    pub unique_keys: bool,
    /// `check_constraint_checks` of MariaDB.
    pub checks: bool,
    /// For each of them, in this order, the line of the dump that set it.
    pub(super) lines: [u64; 7],
}

impl Default for State {
    /// What every session of a load begins with.
    fn default() -> Self {
        Self {
            sql_mode: SqlMode::parse("NO_AUTO_VALUE_ON_ZERO").unwrap_or_default(),
            client: UTF8MB4,
            collation: Collation::DefaultOf(UTF8MB4.name.to_owned()),
            time_zone: "+00:00".to_owned(),
            foreign_keys: false,
            unique_keys: false,
            checks: true,
            lines: [0; 7],
        }
    }
}

/// What a server says of a session: `sql_mode`, `character_set_client`,
/// `character_set_connection`, `collation_connection`, `time_zone`,
/// `foreign_key_checks`, `unique_checks`.
pub type Told = (String, String, String, String, String, u8, u8);

/// Asks for [`Told`].
pub const ASK: &str = "SELECT CAST(@@sql_mode AS CHAR), CAST(@@character_set_client AS CHAR), \
     CAST(@@character_set_connection AS CHAR), CAST(@@collation_connection AS CHAR), \
     CAST(@@time_zone AS CHAR), @@foreign_key_checks, @@unique_checks";

impl State {
    /// The statements that bring a session here, one a variable. Nothing of a file is in
    /// them but names that were looked up or hold letters, digits and `_` alone.
    fn statements(&self) -> [String; 7] {
        let flag = u8::from;
        [
            format!("SET sql_mode = '{}'", self.sql_mode.text()),
            format!("SET character_set_client = {}", self.client.name),
            match &self.collation {
                Collation::DefaultOf(charset) => {
                    format!("SET character_set_connection = {charset}")
                }
                Collation::Named(name) => format!("SET collation_connection = {name}"),
            },
            format!("SET time_zone = '{}'", self.time_zone),
            format!("SET foreign_key_checks = {}", flag(self.foreign_keys)),
            format!("SET unique_checks = {}", flag(self.unique_keys)),
            // MySQL does not know it, and passes over this comment.
            format!("/*M!100201 SET check_constraint_checks = {} */", flag(self.checks)),
        ]
    }

    /// The statements that lead here from another state, each with the line of the dump
    /// that it is for.
    pub fn since(&self, before: &Self) -> Vec<(String, u64)> {
        let pairs = self.statements().into_iter().zip(before.statements());
        let lines = pairs.zip(self.lines);
        lines.filter(|((to, from), _)| to != from).map(|((to, _), line)| (to, line)).collect()
    }

    /// The same with rows of several sessions side by side: without unique checks MariaDB
    /// fills an empty table in bulk, under a lock on all of it.
    #[must_use]
    pub fn side_by_side(&self) -> Self {
        Self { unique_keys: true, ..self.clone() }
    }

    /// The same with another client character set.
    #[must_use]
    pub fn with_client(&self, client: Charset) -> Self {
        Self { client, ..self.clone() }
    }

    /// The same without a word of its `sql_mode`.
    #[must_use]
    pub fn without_mode(&self, word: &str) -> Self {
        Self { sql_mode: self.sql_mode.without(word), ..self.clone() }
    }

    /// The same for a statement whose text was put into UTF-8. Rows go straight into
    /// their columns: on the way through a smaller character set they could lose some.
    #[must_use]
    pub fn in_utf8(&self, rows: bool) -> Self {
        let state = self.with_client(UTF8MB4);
        if rows {
            Self { collation: Collation::DefaultOf(UTF8MB4.name.to_owned()), ..state }
        } else {
            state
        }
    }

    /// The first difference between this and what a server says: the variable, what it
    /// should be, what it is, and the line of the dump that set it.
    pub fn differs(&self, told: &Told) -> Option<(&'static str, String, String, u64)> {
        let (mode, client, charset, collation, zone, foreign_keys, unique_keys) = told;
        let found = |at: usize, name, wanted: &str, is: &str| {
            Some((name, wanted.to_owned(), is.to_owned(), self.lines[at]))
        };
        if !SqlMode::parse(mode).is_ok_and(|server| self.sql_mode.is_met_by(server)) {
            return found(0, "sql_mode", &self.sql_mode.text(), mode);
        }
        if !same_name(self.client.name, client) {
            return found(1, "character_set_client", self.client.name, client);
        }
        if !same_name(self.collation.charset(), charset) {
            return found(2, "character_set_connection", self.collation.charset(), charset);
        }
        if let Collation::Named(name) = &self.collation
            && !same_name(name, collation)
        {
            return found(2, "collation_connection", name, collation);
        }
        if !same_zone(&self.time_zone, zone) {
            return found(3, "time_zone", &self.time_zone, zone);
        }
        let flags = [
            (4, "foreign_key_checks", self.foreign_keys, foreign_keys),
            (5, "unique_checks", self.unique_keys, unique_keys),
        ];
        flags.into_iter().find(|(_, _, wanted, is)| u8::from(*wanted) != **is).and_then(
            |(at, name, wanted, is)| {
                found(at, name, &u8::from(wanted).to_string(), &is.to_string())
            },
        )
    }
}

/// `+1:00` is `+01:00`, and `system` is `SYSTEM`.
fn same_zone(asked: &str, server: &str) -> bool {
    let plain = |zone: &str| {
        let (hours, minutes) = zone.split_once(':')?;
        Some((hours.parse::<i8>().ok()?, minutes.parse::<u8>().ok()?))
    };
    asked.eq_ignore_ascii_case(server)
        || plain(asked).is_some_and(|asked| plain(server) == Some(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> Told {
        let text = |text: &str| text.to_owned();
        let utf8mb4 = || text("utf8mb4");
        (
            text("NO_AUTO_VALUE_ON_ZERO"),
            utf8mb4(),
            utf8mb4(),
            text("utf8mb4_0900_ai_ci"),
            text("+00:00"),
            0,
            0,
        )
    }

    #[test]
    fn only_what_differs_is_sent() {
        let before = State::default();
        assert!(before.since(&before).is_empty());
        let mut after = before.clone();
        after.sql_mode = SqlMode::parse("ANSI_QUOTES").unwrap();
        after.collation = Collation::Named("latin1_bin".to_owned());
        after.lines[0] = 7;
        assert_eq!(
            after.since(&before),
            [
                ("SET sql_mode = 'ANSI_QUOTES'".to_owned(), 7),
                ("SET collation_connection = latin1_bin".to_owned(), 0)
            ]
        );
    }

    #[test]
    fn every_difference_from_the_server_is_found() {
        let state = State::default();
        assert_eq!(state.differs(&told()), None);
        let found = |change: &dyn Fn(&mut Told)| {
            let mut told = told();
            change(&mut told);
            state.differs(&told).map(|(name, ..)| name)
        };
        assert_eq!(found(&|t| t.0.push_str(",NO_BACKSLASH_ESCAPES")), Some("sql_mode"));
        assert_eq!(found(&|t| t.0 = "MSSQL".to_owned()), Some("sql_mode"));
        assert_eq!(found(&|t| t.1 = "gbk".to_owned()), Some("character_set_client"));
        assert_eq!(found(&|t| t.2 = "gbk".to_owned()), Some("character_set_connection"));
        assert_eq!(found(&|t| t.4 = "SYSTEM".to_owned()), Some("time_zone"));
        assert_eq!(found(&|t| t.5 = 1), Some("foreign_key_checks"));
        assert_eq!(found(&|t| t.6 = 1), Some("unique_checks"));
        assert_eq!(found(&|t| t.3 = "utf8mb4_bin".to_owned()), None, "a server's own default");
        assert_eq!(found(&|t| t.4 = "+0:00".to_owned()), None);
    }
}
