//! A folder where a dump is meant: what some programs write instead of one file.

use std::path::Path;

use model::exit::{ExitCode, Stop};
use sys::fs;

/// Why a folder is no dump, and the way for those that some programs write.
pub(super) fn refusal(path: &Path) -> Stop {
    let names = fs::names(path).unwrap_or_default();
    let ends = |end: &str| names.iter().any(|name| name.ends_with(end));
    let pair = |name: &String| {
        let stem = name.strip_suffix(".sql");
        stem.is_some_and(|stem| names.contains(&format!("{stem}.txt")))
    };
    let shown = path.display();
    let compressed = ["-schema.sql", "-schema.sql.gz", "-schema.sql.zst"];
    if names.iter().any(|name| name == "metadata") || compressed.into_iter().any(ends) {
        return Stop::new(ExitCode::Store, format!("{shown} is a folder that mydumper wrote"))
            .hint(
                "Load it with `myloader` into a schema of its own, then take one file of that: \
                 mysqldump SCHEMA > dump.sql",
            );
    }
    if ends(".json") && names.iter().any(|name| name == "@.json") {
        return Stop::new(ExitCode::Store, format!("{shown} is a folder that MySQL Shell wrote"))
            .hint(
                "Load it with `util.loadDump` into a schema of its own, then take one file of \
                 that: mysqldump SCHEMA > dump.sql",
            );
    }
    if names.iter().any(pair) {
        return Stop::new(
            ExitCode::Store,
            format!("{shown} is a folder of mysqldump --tab: its rows are not SQL"),
        )
        .hint(
            "Take the dump without --tab. Else load the .sql files and then the .txt files, with \
             `mysqlimport --local`, into a schema of its own, and take one file of that.",
        );
    }
    Stop::new(ExitCode::Store, format!("{shown} is a folder, not a dump"))
        .hint("Give a `.sql`, `.sql.gz` or `.sql.zst` file, with or without `.age`, or a label.")
}
