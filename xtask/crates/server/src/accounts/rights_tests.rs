//! Real output of both flavours against the rights of the roles.

use super::*;

const MYSQL: Dialect = Dialect { flavour: Flavour::Mysql, version: Version(9, 7, 4) };
const MARIADB: Dialect = Dialect { flavour: Flavour::Mariadb, version: Version(10, 11, 19) };

fn check(role: Role, dialect: Dialect, lines: &[&str]) -> Difference {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    compare(&lines, &wanted(role, "mydb", dialect), &tolerated(role, dialect), "'u'@'%'", "mydb")
}

#[test]
fn some_rights_depend_on_the_server() {
    let of = |role, dialect, rule| {
        let all = advised(role, "mydb", dialect, rule);
        all.into_iter().map(|it| it.rights.grant("'u'@'%'")).collect::<Vec<_>>()
    };
    assert_eq!(of(Role::Backup, MYSQL, None), ["GRANT EXECUTE ON `mydb`.* TO 'u'@'%'"]);
    assert!(of(Role::Drill, MYSQL, None).is_empty());
    let on = Some("sql_require_primary_key=ON");
    for role in [Role::Drill, Role::Restore] {
        assert_eq!(of(role, MYSQL, on), ["GRANT SESSION_VARIABLES_ADMIN ON *.* TO 'u'@'%'"]);
    }
    assert!(of(Role::Migrate, MYSQL, on).is_empty() && of(Role::Backup, MARIADB, on).is_empty());
}

#[test]
fn exact_rights_are_complete_on_mysql() {
    let backup = [
        "GRANT USAGE ON *.* TO `backup_user`@`%`",
        "GRANT SHOW_ROUTINE ON *.* TO `backup_user`@`%`",
        "GRANT SELECT, LOCK TABLES, SHOW VIEW, EVENT, TRIGGER ON `mydb`.* TO `backup_user`@`%`",
    ];
    assert_eq!(check(Role::Backup, MYSQL, &backup), Difference::default());
    let restore = [
        "GRANT USAGE ON *.* TO `restore_user`@`%`",
        "GRANT SET_ANY_DEFINER,SHOW_ROUTINE,SYSTEM_USER ON *.* TO `restore_user`@`%`",
        "GRANT ALL PRIVILEGES ON `mydb\\_\\_%`.* TO `restore_user`@`%`",
        "GRANT ALL PRIVILEGES ON `mydb`.* TO `restore_user`@`%` WITH GRANT OPTION",
    ];
    assert_eq!(check(Role::Restore, MYSQL, &restore), Difference::default());
    let process = "GRANT PROCESS ON *.* TO 'u'@'%'";
    let as_migrate = check(Role::Migrate, MYSQL, &restore);
    assert_eq!(as_migrate.missing, [process]);
    assert_eq!(
        as_migrate.excess,
        [
            "REVOKE SET_ANY_DEFINER ON *.* FROM 'u'@'%'",
            "REVOKE GRANT OPTION ON `mydb`.* FROM 'u'@'%'",
        ]
    );
    let mut migrate = restore.to_vec();
    migrate[3] = "GRANT ALL PRIVILEGES ON `mydb`.* TO `migrate_user`@`%`";
    migrate[1] = "GRANT PROCESS, SHOW_ROUTINE,SYSTEM_USER ON *.* TO `u`@`%`";
    assert_eq!(check(Role::Migrate, MYSQL, &migrate), Difference::default());
}

