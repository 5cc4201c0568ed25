//! A run that is killed on the way: the next one goes on.

use std::os::unix::fs::MetadataExt;

use sys::fault::VARIABLE;
use sys::fs;

use super::world::{World, files_of};
use crate::support::{Server, require};

#[test]
fn a_copy_that_was_cut_is_finished_by_the_next_run() {
    let Some(server) = require(Server::Mariadb) else { return };
    let mut world = World::new(&server, "copy_killed");
    let folder = world.with_folder("drive", "encrypt = false");
    for (point, sent_again) in
        [("copy.sent", true), ("copy.noted", false), ("copy.committed", false)]
    {
        let label = world.backup();
        let command = world.sandbox.command(&["db-copy"]).env(VARIABLE, format!("kill:{point}"));
        let dead = command.run(std::time::Duration::from_secs(60)).unwrap();
        assert_eq!(dead.code, None, "{point}: {}", dead.stderr);
        let exists = folder.join(format!("{label}.json")).is_file();
        assert_eq!(exists, point == "copy.committed", "{point}");
        let object = folder.join(format!("{label}.sql"));
        let before = std::fs::metadata(&object).unwrap().ino();
        let next = world.run(&["db-copy"]);
        assert_eq!(next.code, Some(0), "{point}: {}", next.stderr);
        let same = std::fs::metadata(&object).unwrap().ino() == before;
        assert_eq!(same, !sent_again, "{point}");
        assert_eq!(files_of(&folder, &label).len(), 3, "{point}");
        assert_eq!(world.run(&["db-copy", "--check"]).code, Some(0), "{point}");
    }
}

#[test]
fn a_copy_that_was_half_fetched_is_cleaned_and_fetched_again() {
    let Some(server) = require(Server::Mariadb) else { return };
    let mut world = World::new(&server, "copy_half");
    world.with_folder("drive", "encrypt = false");
    let label = world.backup();
    assert_eq!(world.run(&["db-copy"]).code, Some(0));
    for point in ["fetch.written", "fetch.renamed"] {
        for name in files_of(&world.sandbox.backups(), &label) {
            fs::remove_if_exists(&world.sandbox.backups().join(name)).unwrap();
        }
        let args = ["db-restore", "latest", "--from", "drive", "--yes"];
        let command = world.sandbox.command(&args).env(VARIABLE, format!("kill:{point}"));
        let dead = command.run(std::time::Duration::from_secs(60)).unwrap();
        assert_eq!(dead.code, None, "{point}: {}", dead.stderr);
        let left = files_of(&world.sandbox.backups(), &label);
        assert!(!left.is_empty() && !left.contains(&format!("{label}.json")), "{point}: {left:?}");
        let next = world.run(&args);
        assert_eq!(next.code, Some(0), "{point}: {}", next.stderr);
        let names = files_of(&world.sandbox.backups(), &label);
        assert_eq!(names, [format!("{label}.json"), format!("{label}.sql")], "{point}");
        world.demand_unharmed(&label);
    }
}
