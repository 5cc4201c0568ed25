//! The dump engines beside each other, and the properties that any schema, any
//! moment and any value has to survive: random schemas, somebody who goes on
//! writing, and literals read by the servers themselves.

mod definers;
mod generate;
mod kinds;
mod literals;
pub mod random;
mod side_by_side;
mod table;
mod torn;
mod values;

use mysql::prelude::Queryable as _;
use sys::fs;

use crate::hostile::capture::{Capture, Floats};
use crate::hostile::{client, demand, restore, root_in};
use crate::support::Sandbox;

/// One way to take a backup.
#[derive(Debug)]
pub struct Way {
    /// For messages, and for the schemas that its copies go to.
    pub name: &'static str,
    /// Arguments of `db-backup`.
    pub args: &'static [&'static str],
    /// What it does with a FLOAT.
    pub floats: Floats,
}

/// The engine of this tool, with one connection and with several.
pub const NATIVE: [Way; 2] = [
    Way { name: "native1", args: &["--engine", "native", "--threads", "1"], floats: Floats::Exact },
    Way { name: "native3", args: &["--engine", "native", "--threads", "3"], floats: Floats::Exact },
];

/// The server's own program.
pub const MYSQLDUMP: Way =
    Way { name: "mysqldump", args: &["--engine", "mysqldump"], floats: Floats::Shown };

/// So few rows go into a range that small tables have several.
const RANGE_ROWS: &str = "7";

/// Takes a backup; gives its label and what was said about it.
pub fn backup(sandbox: &Sandbox, way: &Way) -> (String, String) {
    let args = ["db-backup", "--json", "--compress", "none"];
    let all: Vec<&str> = args.iter().chain(way.args).copied().collect();
    let done = sandbox.command(&all).env("XTASK_RANGE_ROWS", RANGE_ROWS).run(DEADLINE).unwrap();
    demand(&done, 0, way.name);
    let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(json["engine"], way.args[1], "{json}");
    (json["label"].as_str().unwrap().to_owned(), done.stderr)
}

const DEADLINE: std::time::Duration = std::time::Duration::from_secs(300);

/// How many ranges of rows the file of a backup by the native engine has.
pub fn ranges_in(sandbox: &Sandbox, label: &str) -> usize {
    let path = sandbox.backups().join(format!("{label}.sql"));
    // Values may be no UTF-8, and may hold the words in the middle of a line.
    let file = fs::read_bytes(&path).unwrap();
    file.split(|byte| *byte == b'\n').filter(|line| *line == b"START TRANSACTION;").count()
}

/// Definitions and rows of a schema, as a way of dumping them keeps them.
pub fn content(sandbox: &Sandbox, schema: &str, floats: Floats) -> Capture {
    let all = Capture::content(&mut root_in(sandbox, schema), schema, floats);
    // MySQL says what the collation says anyhow, or not, as the table once came about.
    let same = |(name, text): (String, String)| {
        let implied = " CHARACTER SET utf8mb4 COLLATE";
        let text =
            if name.starts_with("definition") { text.replace(implied, " COLLATE") } else { text };
        (name, text)
    };
    Capture(all.0.into_iter().map(same).collect())
}

/// The same with every event switched off, as the tool leaves them in a copy.
pub fn asleep(all: &Capture) -> Capture {
    let same = |(name, text): (&String, &String)| {
        let event = name.starts_with("definition of EVENT");
        let text = if event { text.replacen(" ENABLE ", " DISABLE ", 1) } else { text.clone() };
        (name.clone(), text)
    };
    Capture(all.0.iter().map(same).collect())
}

/// Restores a backup by this tool into a schema of its own; gives the schema's name.
pub fn by_the_tool(sandbox: &Sandbox, label: &str, name: &str) -> String {
    let schema = format!("{}__{name}", sandbox.schema);
    restore(sandbox, &[label, "--into", &schema]);
    schema
}

/// Restores a backup as a person does who has nothing but the file.
pub fn by_the_client(sandbox: &Sandbox, label: &str, name: &str) -> String {
    let schema = format!("{}__{name}", sandbox.schema);
    let mut root = sandbox.root();
    let (charset, collation): (String, String) =
        root.query_first("SELECT @@character_set_database, @@collation_database").unwrap().unwrap();
    root.query_drop(format!(
        "CREATE DATABASE {schema} CHARACTER SET {charset} COLLATE {collation}"
    ))
    .unwrap();
    client::load(sandbox, &schema, &sandbox.backups().join(format!("{label}.sql")));
    schema
}

/// Drops what a restore made.
pub fn drop_schema(sandbox: &Sandbox, schema: &str) {
    assert!(schema.starts_with(&format!("{}__", sandbox.schema)), "{schema}");
    sandbox.root().query_drop(format!("DROP DATABASE {schema}")).unwrap();
}
