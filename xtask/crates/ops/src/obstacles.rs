//! What stands in the way of a whole backup, found before the dump starts.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::ctx::Ctx;
use model::account::Role;
use model::exit::{ExitCode, Stop};
use model::facts::{Flavour, ServerFacts};
use model::ident::quote;
use model::inventory::Inventory;
use rows::content;
use rows::native::{self, Refused, ranges};
use server::{Server, Session, inventory, obstacles};
use sql::guard;

/// Tables with FLOAT values that the dump program will round, and how many.
///
/// # Errors
/// The server cannot be asked.
pub fn rounded(
    session: &mut Session,
    schema: &str,
    inventory: &Inventory,
) -> Result<BTreeMap<String, u64>> {
    let mut rounded = BTreeMap::new();
    for (name, table) in &inventory.tables {
        let n = content::rounded_floats(session, schema, name, &table.float_columns)?;
        if n > 0 {
            rounded.insert(name.clone(), n);
        }
    }
    Ok(rounded)
}

/// Tables with text that does not come back from utf8mb4 as the bytes it was, and how
/// many values: some character sets have two codes for one character, or codes for none.
///
/// # Errors
/// The server cannot be asked.
pub fn changed_texts(
    session: &mut Session,
    schema: &str,
    inventory: &Inventory,
) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    for (name, table) in &inventory.tables {
        let mut changed = 0;
        for (column, (data_type, charset)) in table.columns.iter().zip(&table.types) {
            let Some(charset) = charset.as_deref().filter(|c| !ranges::faithful(c)) else {
                continue;
            };
            // Members of ENUM and SET are part of the definition, which is compared.
            if !matches!(data_type.as_str(), "enum" | "set") && charset != "binary" {
                changed += content::changed_texts(session, schema, name, column, charset)?;
            }
        }
        if changed > 0 {
            found.insert(name.clone(), changed);
        }
    }
    Ok(found)
}

/// Why a schema, as it is, cannot be in a backup that this tool could restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    what: String,
    hints: Vec<String>,
}

impl Obstacle {
    fn new(what: String, hints: &[&str]) -> Self {
        Self { what, hints: hints.iter().map(|hint| (*hint).to_owned()).collect() }
    }

    /// It stands in the way of a backup.
    pub fn no_backup(self) -> Stop {
        let message = format!("{}; no backup was made", self.what);
        self.hints.into_iter().fold(Stop::new(ExitCode::Store, message), Stop::hint)
    }

    /// A change would bring it.
    pub fn after_the_change(self) -> Stop {
        let message = format!(
            "the change would leave a schema that no backup can hold: {}; the database was not \
            touched",
            self.what
        );
        self.hints.into_iter().fold(Stop::new(ExitCode::GateRefused, message), Stop::hint)
    }
}

/// The first thing in a schema that no backup can hold.
///
/// # Errors
/// The server cannot be asked.
pub fn first(
    session: &mut Session,
    schema: &str,
    facts: &ServerFacts,
    inventory: &Inventory,
) -> Result<Option<Obstacle>> {
    if let Some(found) = rows_elsewhere(inventory) {
        return Ok(Some(found));
    }
    if let Some(found) = masked(session, schema, inventory)? {
        return Ok(Some(found));
    }
    Ok(native::refused(schema, facts, inventory).into_iter().next().map(unloadable))
}

/// What becomes of the documents in JSON columns, which only MySQL keeps with types.
#[derive(Debug, Default)]
pub struct Documents {
    /// Columns with documents that have another text after a restore, so that no comparison
    /// could pass.
    pub changed: Vec<Changed>,
    /// Columns with documents that have the same text then, and a date as a string or the
    /// like; and how many.
    pub plainer: Vec<(String, u64)>,
}

/// A column with documents that a restore could not bring back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub table: String,
    pub column: String,
    pub documents: u64,
}

impl Documents {
    /// What stands in the way of a backup.
    pub fn obstacle(&self) -> Option<Obstacle> {
        self.changed.first().map(Changed::obstacle)
    }
}

/// Looks at every document.
///
/// # Errors
/// The server cannot be asked.
pub fn documents(
    session: &mut Session,
    schema: &str,
    facts: &ServerFacts,
    inventory: &Inventory,
) -> Result<Documents> {
    let mut found = Documents::default();
    if facts.flavour != Flavour::Mysql {
        return Ok(found);
    }
    for (table, facts) in &inventory.tables {
        let columns = facts.columns.iter().zip(&facts.types);
        for (column, _) in columns.filter(|(_, (data_type, _))| data_type == "json") {
            let (changed, plainer) = content::changed_documents(session, schema, table, column)?;
            if changed > 0 {
                let (table, column) = (table.clone(), column.clone());
                found.changed.push(Changed { table, column, documents: changed });
            } else if plainer > 0 {
                found.plainer.push((format!("`{table}`.`{column}`"), plainer));
            }
        }
    }
    Ok(found)
}

impl Changed {
    /// What is wrong, without the table's name.
    pub fn why(&self) -> String {
        format!(
            "{} documents in {} hold numbers that a restore could not bring back, such as a DECIMAL",
            self.documents,
            quote(&self.column)
        )
    }