#[test]
fn a_drill_has_no_right_beyond_its_copies() {
    let drill = [
        "GRANT USAGE ON *.* TO `drill_user`@`%`",
        "GRANT ALL PRIVILEGES ON `mydb\\_\\_staging\\_%`.* TO `drill_user`@`%`",
        "GRANT ALL PRIVILEGES ON `mydb\\_\\_proof\\_%`.* TO `drill_user`@`%`",
    ];
    for dialect in [MYSQL, MARIADB, Dialect { version: Version(11, 4, 2), ..MARIADB }] {
        assert_eq!(check(Role::Drill, dialect, &drill), Difference::default());
        for more in [
            "GRANT SELECT ON `mydb`.* TO `u`@`%`",
            "GRANT ALL PRIVILEGES ON `mydb\\_\\_%`.* TO `u`@`%`",
            "GRANT INSERT ON `mydb\\_\\_gate`.* TO `u`@`%`",
            "GRANT SELECT ON `mydb`.`account` TO `u`@`%`",
            "GRANT SYSTEM_USER ON *.* TO `u`@`%`",
            "GRANT SELECT ON `mysql`.`proc` TO `u`@`%`",
        ] {
            let lines: Vec<&str> = drill.iter().copied().chain([more]).collect();
            assert_eq!(check(Role::Drill, dialect, &lines).excess.len(), 1, "{more}");
        }
    }
    // What keeps a drill out of the log is allowed to this role, and not needed.
    let mut unlogged = drill.to_vec();
    unlogged.push("GRANT SESSION_VARIABLES_ADMIN ON *.* TO `drill_user`@`%`");
    assert_eq!(check(Role::Drill, MYSQL, &unlogged), Difference::default());
    unlogged[3] = "GRANT BINLOG ADMIN ON *.* TO `drill_user`@`%`";
    assert_eq!(check(Role::Drill, MARIADB, &unlogged), Difference::default());
    assert_eq!(check(Role::Restore, MARIADB, &unlogged[3..]).excess.len(), 1);
}

#[test]
fn who_reads_the_log_may_do_nothing_else() {
    let log = "GRANT REPLICATION SLAVE ON *.* TO `log_user`@`%`";
    for dialect in [MYSQL, MARIADB] {
        assert_eq!(check(Role::Log, dialect, &[log]), Difference::default());
        let missing = check(Role::Log, dialect, &["GRANT USAGE ON *.* TO `l`@`%`"]).missing;
        assert_eq!(missing, ["GRANT REPLICATION SLAVE ON *.* TO 'u'@'%'"]);
        for more in [
            "GRANT SELECT ON `mydb`.* TO `l`@`%`",
            "GRANT REPLICATION CLIENT ON *.* TO `l`@`%`",
            "GRANT BINLOG MONITOR ON *.* TO `l`@`%`",
        ] {
            assert_eq!(check(Role::Log, dialect, &[log, more]).excess.len(), 1, "{more}");
        }
        // What others may do, it may not; and the others may not read the log.
        assert_eq!(check(Role::Backup, dialect, &[log]).excess.len(), 1);
    }
}

#[test]
fn the_right_to_name_a_definer_has_a_name_of_each_version() {
    let of = |version| another_definer(Dialect { flavour: Flavour::Mysql, version });
    assert_eq!(of(Version(8, 0, 18)), "SET_USER_ID");
    assert_eq!(of(Version(8, 4, 0)), "SET_ANY_DEFINER");
    assert_eq!(another_definer(MARIADB), "SET USER");
}

#[test]
fn exact_rights_are_complete_on_mariadb() {
    let usage = "GRANT USAGE ON *.* TO `b`@`%` IDENTIFIED BY PASSWORD '*0123'";
    let backup = [
        usage,
        "GRANT SELECT, LOCK TABLES, SHOW VIEW, EVENT, TRIGGER, EXECUTE ON `mydb`.* TO `b`@`%`",
        "GRANT SELECT ON `mysql`.`proc` TO `b`@`%`",
    ];
    assert_eq!(check(Role::Backup, MARIADB, &backup), Difference::default());
    let app = [usage, "GRANT SELECT, EXECUTE ON `mydb`.* TO `a`@`%`"];
    assert_eq!(check(Role::App, MARIADB, &app), Difference::default());
    let newer = Dialect { version: Version(11, 4, 2), ..MARIADB };
    let difference = check(Role::Backup, newer, &backup);
    assert_eq!(difference.missing, ["GRANT SHOW CREATE ROUTINE ON `mydb`.* TO 'u'@'%'"]);
    assert_eq!(difference.excess, ["REVOKE SELECT ON `mysql`.`proc` FROM 'u'@'%'"]);
}

