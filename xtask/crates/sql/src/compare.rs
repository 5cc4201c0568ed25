//! Compares what was restored with what the backup says it holds.

use std::collections::{BTreeMap, BTreeSet};

use super::fingerprint;
use super::seen::{Seen, TableSeen};
use model::check::Check;
use model::digest::ContentDigest;
use model::facts::Flavour;
use model::inventory::{Inventory, ObjectKind};
use model::manifest::Manifest;
use model::number::{count, thousands};

/// What a table must look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedTable {
    pub content: ContentDigest,
    /// The columns the digest covers.
    pub columns: Vec<String>,
    /// Of them, the FLOAT columns that it covers as DOUBLE.
    pub exact_floats: Vec<String>,
    pub auto_increment: Option<u64>,
    /// Why its digest cannot be compared, when it cannot.
    pub incomparable: Option<String>,
}

/// SHA-256 of each object's normalised definition.
pub type Hashes = BTreeMap<(ObjectKind, String), String>;

/// What a restored schema must look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    pub tables: BTreeMap<String, ExpectedTable>,
    /// Every view, trigger, routine and event.
    pub programs: BTreeSet<(ObjectKind, String)>,
    /// The counters are those that the text names, if it does: rows lead them further.
    pub counters_follow_rows: bool,
    /// Hashes of all definitions and the flavour whose spelling they are in;
    /// `None` without a manifest.
    pub definitions: Option<(Flavour, Hashes)>,
    /// FLOAT values per table that the dump program rounded.
    pub rounded: BTreeMap<String, u64>,
    /// Texts per table that come back as other bytes.
    pub changed_texts: BTreeMap<String, u64>,
}

impl Expected {
    /// From a manifest. `None` when a digest in it is not one.
    pub fn from_manifest(manifest: &Manifest) -> Option<Self> {
        let mut tables = BTreeMap::new();
        let mut definitions = BTreeMap::new();
        for table in &manifest.tables {
            let expected = ExpectedTable {
                content: ContentDigest::from_hex(table.rows, &table.digest)?,
                columns: table.columns.clone(),
                exact_floats: table.exact_floats.clone(),
                auto_increment: table.auto_increment,
                incomparable: None,
            };
            tables.insert(table.name.clone(), expected);
            definitions.insert((ObjectKind::Table, table.name.clone()), table.ddl_sha256.clone());
        }
        for program in &manifest.programs {
            definitions.insert((program.kind, program.name.clone()), program.ddl_sha256.clone());
        }
        Some(Self {
            tables,
            programs: manifest.programs.iter().map(|p| (p.kind, p.name.clone())).collect(),
            counters_follow_rows: false,
            definitions: Some((manifest.server.flavour, definitions)),
            rounded: manifest
                .tables
                .iter()
                .filter(|table| table.rounded_floats > 0)
                .map(|table| (table.name.clone(), table.rounded_floats))
                .collect(),
            changed_texts: manifest
                .tables
                .iter()
                .filter(|table| table.changed_texts > 0)
                .map(|table| (table.name.clone(), table.changed_texts))
                .collect(),
        })
    }

    /// The part of it that is about these tables and programs.
    #[must_use]
    pub fn only(
        mut self,
        tables: &BTreeSet<String>,
        programs: &BTreeSet<(ObjectKind, String)>,
    ) -> Self {
        self.tables.retain(|name, _| tables.contains(name));
        self.programs.retain(|program| programs.contains(program));
        if let Some((_, definitions)) = &mut self.definitions {
            definitions.retain(|object, _| match object {
                (ObjectKind::Table, name) => tables.contains(name),
                program => programs.contains(program),
            });
        }
        self
    }

    /// From what was read in the dump itself.
    pub fn from_text(seen: &Seen) -> Self {
        let table = |t: &TableSeen| ExpectedTable {
            content: t.digest,
            columns: t.columns.clone(),
            exact_floats: t.exact_floats.clone(),
            auto_increment: t.auto_increment,
            incomparable: t.incomparable.clone(),
        };
        Self {
            tables: seen.tables.iter().map(|(name, t)| (name.clone(), table(t))).collect(),
            programs: seen.programs.iter().cloned().collect(),
            counters_follow_rows: true,
            definitions: None,
            rounded: BTreeMap::new(),
            changed_texts: BTreeMap::new(),
        }
    }
}

const SHOWN: usize = 5;

