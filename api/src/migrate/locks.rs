//! What a statement that failed has done, and further tries at locks that others hold.
//!
//! A data definition that waits for its lock stops everybody who comes after it, so each try
//! is short, and the pauses grow: others get through in between.

use std::time::Duration;

use sqlx::MySqlConnection;

use super::{Failed, Progress};

// ER_LOCK_WAIT_TIMEOUT and ER_LOCK_DEADLOCK.
const LOCKED: [u16; 2] = [1205, 1213];
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// Whether the server's error says that others held a lock.
pub(super) fn is_lock(number: Option<u16>) -> bool {
    number.is_some_and(|number| LOCKED.contains(&number))
}

// A statement that waits for rows stops nobody.
const ROWS_S: u64 = 10;

/// How long a session may wait for tables, and for rows, in seconds.
pub(super) fn limits(wait: Duration, defines: bool) -> (u64, u64) {
    let tables = wait.as_secs();
    (tables, if defines { tables } else { tables.max(ROWS_S) })
}

/// Tries that are left, the pause before the next, and how long it may wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tries {
    left: u32,
    pause: Duration,
    wait: Duration,
}

/// How often a statement is tried again, and who hears of it.
pub(super) struct Again<'a> {
    retries: u32,
    wait: Duration,
    /// What the session has, as far as the migration sets nothing of its own.
    limits: (u64, u64),
    each: &'a mut dyn FnMut(Progress<'_>),
}

impl<'a> Again<'a> {
    /// `wait` is how long one try waits.
    pub(super) fn new(retries: u32, wait: Duration, each: &'a mut dyn FnMut(Progress<'_>)) -> Self {
        Self { retries, wait, limits: limits(wait, false), each }
    }

    /// What is said of something else.
    pub(super) fn tell(&mut self, progress: Progress<'_>) {
        (self.each)(progress);
    }

    pub(super) fn fresh(&self) -> Tries {
        Tries { left: self.retries, pause: FIRST_PAUSE, wait: self.wait }
    }

    /// Pauses before another try; `false`: there is none left. `took` is how long the last one
    /// did: a definition that works for minutes and gets no lock at its end throws them away, so
    /// the next may wait for a tenth of that.
    pub(super) async fn pause(
        &mut self,
        tries: &mut Tries,
        failed: &Failed,
        took: Duration,
    ) -> bool {
        let Some(left) = tries.left.checked_sub(1) else { return false };
        let pause = tries.pause;
        self.tell(Progress::Again { name: &failed.name, reason: &failed.message, pause });
        tokio::time::sleep(pause).await;
        let wait = wait_after(tries.wait, took);
        *tries = Tries { left, pause: pause.saturating_mul(2).min(LONGEST_PAUSE), wait };
        true
    }

    /// Brings the session's limits to what this statement may wait, unless the migration has set
    /// its own.
    pub(super) async fn limit(
        &mut self,
        tries: &Tries,
        conn: &mut MySqlConnection,
        statement: &str,
    ) -> sqlx::Result<()> {
        let wanted = limits(tries.wait, Kind::of(statement).commits());
        if wanted == self.limits {
            return Ok(());
        }
        let now: (u64, u64) = sqlx::query_as(
            "SELECT CAST(@@SESSION.lock_wait_timeout AS UNSIGNED), \
             CAST(@@SESSION.innodb_lock_wait_timeout AS UNSIGNED)",
        )
        .fetch_one(&mut *conn)
        .await?;
        if now == self.limits {
            sqlx::query("SET SESSION lock_wait_timeout = ?, SESSION innodb_lock_wait_timeout = ?")
                .bind(wanted.0)
                .bind(wanted.1)
                .execute(conn)
                .await?;
            self.limits = wanted;
        }
        Ok(())
    }
}

fn wait_after(wait: Duration, took: Duration) -> Duration {
    let worked = took.saturating_sub(wait);
    if worked < Duration::from_secs(2) {
        return wait;
    }
    (worked / 10).clamp(Duration::from_secs(10), Duration::from_secs(60)).max(wait)
}

/// What kind of statement a text begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A data definition that commits what was before it. `whole`: if the server refuses it, it
    /// has done nothing, on any server. MariaDB may have dropped or renamed the first of several
    /// tables, and loses the old one of CREATE OR REPLACE TABLE.
    Definition { whole: bool },
    /// It changes rows.
    Rows,
    /// Anything else. A procedure or a compound statement may have committed something.
    Other,
}

impl Kind {
    pub(super) fn of(sql: &str) -> Self {
        let Some((first, second)) = words(sql) else { return Self::Other };
        match (&*first, &*second) {
            ("truncate", _) | ("alter", "table" | "view" | "event" | "procedure" | "function") => {
                Self::Definition { whole: true }
            }
            (
                "create",
                "table" | "index" | "unique" | "fulltext" | "spatial" | "view" | "trigger"
                | "event" | "procedure" | "function",
            ) => Self::Definition { whole: true },
            (
                "drop",
                "table" | "index" | "view" | "trigger" | "event" | "procedure" | "function",
            )
            | ("rename", "table") => Self::Definition { whole: !sql.contains(',') },
            ("delete" | "insert" | "replace" | "update", _) => Self::Rows,
            _ => Self::Other,
        }
    }