    fn obstacle(&self) -> Obstacle {
        let (table, column) = (quote(&self.table), quote(&self.column));
        Obstacle::new(
            format!("the table {table} cannot be restored as it is: {}", self.why()),
            &[
                "A dump has a document's text, and the server reads each number in it as a DOUBLE.",
                // In two steps: the server takes 1.10 and 1.1 for equal, and would change nothing.
                &format!(
                    "Make them what they would come back as, in one transaction: UPDATE {table} SET \
                     {column} = JSON_ARRAY(CAST({column} AS CHAR)) WHERE {column} IS NOT NULL; \
                     UPDATE {table} SET {column} = CAST(JSON_UNQUOTE(JSON_EXTRACT({column}, \
                     '$[0]')) AS JSON) WHERE {column} IS NOT NULL;"
                ),
            ],
        )
    }
}

/// A table whose rows are not in the server itself, or are another table's.
fn rows_elsewhere(inventory: &Inventory) -> Option<Obstacle> {
    let strange = |engine: &str| !guard::keeps_rows(engine);
    let (name, table) = inventory.tables.iter().find(|(_, t)| strange(&t.engine))?;
    Some(Obstacle::new(
        format!("`{name}` has the storage engine {}", table.engine),
        &[
            "Its rows are stored elsewhere or belong to other tables: a backup with them could not \
            be restored.",
            "Keep it in another schema.",
        ],
    ))
}

/// Columns whose values the server may mask: a backup would hold the masks, look whole, and
/// a restore would make them the data.
fn masked(session: &mut Session, schema: &str, inventory: &Inventory) -> Result<Option<Obstacle>> {
    let mut masked = obstacles::masked_columns(session, schema)?;
    masked.retain(|(table, _)| inventory.tables.contains_key(table));
    if masked.is_empty() {
        return Ok(None);
    }
    let name = |(table, column): &(String, String)| format!("`{table}.{column}`");
    let columns = masked.iter().map(name).collect::<Vec<_>>().join(", ");
    Ok(Some(Obstacle::new(
        format!("the server may mask {columns}"),
        &[
            "A backup would contain masked values and look complete: a masking policy does not \
            show whom it masks.",
            "Remove the policy from the columns, or back up this server with MySQL Enterprise \
            Backup; docs/limits.md explains why.",
        ],
    )))
}

/// A definition that the guard of a restore refuses.
fn unloadable(refused: Refused) -> Obstacle {
    let Refused { kind, name, why } = refused;
    let kind = kind.keyword().to_lowercase();
    let quoted = quote(&name);
    let hint = match why.as_str() {
        why if why.contains("general tablespace") => {
            format!("Give it a file of its own: ALTER TABLE {quoted} TABLESPACE innodb_file_per_table;")
        }
        why if why.contains("SECONDARY_ENGINE") => {
            format!("Take the clause away: ALTER TABLE {quoted} SECONDARY_ENGINE = NULL;")
        }
        why if why.contains("DIRECTORY") => {
            "Make the table again without that folder (CREATE TABLE … LIKE leaves it out), and copy \
            its rows."
                .to_owned()
        }
        why if why.contains("qualified with a schema") => {
            "Drop the reference, or bring both tables into one schema: a restore makes a copy beside \
            the live schema, and only names without a schema mean the copy there."
                .to_owned()
        }
        why if why.contains("body") => {
            "Write its body as one statement, or as one BEGIN … END block.".to_owned()
        }
        _ => "Change or drop it, or keep it in another schema.".to_owned(),
    };
    let what = format!("the {kind} `{name}` could not be restored from a backup: {why}");
    Obstacle::new(what, &[&hint])
}

/// Refuses what a dump program writes as a broken statement.
///
/// # Errors
/// The server cannot be asked, or the backup is refused with what to change.
pub fn demand_writable(session: &mut Session, schema: &str, before: &Inventory) -> Result<()> {
    let Some(table) = obstacles::all_generated(session, schema, before)? else { return Ok(()) };
    let message = format!("`{table}` has rows and generated columns only; no backup was made");
    Err(Stop::new(ExitCode::Store, message)
        .hint("The dump programs write a broken statement for such a table.")
        .hint("Add a stored column, for example an id.")
        .into())
}

/// A view looks broken, too, to an account that may not use what it names. Only
/// one that the account with all rights cannot read either is left out.
///
/// # Errors
/// The server cannot be asked, or the backup is refused with what to change.
pub fn demand_really_broken(ctx: &Ctx, server: &Server, seen: &Inventory) -> Result<()> {
    let mut session = ctx.session(server, Role::Restore, None)?.read_only()?;
    let all = inventory::read(&mut session, &ctx.settings.schema)?;
    let broken = |name: &str| all.broken_views.iter().any(|view| view.name == name);
    let Some(view) = seen.broken_views.iter().find(|view| !broken(&view.name)) else {
        return Ok(());
    };
    let user = &ctx.settings.account(Role::Backup).user;
    Err(Stop::new(
        ExitCode::Configuration,
        format!("`{user}` may not read the view `{}`; a backup would miss it", view.name),
    )
    .hint(
        "The view calls or reads something this account has no privilege on; `cargo xtask \
    doctor --fix` grants its role's privileges.",
    )
    .into())
}
