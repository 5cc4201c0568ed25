//! Which tables can follow which.

use super::*;

fn column(name: &str, full: &str) -> Column {
    let kind = full.split(['(', ' ']).next().unwrap().to_owned();
    let text = TEXTS.contains(&kind.as_str());
    Column {
        name: name.to_owned(),
        kind,
        full: full.to_owned(),
        charset: text.then(|| "utf8mb4".to_owned()),
        collation: text.then(|| "utf8mb4_bin".to_owned()),
        optional: true,
        ..Column::default()
    }
}

fn key(name: &str, full: &str, place: usize) -> Column {
    Column { in_key: Some(place), optional: false, ..column(name, full) }
}

fn tables(all: &[(&str, &[Column])]) -> Tables {
    let table = |columns: &[Column]| Table { columns: columns.to_vec(), row_bytes: 0 };
    let tables = all.iter().map(|(name, columns)| ((*name).to_owned(), table(columns)));
    Tables { tables: tables.collect(), foreign_keys: Vec::new() }
}

/// Columns by the name that they had; the others have the same. `gone` are columns and tables.
struct Known {
    renamed: &'static [(&'static str, Option<&'static str>)],
    gone: &'static [&'static str],
}

const SAME: Known = Known { renamed: &[], gone: &[] };

impl Lineage for Known {
    fn source_of(&self, _: &str, column: &str) -> Option<String> {
        let found = self.renamed.iter().find(|(name, _)| *name == column);
        found.map_or_else(|| Some(column.to_owned()), |(_, from)| from.map(str::to_owned))
    }

    fn is_dropped(&self, table: &str) -> bool {
        self.gone.contains(&table)
    }

    fn is_gone(&self, _: &str, column: &str) -> bool {
        self.gone.contains(&column)
    }
}

/// A column of the source as that of the target.
fn one(old: Column, new: Column) -> Result<Compare, String> {
    let old = tables(&[("t", &[key("id", "int", 1), old])]);
    let new = tables(&[("t", &[key("id", "int", 1), new])]);
    pair_up(&old, &new, &SAME).map(|pairs| pairs.pairs[0].columns[1].compare.clone())
}

#[test]
fn rows_are_found_by_their_key_and_taken_by_the_columns_of_both() {
    let old = tables(&[
        (
            "t",
            &[
                key("b", "int", 2),
                key("a", "varchar(9)", 1),
                column("gone", "int"),
                column("v", "int"),
            ],
        ),
        ("dropped", &[column("x", "int")]),
        (BOOKS, &[key("version", "bigint", 1)]),
    ]);
    let generated = Column { generated: true, ..column("g", "int") };
    let new = tables(&[
        (
            "t",
            &[
                key("a", "varchar(9)", 1),
                key("b", "int", 2),
                column("renamed", "bigint"),
                column("new", "int"),
                generated,
            ],
        ),
        ("made", &[column("x", "int")]),
        (BOOKS, &[key("version", "bigint", 1)]),
    ]);
    let lineage =
        Known { renamed: &[("renamed", Some("v")), ("new", None)], gone: &["gone", "dropped"] };
    let pairs = pair_up(&old, &new, &lineage).unwrap();
    assert_eq!(pairs.pairs.len(), 1);
    let pair = pairs.of("t").unwrap();
    let names = |of: &[Shared]| {
        of.iter().map(|it| format!("{}>{}", it.source, it.target)).collect::<Vec<_>>()
    };
    assert_eq!(names(&pair.key), ["a>a", "b>b"]);
    assert_eq!(names(&pair.columns), ["a>a", "b>b", "v>renamed"]);
    assert_eq!(pair.target_only, ["new"]);
    assert!(pairs.dropped.contains("dropped"));
    // What is missing for no known reason is not given up.
    let lineage = Known { gone: &["gone"], ..lineage };
    assert!(pair_up(&old, &new, &lineage).unwrap_err().contains("no table `dropped`"));
    let lineage = Known { gone: &["dropped"], ..lineage };
    assert!(pair_up(&old, &new, &lineage).unwrap_err().contains("no column `gone`"));
    assert!(pair_up(&old, &tables(&[]), &lineage).is_err());
}

