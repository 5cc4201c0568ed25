//! What is known about a server.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which family of server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// MySQL by Oracle, and builds of it.
    Mysql,
    Mariadb,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
        })
    }
}

/// `major.minor.patch` of a server or client program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version(pub u16, pub u16, pub u16);

impl Version {
    /// The first three numbers in a version text such as `9.7.4-1` or
    /// `10.11.14-MariaDB-deb12`; MariaDB's `5.5.5-` replication prefix is skipped.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("5.5.5-").unwrap_or(text);
        let start = text.find(|c: char| c.is_ascii_digit())?;
        let mut numbers = text[start..]
            .split(|c: char| !c.is_ascii_digit() && c != '.')
            .next()?
            .split('.')
            .map(|part| part.parse::<u16>().ok());
        let major = numbers.next()??;
        let minor = numbers.next().flatten().unwrap_or(0);
        let patch = numbers.next().flatten().unwrap_or(0);
        Some(Self(major, minor, patch))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Where the server stood in its own log of changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LogPosition {
    /// `@@gtid_executed` (MySQL) or `@@gtid_binlog_pos` (MariaDB).
    Gtid {
        /// The set as the server prints it.
        set: String,
    },
    /// Nothing could be read, and why.
    Unknown { reason: String },
}

/// Facts about the server that a backup was taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFacts {
    pub flavour: Flavour,
    pub version: Version,
    /// The version text as the server prints it.
    pub version_text: String,
    /// `@@server_uuid` on MySQL, `@@server_uid` on MariaDB; "unknown" where there is none.
    pub uuid: String,
    /// `@@global.sql_mode`.
    pub sql_mode: String,
    /// `@@global.time_zone`, with the system zone's name where it says SYSTEM.
    pub time_zone: String,
    /// `@@max_allowed_packet` in bytes.
    pub max_allowed_packet: u64,
    /// `@@lower_case_table_names`.
    pub lower_case_table_names: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(Version::parse("9.7.4-1"), Some(Version(9, 7, 4)));
        assert_eq!(
            Version::parse("5.5.5-10.11.14-MariaDB-0+deb12u2-log"),
            Some(Version(10, 11, 14))
        );
        assert_eq!(Version::parse("mysqldump  Ver 9.7.4 for Linux"), Some(Version(9, 7, 4)));
        assert_eq!(Version::parse("none"), None);
    }
}