fn list(items: &[String]) -> String {
    let shown: Vec<&str> = items.iter().take(SHOWN).map(String::as_str).collect();
    let more = items.len().saturating_sub(SHOWN);
    if more == 0 { shown.join("; ") } else { format!("{}; and {more} more", shown.join("; ")) }
}

/// The checks of the file level that compare its text with its manifest: the
/// rows and digests that were counted, and the objects that were seen.
pub fn text_with_manifest(seen: &Seen, manifest: &Manifest) -> Vec<Check> {
    let Some(expected) = Expected::from_manifest(manifest) else {
        return vec![Check::failed("rows in the text", "the manifest contains an invalid digest")];
    };
    let found = Expected::from_text(seen);
    vec![
        rows("rows in the text", &expected, &contents(&found)),
        content("digests of the text", &expected, &contents(&found)),
        objects("objects in the text", &expected, found.tables.keys(), &found.programs),
    ]
}

fn contents(expected: &Expected) -> BTreeMap<String, ContentDigest> {
    expected.tables.iter().map(|(name, t)| (name.clone(), t.content)).collect()
}

/// The checks of the restore level.
pub fn restored(
    expected: &Expected,
    flavour: Flavour,
    inventory: &Inventory,
    found: &BTreeMap<String, ContentDigest>,
) -> Vec<Check> {
    let programs = inventory.programs.keys().cloned().collect();
    let mut checks = vec![
        rows("rows", expected, found),
        content("content digests", expected, found),
        objects("objects", expected, inventory.tables.keys(), &programs),
        definitions(expected, flavour, inventory),
        auto_increments(expected, inventory),
    ];
    checks.extend(unseen(expected));
    checks
}

/// Reports what the digests cannot detect.
fn unseen(expected: &Expected) -> Vec<Check> {
    let say = |of: &BTreeMap<String, u64>| {
        let tables: Vec<String> =
            of.iter().map(|(table, n)| format!("{} of `{table}`", count(*n, "value"))).collect();
        list(&tables)
    };
    let mut checks = Vec::new();
    if !expected.rounded.is_empty() {
        checks.push(Check::not_run(
            "FLOAT digits",
            format!(
                "{} have more digits than the dump program writes and come back rounded; use the \
            native engine, or a DOUBLE or DECIMAL column",
                say(&expected.rounded)
            ),
        ));
    }
    if !expected.changed_texts.is_empty() {
        checks.push(Check::not_run(
            "text bytes",
            format!(
                "{} come back as different bytes in their character set",
                say(&expected.changed_texts)
            ),
        ));
    }
    checks
}

/// "1 table is equal", "21 tables are equal".
fn equal(n: usize, noun: &str) -> String {
    let are = if n == 1 { "is" } else { "are" };
    format!("{} {are} equal", count(n as u64, noun))
}

fn rows(name: &str, expected: &Expected, found: &BTreeMap<String, ContentDigest>) -> Check {
    let mut different = Vec::new();
    let mut total = 0;
    for (table, want) in &expected.tables {
        let have = found.get(table).map_or(0, |digest| digest.rows);
        total += have;
        // A table whose INSERTs may drop rows has no fixed number of them.
        if want.incomparable.is_none() && have != want.content.rows {
            different.push(format!(
                "`{table}` has {} instead of {}",
                count(have, "row"),
                thousands(want.content.rows)
            ));
        }
    }
    if different.is_empty() {
        Check::passed(
            name,
            format!("{} in {}", count(total, "row"), count(expected.tables.len() as u64, "table")),
        )
    } else {
        Check::failed(name, list(&different))
    }
}

fn content(name: &str, expected: &Expected, found: &BTreeMap<String, ContentDigest>) -> Check {
    let incomparable: Vec<String> = expected
        .tables
        .iter()
        .filter_map(|(table, want)| Some(format!("`{table}`: {}", want.incomparable.as_ref()?)))
        .collect();
    let different: Vec<String> = expected
        .tables
        .iter()
        .filter(|(_, want)| want.incomparable.is_none())
        .filter(|(table, want)| found.get(*table) != Some(&want.content))
        .map(|(table, _)| format!("`{table}` differs"))
        .collect();
    if !different.is_empty() {
        return Check::failed(name, list(&different));
    }
    if !incomparable.is_empty() {
        return Check::not_run(name, format!("cannot be compared: {}", list(&incomparable)));
    }
    Check::passed(name, format!("{} value by value", equal(expected.tables.len(), "table")))
}

