//! On a schema that is not small, migrations run on the structure alone first: a mistake costs
//! no backup and no proof.

use std::time::Duration;

use crate::faults::{demand_stop, live};
use crate::support::{Sandbox, Server, alone, five, require};

const DEADLINE: Duration = Duration::from_secs(600);
const RULES: &str = "[gate]\nlook_first_mib = 1\n";

/// A sandbox with a table of some MiB, as the server estimates it.
fn sandbox(kind: Server, name: &str) -> Option<Sandbox> {
    let sandbox = Sandbox::new(&require(kind)?, name);
    sandbox.base();
    sandbox.sql(
        "CREATE TABLE bulk (id INT PRIMARY KEY AUTO_INCREMENT, b MEDIUMBLOB NOT NULL);
         INSERT INTO bulk (b) VALUES (REPEAT('x', 3000000)), (REPEAT('y', 3000000));
         ANALYZE TABLE bulk",
    );
    Some(sandbox)
}

#[test]
fn a_mistake_is_found_before_anything_is_backed_up() {
    let _alone = alone();
    let checkout = five::with_policy(RULES);
    let name = "20260103000000_typo";
    five::add(checkout.path(), name, "-- a word is wrong\n\nALTER TABLE m1\n  MODIFYY v BIGINT;\n");
    for (kind, schema) in [(Server::Mysql, "typo_y"), (Server::Mariadb, "typo_a")] {
        let Some(sandbox) = sandbox(kind, schema) else { continue };
        let before = live::read(&mut sandbox.server().root(), &sandbox.schema);
        let refused = sandbox.in_checkout(checkout.path(), &["migrate"]).run(DEADLINE).unwrap();
        let place = format!("api/migrations/{name}.up.sql:4");
        demand_stop(&refused, 20, &["without rows", &place, "MODIFYY", "was not touched"]);
        assert!(!refused.stderr.contains("backing up"), "{}", refused.stderr);
        assert!(sandbox.store().list().unwrap().is_empty());
        assert!(before == live::read(&mut sandbox.server().root(), &sandbox.schema), "touched");
    }
}

#[test]
fn what_is_right_goes_on_to_the_proof_and_the_rehearsal() {
    let checkout = five::with_policy(RULES);
    for (kind, schema) in [(Server::Mysql, "right_y"), (Server::Mariadb, "right_a")] {
        let Some(sandbox) = sandbox(kind, schema) else { continue };
        let _together = crate::support::together();
        let done = sandbox.in_checkout(checkout.path(), &["migrate"]).run(DEADLINE).unwrap();
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        let said = done.stderr;
        let (alone, proven) = (said.find("structure alone"), said.find("the backup is proven"));
        assert!(alone.is_some() && alone < proven, "{said}");
        // One numbering, from the first look to the change.
        let number = |line: &str| Some(line.split_once(' ')?.0.split_once('/')?.0.to_owned());
        let numbers = said.lines().filter(|line| line.contains("/7 ")).filter_map(number);
        assert!(numbers.eq(["1", "2", "3", "4", "5", "6", "7"].map(str::to_owned)), "{said}");
        let quiet = Sandbox::new(sandbox.server(), &format!("q_{schema}"));
        quiet.base();
        let done = quiet.in_checkout(checkout.path(), &["migrate", "--quiet"]).run(DEADLINE);
        let done = done.unwrap();
        assert_eq!((done.code, done.stdout.as_str()), (Some(0), ""), "{}", done.stderr);
        // Another test may have a transaction open on this server: a warning.
        let warned = done.stderr.lines().all(|line| line.contains("transaction"));
        assert!(warned, "{}", done.stderr);
    }
}