#[test]
fn only_conversions_that_keep_a_value_are_followed() {
    let of = |old: &str, new: &str| one(column("c", old), column("c", new));
    assert_eq!(of("int", "bigint unsigned"), Ok(Compare::Plain));
    assert_eq!(of("varchar(9)", "text"), Ok(Compare::Bytes(None)));
    assert_eq!(of("enum('a')", "enum('a','b')"), Ok(Compare::Text));
    assert_eq!(of("point", "point"), Ok(Compare::Hex));
    let latin = Column { charset: Some("latin1".to_owned()), ..column("c", "varchar(9)") };
    assert_eq!(
        one(latin, column("c", "varchar(9)")),
        Ok(Compare::Bytes(Some("utf8mb4".to_owned())))
    );
    for (old, new) in [
        ("varchar(9)", "int"),
        ("int", "varchar(9)"),
        ("datetime", "timestamp"),
        ("datetime", "date"),
        ("text", "json"),
        ("double", "float"),
        ("decimal(5,2)", "int"),
        ("point", "geometry"),
        ("binary(4)", "varbinary(4)"),
        ("varchar(9)", "varbinary(9)"),
        ("float(7,2)", "float"),
    ] {
        assert!(of(old, new).is_err(), "{old} to {new}");
    }
    let digits = |digits| Column { digits, ..column("c", &format!("decimal(9,{digits})")) };
    assert!(one(digits(2), digits(4)).is_ok());
    assert!(one(digits(4), digits(2)).is_err());
}

#[test]
fn a_row_that_could_not_be_told_or_written_is_not_followed() {
    let plain = [key("id", "int", 1)];
    let pair = |old: &[Column], new: &[Column]| {
        pair_up(&tables(&[("t", old)]), &tables(&[("t", new)]), &SAME).unwrap_err()
    };
    assert!(pair(&[column("a", "int")], &[column("a", "int")]).contains("no primary key"));
    assert!(pair(&plain, &[key("id", "bigint", 1)]).contains("primary key of `t` changes"));
    let collated =
        Column { collation: Some("utf8mb4_general_ci".to_owned()), ..key("id", "varchar(9)", 1) };
    assert!(pair(&[key("id", "varchar(9)", 1)], &[collated]).contains("changes"));
    let demanded = Column { optional: false, ..column("must", "int") };
    let lineage = Known { renamed: &[("must", None)], gone: &[] };
    let new = tables(&[("t", &[key("id", "int", 1), demanded])]);
    let why = pair_up(&tables(&[("t", &plain)]), &new, &lineage).unwrap_err();
    assert!(why.contains("no value for `t`.`must`"), "{why}");
}

#[test]
fn a_new_foreign_key_is_one_that_later_rows_can_break() {
    let columns = [key("id", "int", 1), column("p", "int"), column("u", "int")];
    let both = |keys: &[ForeignKey]| Tables {
        foreign_keys: keys.to_vec(),
        ..tables(&[("child", &columns), ("parent", &columns)])
    };
    let to = |column: &str| ForeignKey {
        child: "child".to_owned(),
        columns: vec!["p".to_owned()],
        parent: "parent".to_owned(),
        refers_to: vec![column.to_owned()],
        acts: true,
        elsewhere: false,
    };
    let pairs = pair_up(&both(&[]), &both(&[to("id")]), &SAME).unwrap();
    assert_eq!((pairs.new_keys.len(), pairs.acting.len()), (1, 0));
    let pairs = pair_up(&both(&[to("id")]), &both(&[to("id")]), &SAME).unwrap();
    assert_eq!((pairs.new_keys.len(), pairs.acting.len()), (0, 1));
    assert_eq!(demand_cascades(&both(&[to("id")]), &pairs), Ok(()));
    let beside = ForeignKey { elsewhere: true, ..to("id") };
    let acting = Pairs { acting: vec![beside.clone()], ..pairs.clone() };
    assert!(demand_cascades(&both(&[]), &acting).is_err());
    let not_primary = Pairs { acting: vec![to("u")], ..pairs };
    assert!(demand_cascades(&both(&[]), &not_primary).is_err());
    for new in [
        beside,
        ForeignKey { parent: "child".to_owned(), ..to("id") },
        ForeignKey { parent: "made".to_owned(), ..to("id") },
    ] {
        assert!(pair_up(&both(&[]), &both(&[new]), &SAME).is_err());
    }
    assert!(pair_up(&both(&[]), &both(&[to("u")]), &SAME).unwrap_err().contains("no primary key"));
}