fn objects<'a>(
    name: &str,
    expected: &Expected,
    tables: impl Iterator<Item = &'a String>,
    programs: &BTreeSet<(ObjectKind, String)>,
) -> Check {
    let table = |name: &String| (ObjectKind::Table, name.clone());
    let want: BTreeSet<_> =
        expected.tables.keys().map(table).chain(expected.programs.iter().cloned()).collect();
    let have: BTreeSet<_> = tables.map(table).chain(programs.iter().cloned()).collect();
    let say = |what: &str, (kind, name): &(ObjectKind, String)| {
        format!("{} `{name}` is {what}", kind.keyword().to_lowercase())
    };
    let mut different: Vec<String> = want.difference(&have).map(|o| say("missing", o)).collect();
    different.extend(have.difference(&want).map(|o| say("unexpected", o)));
    if different.is_empty() {
        Check::passed(name, format!("all {} exist, nothing else", thousands(want.len() as u64)))
    } else {
        Check::failed(name, list(&different))
    }
}

fn definitions(expected: &Expected, flavour: Flavour, inventory: &Inventory) -> Check {
    const NAME: &str = "definitions";
    let Some((source, want)) = &expected.definitions else {
        return Check::not_run(NAME, "there is no manifest to compare with");
    };
    if *source != flavour {
        return Check::not_run(
            NAME,
            format!(
                "the backup is of {source}, this server is {flavour}: they write definitions \
                differently"
            ),
        );
    }
    let have = fingerprint::definitions(inventory);
    let different: Vec<String> = want
        .iter()
        .filter(|(object, hash)| have.get(*object).is_some_and(|found| found != *hash))
        .map(|((kind, name), _)| format!("{} `{name}` differs", kind.keyword().to_lowercase()))
        .collect();
    if different.is_empty() {
        Check::passed(NAME, equal(want.len(), "definition"))
    } else {
        Check::failed(NAME, list(&different))
    }
}

fn auto_increments(expected: &Expected, inventory: &Inventory) -> Check {
    const NAME: &str = "auto_increment";
    let mut different = Vec::new();
    let mut compared = 0;
    for (name, want) in &expected.tables {
        let Some(table) = inventory.tables.get(name) else { continue };
        compared += usize::from(want.auto_increment.is_some());
        let further = expected.counters_follow_rows && table.auto_increment > want.auto_increment;
        if table.auto_increment != want.auto_increment && !further {
            let say = |value: Option<u64>| value.map_or("none".to_owned(), |n| n.to_string());
            different.push(format!(
                "`{name}` continues at {} instead of {}",
                say(table.auto_increment),
                say(want.auto_increment)
            ));
        }
    }
    if different.is_empty() {
        let others =
            if expected.counters_follow_rows { "; others follow from the rows" } else { "" };
        Check::passed(NAME, format!("{}{others}", equal(compared, "counter")))
    } else {
        Check::failed(NAME, list(&different))
    }
}

/// Whether a dump holds exactly what the server lists, and every column of it.
pub fn seen_with_inventory(seen: &Seen, inventory: &Inventory) -> Check {
    const NAME: &str = "dump complete";
    let expected = Expected {
        tables: inventory
            .tables
            .iter()
            .map(|(name, table)| {
                let columns = table.columns.clone();
                let content = ContentDigest::default();
                (
                    name.clone(),
                    ExpectedTable {
                        content,
                        columns,
                        exact_floats: Vec::new(),
                        auto_increment: None,
                        incomparable: None,
                    },
                )
            })
            .collect(),
        programs: inventory.programs.keys().cloned().collect(),
        counters_follow_rows: false,
        definitions: None,
        rounded: BTreeMap::new(),
        changed_texts: BTreeMap::new(),
    };
    let programs = seen.programs.iter().cloned().collect();
    let check = objects(NAME, &expected, seen.tables.keys(), &programs);
    if check.outcome != model::check::Outcome::Passed {
        return check;
    }
    let left_out: Vec<String> = seen
        .tables
        .iter()
        .filter(|(name, seen)| {
            inventory.tables.get(*name).is_some_and(|t| t.columns != seen.columns)
        })
        .map(|(name, _)| format!("the columns of `{name}` differ from the server's"))
        .collect();
    if left_out.is_empty() { check } else { Check::failed(NAME, list(&left_out)) }
}