    /// Whether what was before it is committed once it begins.
    pub(super) fn commits(self) -> bool {
        matches!(self, Self::Definition { .. })
    }

    /// Whether it has done nothing once the server refused it, and the transaction is rolled
    /// back. `transactional`: no table keeps rows that a rollback takes back elsewhere.
    pub(super) fn undone(self, transactional: bool) -> bool {
        match self {
            Self::Definition { whole } => whole,
            Self::Rows => transactional,
            Self::Other => false,
        }
    }

    /// Whether it can be tried again behind the one `before` it, after it got no lock: it did
    /// nothing, and no row that was changed since the last commit went away with it, as a
    /// deadlock takes them. In front of a definition everything was committed.
    pub(super) fn may_repeat(self, before: Self, transactional: bool) -> bool {
        self.undone(transactional) && (self.commits() || before.commits())
    }
}

/// Whether a rollback takes back whatever was done to the rows of the schema's tables. What
/// cannot be asked is no.
pub(super) async fn is_transactional(conn: &mut MySqlConnection) -> bool {
    let others: sqlx::Result<i64> = sqlx::query_scalar(
        "SELECT COUNT(*) FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = DATABASE() AND ENGINE <> 'InnoDB'",
    )
    .fetch_one(conn)
    .await;
    others.is_ok_and(|others| others == 0)
}

// The first two, in lower case, without the comments around them; nothing where the server runs
// a comment.
fn words(sql: &str) -> Option<(String, String)> {
    let rest = after_comments(sql)?;
    let first = word(rest);
    let second = word(after_comments(&rest[first.len()..])?);
    Some((first, second))
}

fn word(text: &str) -> String {
    let letters = text.chars().take_while(char::is_ascii_alphabetic);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

fn after_comments(text: &str) -> Option<&str> {
    let mut rest = text.trim_start();
    loop {
        let after = if rest.starts_with('#') || rest.starts_with("--") {
            rest.split_once('\n')
        } else if rest.starts_with("/*!") || rest.starts_with("/*M!") {
            return None;
        } else if rest.starts_with("/*") {
            rest.split_once("*/")
        } else {
            return Some(rest);
        };
        rest = after?.1.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Kind, wait_after};

    const WHOLE: Kind = Kind::Definition { whole: true };
    const IN_PARTS: Kind = Kind::Definition { whole: false };

    #[test]
    fn the_first_words_say_what_it_is() {
        for (sql, kind) in [
            ("ALTER TABLE a ADD b INT, ADD c INT", WHOLE),
            ("-- why\n\n# and how\n/* at\nlength */ Create /* a */ TABLE a (b INT)", WHOLE),
            ("TRUNCATE a", WHOLE),
            ("drop table a", WHOLE),
            ("DROP TABLE a, b", IN_PARTS),
            ("RENAME TABLE a TO b, c TO d", IN_PARTS),
            ("update a set b = 1", Kind::Rows),
            ("CREATE OR REPLACE TABLE a (b INT)", Kind::Other),
            ("CREATE /* why */ Temporary TABLE t (a INT)", Kind::Other),
            ("DROP TEMPORARY TABLE t", Kind::Other),
            ("DROP PREPARE p", Kind::Other),
            ("CALL fill()", Kind::Other),
            ("BEGIN NOT ATOMIC DROP TABLE a; END", Kind::Other),
            ("/*!50000 ALTER TABLE a ADD b INT */", Kind::Other),
            ("ALTER /*!50000 TABLE a */ ADD b INT", Kind::Other),
            ("/* open", Kind::Other),
            ("-- only this", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(Kind::of(sql), kind, "{sql}");
        }
    }

    #[test]
    fn nothing_that_was_changed_is_lost_by_a_retry() {
        let (rows, other) = (Kind::Rows, Kind::Other);
        for (before, statement, transactional, may) in [
            (rows, WHOLE, true, true),
            (other, WHOLE, false, true),
            (WHOLE, rows, true, true),
            (IN_PARTS, rows, true, true),
            // MyISAM keeps the rows that it has by then.
            (WHOLE, rows, false, false),
            (rows, IN_PARTS, true, false),
            // The rows of the first would be gone after a deadlock of the second.
            (rows, rows, true, false),
            (other, rows, true, false),
            (WHOLE, other, true, false),
        ] {
            let found = statement.may_repeat(before, transactional);
            assert_eq!(found, may, "{statement:?} behind {before:?}, {transactional}");
        }
    }

    #[test]
    fn work_that_was_lost_is_worth_a_longer_wait() {
        let seconds = Duration::from_secs;
        for (took, wait) in [(1, 1), (2, 1), (4, 10), (300, 29), (9000, 60)] {
            assert_eq!(wait_after(seconds(1), seconds(took)).as_secs(), wait, "{took}");
        }
        assert_eq!(wait_after(seconds(300), seconds(400)), seconds(300));
    }
}
