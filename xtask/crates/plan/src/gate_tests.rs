//! How a rehearsed change goes live.

use super::*;
use crate::testing::{holding, manifest};
use model::inventory::{BrokenView, Program};

fn statement(effect: Effect, rows: u64, ms: u64) -> StatementReport {
    StatementReport {
        migration: "1_x".to_owned(),
        number: 1,
        of: 1,
        statement: "ALTER TABLE a".to_owned(),
        duration_ms: ms,
        rows: 0,
        effect,
        table_rows: Some(rows),
    }
}

#[test]
fn a_swap_needs_proof() {
    let unchanged = Evidence::Unchanged("x".to_owned());
    let copy = [statement(Effect::Copy, 9, 9)];
    let of = |choice, evidence: &Evidence, list: &[StatementReport], why: Option<&str>| {
        decide(choice, evidence, list, why).map(|d| d.way).map_err(|stop| stop.code)
    };
    use StrategyChoice::{Auto, InPlace, Swap};
    assert_eq!(of(Auto, &unchanged, &copy, None), Ok(Way::Swap));
    assert_eq!(of(InPlace, &unchanged, &copy, None), Ok(Way::InPlace));
    assert_eq!(of(Auto, &unchanged, &copy, Some("x")), Ok(Way::InPlace));
    let instant = [statement(Effect::Instant, 9, 1)];
    assert_eq!(of(Auto, &unchanged, &instant, None), Ok(Way::InPlace));
    assert_eq!(of(Swap, &unchanged, &instant, None), Ok(Way::Swap));
    let two = [instant[0].clone(), instant[0].clone()];
    assert_eq!(of(Auto, &unchanged, &two, None), Ok(Way::Swap));
    for other in [Evidence::Changed("x".to_owned()), Evidence::Unknown("x".to_owned())] {
        assert_eq!(of(Auto, &other, &copy, None), Ok(Way::Online));
        assert_eq!(of(Swap, &other, &copy, None), Ok(Way::Online));
        assert_eq!(of(Auto, &other, &instant, None), Ok(Way::InPlace));
    }
    assert_eq!(of(Swap, &unchanged, &copy, Some("x")), Err(ExitCode::GateRefused));
}

#[test]
fn an_online_swap_needs_a_copy_that_follows() {
    let evidence = Evidence::Changed("x".to_owned());
    let online =
        Decision { way: Way::Online, why: "x was written".to_owned(), evidence: evidence.clone() };
    let of = |choice, follows| online.clone().if_it_follows(choice, follows);
    for choice in [StrategyChoice::Auto, StrategyChoice::Swap] {
        assert_eq!(of(choice, Ok(())).unwrap(), online);
    }
    let in_place = of(StrategyChoice::Auto, Err("no key")).unwrap();
    assert_eq!(in_place.way, Way::InPlace);
    assert_eq!(in_place.why, "x was written; the copy cannot follow: no key");
    assert!(of(StrategyChoice::Swap, Err("no key")).unwrap_err().message.contains("no key"));
    let swap = Decision { way: Way::Swap, why: String::new(), evidence };
    assert_eq!(swap.clone().if_it_follows(StrategyChoice::Auto, Err("no key")).unwrap(), swap);
}

#[test]
fn limits_are_kept_where_there_are_any() {
    let mut policy = GatePolicy::default();
    let list = [statement(Effect::Copy, 3_000_000, 41_000)];
    assert!(demand_within(&policy, &list).is_ok());
    policy.max_statement_s = 40;
    assert!(demand_within(&policy, &list).unwrap_err().message.contains("41 s"));
    policy.max_statement_s = 0;
    policy.max_copied_rows = 1_000_000;
    assert!(demand_within(&policy, &list).unwrap_err().message.contains("copies"));
    assert!(demand_within(&policy, &[statement(Effect::Instant, 3_000_000, 1)]).is_ok());
}

#[test]
fn a_copy_that_is_not_exact_takes_nobodys_place() {
    let innodb = holding(&[("movie", "InnoDB")]);
    assert_eq!(no_exact_copy(&manifest(), &innodb), None);
    let mixed = holding(&[("movie", "InnoDB"), ("log", "MyISAM")]);
    assert_eq!(no_exact_copy(&manifest(), &mixed).as_deref(), Some("`log` has no transactions"));
    let mut rounded = manifest();
    rounded.tables[0].rounded_floats = 1;
    assert!(no_exact_copy(&rounded, &innodb).is_some_and(|why| why.contains("FLOAT")));
    let mut changed = manifest();
    changed.tables[0].changed_texts = 1;
    assert!(no_exact_copy(&changed, &innodb).is_some_and(|why| why.contains("other bytes")));
    let mut broken = manifest();
    broken.broken_views.push(BrokenView {
        name: "v".to_owned(),
        ddl: String::new(),
        why: String::new(),
    });
    assert!(no_exact_copy(&broken, &innodb).is_some_and(|why| why.contains("view `v`")));
}

#[test]
fn each_thing_that_a_swap_would_lose_stands_in_its_way() {
    let manifest = manifest();
    let before = holding(&[("movie", "InnoDB")]);
    let copy = holding(&[("movie", "InnoDB"), ("added", "InnoDB")]);
    let good = Rehearsed {
        manifest: &manifest,
        before: &before,
        copy: &copy,
        event_passed: false,
        key_from_outside: None,
    };
    assert_eq!(why_no_swap(good), None);
    let says = |it, what: &str| {
        let why = why_no_swap(it).unwrap_or_else(|| panic!("nothing about {what}"));
        assert!(why.contains(what), "{why}");
    };
    says(Rehearsed { event_passed: true, ..good }, "event");
    says(Rehearsed { key_from_outside: Some("other/t"), ..good }, "other/t");
    let engine = holding(&[("movie", "InnoDB"), ("added", "MyISAM")]);
    says(Rehearsed { copy: &engine, ..good }, "`added` has no transactions");
    let collation = Inventory { collation: "utf8mb4_bin".to_owned(), ..copy.clone() };
    says(Rehearsed { copy: &collation, ..good }, "collation");
    let program = Program {
        ddl: String::new(),
        definer: String::new(),
        sql_mode: None,
        charset_client: String::new(),
        collation: String::new(),
        time_zone: None,
        table: None,
        database_collation: None,
        columns: Vec::new(),
    };
    let view = [((ObjectKind::View, "added".to_owned()), program)];
    let before = Inventory { programs: view.into(), ..before.clone() };
    says(Rehearsed { before: &before, ..good }, "a view's place");
}

#[test]
fn the_ledger_says_refused_only_where_the_live_schema_was_not_touched() {
    use ExitCode::{GateRefused, Interrupted, Locked, MigrationNotRestored, MigrationRestored};
    for (ended, live, expected) in [
        (Ok(()), true, GateOutcome::Applied),
        (Err(Some(MigrationRestored)), true, GateOutcome::Restored),
        (Err(Some(MigrationNotRestored)), true, GateOutcome::NotRestored),
        (Err(Some(GateRefused)), true, GateOutcome::Refused),
        (Err(Some(Locked)), false, GateOutcome::Refused),
        (Err(Some(Interrupted)), false, GateOutcome::Refused),
        (Err(Some(Interrupted)), true, GateOutcome::Failed),
        (Err(None), false, GateOutcome::Refused),
        (Err(None), true, GateOutcome::Failed),
    ] {
        assert_eq!(outcome(ended, live), expected, "{ended:?} {live}");
    }
}
