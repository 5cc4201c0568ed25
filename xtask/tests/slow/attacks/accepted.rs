//! What a load sends of a text, over a connection that takes several statements in a
//! packet: whatever the guard lets through has to be safe without the other walls.

use mysql::Conn;
use mysql::prelude::Queryable as _;
use sql::state::{ASK, State, Told};
use sql::{Guard, Kind, Verdict, as_utf8, disable_event, read_dump};

/// A connection in the settings that every session of a load begins with.
#[derive(Debug)]
pub struct Loading {
    pub conn: Conn,
    have: State,
    /// Statements sent so far.
    pub sent: u64,
    /// Of them, those that the server did not refuse.
    pub done: u64,
}

/// How one text ended.
#[derive(Debug)]
pub enum Ended {
    /// The guard, or a reader before it, refused it.
    Refused,
    /// The server refused settings: a load stops there.
    Settings,
    /// All of it was sent.
    Whole,
}

impl Loading {
    /// In that schema, with nothing of a text before.
    pub fn begin(mut conn: Conn, schema: &str) -> Self {
        conn.query_drop(format!("USE `{schema}`")).unwrap();
        conn.query_drop("SET NAMES utf8mb4").unwrap();
        conn.query_drop(
            "SET time_zone = '+00:00', foreign_key_checks = 0, unique_checks = 0, \
             sql_mode = 'NO_AUTO_VALUE_ON_ZERO' /*M!100201 , check_constraint_checks = 1 */",
        )
        .unwrap();
        Self { conn, have: State::default(), sent: 0, done: 0 }
    }

    /// Sends what a load over one session would, statement by statement.
    ///
    /// # Panics
    /// The server ran more than one statement for one that was sent, or has other
    /// settings than the guard believes.
    pub fn load(&mut self, text: &[u8]) -> Ended {
        let mut guard = Guard::new();
        let mut wanted = std::sync::Arc::new(State::default());
        let mut settings = false;
        let read = read_dump(text, &mut |piece, _| {
            match guard.check(piece)? {
                Verdict::Skip(_) => {}
                Verdict::Set(state) => wanted = state,
                Verdict::Run if without_meaning(piece.kind) => {}
                Verdict::Run => {
                    let text = disable_event(piece.text, piece.mode);
                    let program = piece.kind.program().is_some();
                    // Programs above ASCII are sent as UTF-8, whatever their client was.
                    let utf8 = wanted.client.name.starts_with("utf8");
                    let rows = matches!(piece.kind, Kind::Insert(_));
                    let needs = match program && !utf8 && !text.is_ascii() {
                        _ if piece.utf8 => wanted.in_utf8(rows),
                        true => wanted.with_client(State::default().client),
                        false => State::clone(&wanted),
                    };
                    if let Err(why) = self.become_state(&needs) {
                        settings = true;
                        anyhow::bail!(why);
                    }
                    // Programs with other bytes are put into UTF-8 by the load itself.
                    if !program || std::str::from_utf8(&text).is_ok() {
                        // What the server refuses would end a load; here more is searched.
                        self.send(&as_utf8(&text, piece.mode)?).ok();
                    }
                }
            }
            Ok(())
        });
        match (read, settings) {
            (Ok(_), _) => Ended::Whole,
            (Err(_), true) => Ended::Settings,
            (Err(_), false) => Ended::Refused,
        }
    }

    /// Brings the session there, as a load does.
    pub fn become_state(&mut self, wanted: &State) -> Result<(), String> {
        let missing = wanted.since(&self.have);
        if missing.is_empty() {
            return Ok(());
        }
        for (sql, _) in &missing {
            self.send(sql).map_err(|error| format!("{sql}: {error}"))?;
        }
        self.have = wanted.clone();
        self.sent += 1;
        let told: Told = self.conn.query_first(ASK).unwrap().unwrap();
        assert_eq!(wanted.differs(&told), None, "{told:?} after {missing:?}");
        Ok(())
    }

    fn send(&mut self, sql: &str) -> Result<(), mysql::Error> {
        self.sent += 1;
        let mut result = self.conn.query_iter(sql)?;
        let (mut sets, mut failed) = (0, None);
        while let Some(set) = result.iter() {
            sets += 1;
            failed = failed.or(set.filter_map(Result::err).next());
        }
        drop(result);
        assert!(sets <= 1, "{sets} statements ran for one: {sql}");
        if let Some(error) = failed {
            return Err(error);
        }
        self.done += 1;
        Ok(())
    }
}

/// What a load leaves out.
fn without_meaning(kind: &Kind) -> bool {
    matches!(kind, Kind::LockTables(_) | Kind::UnlockTables | Kind::Keys(_))
}
