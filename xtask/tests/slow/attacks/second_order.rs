//! What the server prints of a program is not what it was given: marks of version comments
//! are gone, and what stood around them joins. A swap makes programs from that text, as an
//! account that may do everything.

use mysql::prelude::Queryable as _;

use crate::faults::demand_stop;
use crate::hostile::demand;
use crate::support::{Sandbox, Server, require};

/// To whoever parses the file, all of this is one trigger. Printed, `-/*!-` is `--`, the
/// comment does not begin, and what follows are statements.
fn evil(schema: &str) -> String {
    format!(
        "CREATE TABLE `t` (`id` int NOT NULL, PRIMARY KEY (`id`)) ENGINE=InnoDB;\n\
         INSERT INTO `t` VALUES (1),(2);\n\
         DELIMITER ;;\n\
         CREATE TRIGGER `tr` BEFORE INSERT ON `t` FOR EACH ROW BEGIN SET @a = 5 -/*!- 3 */ /*\n \
         + 0; END; UNLOCK TABLES; DROP DATABASE {schema}__keep; \
         CREATE TABLE {schema}.pwned AS SELECT CURRENT_USER() AS u; -- */ ; SET @b = 1; END ;;\n\
         DELIMITER ;\n\
         -- Dump completed on 2026-11-30  3:00:00\n"
    )
}

/// Printed, the statement does not end any more.
const BROKEN: &str = "\
CREATE TABLE `t` (`id` int NOT NULL, PRIMARY KEY (`id`)) ENGINE=InnoDB;
DELIMITER ;;
CREATE PROCEDURE `half`() BEGIN SET @a = (5 -/*!- 3 */); END ;;
DELIMITER ;
-- Dump completed on 2026-11-30  3:00:00
";

fn tables(sandbox: &Sandbox) -> Vec<String> {
    sandbox.root().query("SHOW TABLES").unwrap()
}

#[test]
fn a_text_that_the_server_prints_otherwise_never_goes_live() {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, "second_order");
        sandbox.sql("CREATE TABLE victim (id INT PRIMARY KEY); INSERT INTO victim VALUES (1)");
        let schema = sandbox.schema.clone();
        let keep = format!("{schema}__keep");
        sandbox.root().query_drop(format!("CREATE DATABASE `{keep}`")).unwrap();
        for (name, text) in [("evil.sql", evil(&schema)), ("broken.sql", BROKEN.to_owned())] {
            sandbox.write(name, &text);
            let path = sandbox.path().join(name);
            let path = path.to_str().unwrap();
            let into = format!("{schema}__look");
            let ways: [&[&str]; 2] =
                [&["db-restore", path, "--yes"], &["db-restore", path, "--into", &into, "--yes"]];
            for args in ways {
                let refused = sandbox.xtask(args);
                demand_stop(&refused, 40, &["be recreated", "nothing was changed"]);
                assert_eq!(tables(&sandbox), ["victim"], "{kind}: {args:?}");
                let kept = format!("SHOW DATABASES LIKE '{}'", keep.replace('_', "\\_"));
                let kept: Vec<String> = sandbox.root().query(kept).unwrap();
                assert_eq!(kept, [keep.as_str()], "{kind}: {args:?}");
            }
            // Nothing unfinished stays behind: the next run has nothing to play.
            demand(&sandbox.xtask(&["db-backup"]), 0, "a backup afterwards");
        }
    }
}
