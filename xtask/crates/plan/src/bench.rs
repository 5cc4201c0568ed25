//! What the benchmark compares, and how its figures are made of the runs.

use model::bench::{Entry, Ratio, Subject};
use model::ident::quote;

/// How a candidate is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The old guide's command: the dump program inside the container, streamed out.
    Guide,
    /// A dump program over the network, to a file.
    Client {
        /// Through `zstd -1` on one thread.
        zstd: bool,
    },
    Mydumper {
        /// With `--compress`.
        compress: bool,
    },
    /// `db-backup` of this tool.
    Backup {
        /// Its `--engine`.
        engine: &'static str,
        /// Its `--compress`.
        compress: &'static str,
    },
    /// Rows read and thrown away.
    Floor,
    /// `mysql < file`.
    Mysql,
    /// myloader with four threads, from what mydumper wrote.
    Myloader,
    /// `db-verify`: load, compare, remove.
    Verify,
    /// `db-restore --into`: check the file, load, compare.
    Restore,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its name in the document.
    pub id: &'static str,
    pub what: &'static str,
    pub way: Way,
    /// Whether it syncs what it writes; `None` where it writes nothing here.
    pub fsync: Option<bool>,
}

const fn candidate(
    id: &'static str,
    what: &'static str,
    way: Way,
    fsync: Option<bool>,
) -> Candidate {
    Candidate { id, what, way, fsync }
}

/// Threads of mydumper and myloader.
pub const PEER_THREADS: u32 = 4;

/// Every way to dump, in the order of a round.
pub const DUMPS: [Candidate; 9] = [
    candidate("guide", "plain mysqldump", Way::Guide, Some(false)),
    candidate("mysqldump-tcp", "mysqldump over TCP", Way::Client { zstd: false }, Some(false)),
    candidate(
        "mysqldump-tcp-zstd",
        "mysqldump over TCP | zstd -1",
        Way::Client { zstd: true },
        Some(false),
    ),
    candidate("mydumper", "mydumper, 4 threads", Way::Mydumper { compress: false }, Some(false)),
    candidate(
        "mydumper-compress",
        "mydumper, 4 threads, compressed",
        Way::Mydumper { compress: true },
        Some(false),
    ),
    candidate(
        "own-mysqldump",
        "db-backup --engine mysqldump, plain",
        Way::Backup { engine: "mysqldump", compress: "none" },
        Some(true),
    ),
    candidate(
        "own-native",
        "db-backup --engine native, plain",
        Way::Backup { engine: "native", compress: "none" },
        Some(true),
    ),
    candidate(
        "own-native-zstd",
        "db-backup --engine native, zstd",
        Way::Backup { engine: "native", compress: "zstd" },
        Some(true),
    ),
    candidate("floor", "reading all rows only (the floor)", Way::Floor, None),
];

/// Every way to restore, in the order of a round.
pub const RESTORES: [Candidate; 4] = [
    candidate("mysql", "mysql < file", Way::Mysql, None),
    candidate("myloader", "myloader, 4 threads", Way::Myloader, None),
    candidate("own-verify", "db-verify (load, compare, remove)", Way::Verify, None),
    candidate(
        "own-restore",
        "db-restore --into (check the file, load, compare)",
        Way::Restore,
        None,
    ),
];

/// Backups that a restore can start from, the best first.
pub const RESTORED: [&str; 2] = ["own-native", "own-mysqldump"];

/// Our dump that is compared with others', without and with compression.
const OWN: [&str; 2] = ["own-native", "own-native-zstd"];

