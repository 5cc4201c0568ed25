//! The runbook for a failed change, typed as it stands in docs/.

use sys::proc::Finished;

use super::world::World;
use crate::faults::demand_stop;
use crate::support::Server;
use crate::support::five::{FIVE, FIVE_NAME};
use crate::support::runbook::{blocks, commands};

const PAGE: &str = "runbooks/failed-change.md";

fn typed(world: &World, command: &[String]) -> Finished {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    world.run(&words)
}

#[test]
fn exit_30_is_looked_at_and_run_again() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "book30") else { continue };
        let blocker = world.block_once("m3");
        let failed = world.run(&["migrate", "--strategy", "in-place"]);
        blocker.end();
        demand_stop(&failed, 30, &["the previous state is restored"]);
        let steps = commands(PAGE, "Exit 30", "");
        let [look, again] = &steps[..] else { panic!("{steps:?}") };
        let status = typed(&world, look);
        assert!(status.stdout.contains("pending  20260102000000 five"), "{}", status.stdout);
        for bad in ["DIRTY", "trouble"] {
            assert!(!status.stdout.contains(bad), "{}", status.stdout);
        }
        assert_eq!(typed(&world, again).code, Some(0));
        world.demand_migrated();
    }
}

#[test]
fn exit_31_goes_back_or_forward() {
    for kind in Server::ALL {
        for back in [true, false] {
            let Some(world) = World::new(kind, "book31") else { continue };
            let label = half_migrated(&world);
            let steps = commands(PAGE, "Exit 31", &label);
            let [ask, restore, status, migrate, agree, look] = &steps[..] else {
                panic!("{steps:?}")
            };
            demand_stop(&typed(&world, ask), 31, &["a migration failed on"]);
            if back {
                let restored = typed(&world, restore);
                assert_eq!(restored.code, Some(0), "{}", restored.stderr);
                assert!(typed(&world, status).stdout.contains("1 pending"));
                assert_eq!(typed(&world, migrate).code, Some(0));
            } else {
                // One `;` is in the comment.
                let rest: Vec<&str> = FIVE.split(';').skip(3).collect();
                world.sandbox.sql(&rest.join(";"));
                let version = FIVE_NAME.split_once('_').unwrap().0;
                let book = blocks(PAGE, "Exit 31", "sql").concat().replace("VERSION", version);
                world.sandbox.sql(&book);
                let agreed = typed(&world, agree);
                assert_eq!(agreed.code, Some(0), "{}", agreed.stderr);
                assert!(agreed.stderr.contains("they had completed"), "{}", agreed.stderr);
                assert!(typed(&world, look).stdout.contains("0 pending"));
            }
            world.demand_migrated();
            world.demand_clean();
        }
    }
}

/// Fails at the third statement while somebody writes; gives the backup's label.
fn half_migrated(world: &World) -> String {
    let blocker = world.block_once("m3");
    let writer = world.writer();
    let failed = world.run(&["migrate"]);
    writer.end();
    blocker.end();
    demand_stop(&failed, 31, &["NOT restored", "at statement 3"]);
    let command = failed.stderr.split("cargo xtask db-restore ").nth(1).unwrap();
    command.split_whitespace().next().unwrap().to_owned()
}
