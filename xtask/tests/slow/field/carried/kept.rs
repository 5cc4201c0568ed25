//! What a server took under rules that it has not for every session: it comes back, too.

use mysql::prelude::Queryable as _;
use sys::fs;

use super::{backup, capture, demand, on, out_and_back, refused, restore, sandbox};
use crate::hostile::{client, root_in};
use crate::support::{Sandbox, Server, require};

/// A foreign key on a part of a key, as InnoDB takes it and the standard does not.
const PART_OF_A_KEY: &str = "SET SESSION restrict_fk_on_non_standard_key = OFF
%%
CREATE TABLE orders (no INT NOT NULL, rev INT NOT NULL, PRIMARY KEY (no, rev))
%%
CREATE TABLE order_lines (id INT PRIMARY KEY, order_no INT, KEY (order_no), CONSTRAINT line_order FOREIGN KEY (order_no) REFERENCES orders (no))
%%
INSERT INTO orders VALUES (10, 1), (10, 2), (20, 1)
%%
INSERT INTO order_lines VALUES (1, 10), (2, 20)";

#[test]
fn a_foreign_key_on_a_key_that_is_not_unique_comes_back() {
    let Some(sandbox) = sandbox(Server::Mysql, "part_key_my", PART_OF_A_KEY) else { return };
    out_and_back(&sandbox, "DELETE FROM order_lines\n%%\nINSERT INTO orders VALUES (30, 1)");
    // One thread loads statement by statement, in the order of the file.
    let before = capture(&sandbox);
    sandbox.sql("DELETE FROM order_lines");
    restore(&sandbox, &["latest", "--threads", "1"]);
    before.demand_equal(&capture(&sandbox), "--threads 1");
    // A table alone, and by the ordinary client.
    sandbox.sql("DELETE FROM order_lines");
    restore(&sandbox, &["latest", "--table", "order_lines"]);
    before.demand_equal(&capture(&sandbox), "--table");
    let label = backup(&sandbox, "none");
    let schema = format!("{}__by_hand", sandbox.schema);
    let mut root = sandbox.root();
    root.query_drop(format!("CREATE DATABASE {schema}")).unwrap();
    client::load(&sandbox, &schema, &sandbox.backups().join(format!("{label}.sql")));
    let rows: Option<u32> =
        root_in(&sandbox, &schema).query_first("SELECT COUNT(*) FROM order_lines").unwrap();
    assert_eq!(rows, Some(2));
    // The dump program's file, too.
    demand(&sandbox.xtask(&["db-backup", "--engine", "mysqldump"]), 0, "mysqldump");
    demand(&sandbox.xtask(&["db-verify"]), 0, "db-verify");
}

#[test]
fn the_same_on_mariadb() {
    let text = PART_OF_A_KEY.split_once("\n%%\n").unwrap().1;
    let Some(sandbox) = sandbox(Server::Mariadb, "part_key_ma", text) else { return };
    out_and_back(&sandbox, "DELETE FROM order_lines");
}

/// A row that may be longer than InnoDB's page allows.
fn wide() -> String {
    let columns: Vec<String> = (1..=196).map(|n| format!("c{n} VARCHAR(60)")).collect();
    format!(
        "SET SESSION innodb_strict_mode = OFF\n%%\nCREATE TABLE `wide row` (id INT PRIMARY KEY, {}) \
         ROW_FORMAT=COMPACT DEFAULT CHARSET=latin1\n%%\nINSERT INTO `wide row` (id, c1) VALUES (1, 'a')\
         \n%%\nCREATE TABLE fixed (id INT PRIMARY KEY) ROW_FORMAT=FIXED\n%%\nINSERT INTO fixed VALUES (7)",
        columns.join(", ")
    )
}

fn grant(sandbox: &Sandbox, verb: &str, privilege: &str, role: &str) {
    let user = format!("'{role}_{}'@'%'", sandbox.schema.trim_start_matches("t_"));
    let word = if verb == "GRANT" { "TO" } else { "FROM" };
    sandbox.sql(&format!("{verb} {privilege} ON *.* {word} {user}"));
}

#[test]
fn a_row_that_is_too_wide_comes_back_or_is_refused_by_name() {
    let Some(sandbox) = sandbox(Server::Mysql, "wide_my", &wide()) else { return };
    let done = refused(&sandbox, &["`wide row`", "SESSION_VARIABLES_ADMIN", "innodb_strict_mode"]);
    assert!(done.stderr.contains("drill_wide_my"), "{}", done.stderr);
    let left = format!("SHOW DATABASES LIKE '{}\\_\\_%'", sandbox.schema);
    assert_eq!(sandbox.root().query_first::<String, _>(&left).unwrap(), None);
    grant(&sandbox, "GRANT", "SESSION_VARIABLES_ADMIN", "drill");
    out_and_back(&sandbox, "DELETE FROM `wide row`\n%%\nDROP TABLE fixed");
    // The right is gone after the backup: no failed proof, but the reason.
    grant(&sandbox, "REVOKE", "SESSION_VARIABLES_ADMIN", "drill");
    let done = sandbox.xtask(&["db-verify"]);
    assert_ne!(done.code, Some(0), "{}", done.stdout);
    let said = format!("{}{}", done.stdout, done.stderr);
    assert!(said.contains("SESSION_VARIABLES_ADMIN"), "{said}");
}

