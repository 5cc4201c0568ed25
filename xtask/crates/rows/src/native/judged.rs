//! The definitions of a file, judged as they will be when it is loaded.
//!
//! What the guard refuses then is in no backup that this tool can restore: better known before
//! the first row is read.

use model::facts::ServerFacts;
use model::inventory::{Inventory, ObjectKind};
use sql::read::read_unread;
use sql::{Guard, Reading};

use super::text;

/// An object whose definition could not be loaded again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub kind: ObjectKind,
    pub name: String,
    /// What speaks against it.
    pub why: String,
}

/// The objects of a schema whose definitions the guard of a restore refuses, in the file's
/// order.
pub fn refused(schema: &str, facts: &ServerFacts, inventory: &Inventory) -> Vec<Refused> {
    let head = text::head(schema, facts, inventory);
    let judge = |(kind, name, text): (ObjectKind, &str, String)| {
        let why = judged(&format!("{head}{text}"), facts.lower_case_table_names != 0)?;
        Some(Refused { kind, name: name.to_owned(), why })
    };
    text::each(inventory).filter_map(judge).collect()
}

/// What speaks against a file; `None` where all of it may be loaded.
fn judged(text: &str, ignore_case: bool) -> Option<String> {
    let mut guard = if ignore_case { Guard::ignoring_case() } else { Guard::new() };
    let mut why = None;
    let read = read_unread(text.as_bytes(), Reading::default(), &mut |piece, _| {
        if why.is_none() {
            why = guard.judge(piece).err();
        }
        Ok(())
    });
    // Not even cut into statements as it was written.
    why.or_else(|| read.err().map(|error| format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use super::judged;

    #[test]
    fn the_reason_is_the_guards() {
        assert_eq!(judged("CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB;\n", false), None);
        let why = |text: &str| judged(text, false).unwrap_or_default();
        let elsewhere = "CREATE TABLE `t` (`a` int /*!50100 TABLESPACE `ts 1` */);";
        assert_eq!(why(elsewhere), "CREATE TABLE in the general tablespace ts 1");
        assert_eq!(
            why("CREATE TABLE `t` (`a` int, FOREIGN KEY (`a`) REFERENCES `o`.`u` (`a`));"),
            "a name is qualified with a schema, o"
        );
        assert!(
            why("DELIMITER ;;\nCREATE PROCEDURE p() SELECT 1; SELECT 2\n;;").contains("second")
        );
    }
}
