//! Bodies that are one statement, and texts that only look like it.

use super::*;

fn check(text: &str) -> bool {
    // sql_mode=ORACLE writes names so.
    let mode = LexMode { ansi_quotes: text.contains('"'), ..LexMode::default() };
    let kind = statement::classify(text.as_bytes(), mode);
    assert!(kind.program().is_some(), "{text}");
    single(&kind, text.as_bytes(), mode).is_ok()
}

#[test]
fn whole_bodies_pass() {
    for good in [
        "CREATE VIEW v AS SELECT ';' AS a",
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE PROCEDURE p(IN a INT) COMMENT 'x' READS SQL DATA BEGIN SELECT 1; END",
        "CREATE PROCEDURE p() a: BEGIN END a;",
        "CREATE FUNCTION f() RETURNS decimal(10,2) CHARSET utf8mb4 COLLATE x DETERMINISTIC \
         BEGIN DECLARE e INT DEFAULT CASE WHEN 1 THEN 2 ELSE 3 END; RETURN IF(e, 1, 2); END",
        "/*!50003 CREATE*/ /*!50003 TRIGGER t BEFORE INSERT ON u FOR EACH ROW FOLLOWS w IF \
         NEW.a THEN SET @a = IF(1,2,3); ELSEIF CASE WHEN 1 THEN 2 END THEN SET @b=1; ELSE BEGIN \
         END; END IF */",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY COMMENT 'DO' DO BEGIN SELECT end FROM x; END",
        "CREATE PROCEDURE p() BEGIN DECLARE d INT; DECLARE c CURSOR FOR SELECT 1; DECLARE \
         CONTINUE HANDLER FOR NOT FOUND, SQLSTATE '02000' SET d = 1; DECLARE EXIT HANDLER FOR \
         SQLEXCEPTION BEGIN ROLLBACK; END; l: LOOP FETCH c INTO d; IF d THEN LEAVE l; END IF; \
         END LOOP l; REPEAT SET d = d + 1; UNTIL d > 3 END REPEAT; WHILE d > 0 DO SET d = 0; \
         END WHILE; CASE d WHEN 1 THEN SELECT CASE end WHEN 1 THEN 2 END; ELSE SELECT \
         REPEAT('a', 2); END CASE; INSERT INTO x VALUES (1) ON DUPLICATE KEY UPDATE a = 1; END",
        // MariaDB under sql_mode=ORACLE.
        "CREATE PROCEDURE \"op\"(a IN INT)\nAS x VARCHAR2(10) := 'a;b'; y INT; BEGIN INSERT INTO o \
             VALUES (a, x); END",
        "CREATE FUNCTION \"f\"(a IN INT) RETURN int(11)\nAS BEGIN IF a THEN RETURN 1; ELSIF a > 1 \
             THEN RETURN 2; END IF; END",
        "CREATE PROCEDURE p() IS BEGIN NULL; EXCEPTION WHEN OTHERS THEN SELECT 1; END",
        "CREATE TRIGGER ot BEFORE INSERT ON o FOR EACH ROW BEGIN :NEW.n := 'z'; END",
        "CREATE TRIGGER ou BEFORE UPDATE ON o FOR EACH ROW DECLARE y VARCHAR2(9) := 'a;b'; BEGIN \
             :NEW.n := y; END",
    ] {
        assert!(check(good), "{good}");
    }
}

#[test]
fn second_statements_are_found() {
    for bad in [
        "CREATE VIEW v AS SELECT 1; DROP DATABASE x",
        "CREATE PROCEDURE p() SELECT 1; DROP DATABASE x",
        "CREATE PROCEDURE p() SELECT IF(1,2,3); DROP DATABASE x; END IF",
        "CREATE PROCEDURE p() BEGIN END; DROP DATABASE x",
        "CREATE PROCEDURE p() BEGIN SELECT begin; END; DROP DATABASE x; END",
        "CREATE PROCEDURE p() BEGIN IF CASE WHEN end THEN begin END THEN SELECT 1; END IF; \
         END; DROP DATABASE x; END",
        "CREATE TRIGGER t BEFORE INSERT ON u FOR EACH ROW SET @a = 1; DROP DATABASE x",
        "CREATE TRIGGER t BEFORE INSERT ON u; DROP DATABASE x; FOR EACH ROW BEGIN END",
        "CREATE EVENT e ON SCHEDULE AT 1 DO SELECT 1; DO BEGIN END",
        "CREATE FUNCTION f() RETURNS INT RETURN 1; DROP DATABASE x",
        "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS 'x'; DROP DATABASE x; BEGIN END",
        "CREATE PROCEDURE p() AS BEGIN END; DROP DATABASE x",
        "CREATE PROCEDURE p() AS a INT; BEGIN END; DROP DATABASE x; END",
        "CREATE PROCEDURE p() AS a INT; DROP DATABASE x",
        "CREATE PROCEDURE p() AS; DROP DATABASE x; BEGIN END",
        "CREATE TRIGGER t BEFORE INSERT ON u FOR EACH ROW DECLARE a INT; BEGIN END; DROP TABLE x",
    ] {
        assert!(!check(bad), "{bad}");
    }
}
