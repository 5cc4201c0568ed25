//! A bucket as a destination, and what can go wrong with it.

use super::world::{World, alter, object};
use crate::support::object_store::{ObjectStore, require_s3};
use crate::support::proxy::{Proxy, Trouble};
use crate::support::{Server, TestServer, require};

fn both() -> Option<(TestServer, ObjectStore)> {
    Some((require(Server::Mariadb)?, require_s3()?))
}

#[test]
fn a_connection_that_is_cut_is_taken_up_again() {
    let Some((server, store)) = both() else { return };
    let mut world = World::new(&server, "copy_cut");
    world.grow(24);
    let proxy = Proxy::start(store.port, Trouble::Cut { after: 10 << 20, times: 1 });
    world.with_bucket("s3", proxy.port, "encrypt = false");
    let label = world.backup();
    let copied = world.run(&["db-copy"]);
    assert_eq!(copied.code, Some(0), "{}\n{}", copied.stderr, store.log());
    assert_eq!(proxy.made(), 1);
    let source = world.sandbox.backups().join(format!("{label}.sql"));
    let sent = std::fs::read(object(&store, "s3", &label)).unwrap();
    assert!(sent == std::fs::read(source).unwrap(), "the object is not the backup");
    // The way back is cut as well.
    drop(proxy);
    let proxy = Proxy::start(store.port, Trouble::CutAnswers { after: 10 << 20, times: 1 });
    let mut world = world.without_destinations();
    world.with_bucket("s3", proxy.port, "encrypt = false");
    let checked = world.run(&["db-copy", "--check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert_eq!(proxy.made(), 1);
}

#[test]
fn a_connection_that_is_always_cut_fails_and_leaves_no_copy() {
    let Some((server, store)) = both() else { return };
    let mut world = World::new(&server, "copy_always_cut");
    world.grow(16);
    let proxy = Proxy::start(store.port, Trouble::Cut { after: 4 << 20, times: u64::MAX });
    world.with_bucket("s3", proxy.port, "encrypt = false");
    let label = world.backup();
    let copied = world.run(&["db-copy"]);
    world.demand_failed(&copied, &label, "s3", &["trying again in 4 s", "connection"]);
    let listed = store.speak("s3", &["list"]);
    assert!(!listed.stdout.contains(&format!("{label}.json")), "{}", listed.stdout);
    // Once the line is good again, so is the copy.
    let mut world = world.without_destinations();
    world.with_bucket("s3", store.port, "encrypt = false");
    assert_eq!(world.run(&["db-copy"]).code, Some(0));
}

#[test]
fn two_answers_of_503_are_waited_out() {
    let Some((server, store)) = both() else { return };
    let mut world = World::new(&server, "copy_busy");
    let proxy = Proxy::start(store.port, Trouble::Busy { times: 2 });
    world.with_bucket("s3", proxy.port, "encrypt = false");
    world.backup();
    let copied = world.run(&["db-copy"]);
    assert_eq!(copied.code, Some(0), "{}", copied.stderr);
    assert_eq!(proxy.made(), 2);
}

#[test]
fn one_that_is_always_busy_fails() {
    let Some((server, store)) = both() else { return };
    let mut world = World::new(&server, "copy_always_busy");
    let proxy = Proxy::start(store.port, Trouble::Busy { times: u64::MAX });
    world.with_bucket("s3", proxy.port, "encrypt = false");
    let label = world.backup();
    let copied = world.run(&["db-copy"]);
    world.demand_failed(&copied, &label, "s3", &["the store answers 503", "operator"]);
}

#[test]
fn wrong_credentials_a_missing_bucket_and_nobody_there() {
    let Some((server, store)) = both() else { return };
    let mut world = World::new(&server, "copy_refused");
    world.with_bucket("s3", store.port, "encrypt = false");
    world.set_env("COPY_S3_SECRET_ACCESS_KEY", "another secret");
    let label = world.backup();
    let copied = world.run(&["db-copy"]);
    world.demand_failed(&copied, &label, "s3", &["403", "Check the credentials of `s3` in .env"]);
    // Repeating would not help.
    assert!(!copied.stderr.contains("trying again"), "{}", copied.stderr);
    assert!(!copied.stderr.contains("another secret"), "{}", copied.stderr);
    let mut world = world.without_destinations();
    let endpoint = format!(
        "encrypt = false\noptions = {{ endpoint = \"http://127.0.0.1:{}\", allow_http = \"true\" }}",
        store.port
    );
    world.declare("other", "s3://no-such-bucket/x", &endpoint);
    world.set_env("COPY_OTHER_ACCESS_KEY_ID", crate::support::object_store::KEY);
    world.set_env("COPY_OTHER_SECRET_ACCESS_KEY", crate::support::object_store::SECRET);
    let copied = world.run(&["db-copy"]);
    world.demand_failed(&copied, &label, "other", &["NoSuchBucket", "the bucket must exist"]);
    assert!(!copied.stderr.contains("trying again"), "{}", copied.stderr);
    let mut world = world.without_destinations();
    world.with_bucket("s3", crate::support::free_port(), "encrypt = false");
    let copied = world.run(&["db-copy"]);
    world.demand_failed(&copied, &label, "s3", &["refused", "Check the network"]);
    let listed = world.run(&["db-list", "--from", "s3"]);
    assert_eq!(listed.code, Some(41), "{}", listed.stderr);
    // A typing error is not overlooked.
    let mut world = world.without_destinations();
    world.declare("s3", "s3://copies/s3", "encrypt = false\noptions = { endpont = \"http://x\" }");
    let copied = world.run(&["db-copy"]);
    assert_eq!(copied.code, Some(10), "{}", copied.stderr);
    assert!(copied.stderr.contains("`endpont` is no option"), "{}", copied.stderr);
}

#[test]
fn an_object_that_was_altered_in_the_bucket_is_found() {
    let Some((server, store)) = both() else { return };
    let mut world = World::new(&server, "copy_s3_altered");
    world.with_key();
    world.with_bucket("s3", store.port, "");
    let made = world.run(&["db-backup"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let label = world.copies_in_ledger()[0]["label"].as_str().unwrap().to_owned();
    alter(&object(&store, "s3", &label));
    let checked = world.run(&["db-copy", "--check"]);
    world.demand_failed(&checked, &label, "s3", &["read back altered"]);
    let verified = world.run(&["db-verify", "--from", "s3", "--level", "file"]);
    assert_eq!(verified.code, Some(40), "{}", verified.stderr);
    let copied = world.run(&["db-copy"]);
    assert_eq!(copied.code, Some(0), "{}", copied.stderr);
    assert_eq!(world.run(&["db-copy", "--check"]).code, Some(0));
}
