//! Statements in the log whose rows are not there as such.

use binlog::{Group, Statement, StatementKind};

use super::ended::{self, LogError};

/// Whether all that a transaction did to a schema's rows is in its keys.
///
/// # Errors
/// [`super::Ended::Statement`] with the statement's text. Where it cannot be known which
/// schemas a statement changed, it counts as a change of this one.
pub fn demand_rows(group: &Group, schema: &str) -> Result<(), LogError> {
    let found = group.statements.iter().find(|statement| concerns(statement, schema));
    found.map_or(Ok(()), |statement| Err(ended::statement(group, statement)))
}

fn concerns(statement: &Statement, schema: &str) -> bool {
    use StatementKind::{Accounts, Administration, Definition, Other, Rows, Temporary, Truncate};
    let same = |name: &str| name.eq_ignore_ascii_case(schema);
    let said = statement.settings.schemas.as_ref().filter(|schemas| !schemas.is_empty());
    match (statement.kind, said) {
        (Temporary | Accounts | Administration, _) => false,
        // MySQL names each schema that it changed, those of triggers and functions included.
        (_, Some(schemas)) => schemas.iter().any(|name| same(name)),
        (Rows | Other, None) => true,
        (Definition | Truncate, None) => same(&statement.schema) || names(&statement.text, schema),
    }
}

/// Whether a text has the name in it, not only as a part of another.
fn names(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(&name).any(|(at, _)| {
        let (before, rest) = text.split_at(at);
        let after = rest.get(name.len()..).unwrap_or_default();
        !before.ends_with(part) && !after.starts_with(part)
    })
}

#[cfg(test)]
mod tests {
    use binlog::Settings;

    use super::*;

    fn statement(kind: StatementKind, schema: &str, text: &str, of: Option<&[&str]>) -> Statement {
        let schemas = of.map(|all| all.iter().map(|name| (*name).to_owned()).collect());
        let settings = Settings { schemas, ..Settings::default() };
        Statement { kind, text: text.to_owned(), schema: schema.to_owned(), settings }
    }

    #[test]
    fn what_a_statement_changed_is_said_or_assumed() {
        use StatementKind::{Accounts, Definition, Rows, Temporary, Truncate};
        for (kind, schema, text, of, wanted) in [
            (Rows, "other", "INSERT INTO t VALUES (f())", None, true),
            (Rows, "other", "INSERT INTO t VALUES (f())", Some(&["other"][..]), false),
            (Rows, "other", "INSERT INTO t VALUES (f())", Some(&["other", "mydb"]), true),
            (Rows, "other", "INSERT INTO t VALUES (f())", Some(&[]), true),
            (Definition, "other", "ALTER TABLE `MyDB`.t ADD a INT", None, true),
            (Definition, "other", "ALTER TABLE mydb__staging_1.t ADD a INT", None, false),
            (Definition, "", "DROP DATABASE mydb", None, true),
            (Truncate, "mydb", "TRUNCATE t", None, true),
            (Truncate, "other", "TRUNCATE t", None, false),
            (Temporary, "mydb", "DROP TEMPORARY TABLE a", None, false),
            (Accounts, "mydb", "CREATE USER a", None, false),
        ] {
            let statement = statement(kind, schema, text, of);
            assert_eq!(concerns(&statement, "mydb"), wanted, "{statement:?}");
        }
    }
}
