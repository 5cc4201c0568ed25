//! Whether the server is the one that this checkout has worked on, and what a change on
//! another one takes.

use model::exit::{ExitCode, Stop};
use model::known::Known;

/// The server at hand.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// What it calls itself.
    pub uuid: &'a str,
    /// Whether that stays: MySQL's lies in the data folder, MariaDB's follows the network address.
    pub stable: bool,
    /// How it was reached, in words.
    pub place: &'a str,
}

/// What the comparison says.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the one, or it has no name to compare.
    Same,
    /// It is to be remembered: there was none before, or it was chosen.
    Remember,
    /// It is where the last one was and calls itself otherwise, which on MariaDB says little: a
    /// remark, and it is to be remembered.
    Renamed(String),
    /// `--server` names another one than the one at hand.
    NotChosen(Stop),
    /// It is another one than the last time.
    Other(Other),
}

/// Another server than the last time.
#[derive(Debug, PartialEq, Eq)]
pub struct Other {
    /// Which was it then, and which is it now.
    pub what: String,
    hints: [String; 2],
}

impl Other {
    /// The refusal, for where nobody can be asked.
    pub fn refusal(self) -> Stop {
        let message = format!("{}; nothing was changed", self.what);
        self.hints.into_iter().fold(Stop::new(ExitCode::Configuration, message), Stop::hint)
    }
}

/// A server that has no name to compare.
const NAMELESS: &str = "unknown";

/// The part of a server's name that people read and type.
pub fn short(uuid: &str) -> String {
    uuid.chars().filter(char::is_ascii_alphanumeric).take(8).collect()
}

/// Whether `chosen`, as it was typed, means this server.
pub fn is_chosen(uuid: &str, chosen: Option<&str>) -> bool {
    chosen.is_some_and(|typed| typed == uuid || typed == short(uuid))
}

/// Compares the server at hand with the one of the last time.
pub fn judge(schema: &str, known: Option<&Known>, now: Seen<'_>, chosen: Option<&str>) -> Verdict {
    if let Some(typed) = chosen
        && !is_chosen(now.uuid, chosen)
    {
        return Verdict::NotChosen(
            Stop::new(
                ExitCode::Configuration,
                format!(
                    "--server names {typed}, but the server at {} is {}; nothing was changed",
                    now.place,
                    short(now.uuid)
                ),
            )
            .hint(
                "DB_REACH, DB_HOST, DB_PORT and DB_CONTAINER in .env say where it is looked for.",
            ),
        );
    }
    if now.uuid == NAMELESS {
        return Verdict::Same;
    }
    let Some(known) = known else { return Verdict::Remember };
    if known.uuid == now.uuid {
        return Verdict::Same;
    }
    if chosen.is_some() {
        Verdict::Remember
    } else if !now.stable && known.place == now.place {
        Verdict::Renamed(format!(
            "the server at {} had the name {} the last time, and now {}: a new address of its \
             machine or container, or another server in its place",
            now.place,
            short(&known.uuid),
            short(now.uuid)
        ))
    } else {
        Verdict::Other(other(schema, known, now))
    }
}

fn other(schema: &str, known: &Known, now: Seen<'_>) -> Other {
    let id = short(now.uuid);
    Other {
        what: format!(
            "this is not the server of the last time: `{schema}` was at {} (server {}, since \
             {}), and now the tool found {} (server {id})",
            known.place,
            short(&known.uuid),
            known.since.format("%Y-%m-%d"),
            now.place,
        ),
        hints: [
            format!("If this one is meant, add `--server {id}`; it is then the one to expect."),
            "If not, name the other in .env: DB_REACH=local, DB_CONTAINER, or DB_HOST and DB_PORT."
                .to_owned(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    const A: &str = "3f2a1b9c-0000-11ee-9999-0242ac110002";
    const B: &str = "91bc0a1f-0000-11ee-9999-0242ac110002";

    fn known() -> Known {
        let since = DateTime::UNIX_EPOCH;
        Known { uuid: A.to_owned(), place: "the private local server".to_owned(), since }
    }

    fn on(uuid: &str, known: Option<&Known>, chosen: Option<&str>) -> Verdict {
        judge("mydb", known, Seen { uuid, stable: true, place: "127.0.0.1:3306" }, chosen)
    }

    #[test]
    fn a_name_that_follows_the_address_says_little_in_the_same_place() {
        let place = "the private local server";
        let on =
            |place| judge("mydb", Some(&known()), Seen { uuid: B, stable: false, place }, None);
        let Verdict::Renamed(remark) = on(place) else { panic!("not renamed") };
        assert!(remark.contains("3f2a1b9c") && remark.contains("91bc0a1f"), "{remark}");
        assert!(matches!(on("127.0.0.1:3306"), Verdict::Other(_)));
    }

    #[test]
    fn the_first_is_remembered_and_the_same_is_the_same() {
        assert_eq!(on(A, None, None), Verdict::Remember);
        assert_eq!(on(A, Some(&known()), None), Verdict::Same);
        assert_eq!(on("unknown", Some(&known()), None), Verdict::Same);
    }

    #[test]
    fn another_is_named_with_the_one_before_and_can_be_chosen() {
        let Verdict::Other(other) = on(B, Some(&known()), None) else { panic!("not another") };
        assert!(other.what.ends_with(')'), "it is part of a question, too: {}", other.what);
        let stop = other.refusal();
        assert_eq!(stop.code, ExitCode::Configuration);
        for word in ["the private local server", "3f2a1b9c", "127.0.0.1:3306", "91bc0a1f"] {
            assert!(stop.message.contains(word), "{word}: {}", stop.message);
        }
        assert!(stop.hints[0].contains("--server 91bc0a1f"), "{:?}", stop.hints);
        assert_eq!(on(B, Some(&known()), Some("91bc0a1f")), Verdict::Remember);
        assert_eq!(on(B, Some(&known()), Some(B)), Verdict::Remember);
    }

    #[test]
    fn a_choice_that_is_not_the_server_at_hand_is_refused_even_on_the_known_one() {
        assert!(matches!(on(A, Some(&known()), Some("91bc0a1f")), Verdict::NotChosen(_)));
        assert!(matches!(on(A, None, Some("3f2a")), Verdict::NotChosen(_)));
        assert_eq!(on(A, Some(&known()), Some("3f2a1b9c")), Verdict::Same);
    }

    #[test]
    fn the_short_name_can_be_typed() {
        assert_eq!(short(A), "3f2a1b9c");
        assert_eq!(short("q+3/Zk8bT0aV5c=="), "q3Zk8bT0");
    }
}
