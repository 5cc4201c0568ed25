//! Which dump program is used, and with which flags: those that it, the server
//! and the account's rights all understand.

use std::fmt;
use std::path::PathBuf;

use model::exit::{ExitCode, Stop};
use model::facts::{Flavour, Version};
use model::link::Link;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Host(PathBuf),
    /// Inside the container: always the client that belongs to the server.
    Container(String),
}

/// A dump program and what it can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpClient {
    pub place: Place,
    /// Its name, `mysqldump` or `mariadb-dump`.
    pub program: String,
    pub flavour: Flavour,
    /// Its version (for MariaDB the server release it was built with).
    pub version: Version,
    /// The option names that its `--help` lists, without dashes.
    pub options: Vec<String>,
}

/// What a dump program's session relies on, for those that take it (MySQL 8.4 and later): a
/// server's defaults could hide generated keys, cut or refuse what is read, and give other
/// rows than those of the snapshot.
const SESSION: &str = "SET SESSION autocommit = 1, completion_type = 0, sql_big_selects = 1, \
     sql_select_limit = 18446744073709551615, sql_buffer_result = 0, max_execution_time = 0, \
     show_create_table_verbosity = 0, show_create_table_skip_secondary_engine = 0, \
     use_secondary_engine = 'OFF', show_gipk_in_create_table_and_information_schema = 1, \
     net_write_timeout = 1800, transaction_read_only = 0";

impl fmt::Display for DumpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.program, self.version, self.flavour)?;
        match &self.place {
            Place::Host(_) => f.write_str(" on this machine"),
            Place::Container(name) => write!(f, " in container {name}"),
        }
    }
}

impl DumpClient {
    /// Reads `--version`: `mysqldump  Ver 9.7.4 for Linux` or
    /// `mariadb-dump  Ver 10.19 Distrib 10.11.19-MariaDB, for …`.
    pub fn flavour_and_version(text: &str) -> Option<(Flavour, Version)> {
        let distrib = text.split("Distrib ").nth(1);
        let number = distrib.or_else(|| text.split("Ver ").nth(1)).unwrap_or(text);
        // MariaDB 11 and later print `from 11.8.3-MariaDB`.
        let number = text.split("from ").nth(1).unwrap_or(number);
        let flavour = if text.contains("MariaDB") { Flavour::Mariadb } else { Flavour::Mysql };
        Some((flavour, Version::parse(number)?))
    }

