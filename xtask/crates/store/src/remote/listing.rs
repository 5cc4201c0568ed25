//! Which copies lie at a destination, in bounded memory: anyone who can write there decides how
//! much is there.

use std::collections::BTreeMap;
use std::iter::Peekable;

use anyhow::Result;

use super::{Depot, Listed, Part, RemoteCopy, SMALL, judge, manifest_name, note_name, part};
use model::label::Label;

/// How much text of manifests is kept of one destination. Newer copies come first.
const KEPT: u64 = 128 << 20;

/// Every copy that lies there, the newest first. Its object is not read: whether that
/// still is what was sent is for `db-copy --check` to say.
pub fn copies(depot: &mut dyn Depot) -> Result<Vec<RemoteCopy>> {
    copies_within(depot, KEPT)
}

/// The same, keeping `most` bytes of manifests.
pub(super) fn copies_within(depot: &mut dyn Depot, most: u64) -> Result<Vec<RemoteCopy>> {
    let there: BTreeMap<String, Listed> =
        depot.list()?.into_iter().map(|one| (one.name.clone(), one)).collect();
    let mut labels: Vec<Label> = there
        .keys()
        .filter_map(|name| part(name).filter(|(_, part)| *part == Part::Manifest))
        .map(|(label, _)| label)
        .collect();
    labels.sort_by(|a, b| (b.time(), b).cmp(&(a.time(), a)));
    let mut copies = Vec::with_capacity(labels.len());
    let mut kept = 0;
    let mut labels = labels.into_iter().peekable();
    while labels.peek().is_some() {
        let some = some_of(&mut labels, &there);
        let wanted: Vec<String> = some.iter().flat_map(|label| small_of(label, &there)).collect();
        let read = depot.get_small(&wanted)?;
        let texts: BTreeMap<&String, Vec<u8>> =
            wanted.iter().zip(read).filter_map(|(name, bytes)| Some((name, bytes?))).collect();
        let text = |name: String| texts.get(&name).map(Vec::as_slice);
        for label in some {
            let own =
                there.values().filter(|one| part(&one.name).is_some_and(|(of, _)| of == label));
            let bytes = own.map(|one| one.bytes).sum();
            let (manifest, note) = (text(manifest_name(&label)), text(note_name(&label)));
            let mut copy = judge(label, manifest, note, &there, bytes);
            kept += copy.manifest.as_ref().and(manifest).map_or(0, |text| text.len() as u64);
            if kept > most && copy.manifest.take().is_some() {
                copy.problem = Some(format!(
                    "its manifest was skipped: the manifests together exceed {} MiB",
                    most >> 20
                ));
            }
            copies.push(copy);
        }
    }
    Ok(copies)
}

/// The next labels whose small files are read at once; always one.
fn some_of(
    labels: &mut Peekable<impl Iterator<Item = Label>>,
    there: &BTreeMap<String, Listed>,
) -> Vec<Label> {
    let size = |label: &Label| small_of(label, there).map(|name| there[&name].bytes).sum::<u64>();
    let mut some = Vec::new();
    let mut bytes = 0;
    while let Some(label) = labels.next_if(|label| some.is_empty() || bytes + size(label) <= SMALL)
    {
        bytes += size(&label);
        some.push(label);
    }
    some
}

/// Those of a copy's small files that are there and are not too large.
fn small_of(label: &Label, there: &BTreeMap<String, Listed>) -> impl Iterator<Item = String> {
    [manifest_name(label), note_name(label)]
        .into_iter()
        .filter(|name| there.get(name).is_some_and(|one| one.bytes <= SMALL))
}