/// One figure with a target: a candidate's time over another's.
struct Pair(&'static str, &'static str, &'static str, f64);

const PAIRS: [Pair; 8] = [
    Pair("plain dump / floor", OWN[0], "floor", 1.25),
    Pair("plain dump / mysqldump over TCP", OWN[0], "mysqldump-tcp", 0.65),
    Pair("plain dump / plain mysqldump", OWN[0], "guide", 0.30),
    Pair("zstd dump / mysqldump over TCP | zstd -1", OWN[1], "mysqldump-tcp-zstd", 0.70),
    Pair("plain dump / mydumper, 4 threads", OWN[0], "mydumper", 0.75),
    Pair("zstd dump / mydumper, 4 threads, compressed", OWN[1], "mydumper-compress", 0.75),
    Pair("restore with comparison / mysql < file", "own-restore", "mysql", 0.28),
    Pair("restore with comparison / myloader, 4 threads", "own-restore", "myloader", 0.75),
];

/// The most memory that our dumps and restores may hold, in MiB.
const MEMORY_MIB: f64 = 128.0;
/// Time may grow by this much more than the data.
const GROWTH: f64 = 1.1;

/// The middle of the runs; of an even number the mean of the middle two.
pub fn median(runs: &[f64]) -> Option<f64> {
    let mut sorted = runs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The value below which 99 of 100 are.
pub fn percentile_99(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    let at = (values.len() * 99).div_ceil(100);
    values.get(at.saturating_sub(1)).copied().unwrap_or(0)
}

/// Columns that the first INSERT of a file leaves out; none where it names no columns,
/// because then it has a value for each.
pub fn left_out(text: &str, table: &str, columns: &[String]) -> Vec<String> {
    let head = format!("INSERT INTO {} (", quote(table));
    let Some(list) = text.split(&head).nth(1).and_then(|rest| rest.split(") VALUES").next()) else {
        return Vec::new();
    };
    let named: Vec<&str> = list.split(',').map(str::trim).collect();
    columns.iter().filter(|column| !named.contains(&quote(column).as_str())).cloned().collect()
}

/// Our figures against the others' on one schema.
pub fn ratios(subject: &Subject) -> Vec<Ratio> {
    let entry = |id| find(subject, id);
    let mut ratios: Vec<Ratio> = PAIRS
        .iter()
        .map(|Pair(what, own, other, target)| {
            quotient((*what).to_owned(), entry(own), entry(other), *target)
        })
        .collect();
    ratios.push(memory(subject));
    ratios
}

/// How times grow between the smallest and the largest scale.
pub fn scaling(subjects: &[Subject]) -> Vec<Ratio> {
    let scaled = || subjects.iter().filter_map(|it| Some((it.scale?, it)));
    let Some((small, first)) = scaled().min_by(|a, b| a.0.total_cmp(&b.0)) else {
        return Vec::new();
    };
    let Some((large, last)) = scaled().max_by(|a, b| a.0.total_cmp(&b.0)) else {
        return Vec::new();
    };
    if small >= large {
        return Vec::new();
    }
    let own = [OWN[0], OWN[1], "own-verify", "own-restore"];
    let grown = own.iter().map(|id| {
        let (a, b) = (find(last, id), find(first, id));
        let what = b.or(a).map_or(*id, |entry| entry.what.as_str());
        let what = format!("{what}: time at scale {large} / at scale {small}");
        quotient(what, a, b, GROWTH * large / small)
    });
    grown.collect()
}

fn find<'a>(subject: &'a Subject, id: &str) -> Option<&'a Entry> {
    subject.dump.iter().chain(&subject.restore).find(|entry| entry.id == id)
}

fn missing(entry: Option<&Entry>) -> Option<String> {
    let Some(entry) = entry else { return Some("not measured".to_owned()) };
    entry.median_s.is_none().then(|| format!("{} did not run", entry.what))
}

fn quotient(what: String, own: Option<&Entry>, other: Option<&Entry>, target: f64) -> Ratio {
    let median = |entry: Option<&Entry>| entry.and_then(|entry| entry.median_s);
    let value = match (median(own), median(other)) {
        (Some(own), Some(other)) if other > 0.0 => Some(own / other),
        _ => None,
    };
    let not_run = if value.is_none() { missing(own).or_else(|| missing(other)) } else { None };
    let mut ratio = with_target(what, value, "times", target, not_run);
    // Who leaves something out has less to do.
    ratio.note = other
        .filter(|other| other.incomplete.is_some() && value.is_some())
        .map(|other| format!("the output of {} is incomplete", other.what));
    ratio
}

fn memory(subject: &Subject) -> Ratio {
    let ours =
        |entry: &&Entry| [OWN[0], OWN[1], "own-verify", "own-restore"].contains(&entry.id.as_str());
    let peaks = subject.dump.iter().chain(&subject.restore).filter(ours);
    let all = peaks.clone().count();
    let known: Vec<u64> = peaks.filter_map(|entry| entry.peak_memory_bytes).collect();
    let value = known.iter().max().map(|bytes| *bytes as f64 / f64::from(1 << 20));
    let mut ratio = with_target(
        "peak memory of our native dump and restore".to_owned(),
        value,
        "MiB",
        MEMORY_MIB,
        value.is_none().then(|| "not measured".to_owned()),
    );
    if known.len() < all && ratio.reached == Some(true) {
        ratio.reached = None;
        ratio.not_run = Some(format!("{} of {all} of them were measured", known.len()));
    }
    ratio
}

