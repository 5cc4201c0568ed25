//! What a destination holds of the backups here.

use super::*;
use crate::model::manifest::Compression;
use crate::store::remote::RemoteCopy;
use crate::store::testing::{backup, label, scratch};

fn manifest(compression: Compression) -> Manifest {
    let (_dir, store) = scratch();
    let entry = backup(&store, &label("20261122_101112"), compression).unwrap();
    entry.manifest().unwrap().clone()
}

fn copy_of(manifest: Manifest) -> RemoteCopy {
    RemoteCopy {
        label: manifest.label.clone(),
        manifest: Some(manifest),
        note: None,
        problem: None,
        bytes: 1,
        rewritten: None,
    }
}

#[test]
fn another_backup_of_the_same_name_is_no_copy() {
    let policy: DestinationPolicy = toml::from_str("name = \"drive\"\nurl = \"drive\"").unwrap();
    let own = manifest(Compression::None);
    let place = |there: Manifest| {
        let here = Here { usable: &[&own], newest: Some(&own.label) };
        let history = History::of(&[], "mydb");
        listed(&policy, Answer::Known(Storage::OtherDisk), &[copy_of(there)], &here, &history)
    };
    let good = place(own.clone());
    assert_eq!(good.has_newest_verified, Answer::Known(true));
    assert!(good.flaws.is_empty());
    let other = place(manifest(Compression::Zstd));
    assert_eq!(other.has_newest_verified, Answer::Known(false));
    assert_eq!(other.usable, Answer::Known(0));
    assert_eq!(other.flaws[0].problem, "is another backup of the same name");
}
