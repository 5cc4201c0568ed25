//! Makes the rows of pending keys equal, in batches, each in a transaction of its own.

use anyhow::Result;

use crate::pending::Keys;
use crate::progress::Progress;
use crate::{BATCH, Follow, refused};
use model::excerpt::shorten;
use model::exit::Stop;
use server::Session;
use server::session::{code, said};
use sys::signal;

/// For the session that applies: no cascade is fired a second time; a row that is read is not
/// locked; a value that does not fit is an error, and a zero stays one.
pub(crate) const SETTINGS: [&str; 3] = [
    "SET SESSION foreign_key_checks = 0, unique_checks = 1",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'",
];

/// As sessions of this tool begin.
pub(crate) const SETTINGS_BACK: [&str; 3] = [
    KEYS_CHECKED,
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION sql_mode = ''",
];

pub(crate) const KEYS_CHECKED: &str = "SET SESSION foreign_key_checks = 1";

/// Two rows have the same value in a unique key.
const DUPLICATE: [u16; 2] = [1062, 1586];

impl Follow {
    /// Applies all that is pending. Rows whose unique values are still in the way stay pending:
    /// the source moved on while it was read, and the next round has both rows.
    pub(crate) fn apply(
        &mut self,
        session: &mut Session,
        report: &mut dyn FnMut(&Progress),
    ) -> Result<usize> {
        let mut applied = 0;
        for number in 0..self.statements.len() {
            let keys: Vec<String> = self.pending.take(number).into_iter().collect();
            let mut stuck: Vec<String> = Vec::new();
            for batch in bites(&keys, self.pairs.pairs[number].batch) {
                signal::check()?;
                match self.batch(session, number, batch, How::Apply) {
                    Ok(()) => applied += batch.len(),
                    Err(error) if is_duplicate(&error) => stuck.extend_from_slice(batch),
                    Err(error) => return Err(self.refusal(session, number, batch, error)),
                }
                self.progress.rows += batch.len() as u64;
                self.tell(report);
            }
            if !stuck.is_empty() {
                // All at once: values change places among them.
                match self.batch(session, number, &stuck, How::Exchange) {
                    Ok(()) => applied += stuck.len(),
                    Err(error) if is_duplicate(&error) => self.pending.put(number, stuck),
                    Err(error) => return Err(self.refusal(session, number, &stuck, error)),
                }
            }
        }
        Ok(applied)
    }

    /// Applies what is pending table by table, and takes it back.
    pub(crate) fn try_pending(&mut self, session: &mut Session) -> Result<()> {
        for number in 0..self.statements.len() {
            let keys: Vec<String> = listed(self.pending.of_table(number));
            if keys.is_empty() {
                continue;
            }
            match self.batch(session, number, &keys, How::TryOut) {
                Ok(()) => {}
                Err(error) if is_duplicate(&error) => {
                    return Err(self.no_room(number, &said(&error), None).into());
                }
                Err(error) => return Err(self.refusal(session, number, &keys, error)),
            }
        }
        Ok(())
    }

    /// Why rows stay pending although nothing moves any more.
    pub(crate) fn stuck(&mut self, session: &mut Session) -> Result<Stop> {
        for number in 0..self.statements.len() {
            let keys: Vec<String> = self.pending.of_table(number).iter().cloned().collect();
            if keys.is_empty() {
                continue;
            }
            if let Err(error) = self.batch(session, number, &keys, How::Exchange) {
                return Ok(self.no_room(number, &said(&error), None));
            }
        }
        Ok(refused("rows were in each other's way"))
    }

    /// Notes keys in a table's temporary one.
    pub(crate) fn note(&self, session: &mut Session, number: usize, keys: &[String]) -> Result<()> {
        let it = &self.statements[number];
        session.run(&it.forget)?;
        for some in bites(keys, BATCH) {
            session.run(&format!("{}{}{}", it.note, some.join(","), it.note_end))?;
        }
        Ok(())
    }

    fn batch(&self, session: &mut Session, number: usize, keys: &[String], how: How) -> Result<()> {
        self.note(session, number, keys)?;
        let it = &self.statements[number];
        // No START TRANSACTION: it would end the lock on tables under which the last rows come.
        session.run("SET autocommit = 0")?;
        // Values that change places are no obstacle to the rows of a table taken together.
        let statements = if how == How::Apply { &it.apply } else { &it.exchange };
        let done = statements.iter().try_for_each(|sql| session.run(sql));
        let ended = match (&done, how) {
            (Ok(()), How::Apply | How::Exchange) => session.run("COMMIT"),
            _ => session.run("ROLLBACK"),
        };
        session.run("SET autocommit = 1")?;
        done.and(ended)
    }

    /// A row that the target cannot hold is named; other errors stay what they are.
    fn refusal(
        &self,
        session: &mut Session,
        number: usize,
        batch: &[String],
        error: anyhow::Error,
    ) -> anyhow::Error {
        // What the server says of a statement that it understood; not of a session that is gone,
        // of a lock, or of itself.
        let of_a_row = [1048, 1263, 1264, 1265, 1292, 1364, 1366, 1406, 1690, 3819, 3854, 4025];
        if !code(&error).is_some_and(|code| of_a_row.contains(&code)) {
            return error;
        }
        let mut rest = batch;
        while rest.len() > 1 {
            let (first, second) = rest.split_at(rest.len() / 2);
            let fails = self.batch(session, number, first, How::TryOut).is_err();
            rest = if fails { first } else { second };
        }
        self.no_room(number, &said(&error), rest.first()).into()
    }

    /// The server's words and the key have values in them: behind the first line.
    fn no_room(&self, number: usize, said: &str, key: Option<&String>) -> Stop {
        let table = &self.pairs.pairs[number].table;
        let key = key.map_or_else(String::new, |key| format!("\n  primary key  {}", shorten(key)));
        refused(format!(
            "a row was meanwhile written to `{table}` that the copy cannot hold:{key}\n  \
             the server   {said}"
        ))
        .hint("Correct the row, or the migration, and run the command again.")
    }
}

/// How a batch is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Apply,
    /// The rows are set aside first.
    Exchange,
    /// As [`How::Exchange`], and taken back.
    TryOut,
}

fn is_duplicate(error: &anyhow::Error) -> bool {
    code(error).is_some_and(|code| DUPLICATE.contains(&code))
}

/// As many keys at a time as one statement takes: a key can be long.
fn bites(keys: &[String], most: usize) -> Vec<&[String]> {
    const BYTES: usize = 512 << 10;
    let (mut all, mut rest) = (Vec::new(), keys);
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take(most).take_while(|key| {
            bytes += key.len() + 1;
            bytes <= BYTES
        });
        let (some, others) = rest.split_at(fits.count().max(1));
        all.push(some);
        rest = others;
    }
    all
}

/// As a list for [`Follow::note`].
pub(crate) fn listed(keys: &Keys) -> Vec<String> {
    keys.iter().cloned().collect()
}
