//! The log as it is read: cut off, and in every form that a session can give it.

use std::cell::Cell;

use mysql::prelude::Queryable as _;

use super::held::{Beside, Held, demand_equal, demand_swapped, world};
use super::writers::{Writers, demand_all};
use crate::faults::world::until;
use crate::support::Server;

/// The connection of this world's reader, other than this one.
fn reader(world: &Beside, other_than: u64) -> u64 {
    let user = format!("log_{}", world.sandbox.schema.trim_start_matches("t_"));
    let sql = format!(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{user}' \
         AND COMMAND LIKE 'Binlog Dump%' AND ID <> {other_than}"
    );
    let mut root = world.server.root();
    let mut found = None;
    until("the log is read", || {
        found = root.query_first(&sql).unwrap();
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn a_reader_that_is_cut_off_reads_on() {
    for point in ["gate.caught_up", "gate.followed"] {
        let Some(world) = world(Server::Mysql, "live_cut") else { return };
        let writers = Writers::start(2, &|| world.sandbox.root());
        writers.wait_for(100);
        let held = Held::quiet(&world, point, &["--json"]);
        let mut last = 0;
        for _ in 0..3 {
            last = reader(&world, last);
            world.server.root().query_drop(format!("KILL {last}")).unwrap();
            writers.wait_for(20);
        }
        reader(&world, last);
        demand_swapped(&held.go());
        writers.wait_for(20);
        demand_all(&mut world.sandbox.root(), &writers.end(), "worth");
        world.demand_clean();
    }
}

#[test]
fn events_of_every_form_are_followed() {
    let Some(world) = world(Server::Mysql, "live_forms") else { return };
    let settings = [
        "binlog_row_image = MINIMAL",
        "binlog_transaction_compression = ON",
        "binlog_row_value_options = PARTIAL_JSON, binlog_row_image = NOBLOB",
        "binlog_row_value_options = PARTIAL_JSON, binlog_row_image = MINIMAL, \
         binlog_transaction_compression = ON, binlog_rows_query_log_events = ON",
    ];
    let number = Cell::new(0);
    let writers = Writers::start(settings.len() as i64, &|| {
        let mut conn = world.sandbox.root();
        conn.query_drop(format!("SET SESSION {}", settings[number.get()])).unwrap();
        number.set(number.get() + 1);
        conn
    });
    writers.wait_for(300);
    let held = Held::quiet(&world, "gate.followed", &["--json"]);
    writers.wait_for(100);
    let done = writers.end();
    let document = demand_swapped(&held.go());
    demand_all(&mut world.sandbox.root(), &done, "worth");
    let rows = demand_equal(&world, document["previous_schema"].as_str().unwrap());
    assert!(rows > 500, "{rows}");
    world.demand_clean();
}
