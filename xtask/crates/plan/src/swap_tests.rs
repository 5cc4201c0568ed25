//! The statements of a swap, on small schemas.

use std::collections::BTreeMap;

use super::*;
use model::inventory::{BrokenView, TableFacts};

fn table() -> TableFacts {
    TableFacts {
        ddl: String::new(),
        auto_increment: None,
        engine: "InnoDB".to_owned(),
        columns: Vec::new(),
        types: Vec::new(),
        float_columns: Vec::new(),
        rows_estimate: 0,
        bytes_estimate: 0,
    }
}

fn program(ddl: &str) -> Program {
    Program {
        ddl: ddl.to_owned(),
        definer: String::new(),
        sql_mode: Some("ANSI_QUOTES".to_owned()),
        charset_client: "utf8mb4".to_owned(),
        collation: "utf8mb4_bin".to_owned(),
        time_zone: None,
        table: None,
        database_collation: None,
        columns: Vec::new(),
    }
}

fn inventory(tables: &[&str], programs: &[(ObjectKind, &str, &str)]) -> Inventory {
    Inventory {
        tables: tables.iter().map(|t| ((*t).to_owned(), table())).collect(),
        programs: programs
            .iter()
            .map(|(k, n, ddl)| ((*k, (*n).to_owned()), program(ddl)))
            .collect::<BTreeMap<_, _>>(),
        trigger_order: programs
            .iter()
            .filter(|(k, _, _)| *k == ObjectKind::Trigger)
            .map(|(_, n, _)| (*n).to_owned())
            .collect(),
        ..Inventory::default()
    }
}

fn sides<'a>(flavour: Flavour, live: &'a Inventory, staged: &'a Inventory) -> Sides<'a> {
    let (target, staging, before) = ("d", "d__s", "d__b");
    let (owner, leaving) = (Owner::Swapper, Leaving::default());
    Sides { flavour, target, live, staging, staged, before, owner, leaving }
}

#[test]
fn what_is_made_belongs_to_the_locked_account() {
    let trigger = (
        ObjectKind::Trigger,
        "t1",
        "CREATE TRIGGER `t1` BEFORE INSERT ON `a` FOR EACH ROW SET @x=1",
    );
    let view = (ObjectKind::View, "v", "CREATE ALGORITHM=MERGE VIEW `v` AS select 1 AS `x`");
    let event =
        (ObjectKind::Event, "e", "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1");
    let (live, staged) = (inventory(&["a"], &[event]), inventory(&["a"], &[trigger, view, event]));
    let owned = |owner| {
        let plan = plan(&Sides { owner, ..sides(Flavour::Mysql, &live, &staged) }, false);
        let all = plan.finish.into_iter().map(|it| it.sql).chain(plan.packet);
        all.filter(|sql| sql.starts_with("CREATE")).collect::<Vec<_>>()
    };
    let made = owned(Owner::Locked("`p`@`%`"));
    assert_eq!(made.len(), 2, "the equal event is left alone: {made:?}");
    assert!(made.iter().all(|sql| sql.contains(" DEFINER=`p`@`%` ")), "{made:?}");
    let made = owned(Owner::LockedAll("`p`@`%`"));
    assert!(
        made.len() == 3 && made.iter().all(|sql| sql.contains(" DEFINER=`p`@`%` ")),
        "{made:?}"
    );
}

#[test]
fn without_triggers_one_rename_is_all() {
    let live = inventory(&["a", "new"], &[]);
    let staged = inventory(&["a"], &[]);
    let plan = plan(&sides(Flavour::Mysql, &live, &staged), false);
    assert_eq!(
        plan.whole(),
        ["RENAME TABLE `d`.`a` TO `d__b`.`a`, `d`.`new` TO `d__b`.`new`, `d__s`.`a` TO `d`.`a`"]
    );
}

#[test]
fn triggers_are_moved_under_a_lock_on_mysql_only() {
    let trigger = (
        ObjectKind::Trigger,
        "t1",
        "CREATE TRIGGER `t1` BEFORE INSERT ON `a` FOR EACH ROW SET @x=1",
    );
    let live = inventory(&["a"], &[trigger]);
    let mysql = plan(&sides(Flavour::Mysql, &live, &live), false);
    assert!(
        mysql.whole()[0].starts_with("LOCK TABLES `d`.`a` WRITE, `d__s`.`a` WRITE"),
        "{mysql:?}"
    );
    assert_eq!(mysql.whole()[1], "DROP TRIGGER `d`.`t1`");
    assert!(mysql.whole()[2].starts_with("RENAME TABLE"));
    // A trigger's text is never in a packet with other statements.
    assert_eq!(mysql.whole().len(), 3, "{mysql:?}");
    assert!(mysql.remake_triggers && !mysql.whole().iter().any(|s| s.contains("UNLOCK")));
    assert_eq!(mysql.undo.len(), 1);
    let mariadb = plan(&sides(Flavour::Mariadb, &live, &live), false);
    // MariaDB renames no table under LOCK TABLES.
    let at = |word: &str| mariadb.whole().iter().position(|s| s.starts_with(word)).unwrap();
    assert!(at("LOCK") < at("DROP TRIGGER") && at("DROP TRIGGER") < at("UNLOCK"));
    assert!(at("UNLOCK") + 1 == at("RENAME"), "{mariadb:?}");
}

