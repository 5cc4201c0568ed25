//! Dumps of other programs, and files that are not what their name says.

mod clauses;
mod ends;
mod hints;

use mysql::prelude::Queryable as _;
use sys::fs;
use sys::proc::Finished;

use crate::hostile::capture::Capture;
use crate::hostile::{client, demand, root_in};
use crate::support::{Sandbox, Server, require};

/// A dump as a program writes it, of a schema that it calls `shop`: its name, its text, and
/// the rows that each of its tables has.
type Program = (&'static str, &'static str, &'static [(&'static str, u64)]);

/// What the tool's sessions begin with, as dump programs say it: not every file does.
const BEFORE: &str =
    "SET NAMES utf8mb4, sql_mode = 'NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0";

const ALL: [Program; 12] = [
    ("phpmyadmin", include_str!("phpmyadmin.sql"), &[("lamp", 3), ("room", 2)]),
    ("adminer", include_str!("adminer.sql"), &[("lamp", 2), ("room", 2)]),
    ("heidisql", include_str!("heidisql.sql"), &[("lamp", 2), ("room", 1)]),
    ("navicat", include_str!("navicat.sql"), &[("lamp", 2), ("room", 1)]),
    ("sequelace", include_str!("sequelace.sql"), &[("lamp", 2), ("room", 2)]),
    ("workbench", include_str!("workbench.sql"), &[("lamp", 0), ("room", 0)]),
    ("wordpress", include_str!("wordpress.sql"), &[("wp_comments", 2)]),
    ("sqlyog", include_str!("sqlyog.sql"), &[("lamp", 2)]),
    ("dbforge", include_str!("dbforge.sql"), &[("lamp", 2), ("room", 2)]),
    ("duplicator", include_str!("duplicator.sql"), &[("wp_posts", 2)]),
    ("mysqlpump", include_str!("mysqlpump.sql"), &[("lamp", 2), ("room", 2)]),
    ("datagrip", include_str!("datagrip.sql"), &[("lamp", 2), ("room", 1)]),
];

/// Each server that is there, with a sandbox.
fn each(name: &str, test: impl Fn(&Sandbox)) {
    for (kind, suffix) in [(Server::Mysql, "my"), (Server::Mariadb, "ma")] {
        let Some(server) = require(kind) else { continue };
        test(&Sandbox::new(&server, &format!("{name}_{suffix}")));
    }
}

/// It ends with that code, says these words, and what to do next.
#[track_caller]
fn demand_refused(finished: &Finished, code: i32, words: &[&str]) {
    let Finished { stdout, stderr, .. } = finished;
    assert_eq!(finished.code, Some(code), "{stdout}{stderr}");
    for word in words {
        let said = stdout.contains(word) || stderr.contains(word);
        assert!(said, "no `{word}` in: {stdout}{stderr}");
    }
    assert!(stderr.contains("hint:"), "it does not say what to do: {stderr}");
}

fn write(sandbox: &Sandbox, name: &str, text: &str) -> String {
    let path = sandbox.path().join(name);
    fs::write_durably(&path, text.as_bytes()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Everything in a schema; in none of the texts stands its name.
fn captured(sandbox: &Sandbox, schema: &str) -> Capture {
    let all = Capture::of(&mut root_in(sandbox, schema), schema);
    // A view over a view is printed with the schema or without, by which was there first.
    let own = ["`«schema»`.".to_owned(), format!("`{schema}`.")];
    let same = |text: String| {
        own.iter().fold(text, |text, own| text.replace(own, "")).replace(schema, "the schema")
    };
    Capture(all.0.into_iter().map(|(name, text)| (same(name), same(text))).collect())
}

/// What the ordinary client makes of a text.
fn by_client(sandbox: &Sandbox, text: &str, before: &str) -> Capture {
    let schema = format!("{}__client", sandbox.schema);
    // MariaDB's client does not know DELIMITER behind such a comment.
    let aside = |line: &&str| !(line.starts_with("/* ") && line.ends_with("*/"));
    let lines: Vec<&str> = text.lines().filter(aside).collect();
    let own = lines
        .join("\n")
        .replace("`shop`", &format!("`{schema}`"))
        .replace("USE shop", &format!("USE {schema}"));
    let file = write(sandbox, "client.sql", &format!("{before};\n{own}\n"));
    let mut root = sandbox.root();
    root.query_drop(format!("DROP DATABASE IF EXISTS `{schema}`")).unwrap();
    let (charset, collation): (String, String) =
        root.query_first("SELECT @@character_set_database, @@collation_database").unwrap().unwrap();
    root.query_drop(format!(
        "CREATE DATABASE `{schema}` CHARACTER SET {charset} COLLATE {collation}"
    ))
    .unwrap();
    client::load(sandbox, &schema, std::path::Path::new(&file));
    let all = captured(sandbox, &schema);
    root.query_drop(format!("DROP DATABASE `{schema}`")).unwrap();
    all
}

/// What the tool makes of a file, over that many sessions.
fn by_tool(sandbox: &Sandbox, file: &str, threads: &str, more: &[&str]) -> (Finished, Capture) {
    let into = format!("{}__over", sandbox.schema);
    let args = ["db-restore", file, "--into", &into, "--threads", threads, "--yes"];
    let all: Vec<&str> = args.iter().chain(more).copied().collect();
    let done = sandbox.xtask(&all);
    demand(&done, 0, &format!("{file} over {threads}"));
    let found = captured(sandbox, &into);
    sandbox.root().query_drop(format!("DROP DATABASE `{into}`")).unwrap();
    (done, found)
}

#[test]
fn dumps_of_other_programs_load_as_their_client_would_load_them() {
    each("programs", |sandbox| {
        for (name, text, rows) in ALL {
            let file = write(sandbox, &format!("{name}.sql"), text);
            let verified = sandbox.xtask(&["db-verify", &file, "--no-end-line"]);
            demand(&verified, 0, name);
            let wanted = by_client(sandbox, text, BEFORE);
            for threads in ["4", "1"] {
                let (_, found) = by_tool(sandbox, &file, threads, &["--no-end-line"]);
                found.demand_equal(&wanted, &format!("{name} over {threads}"));
                for (table, count) in rows {
                    let have = &found.0[&format!("rows of {table}")];
                    assert!(have.starts_with(&format!("{count} rows")), "{name}, {table}: {have}");
                }
            }
        }
    });
}