fn with_target(
    what: String,
    value: Option<f64>,
    unit: &str,
    target: f64,
    not_run: Option<String>,
) -> Ratio {
    let reached = value.map(|value| value <= target);
    Ratio { what, value, unit: unit.to_owned(), target, reached, not_run, note: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(id: &str, seconds: &[f64]) -> Entry {
        Entry {
            id: id.to_owned(),
            what: id.to_owned(),
            seconds: seconds.to_vec(),
            median_s: median(seconds),
            ..Entry::default()
        }
    }

    fn subject(scale: f64, dump: Vec<Entry>) -> Subject {
        Subject { scale: Some(scale), dump, ..Subject::default() }
    }

    #[test]
    fn the_middle_run_counts() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
        let mut values: Vec<u64> = (1..=200).rev().collect();
        assert_eq!(percentile_99(&mut values), 198);
        assert_eq!((percentile_99(&mut [7]), percentile_99(&mut [])), (7, 0));
    }

    #[test]
    fn a_figure_needs_both_sides() {
        let dump =
            vec![ran("own-native", &[1.2, 1.0, 1.1]), ran("floor", &[1.0]), ran("guide", &[])];
        let ratios = ratios(&subject(1.0, dump));
        let of = |what: &str| ratios.iter().find(|r| r.what == what).unwrap();
        let floor = of("plain dump / floor");
        assert_eq!((floor.value, floor.reached), (Some(1.1), Some(true)));
        let guide = of("plain dump / plain mysqldump");
        assert_eq!((guide.value, guide.reached), (None, None));
        assert_eq!(guide.not_run.as_deref(), Some("guide did not run"));
        assert_eq!(of("plain dump / mydumper, 4 threads").not_run.as_deref(), Some("not measured"));
    }

    #[test]
    fn a_dump_that_leaves_something_out_is_known() {
        let columns = ["id".to_owned(), "at".to_owned()];
        let some = "x;\nINSERT INTO `t` (`id`,`n`) VALUES\n(1,'`at`')";
        assert_eq!(left_out(some, "t", &columns), ["at"]);
        assert!(left_out("INSERT INTO `t` (`at`, `id`) VALUES (1)", "t", &columns).is_empty());
        assert!(left_out("INSERT INTO `t` VALUES (1, 2)", "t", &columns).is_empty());
        let less = Entry { incomplete: Some("t.at".to_owned()), ..ran("mydumper", &[1.0]) };
        let ratios = ratios(&subject(1.0, vec![ran("own-native", &[0.9]), less]));
        let other = ratios.iter().find(|r| r.what == "plain dump / mydumper, 4 threads").unwrap();
        assert_eq!((other.value, other.reached), (Some(0.9), Some(false)));
        assert!(other.note.as_ref().is_some_and(|note| note.contains("incomplete")));
    }

    #[test]
    fn memory_says_what_was_not_measured() {
        let peak = |id, mib: u64| Entry { peak_memory_bytes: Some(mib << 20), ..ran(id, &[1.0]) };
        let dump =
            vec![peak("own-native", 140), peak("own-mysqldump", 500), ran("own-native-zstd", &[])];
        let ratio = memory(&subject(1.0, dump));
        assert_eq!((ratio.value, ratio.reached), (Some(140.0), Some(false)));
        let dump = vec![peak("own-native", 100), ran("own-native-zstd", &[])];
        let ratio = memory(&subject(1.0, dump));
        assert_eq!((ratio.value, ratio.reached), (Some(100.0), None));
        assert_eq!(ratio.not_run.as_deref(), Some("1 of 2 of them were measured"));
        assert_eq!(memory(&subject(1.0, Vec::new())).not_run.as_deref(), Some("not measured"));
    }

    #[test]
    fn growth_is_held_against_the_growth_of_the_data() {
        let one = subject(1.0, vec![ran("own-native", &[2.0])]);
        let four = subject(4.0, vec![ran("own-native", &[9.0])]);
        assert!(scaling(std::slice::from_ref(&one)).is_empty());
        let grown = scaling(&[four, one]);
        assert_eq!((grown[0].value, grown[0].target), (Some(4.5), 4.4));
        assert_eq!(grown[0].reached, Some(false));
        assert_eq!(grown[3].not_run.as_deref(), Some("not measured"));
    }

    #[test]
    fn every_figure_is_about_candidates_of_the_table() {
        let ids: Vec<&str> = DUMPS.iter().chain(&RESTORES).map(|it| it.id).collect();
        let named = PAIRS.iter().flat_map(|pair| [pair.1, pair.2]).chain(OWN).chain(RESTORED);
        for id in named {
            assert!(ids.contains(&id), "{id}");
        }
    }
}
