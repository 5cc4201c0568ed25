//! Hashes of definitions: of each object, and of a whole schema.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use model::hash;
use model::inventory::{Inventory, ObjectKind};
use model::manifest::Manifest;

/// SHA-256 of each object's normalised definition.
pub fn definitions(inventory: &Inventory) -> Definitions {
    inventory
        .definitions()
        .map(|(kind, name, ddl)| ((kind, name.to_owned()), hash::sha256_hex(ddl.as_bytes())))
        .collect()
}

/// One hash over all definitions and the schema's character set: it moves when
/// anything but rows does.
pub fn schema(inventory: &Inventory) -> String {
    let mut whole = Sha256::new();
    let mut add = |text: &str| {
        whole.update((text.len() as u64).to_le_bytes());
        whole.update(text.as_bytes());
    };
    add(&inventory.charset);
    add(&inventory.collation);
    for (kind, name, ddl) in inventory.definitions() {
        add(kind.keyword());
        add(name);
        add(&ddl);
    }
    for trigger in &inventory.trigger_order {
        add(trigger);
    }
    for view in &inventory.broken_views {
        add(&view.name);
        add(&view.ddl);
    }
    hash::hex(&whole.finalize())
}

/// What differs between two schemas' definitions, one line each.
pub fn differences(want: &Inventory, have: &Inventory) -> Vec<String> {
    let mut out = differing(&definitions(want), &definitions(have));
    if out.is_empty() && want.trigger_order != have.trigger_order {
        out.push("triggers fire in a different order".to_owned());
    }
    out
}

/// Hashes of definitions by kind and name.
pub type Definitions = BTreeMap<(ObjectKind, String), String>;

/// The definitions that a backup's manifest lists.
pub fn listed(manifest: &Manifest) -> Definitions {
    let tables = manifest
        .tables
        .iter()
        .map(|table| ((ObjectKind::Table, table.name.clone()), table.ddl_sha256.clone()));
    let programs = manifest
        .programs
        .iter()
        .map(|program| ((program.kind, program.name.clone()), program.ddl_sha256.clone()));
    tables.chain(programs).collect()
}

/// As [`differences`], from the hashes.
pub fn differing(want: &Definitions, have: &Definitions) -> Vec<String> {
    let say = |(kind, name): &(ObjectKind, String), what: &str| {
        format!("{} `{name}` {what}", kind.keyword().to_lowercase())
    };
    let mut out: Vec<String> = Vec::new();
    for (object, hash) in want {
        match have.get(object) {
            None => out.push(say(object, "is missing")),
            Some(found) if found != hash => out.push(say(object, "differs")),
            Some(_) => {}
        }
    }
    out.extend(
        have.keys().filter(|object| !want.contains_key(*object)).map(|o| say(o, "is unexpected")),
    );
    out
}