#[test]
fn a_row_that_is_too_wide_comes_back_on_mariadb() {
    let Some(sandbox) = sandbox(Server::Mariadb, "wide_ma", &wide()) else { return };
    out_and_back(&sandbox, "DELETE FROM `wide row`\n%%\nDROP TABLE fixed");
}

#[test]
fn a_file_of_its_own_and_the_systems_tablespace_come_back() {
    let text = "CREATE TABLE own_file (id INT PRIMARY KEY) TABLESPACE innodb_file_per_table
%%
CREATE TABLE in_system (id INT PRIMARY KEY, n INT, KEY (n)) TABLESPACE innodb_system
%%
CREATE TABLE options (id INT PRIMARY KEY) STATS_PERSISTENT=0 STATS_AUTO_RECALC=1 STATS_SAMPLE_PAGES=7 MIN_ROWS=1 MAX_ROWS=100 AVG_ROW_LENGTH=50 CHECKSUM=1 COMPRESSION='zlib'
%%
INSERT INTO own_file VALUES (1)
%%
INSERT INTO in_system VALUES (1, 2), (2, 1)
%%
INSERT INTO options VALUES (1)";
    let Some(sandbox) = sandbox(Server::Mysql, "spaces_my", text) else { return };
    out_and_back(&sandbox, "DELETE FROM own_file\n%%\nDROP TABLE in_system");
    demand(&sandbox.xtask(&["db-backup", "--engine", "mysqldump"]), 0, "mysqldump");
    demand(&sandbox.xtask(&["db-verify"]), 0, "db-verify");
}

#[test]
fn events_keep_their_modes() {
    for (kind, name) in [(Server::Mysql, "ev_mode_my"), (Server::Mariadb, "ev_mode_ma")] {
        let text = "CREATE TABLE t (id INT PRIMARY KEY)
%%
SET sql_mode = 'HIGH_NOT_PRECEDENCE'
%%
CREATE EVENT e1 ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' DISABLE DO SELECT NOT 1 BETWEEN -5 AND 5
%%
CREATE PROCEDURE p1() SELECT NOT 1 BETWEEN -5 AND 5
%%
CREATE TRIGGER t1 BEFORE INSERT ON t FOR EACH ROW SET @a = NOT 1 BETWEEN -5 AND 5";
        let Some(sandbox) = sandbox(kind, name, text) else { continue };
        out_and_back(&sandbox, "DROP TRIGGER t1\n%%\nDROP EVENT e1");
    }
}

#[test]
fn programs_in_oracle_mode_come_back() {
    let text = "SET sql_mode = ORACLE
%%
CREATE TABLE o (id NUMBER(10) PRIMARY KEY, n VARCHAR2(20))
%%
CREATE PROCEDURE op(a IN INT) AS x VARCHAR2(10) := 'a;b'; BEGIN INSERT INTO o VALUES (a, x); END;
%%
CREATE FUNCTION of1(a IN INT) RETURN INT AS BEGIN RETURN a + 1; END;
%%
CREATE TRIGGER ot BEFORE INSERT ON o FOR EACH ROW BEGIN :NEW.n := 'z'; END;
%%
CREATE TRIGGER ou BEFORE UPDATE ON o FOR EACH ROW DECLARE y VARCHAR2(9) := 'a;b'; BEGIN :NEW.n := y; END;
%%
INSERT INTO o VALUES (1, 'a')";
    let Some(sandbox) = sandbox(Server::Mariadb, "oracle_ma", text) else { return };
    out_and_back(&sandbox, "DROP TRIGGER ot\n%%\nDROP PROCEDURE op\n%%\nDELETE FROM o");
}

#[test]
fn a_view_of_documents_comes_back() {
    let text = "CREATE TABLE film (id INT PRIMARY KEY, title VARCHAR(90))
%%
CREATE JSON DUALITY VIEW films AS SELECT JSON_DUALITY_OBJECT('_id': id, 'title': title) FROM film
%%
INSERT INTO film VALUES (1, 'Alien'), (2, 'Brazil')";
    let Some(sandbox) = sandbox(Server::Mysql, "duality_my", text) else { return };
    out_and_back(&sandbox, "DROP VIEW films\n%%\nDELETE FROM film");
}

#[test]
fn definitions_that_a_session_alone_allows_are_of_one_server() {
    // The variables of the other flavour stand in comments that this one skips.
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let name = if kind == Server::Mysql { "both_my" } else { "both_ma" };
        let sandbox = on(
            &server,
            name,
            "CREATE TABLE p (id INT PRIMARY KEY)\n%%\nCREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id))",
        );
        let label = backup(&sandbox, "none");
        let file = sandbox.backups().join(format!("{label}.sql"));
        let text = fs::read_text(&file).unwrap();
        let says = text.contains("/*!80400 SET RESTRICT_FK_ON_NON_STANDARD_KEY=0 */;");
        assert_eq!(says, kind == Server::Mysql, "{text}");
    }
}
