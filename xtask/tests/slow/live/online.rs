//! An online swap: the migrated copy follows what others write and takes their tables' place.

use mysql::prelude::Queryable as _;

use super::writers::{TABLES, Writers, demand_all};
use crate::gate::world::World;
use crate::support::Server;
use crate::support::five::{SHAPE_NAME, shape};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(600);

fn world(kind: Server, name: &str) -> Option<World> {
    let world = World::new(kind, name)?;
    world.sandbox.with_log();
    world.sandbox.sql(TABLES);
    Some(world)
}

fn migrate(world: &World, args: &[&str]) -> sys::proc::Finished {
    let all: Vec<&str> = ["migrate"].iter().chain(args).copied().collect();
    world.sandbox.in_checkout(shape(), &all).run(DEADLINE).unwrap()
}

#[test]
fn a_migration_goes_live_while_others_write() {
    let Some(world) = world(Server::Mysql, "online") else { return };
    let writers = Writers::start(3, &|| world.sandbox.root());
    writers.wait_for(300);
    let finished = migrate(&world, &["--json"]);
    eprintln!("{}", finished.stderr);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    writers.wait_for(100);
    let done = writers.end();
    let document: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(document["strategy"], "swap", "{document}");
    assert_eq!(document["applied"], serde_json::json!([SHAPE_NAME]));
    demand_all(&mut world.sandbox.root(), &done, "worth");
    let twice: Option<u64> = world
        .sandbox
        .root()
        .query_first("SELECT COUNT(*) FROM m5 WHERE twice <> worth * 2")
        .unwrap();
    assert_eq!(twice, Some(0));
    for one in &done {
        eprintln!("{} statements, the longest {:?}", one.statements, one.longest);
    }
    world.demand_clean();
}