#[test]
fn what_is_missing_is_named_as_its_grant() {
    let difference = check(
        Role::Backup,
        MYSQL,
        &["GRANT USAGE ON *.* TO `u`@`%`", "GRANT SELECT ON `mydb`.* TO `u`@`%`"],
    );
    assert_eq!(
        difference.missing,
        [
            "GRANT EVENT, LOCK TABLES, SHOW VIEW, TRIGGER ON `mydb`.* TO 'u'@'%'",
            "GRANT SHOW_ROUTINE ON *.* TO 'u'@'%'",
        ]
    );
    assert!(difference.excess.is_empty());
    let none = check(Role::Restore, MARIADB, &["GRANT USAGE ON *.* TO `u`@`%`"]);
    assert_eq!(
        none.missing,
        [
            "GRANT ALL PRIVILEGES ON `mydb`.* TO 'u'@'%'",
            "GRANT ALL PRIVILEGES ON `mydb\\_\\_%`.* TO 'u'@'%'",
            "GRANT GRANT OPTION ON `mydb`.* TO 'u'@'%'",
            "GRANT SELECT ON `mysql`.`proc` TO 'u'@'%'",
            "GRANT SET USER ON *.* TO 'u'@'%'",
        ]
    );
}

#[test]
fn what_is_too_much_is_named_as_its_revoke() {
    let difference = check(
        Role::App,
        MYSQL,
        &[
            "GRANT RELOAD, PROCESS ON *.* TO `u`@`%` WITH GRANT OPTION",
            "GRANT SELECT, INSERT, UPDATE, DELETE, DROP, EXECUTE ON `mydb`.* TO `u`@`%`",
            "GRANT SELECT ON `other`.* TO `u`@`%`",
            "GRANT SELECT (`a`) ON `mydb`.`t` TO `u`@`%`",
            "GRANT `dev`@`%` TO `u`@`%`",
        ],
    );
    assert!(difference.missing.is_empty());
    assert_eq!(
        difference.excess,
        [
            "REVOKE GRANT OPTION, PROCESS, RELOAD ON *.* FROM 'u'@'%'",
            "REVOKE DELETE, DROP, INSERT, UPDATE ON `mydb`.* FROM 'u'@'%'",
            "REVOKE `dev`@`%` FROM 'u'@'%'",
        ]
    );
    // Another project of the same server uses this account, too.
    assert_eq!(difference.elsewhere, ["SELECT ON `other`.*"]);
}

#[test]
fn wider_patterns_are_complete_but_too_much() {
    let lines = [
        "GRANT SELECT ON `mysql`.`proc` TO `u`@`%`",
        "GRANT ALL PRIVILEGES ON `mydb%`.* TO `u`@`%` WITH GRANT OPTION",
        "GRANT SET USER ON *.* TO `u`@`%`",
    ];
    let difference = check(Role::Restore, MARIADB, &lines);
    assert!(difference.missing.is_empty(), "{difference:?}");
    assert_eq!(
        difference.excess,
        [
            "REVOKE ALL PRIVILEGES ON `mydb%`.* FROM 'u'@'%'",
            "REVOKE GRANT OPTION ON `mydb%`.* FROM 'u'@'%'",
        ]
    );
}

#[test]
fn a_narrower_entry_hides_a_wider_one() {
    let difference = check(
        Role::App,
        MARIADB,
        &[
            "GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON `my%`.* TO `u`@`%`",
            "GRANT SELECT ON `mydb`.* TO `u`@`%`",
        ],
    );
    assert_eq!(difference.missing, ["GRANT EXECUTE ON `mydb`.* TO 'u'@'%'"]);
}

