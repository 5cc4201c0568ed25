//! Statements are told apart.

use crate::{Kind, LexMode, Name, classify};

fn kind(text: &str) -> Kind {
    classify(text.as_bytes(), LexMode::default())
}

fn plain(name: &str) -> Name {
    Name { schema: None, name: name.to_owned() }
}

#[test]
fn tells_tables_and_data() {
    assert_eq!(
        kind("DROP TABLE IF EXISTS `a``b;`"),
        Kind::DropTable { if_exists: true, name: plain("a`b;") }
    );
    let Kind::CreateTable { name, placeholder } = kind("CREATE TABLE `s`.`t` (x int)") else {
        panic!("no table");
    };
    assert_eq!((name.to_string().as_str(), placeholder), ("s.t", false));
    assert!(matches!(
        kind("/*!50001 CREATE TABLE `v` (`a` tinyint NOT NULL) ENGINE=MyISAM */"),
        Kind::CreateTable { placeholder: true, .. }
    ));
    let text = "INSERT  IGNORE INTO `t` (`a`, `b)`) VALUES (1,2)";
    let Kind::Insert(found) = kind(text) else { panic!("no insert") };
    assert_eq!(found.columns, Some(vec!["a".to_owned(), "b)".to_owned()]));
    assert_eq!((found.ignore, &text[found.values_at..]), (true, " (1,2)"));
    assert!(matches!(kind("INSERT INTO t SELECT 1"), Kind::Other(_)));
    assert_eq!(kind("/*!40000 ALTER TABLE `t` DISABLE KEYS */"), Kind::Keys(plain("t")));
    assert!(matches!(kind("DROP TABLE a, b"), Kind::Other(_)));
    assert_eq!(kind("LOCK TABLES `t` WRITE"), Kind::LockTables(plain("t")));
}

#[test]
fn tells_programs() {
    let view = "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`u`@`%` SQL SECURITY \
                DEFINER */\n/*!50001 VIEW `v` AS select 1 AS `a` */";
    assert_eq!(kind(view), Kind::CreateView { name: plain("v"), placeholder: false });
    let stand_in = "/*!50001 CREATE VIEW `v` AS SELECT \n 1 AS `a`,\n NULL AS `b``c`*/";
    assert_eq!(kind(stand_in), Kind::CreateView { name: plain("v"), placeholder: true });
    let trigger = "/*!50003 CREATE*/ /*!50017 DEFINER=root@127.0.0.1*/ /*!50003 TRIGGER `x` \
                   BEFORE INSERT ON `t` FOR EACH ROW SET @a = 1 */";
    assert_eq!(kind(trigger), Kind::CreateTrigger { name: plain("x"), table: plain("t") });
    assert!(matches!(kind("CREATE FUNCTION f RETURNS STRING SONAME 'x.so'"), Kind::Other(_)));
    assert_eq!(
        kind("CREATE DEFINER=CURRENT_USER() FUNCTION f(a INT) RETURNS INT RETURN 1"),
        Kind::CreateFunction(plain("f"))
    );
    let ansi = LexMode { ansi_quotes: true, no_backslash_escapes: true };
    assert_eq!(
        classify(b"CREATE DEFINER=\"r\"@\"h\" PROCEDURE \"p\"() BEGIN END", ansi),
        Kind::CreateProcedure(plain("p"))
    );
    assert!(matches!(kind("CREATE USER x"), Kind::Other(_)));
    assert!(matches!(kind("/* nothing */"), Kind::Empty));
}
