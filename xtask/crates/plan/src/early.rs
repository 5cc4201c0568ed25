//! What a migration's first run, on a copy of the structure without rows, can tell: a mistake
//! that no row has anything to do with is found before a large schema is backed up and
//! restored. Anything else is left to the rehearsal on the rows.

/// Server errors about names, syntax and definitions: the same with any rows.
const CONCLUSIVE: [u16; 28] = [
    1005, 1050, 1054, 1059, 1060, 1061, 1064, 1067, 1068, 1070, 1071, 1072, 1075, 1091, 1101, 1115,
    1118, 1146, 1166, 1170, 1273, 1280, 1291, 1294, 1305, 1824, 3780, 4161,
];

/// Statements whose effect on the structure does not depend on rows or variables.
const PLAIN: [&str; 11] = [
    "CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "INSERT", "REPLACE", "UPDATE", "DELETE",
    "ANALYZE", "SET",
];

/// Whether a refusal of the server means the same for any rows.
pub fn is_conclusive(code: u16) -> bool {
    CONCLUSIVE.contains(&code)
}

/// Whether what follows a statement on an empty copy tells the same as on a full one. `first`
/// is its first word.
pub fn is_plain(first: &str) -> bool {
    PLAIN.iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// The line of a file on which a statement is wrong: its first word is on `line`, its text with
/// the comments in front begins on `from`, and the server counts within that text, if at all.
pub fn line_of((line, from): (usize, usize), said: &str) -> usize {
    let within = said.rsplit_once(" at line ").and_then(|(_, rest)| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<usize>().ok()
    });
    within.map_or(line, |within| from + within.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_rows_cannot_change_is_conclusive() {
        for code in [1064, 1054, 1146, 1061, 1091] {
            assert!(is_conclusive(code), "{code}");
        }
        // A duplicate, a foreign key without its parent, data that is too long, a lock, a SIGNAL.
        for code in [1062, 1452, 1406, 1205, 1644, 1364, 1048] {
            assert!(!is_conclusive(code), "{code}");
        }
        assert!(is_plain("alter") && is_plain("INSERT"));
        for other in ["CALL", "EXECUTE", "PREPARE", "SELECT", "WITH", "LOAD", ""] {
            assert!(!is_plain(other), "{other}");
        }
    }

    #[test]
    fn the_line_is_the_files() {
        let said = "You have an error … near 'COLUM x' at line 3 (1064)";
        assert_eq!(line_of((12, 10), said), 12);
        assert_eq!(line_of((10, 8), "Unknown column 'x' in 'field list' (1054)"), 10);
    }
}
