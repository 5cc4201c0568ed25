//! What of the live schema the safety backup of a restore cannot hold, and who has to agree.
//!
//! The way back never depends on the present state: the old tables stay beside in any case.
//! But what is then in no backup is named, and agreed to.

use std::collections::BTreeSet;

use model::exit::{ExitCode, Stop};
use model::ident::quote;
use model::inventory::{Inventory, ObjectKind};
use model::left_out::LeftOut;

/// The option that agrees.
pub const OPTION: &str = "--accept-unsaved";

/// What was typed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said {
    /// `--yes`
    pub yes: bool,
    /// [`OPTION`]
    pub accepts: bool,
    /// `--drop-old`
    pub drop_old: bool,
}

/// The restore in question.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    /// What is restored.
    pub source: &'a str,
    /// The schema that is written.
    pub target: &'a str,
    /// The tables that are replaced; empty: all.
    pub tables: &'a [String],
}

/// Whether the restore may go on although the safety backup will not hold `unsaved`. Without
/// `--yes` the person sees the list in the plan, and confirms that.
///
/// # Errors
/// Exit code 40: `--yes` alone does not agree to that, or rows would be lost; 2: `--drop-old`
/// would drop the only copy.
pub fn demand_agreed(unsaved: &[LeftOut], said: Said, of: Of<'_>) -> Result<(), Stop> {
    if unsaved.is_empty() {
        return Ok(());
    }
    let Of { source, target, tables } = of;
    let beside = format!(
        "`cargo xtask db-restore {source} --into {target}__look` restores it beside `{target}`, \
        which stays as it is."
    );
    let list = lines(unsaved).join("; ");
    // Their old rows would be overwritten, and nothing of them stays beside.
    let lost = unsaved.iter().find(|it| replaced(it, tables));
    if let Some(lost) = lost {
        let message = format!(
            "the safety backup cannot hold {}, whose rows would be overwritten; nothing was \
            changed: {}",
            lost.what(),
            lost.why
        );
        return Err(Stop::new(ExitCode::Store, message)
            .hint("Restore the whole schema: without --table the old tables are kept beside.")
            .hint(beside));
    }
    if said.drop_old {
        let message = format!(
            "--drop-old would destroy the only copy of what the safety backup cannot hold; \
            nothing was changed: {list}"
        );
        return Err(Stop::new(ExitCode::Usage, message)
            .hint("Leave --drop-old out: the old tables are then kept beside.")
            .hint(beside));
    }
    if !said.yes || said.accepts {
        return Ok(());
    }
    let message = format!(
        "the safety backup of `{target}` cannot hold all of it; nothing was changed: {list}"
    );
    let keeps = if tables.is_empty() {
        format!(
            "restores all the same: the old tables are kept in `{target}__before_…`, the only \
            place with what is named above."
        )
    } else {
        "restores those tables all the same; what is named above is not touched.".to_owned()
    };
    let table: String = tables.iter().map(|it| format!(" --table {it}")).collect();
    Err(Stop::new(ExitCode::Store, message)
        .hint(format!("`cargo xtask db-restore {source}{table} --yes {OPTION}` {keeps}"))
        .hint(beside))
}

fn replaced(it: &LeftOut, tables: &[String]) -> bool {
    it.kind == ObjectKind::Table && tables.contains(&it.name)
}

/// A line for each reason, with what it is about.
pub fn lines(unsaved: &[LeftOut]) -> Vec<String> {
    let mut whys: Vec<&str> = Vec::new();
    for it in unsaved {
        if !whys.contains(&it.why.as_str()) {
            whys.push(&it.why);
        }
    }
    let line = |why: &&str| {
        let of = |it: &&LeftOut| it.why == **why;
        let names: Vec<String> = unsaved.iter().filter(of).map(LeftOut::counted).collect();
        format!("{}: {why}", names.join(", "))
    };
    whys.iter().map(line).collect()
}

/// What else is left out with `unsaved`: triggers of those tables, views that read something
/// of it. Without it they could not be made again.
pub fn with_dependents(inventory: &Inventory, unsaved: &[LeftOut]) -> Vec<LeftOut> {
    let mut all = unsaved.to_vec();
    loop {
        let before = all.len();
        for ((kind, name), program) in &inventory.programs {
            if all.iter().any(|it| it.kind == *kind && it.name == *name) {
                continue;
            }
            let of_it = |it: &&LeftOut| match kind {
                ObjectKind::Trigger => {
                    it.kind == ObjectKind::Table && program.table.as_ref() == Some(&it.name)
                }
                ObjectKind::View => {
                    matches!(it.kind, ObjectKind::Table | ObjectKind::View | ObjectKind::Function)
                        && program.ddl.contains(&quote(&it.name))
                }
                _ => false,
            };
            let Some(cause) = all.iter().find(of_it) else { continue };
            let why = format!("it needs {}", cause.what());
            all.push(LeftOut { kind: *kind, name: name.clone(), rows: None, why });
        }
        if all.len() == before {
            return all;
        }
    }
}