    /// The option names in a `--help` text.
    pub fn options_in(help: &str) -> Vec<String> {
        let mut options: Vec<String> = help
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("--"))
            .map(|word| word.split(['=', '[', ',', ')', ';', '.']).next().unwrap_or("").to_owned())
            .filter(|word| !word.is_empty())
            .collect();
        options.sort();
        options.dedup();
        options
    }

    fn knows(&self, option: &str) -> bool {
        self.options.iter().any(|known| known == option)
    }

    /// Why this client must not dump that server, when it must not.
    ///
    /// A client of the other flavour writes statements that its own server
    /// understands; an older client misses what a newer server can hold.
    pub fn unfit(&self, flavour: Flavour, version: Version) -> Option<String> {
        if self.flavour != flavour {
            return Some(format!("{self} is not a client of {flavour}"));
        }
        let older = (self.version.0, self.version.1) < (version.0, version.1);
        older.then(|| format!("{self} is older than the server ({version})"))
    }

    /// The arguments, connection apart. `lock_all`: the schema has tables without
    /// transactions, so that all are read under `LOCK TABLES … READ` instead of in a snapshot.
    /// `left_out`: views that cannot be read and would end the dump.
    pub fn arguments(&self, schema: &str, lock_all: bool, left_out: &[String]) -> Vec<String> {
        let mut arguments = if lock_all {
            vec!["--lock-tables"]
        } else {
            vec!["--single-transaction", "--skip-lock-tables"]
        };
        arguments.extend([
            "--no-tablespaces",
            "--routines",
            "--events",
            "--triggers",
            "--hex-blob",
            // Column lists in every INSERT: generated and invisible columns cannot shift values.
            "--complete-insert",
            "--tz-utc",
            "--default-character-set=utf8mb4",
            "--max-allowed-packet=1G",
        ]);
        // Without this MySQL's client runs FLUSH TABLES, which needs RELOAD (8.0.32 and later),
        // and writes statements that fail on a server with transactions of its own.
        if self.knows("set-gtid-purged") {
            arguments.push("--set-gtid-purged=OFF");
        }
        // Newer servers keep masking policies in a schema that this account cannot read.
        if self.knows("masking-policies") {
            arguments.push("--skip-masking-policies");
        }
        if self.knows("column-statistics") {
            arguments.push("--column-statistics=0");
        }
        let mut arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        if self.flavour == Flavour::Mysql && self.knows("init-command") {
            arguments.push(format!("--init-command={SESSION}"));
        }
        arguments.extend(left_out.iter().map(|view| format!("--ignore-table={schema}.{view}")));
        arguments.push("--".to_owned());
        arguments.push(schema.to_owned());
        arguments
    }

    /// Arguments for the connection: whether it is encrypted, and who has to answer.
    ///
    /// # Errors
    /// A [`Stop`] with exit code 10: this program cannot check what is to be checked.
    pub fn connection(&self, over_tcp: bool, link: &Link) -> Result<Vec<String>, Stop> {
        if !over_tcp {
            return Ok(Vec::new());
        }
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let (mut arguments, client): (Vec<String>, _) = match (self.flavour, link) {
            (_, Link::Not(why)) => return Err(self.refused(why)),
            (Flavour::Mysql, Link::Plain) if self.knows("get-server-public-key") => {
                return Ok(words(&["--ssl-mode=DISABLED", "--get-server-public-key"]));
            }
            (Flavour::Mysql, Link::Plain) => return Ok(words(&["--ssl-mode=DISABLED"])),
            (Flavour::Mariadb, Link::Plain) => return Ok(words(&["--skip-ssl"])),
            (Flavour::Mysql, Link::Encrypted { client }) => {
                (words(&["--ssl-mode=REQUIRED"]), client)
            }
            (Flavour::Mariadb, Link::Encrypted { client }) => {
                (words(&["--ssl", "--skip-ssl-verify-server-cert"]), client)
            }
            (Flavour::Mysql, Link::Verified { ca, identity, client }) => {
                let mode = if *identity { "VERIFY_IDENTITY" } else { "VERIFY_CA" };
                let mode = format!("--ssl-mode={mode}");
                (vec![mode, format!("--ssl-ca={}", ca.display())], client)
            }
            // It checks the name with the authority, or neither.
            (Flavour::Mariadb, Link::Verified { identity: false, .. }) => {
                return Err(self.refused("it cannot check only the authority (DB_TLS=verify-ca)"));
            }
            (Flavour::Mariadb, Link::Verified { ca, client, .. }) => {
                let ca = format!("--ssl-ca={}", ca.display());
                (vec!["--ssl-verify-server-cert".to_owned(), ca], client)
            }
        };
        if let Some((cert, key)) = client {
            arguments.push(format!("--ssl-cert={}", cert.display()));
            arguments.push(format!("--ssl-key={}", key.display()));
        }
        Ok(arguments)
    }

    fn refused(&self, why: &str) -> Stop {
        Stop::new(
            ExitCode::Configuration,
            format!("{} is not used over this connection: {why}", self.program),
        )
        .hint("`--engine native` uses the tool's own connection, which can.")
        .hint("DB_TLS=verify-identity with DB_TLS_CA works with dump programs too: docs/tls.md.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(flavour: Flavour, version: Version, options: &[&str]) -> DumpClient {
        DumpClient {
            place: Place::Host(PathBuf::from("/bin/x")),
            program: "x".to_owned(),
            flavour,
            version,
            options: options.iter().map(|o| (*o).to_owned()).collect(),
        }
    }

    #[test]
    fn versions_of_clients() {
        let read = DumpClient::flavour_and_version;
        assert_eq!(
            read("mysqldump  Ver 9.7.4-2 for Linux on x86_64 ((Debian))"),
            Some((Flavour::Mysql, Version(9, 7, 4)))
        );
        assert_eq!(
            read("mariadb-dump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)"),
            Some((Flavour::Mariadb, Version(10, 11, 19)))
        );
        assert_eq!(
            read("mariadb-dump from 11.8.3-MariaDB, client 10.19 for debian-linux-gnu"),
            Some((Flavour::Mariadb, Version(11, 8, 3)))
        );
    }

    #[test]
    fn a_client_that_does_not_fit_is_refused() {
        let mariadb = client(Flavour::Mariadb, Version(10, 11, 19), &[]);
        assert!(mariadb.unfit(Flavour::Mysql, Version(9, 7, 4)).is_some());
        assert!(mariadb.unfit(Flavour::Mariadb, Version(10, 11, 6)).is_none());
        assert!(mariadb.unfit(Flavour::Mariadb, Version(11, 4, 0)).is_some());
        let mysql = client(Flavour::Mysql, Version(8, 0, 40), &[]);
        assert!(mysql.unfit(Flavour::Mysql, Version(9, 7, 4)).is_some());
        assert!(mysql.unfit(Flavour::Mysql, Version(8, 0, 12)).is_none());
    }

    #[test]
    fn a_program_checks_what_the_tool_checks_or_is_not_used() {
        let mysql = client(Flavour::Mysql, Version(9, 7, 4), &["get-server-public-key"]);
        let mariadb = client(Flavour::Mariadb, Version(10, 11, 19), &[]);
        let all = |client: &DumpClient, link: &Link| {
            client.connection(true, link).map(|words| words.join(" ")).map_err(|stop| stop.code)
        };
        let verified =
            |identity| Link::Verified { ca: PathBuf::from("/ca.pem"), identity, client: None };
        let verify = Ok("--ssl-mode=VERIFY_IDENTITY --ssl-ca=/ca.pem".to_owned());
        assert_eq!(all(&mysql, &verified(true)), verify);
        assert_eq!(
            all(&mysql, &verified(false)),
            Ok("--ssl-mode=VERIFY_CA --ssl-ca=/ca.pem".to_owned())
        );
        assert_eq!(
            all(&mariadb, &verified(true)),
            Ok("--ssl-verify-server-cert --ssl-ca=/ca.pem".to_owned())
        );
        assert_eq!(all(&mariadb, &verified(false)), Err(ExitCode::Configuration));
        let files = Some((PathBuf::from("/c.pem"), PathBuf::from("/k.pem")));
        assert_eq!(
            all(&mysql, &Link::Encrypted { client: files }),
            Ok("--ssl-mode=REQUIRED --ssl-cert=/c.pem --ssl-key=/k.pem".to_owned())
        );
        for client in [&mysql, &mariadb] {
            assert_eq!(all(client, &Link::Not("x")), Err(ExitCode::Configuration));
            assert_eq!(client.connection(false, &Link::Not("x")), Ok(Vec::new()));
        }
    }

    #[test]
    fn flags_follow_what_the_client_knows() {
        let help = "  --set-gtid-purged[=name] \n --masking-policies  Dump\n (Defaults to on; use --skip-masking-policies to disable.)";
        let options = DumpClient::options_in(help);
        assert!(options.contains(&"set-gtid-purged".to_owned()), "{options:?}");
        let new =
            client(Flavour::Mysql, Version(9, 7, 4), &["set-gtid-purged", "masking-policies"]);
        let arguments = new.arguments("mydb", false, &[]);
        assert!(arguments.contains(&"--skip-masking-policies".to_owned()));
        assert!(arguments.contains(&"--set-gtid-purged=OFF".to_owned()));
        assert_eq!(arguments[arguments.len() - 2..], ["--".to_owned(), "mydb".to_owned()]);
        let old = client(Flavour::Mariadb, Version(10, 11, 6), &[]);
        let arguments = old.arguments("mydb", true, &["old".to_owned()]);
        assert!(
            !arguments.iter().any(|a| a.contains("gtid") || a.contains("masking")),
            "{arguments:?}"
        );
        assert!(arguments.contains(&"--ignore-table=mydb.old".to_owned()), "{arguments:?}");
        assert!(arguments.contains(&"--lock-tables".to_owned()));
        assert!(!arguments.iter().any(|a| a.contains("single-transaction")), "{arguments:?}");
    }
}
