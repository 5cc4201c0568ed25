//! What is written between two tries at the lock.

use mysql::prelude::Queryable as _;

use super::held::{Held, demand_swapped, world};
use crate::support::Server;

/// Rows move to another parent, and the old one goes: in the copy, nothing may cascade.
#[test]
fn what_comes_between_two_tries_is_followed_without_cascades() {
    let Some(world) = world(Server::Mysql, "live_retried") else { return };
    world.sandbox.sql(
        "CREATE TABLE account (id INT PRIMARY KEY);
         CREATE TABLE orders (id INT PRIMARY KEY, account INT NOT NULL,
           FOREIGN KEY (account) REFERENCES account (id) ON DELETE CASCADE);
         CREATE TABLE piece (id INT PRIMARY KEY, orders INT NOT NULL,
           FOREIGN KEY (orders) REFERENCES orders (id) ON DELETE CASCADE);
         CREATE TRIGGER count_orders AFTER UPDATE ON orders FOR EACH ROW UPDATE tally SET n = n + 1;
         INSERT INTO account VALUES (1), (2);
         INSERT INTO orders VALUES (10, 1), (11, 1);
         INSERT INTO piece VALUES (100, 10), (101, 11), (102, 11)",
    );
    let held = Held::at(&world, "gate.followed", &["--json"]);
    // Whoever has looked at a table in an open transaction keeps it from being locked.
    let mut blocker = world.sandbox.root();
    blocker.query_drop("BEGIN").unwrap();
    blocker.query_drop("SELECT COUNT(*) FROM busy").unwrap();
    let run = held.release();
    world.wait_for_lock("restore");
    world
        .sandbox
        .sql("UPDATE orders SET account = 2 WHERE account = 1; DELETE FROM account WHERE id = 1");
    // That came through only because the first try was over: this is a later one.
    world.wait_for_lock("restore");
    drop(blocker);
    demand_swapped(&run.join());
    let mut root = world.sandbox.root();
    let mut rows = |sql: &str| root.query::<(i64, i64), _>(sql).unwrap();
    assert_eq!(rows("SELECT id, account FROM orders"), [(10, 2), (11, 2)]);
    assert_eq!(rows("SELECT id, orders FROM piece"), [(100, 10), (101, 11), (102, 11)]);
    assert_eq!(rows("SELECT id, n - (SELECT COUNT(*) - 1 FROM busy) FROM tally"), [(1, 2)]);
    world.demand_clean();
}