#[test]
fn a_partial_revoke_takes_the_proof_from_a_global_right() {
    let difference = check(
        Role::App,
        MYSQL,
        &["GRANT SELECT, EXECUTE ON *.* TO `u`@`%`", "REVOKE SELECT ON `mydb`.* FROM `u`@`%`"],
    );
    assert_eq!(difference.missing.len(), 1);
}

#[test]
fn names_with_wildcards_are_escaped() {
    let wanted = wanted(Role::Migrate, "my_db", MYSQL);
    assert_eq!(wanted[0].scope.sql(), "`my\\_db`.*");
    assert_eq!(wanted[1].scope.sql(), "`my\\_db\\_\\_%`.*");
}

#[test]
fn rights_on_another_schema_are_told_and_left_alone() {
    let lines = [
        "GRANT SELECT, EXECUTE ON `mydb`.* TO `u`@`%`",
        "GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON `other`.* TO `u`@`%`",
        "GRANT ALL PRIVILEGES ON `other\\_\\_%`.* TO `u`@`%`",
        "GRANT EXECUTE ON PROCEDURE `other`.`p` TO `u`@`%`",
    ];
    let difference = check(Role::App, MYSQL, &lines);
    assert!(difference.none(), "{difference:?}");
    assert_eq!(difference.elsewhere.len(), 3);
    for own in ["PROCEDURE `mydb`.`p`", "PROCEDURE `mydb__gate`.`p`"] {
        let line = format!("GRANT ALTER ROUTINE ON {own} TO `u`@`%`");
        let found = check(Role::App, MYSQL, &[lines[0], &line]);
        assert_eq!(found.excess.len(), 1, "{own}");
    }
}

/// The rights of the API's account where the schema has these tables.
fn check_app(tables: &[&str], lines: &[&str]) -> Difference {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let tables: Vec<String> = tables.iter().map(|table| (*table).to_owned()).collect();
    let mut rules = wanted(Role::App, "mydb", MYSQL);
    rules.extend(of_the_api("mydb", &tables));
    compare(&lines, &rules, &on_former_tables("mydb", &lines), "'u'@'%'", "mydb")
}

#[test]
fn the_api_writes_to_every_table_but_the_one_that_books_migrations() {
    let schema = "GRANT SELECT, EXECUTE ON `mydb`.* TO `u`@`%`";
    let film = "GRANT INSERT, UPDATE, DELETE ON `mydb`.`film` TO `u`@`%`";
    let former = "GRANT INSERT, UPDATE, DELETE ON `mydb`.`gone` TO `u`@`%`";
    let booked = "GRANT UPDATE ON `mydb`.`_sqlx_migrations` TO `u`@`%`";
    let tables = ["_sqlx_migrations", "film"];
    assert!(check_app(&tables, &[schema, film, former]).none());
    let missing = check_app(&tables, &[schema]).missing;
    assert_eq!(missing, ["GRANT DELETE, INSERT, UPDATE ON `mydb`.`film` TO 'u'@'%'"]);
    let excess = check_app(&tables, &[schema, film, booked]).excess;
    assert_eq!(excess, ["REVOKE UPDATE ON `mydb`.`_sqlx_migrations` FROM 'u'@'%'"]);
    // As earlier versions of this tool gave them: too much, and nothing is missing.
    let wide = "GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON `mydb`.* TO `u`@`%`";
    let earlier = check_app(&tables, &[wide]);
    assert!(earlier.missing.is_empty(), "{earlier:?}");
    assert_eq!(earlier.excess, ["REVOKE DELETE, INSERT, UPDATE ON `mydb`.* FROM 'u'@'%'"]);
    let more = "GRANT DROP ON `mydb`.`film` TO `u`@`%`";
    assert_eq!(check_app(&tables, &[schema, film, more]).excess.len(), 1);
}
