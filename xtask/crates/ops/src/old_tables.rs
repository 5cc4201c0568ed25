//! Whether the old tables of a swap hold anything that its backup does not.

use anyhow::Result;

use model::manifest::{Manifest, TableEntry};
use rows::content;
use server::{Session, inventory};

/// What in `schema` is not exactly what the backup holds, or cannot be told to be; empty:
/// nothing in it is nowhere else.
///
/// # Errors
/// The server refuses.
pub fn not_in(session: &mut Session, schema: &str, saved: &Manifest) -> Result<Vec<String>> {
    let found = inventory::survey(session, schema)?;
    let mut more: Vec<String> = found.unread.iter().map(|it| it.name.clone()).collect();
    let old = found.inventory;
    more.extend(saved.left_out.iter().map(|it| it.name.clone()));
    more.extend(old.programs.keys().map(|(_, name)| name.clone()));
    let broken = old.broken_views.iter().chain(&saved.broken_views);
    more.extend(broken.map(|view| view.name.clone()));
    for (name, table) in &old.tables {
        let entry = saved.tables.iter().find(|entry| entry.name == *name);
        let covered =
            |entry: &&TableEntry| table.columns.iter().all(|column| entry.columns.contains(column));
        let Some(entry) = entry.filter(covered).filter(|entry| is_exact(entry)) else {
            more.push(name.clone());
            continue;
        };
        let (columns, floats) = (&entry.columns, &entry.exact_floats);
        let found = content::digest_table(session, schema, name, columns, floats, &mut |_| {})?;
        if found.hex() != entry.digest || found.rows != entry.rows {
            more.push(name.clone());
        }
    }
    Ok(more)
}

/// Whether the digest sees all that the file could have lost: what a dump program rounded,
/// or a character set changed, is in the old tables alone.
fn is_exact(entry: &TableEntry) -> bool {
    entry.rounded_floats == 0 && entry.changed_texts == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_file_could_not_hold_is_never_proven_equal() {
        let entry = |rounded_floats, changed_texts| TableEntry {
            name: "film".to_owned(),
            rows: 1,
            digest: String::new(),
            columns: Vec::new(),
            auto_increment: None,
            ddl_sha256: String::new(),
            exact_floats: Vec::new(),
            rounded_floats,
            changed_texts,
        };
        assert!(is_exact(&entry(0, 0)));
        assert!(!is_exact(&entry(1, 0)) && !is_exact(&entry(0, 1)));
    }
}
