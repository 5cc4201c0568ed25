//! What users of other tools lost, in one schema for each server: all of it comes back.

use super::{backup, capture, demand, restore, sandbox, schema};
use crate::hostile::capture::Capture;
use crate::support::Server;

/// Of both servers; statements are separated by lines of `%%`.
const BOTH: &str = include_str!("both.sql");
const MYSQL: &str = include_str!("mysql.sql");
const MARIADB: &str = include_str!("mariadb.sql");

/// The event goes on after a restore, and fills its table.
fn standing(all: Capture) -> Capture {
    let moves = |name: &String| !name.ends_with(" ticks");
    let counts = |text: &String| !text.contains("TABLE_NAME=ticks |");
    Capture(all.0.into_iter().filter(|(name, text)| moves(name) && counts(text)).collect())
}

fn all_comes_back(kind: Server, name: &str, own: &str) {
    let text = format!("{BOTH}\n%%\n{own}");
    let Some(sandbox) = sandbox(kind, name, &text) else { return };
    let before = standing(capture(&sandbox));
    let label = backup(&sandbox, "none");
    demand(&sandbox.xtask(&["db-verify", &label]), 0, "db-verify");
    schema::run(
        &sandbox,
        "DELETE FROM users\n%%\nDROP VIEW a_top\n%%\nDROP TABLE bytes\n%%\nDROP TABLE parts_list\n%%\n\
         UPDATE modes SET s = 'x'\n%%\nDROP PROCEDURE nobs",
    );
    restore(&sandbox, &[&label]);
    before.demand_equal(&standing(capture(&sandbox)), "db-restore");
}

#[test]
fn all_comes_back_on_mysql() {
    all_comes_back(Server::Mysql, "equal_my", MYSQL);
}

#[test]
fn all_comes_back_on_mariadb() {
    all_comes_back(Server::Mariadb, "equal_ma", MARIADB);
}