#[test]
fn a_finish_can_be_played_twice() {
    let view = (ObjectKind::View, "v", "CREATE VIEW `v` AS select 1 AS `x`");
    let (live, staged) = (inventory(&["a"], &[]), inventory(&["a"], &[view]));
    let plan = plan(&sides(Flavour::Mysql, &live, &staged), false);
    let sql: Vec<&str> = plan.finish.iter().map(|s| s.sql.as_str()).collect();
    assert_eq!(sql, ["DROP VIEW IF EXISTS `v`", "CREATE VIEW `v` AS select 1 AS `x`"]);
}

#[test]
fn a_view_makes_way_for_a_table() {
    let view = (ObjectKind::View, "a", "CREATE VIEW `a` AS select 1 AS `x`");
    let (live, staged) = (inventory(&["b"], &[view]), inventory(&["a"], &[]));
    let plan = plan(&sides(Flavour::Mysql, &live, &staged), false);
    assert_eq!(plan.before_lock, ["DROP VIEW `d`.`a`"]);
    assert_eq!(plan.undo[0].sql, "CREATE OR REPLACE VIEW `a` AS select 1 AS `x`");
    assert!(plan.finish.is_empty(), "{plan:?}");
}

#[test]
fn views_come_after_the_views_they_read() {
    let a = (ObjectKind::View, "a", "CREATE VIEW `a` AS select `z`.`x` from `z`");
    let z = (ObjectKind::View, "z", "CREATE VIEW `z` AS select 1 AS `x`");
    let order: Vec<String> = views(&inventory(&[], &[a, z])).into_iter().map(|s| s.sql).collect();
    assert!(order[0].contains("VIEW `z`") && order[1].contains("VIEW `a`"), "{order:?}");
}

#[test]
fn what_is_in_no_backup_leaves_in_the_same_rename() {
    let trigger = (ObjectKind::Trigger, "unread", "");
    let mut live = inventory(&["a", "seq"], &[trigger]);
    live.broken_views.push(BrokenView {
        name: "b".to_owned(),
        ddl: String::new(),
        why: String::new(),
    });
    let staged = inventory(&["a", "b"], &[]);
    let packages = ["p".to_owned()];
    let leaving = Leaving { notes: Some("notes"), packages: &packages };
    for flavour in [Flavour::Mysql, Flavour::Mariadb] {
        let plan = plan(&Sides { leaving, ..sides(flavour, &live, &staged) }, false);
        let rename = plan.whole().into_iter().find(|sql| sql.starts_with("RENAME")).unwrap();
        assert!(rename.contains("`d`.`seq` TO `d__b`.`seq`"), "{rename}");
        assert!(rename.contains("`d__s`.`notes` TO `d__b`.`notes`"), "{rename}");
        assert!(plan.lock.as_ref().is_some_and(|sql| sql.contains("`d__s`.`notes` WRITE")));
        // A trigger that cannot be read goes all the same, and cannot be made again.
        assert!(plan.packet.contains(&"DROP TRIGGER `d`.`unread`".to_owned()));
        assert!(plan.undo.is_empty(), "{:?}", plan.undo);
        assert_eq!(plan.before_lock, ["DROP VIEW `d`.`b`"]);
        let package = plan.finish.iter().find(|it| it.sql == "DROP PACKAGE IF EXISTS `p`");
        assert_eq!(package.map(|it| it.sql_mode.as_str()), Some("ORACLE"));
        assert!(!plan.tables_out.contains(&"notes".to_owned()), "the journal looks for old tables");
    }
}

#[test]
fn a_lock_needs_no_other_server() {
    let trigger = (
        ObjectKind::Trigger,
        "t1",
        "CREATE TRIGGER `t1` BEFORE INSERT ON `a` FOR EACH ROW SET @x=1",
    );
    let mut live = inventory(&["a", "far"], &[trigger]);
    live.tables.get_mut("far").unwrap().engine = "FEDERATED".to_owned();
    let name = "far_in".to_owned();
    let far = Program { table: Some("far".to_owned()), ..program("CREATE TRIGGER `far_in`") };
    live.trigger_order.insert(0, name.clone());
    live.programs.insert((ObjectKind::Trigger, name), far);
    let plan = plan(&sides(Flavour::Mariadb, &live, &inventory(&["a"], &[])), false);
    assert_eq!(plan.lock.as_deref(), Some("LOCK TABLES `d`.`a` WRITE, `d__s`.`a` WRITE"));
    assert!(plan.tables_out.contains(&"far".to_owned()));
    let packet: Vec<&str> = plan.packet.iter().map(String::as_str).collect();
    let wanted = ["DROP TRIGGER `d`.`t1`", "UNLOCK TABLES", "DROP TRIGGER `d`.`far_in`"];
    assert_eq!(packet[..3], wanted);
}