/// The inventory without what is left out.
pub fn without(inventory: &Inventory, left_out: &[LeftOut]) -> Inventory {
    let gone: BTreeSet<(ObjectKind, &str)> =
        left_out.iter().map(|it| (it.kind, it.name.as_str())).collect();
    let stays = |kind: ObjectKind, name: &str| !gone.contains(&(kind, name));
    let mut rest = inventory.clone();
    rest.tables.retain(|name, _| stays(ObjectKind::Table, name));
    rest.programs.retain(|(kind, name), _| stays(*kind, name));
    rest.trigger_order.retain(|name| stays(ObjectKind::Trigger, name));
    rest.broken_views.retain(|view| stays(ObjectKind::View, &view.name));
    rest
}

/// Everything in `live`, left out for one reason.
pub fn everything(live: &Inventory, why: &str) -> Vec<LeftOut> {
    let tables = live.tables.keys().map(|name| (ObjectKind::Table, name.clone()));
    let programs = live.programs.keys().cloned();
    let of = |(kind, name)| LeftOut { kind, name, rows: None, why: why.to_owned() };
    tables.chain(programs).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::inventory::Program;

    fn out(kind: ObjectKind, name: &str, why: &str) -> LeftOut {
        LeftOut { kind, name: name.to_owned(), rows: None, why: why.to_owned() }
    }

    const OF: Of<'_> = Of { source: "latest", target: "mydb", tables: &[] };

    #[test]
    fn only_who_says_so_goes_on_without_a_whole_safety_backup() {
        let unsaved = [out(ObjectKind::Table, "bh", "it has the storage engine BLACKHOLE")];
        let of = |said: Said| demand_agreed(&unsaved, said, OF).map_err(|stop| stop.code);
        assert_eq!(of(Said { yes: true, ..Said::default() }), Err(ExitCode::Store));
        assert_eq!(of(Said { yes: true, accepts: true, ..Said::default() }), Ok(()));
        // The plan shows it, and its confirmation follows.
        assert_eq!(of(Said::default()), Ok(()));
        for said in [(false, false), (true, false), (true, true), (false, true)] {
            let said = Said { yes: said.0, accepts: said.1, drop_old: true };
            assert_eq!(of(said), Err(ExitCode::Usage), "{said:?}");
            assert!(demand_agreed(&[], said, OF).is_ok());
        }
    }

    #[test]
    fn the_refusal_names_what_and_both_ways() {
        let unsaved = [out(ObjectKind::Table, "bh", "it has the storage engine BLACKHOLE")];
        let said = Said { yes: true, ..Said::default() };
        let stop = demand_agreed(&unsaved, said, OF).expect_err("a refusal");
        assert!(stop.message.contains("table `bh`: it has the storage engine BLACKHOLE"));
        assert!(stop.hints[0].contains("db-restore latest --yes --accept-unsaved"));
        assert!(stop.hints[1].contains("--into mydb__look"));
    }

    #[test]
    fn rows_that_would_be_overwritten_are_never_given_up() {
        let unsaved = [out(ObjectKind::Table, "rating", "it is a test")];
        let said = Said { yes: true, accepts: true, drop_old: false };
        let tables = ["rating".to_owned()];
        assert!(demand_agreed(&unsaved, said, Of { tables: &tables, ..OF }).is_err());
        let tables = ["movie".to_owned()];
        assert!(demand_agreed(&unsaved, said, Of { tables: &tables, ..OF }).is_ok());
    }

    #[test]
    fn one_reason_is_one_line() {
        let unsaved = [
            LeftOut { rows: Some(2), ..out(ObjectKind::Table, "a", "x") },
            out(ObjectKind::View, "v", "y"),
            out(ObjectKind::Table, "b", "x"),
        ];
        assert_eq!(lines(&unsaved), ["table `a` (2 rows), table `b`: x", "view `v`: y"]);
    }

    #[test]
    fn what_needs_it_is_left_out_with_it() {
        let mut live = crate::testing::holding(&[("a", "InnoDB"), ("bh", "BLACKHOLE")]);
        let program = |ddl: &str, table: Option<&str>| Program {
            ddl: ddl.to_owned(),
            definer: String::new(),
            sql_mode: None,
            charset_client: String::new(),
            collation: String::new(),
            time_zone: None,
            table: table.map(str::to_owned),
            database_collation: None,
            columns: Vec::new(),
        };
        let mut add = |kind, name: &str, it| live.programs.insert((kind, name.to_owned()), it);
        add(ObjectKind::View, "a_over_v", program("CREATE VIEW `x` AS select 1 from `v`", None));
        add(ObjectKind::View, "v", program("CREATE VIEW `v` AS select 1 from `bh`", None));
        add(ObjectKind::View, "w", program("CREATE VIEW `w` AS select 1 from `a`", None));
        add(ObjectKind::Trigger, "t", program("CREATE TRIGGER `t`", Some("bh")));
        add(ObjectKind::Procedure, "p", program("CREATE PROCEDURE `p`() DELETE FROM `bh`", None));
        live.trigger_order.push("t".to_owned());
        let all = with_dependents(&live, &[out(ObjectKind::Table, "bh", "x")]);
        let mut names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["a_over_v", "bh", "t", "v"]);
        let rest = without(&live, &all);
        assert!(rest.tables.keys().eq(["a"]) && rest.trigger_order.is_empty());
        assert_eq!(rest.programs.len(), 2, "`w` and `p`: a body names what it likes");
    }
}
