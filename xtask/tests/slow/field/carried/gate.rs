//! A migration must leave a schema that the next backup can hold.

use std::time::Duration;

use mysql::prelude::Queryable as _;
use sys::proc::Finished;

use crate::faults::live;
use crate::hostile::demand;
use crate::support::{Sandbox, Server, alone, five, require};

const DEADLINE: Duration = Duration::from_secs(600);

/// A view over a view over a function: with the rights that the accounts have, all of it
/// can be read.
const VIEWS: &str = "\
CREATE FUNCTION doubled(a INT) RETURNS INT DETERMINISTIC RETURN a * 2;
CREATE VIEW base AS SELECT id, doubled(v) AS d FROM m1;
CREATE VIEW top AS SELECT b.id, b.d, j.x FROM base b, JSON_TABLE('[1,2]', '$[*]' COLUMNS (x INT PATH '$')) j;
";

/// Its rows are those of other tables.
const MERGED: &str = "CREATE TABLE all_rows (id INT NOT NULL, KEY (id)) ENGINE=MERGE UNION=();\n";

#[test]
fn a_migration_that_no_backup_could_hold_is_refused() {
    // One checkout, with a schema of its own on each server.
    let servers = Server::ALL.into_iter().filter_map(require);
    let sandboxes: Vec<Sandbox> = servers
        .zip(["way_out_one", "way_out_two"])
        .map(|(server, name)| Sandbox::new(&server, name))
        .collect();
    if sandboxes.is_empty() {
        return;
    }
    let _alone = alone();
    let checkout = tempfile::tempdir().unwrap();
    five::copy_five(checkout.path());
    let name = "20260103000000_views";
    five::add(checkout.path(), name, &format!("{VIEWS}{MERGED}"));
    let run = |sandbox: &Sandbox, args: &[&str]| -> Finished {
        sandbox.in_checkout(checkout.path(), args).run(DEADLINE).unwrap()
    };
    for sandbox in &sandboxes {
        sandbox.base();
        let before = live::read(&mut sandbox.server().root(), &sandbox.schema);
        let done = run(sandbox, &["migrate"]);
        demand(&done, 20, "migrate");
        for word in ["`all_rows`", "no backup can hold", "was not touched"] {
            assert!(done.stderr.contains(word), "no `{word}`: {}", done.stderr);
        }
        let after = live::read(&mut sandbox.server().root(), &sandbox.schema);
        assert!(before == after, "it was touched: {}", live::differences(&before, &after));
    }
    // The same without that table: whatever comes, the next backup holds it.
    five::add(checkout.path(), name, VIEWS);
    for sandbox in &sandboxes {
        demand(&run(sandbox, &["migrate"]), 0, "migrate");
        demand(&run(sandbox, &["db-backup"]), 0, "db-backup");
        demand(&run(sandbox, &["db-verify"]), 0, "db-verify");
        let left: Vec<String> = sandbox
            .root()
            .query(format!("SHOW DATABASES LIKE '{}\\_\\_staging%'", sandbox.schema))
            .unwrap();
        assert!(left.is_empty(), "{left:?}");
    }
}
