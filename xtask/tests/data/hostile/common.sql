-- Statements are separated by a line that holds nothing but two percent signs,
-- so that a body can hold any delimiter.
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00', foreign_key_checks = 0
%%
CREATE TABLE `select` (
  `from` INT NOT NULL PRIMARY KEY COMMENT 'it''s a "quote", a \\ backslash, a
newline; // $$ -- # /* */ `tick` é',
  `t1` TINYINT, `t1u` TINYINT UNSIGNED,
  `t2` SMALLINT, `t2u` SMALLINT UNSIGNED,
  `t3` MEDIUMINT, `t3u` MEDIUMINT UNSIGNED,
  `t4` INT, `t4u` INT UNSIGNED,
  `t8` BIGINT, `t8u` BIGINT UNSIGNED,
  `zero` INT(7) UNSIGNED ZEROFILL,
  `flag` BOOL,
  `dec65` DECIMAL(65,30), `dec10` DECIMAL(10,0) UNSIGNED,
  `f` FLOAT, `d` DOUBLE,
  `b1` BIT(1), `b64` BIT(64)
) COMMENT='table''s comment with AUTO_INCREMENT=7 and
a newline'
%%
INSERT INTO `select` VALUES
 (1, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, 0, FALSE,
  -99999999999999999999999999999999999.999999999999999999999999999999, 0,
  -3.40282e38, -1.7976931348623157e308, b'0', b'0'),
 (2, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807,
  18446744073709551615, 9999999, TRUE,
  99999999999999999999999999999999999.999999999999999999999999999999, 9999999999,
  1.17549e-38, 2.2250738585072014e-308, b'1',
  b'1111111111111111111111111111111111111111111111111111111111111111'),
 (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL),
 (4, 0, 1, -1, 1, -1, 1, -1, 1, -1, 1, 42, 1, 0.000000000000000000000000000001, 1, 0.1, 0.1, b'1',
  b'1000000000000000000000000000000000000000000000000000000000100111'),
 (5, 0, 1, -1, 1, -1, 1, -1, 1, -1, 1, 42, 1, -0.5, 1, -123456, 1234567890.1234567, b'0', b'1'),
 (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5e-324, b'0', b'0')
%%
CREATE TABLE `a``b "c" 'd` (
  `id` INT AUTO_INCREMENT PRIMARY KEY,
  `col``umn` DATE, `col"umn` TIME(6), `col'umn` DATETIME(6),
  `col umn` TIMESTAMP(6) NULL, `col%umn` YEAR, `日本` DATETIME NULL DEFAULT CURRENT_TIMESTAMP
)
%%
INSERT INTO `a``b "c" 'd` VALUES
 (1, '0000-00-00', '-838:59:59.000000', '0000-00-00 00:00:00', '1970-01-01 00:00:01', 1901, NULL),
 (2, '9999-12-31', '838:59:59.000000', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.499999',
  2155, '2026-03-29 02:30:00'),
 (3, '2026-00-00', '-00:00:00.000001', '2026-05-00 00:00:00', '0000-00-00 00:00:00', 0,
  '2026-10-25 02:30:00'),
 (4, '1000-01-01', '00:00:00', '1000-01-01 00:00:00.000001', '2026-03-29 01:30:00', 2026, NULL),
 (9, NULL, NULL, NULL, NULL, NULL, NULL)
%%
DELETE FROM `a``b "c" 'd` WHERE id = 9
%%
CREATE TABLE `text
and \! touch hostile` (
  `id` BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
  `c` CHAR(20), `vc` VARCHAR(200), `bin` BINARY(8), `vb` VARBINARY(300),
  `tt` TINYTEXT, `t` TEXT, `mt` MEDIUMTEXT, `lt` LONGTEXT,
  `tb` TINYBLOB, `b` BLOB, `mb` MEDIUMBLOB, `lb` LONGBLOB,
  `e` ENUM('it''s', 'a,b', 'c\\d', '"', 'é'), `s` SET('it''s', 'x y', '"', 'é', '%'),
  `j` JSON,
  `l1` VARCHAR(300) CHARACTER SET latin1, `l1b` VARCHAR(50) CHARACTER SET latin1 COLLATE latin1_bin,
  `u3` VARCHAR(50) CHARACTER SET utf8mb3, `u16` VARCHAR(50) CHARACTER SET utf16,
  `u32` VARCHAR(50) CHARACTER SET utf32, `bi` VARCHAR(50) CHARACTER SET binary,
  `cs` VARCHAR(50) COLLATE utf8mb4_bin
) DEFAULT CHARSET utf8mb4
%%
INSERT INTO `text
and \! touch hostile` VALUES
 (1, 'trailing', 'trailing   ', 'nul', 0x0001020000, 'it''s', 'C:\\temp\\', 'a\nb\r\nc\td\0e', '',
  '', 0x00, 0x5C27220A0D1A00, 0x27, 'c\\d', '', '{"a": [1, 2.5, null, "é\\"\\\\"], "b": {"c": "🎬"}}',
  'é£ÿ', 'Straße', 'ünï', '🎬 é', '🎬', 0xFF00FE, 'A a'),
 (2, '', '', '', '', '', '', '', '', '', '', '', '', 'it''s', 'it''s,x y', '[]', '', '', '', '', '',
  '', ''),
 (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL),
 (4, '🎬', ' leading', 0x2020202020202020, 0x2020, '; DROP TABLE `select`;', '\\! touch hostile',
  '*/ -- # ;; // $$ DELIMITER', 'NULL', 'NULL', 0xC3, 0xEDA080, 0xFFFE, 'a,b', '"', 'null',
  '\\N', '\'', 'x', 'y', 'z', '\\', '%_'),
 (5, 'x', '\\%\\_', 0x00, 0x00, 'a', '''''', '""', '``', 0x61, 0x62, 0x63, 0x64, 'c\\d', '%,é', '"x"',
  'a', 'b', 'c', 'd', 'e', 'f', 'g'),
 (6, 'x', '‮\u202e zero‍width', 0x00, 0x00, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'é', 'é', '18446744073709551615',
  'a', 'b', 'c', 'd', 'e', 'f', 'g')
%%
SET sql_mode = ''
%%
INSERT IGNORE INTO `text
and \! touch hostile` (id, e, s) VALUES (7, 'not one', 'x y,not one')
%%
ALTER TABLE `text
and \! touch hostile` AUTO_INCREMENT = 18446744073709551614
%%
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'
%%
CREATE TABLE `n123456789012345678901234567890123456789012345678901234567890123` (
  `c123456789012345678901234567890123456789012345678901234567890123` INT PRIMARY KEY)
%%
INSERT INTO `n123456789012345678901234567890123456789012345678901234567890123` VALUES (1), (2)
%%
CREATE TABLE `no key` (`a` INT, `b` VARCHAR(10))
%%
INSERT INTO `no key` VALUES (1, 'x'), (1, 'x'), (1, 'x'), (NULL, NULL), (NULL, NULL), (2, 'X')
%%
CREATE TABLE `empty` (`id` INT AUTO_INCREMENT PRIMARY KEY, `v` INT) AUTO_INCREMENT = 4711
%%
CREATE TABLE `empty too` (`id` INT AUTO_INCREMENT PRIMARY KEY)
%%
CREATE TABLE `film` (`id` INT AUTO_INCREMENT PRIMARY KEY, `name` VARCHAR(50) NOT NULL)
%%
CREATE TABLE `Film` (`id` INT AUTO_INCREMENT PRIMARY KEY, `Name` VARCHAR(50) NOT NULL)
%%
CREATE TABLE `FILM` (`id` INT AUTO_INCREMENT PRIMARY KEY, `NAME` VARCHAR(50) NOT NULL)
%%
INSERT INTO `film` (name) VALUES ('small'), ('klein')
%%
INSERT INTO `Film` (name) VALUES ('Middle')
%%
INSERT INTO `FILM` (name) VALUES ('LARGE'), ('GROSS'), ('GRANDE')
%%
CREATE TABLE `log` (`n` INT AUTO_INCREMENT PRIMARY KEY, `what` TEXT, `at` TIMESTAMP(3) NULL DEFAULT NULL)
%%
CREATE TABLE `generated` (
  `a` INT NOT NULL DEFAULT 3,
  `v` INT GENERATED ALWAYS AS (`a` * 2) VIRTUAL COMMENT 'it''s, virtual',
  `z` VARCHAR(60) GENERATED ALWAYS AS (concat('it''s ', `a`, ', (', `b`, ')')) STORED,
  `b` VARCHAR(20) NOT NULL DEFAULT 'x,y)',
  `u` VARCHAR(40) DEFAULT (concat('a', 'b''', '\\')),
  `when` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  `neg` DECIMAL(5,2) NOT NULL DEFAULT -1.50,
  KEY (`v`), UNIQUE KEY `u z` (`z`),
  CONSTRAINT `positive ``a``` CHECK (`a` > 0 AND `b` <> 'it''s (not)')
)
%%
INSERT INTO `generated` (a, b, `when`) VALUES (1, 'one', '2026-01-01 00:00:00.123'), (2, 'x\\', '2026-02-02')
%%
CREATE TABLE `ranged` (`id` INT NOT NULL, `y` INT NOT NULL, PRIMARY KEY (`id`, `y`))
 PARTITION BY RANGE (`y`) (
  PARTITION `p old` VALUES LESS THAN (2000) COMMENT = 'it''s old',
  PARTITION `p``new` VALUES LESS THAN (2030), PARTITION `pmax` VALUES LESS THAN MAXVALUE)
%%
INSERT INTO `ranged` VALUES (1, 1999), (2, 2000), (3, 2029), (4, 9999)
%%
CREATE TABLE `hashed` (`id` INT NOT NULL PRIMARY KEY) PARTITION BY HASH (`id`) PARTITIONS 3
%%
INSERT INTO `hashed` VALUES (1), (2), (3), (4)
%%
CREATE TABLE `listed` (`k` VARCHAR(10) NOT NULL) PARTITION BY LIST COLUMNS (`k`) (
  PARTITION `a` VALUES IN ('it''s', 'a,b'), PARTITION `b` VALUES IN (')', 'é'))
%%
INSERT INTO `listed` VALUES ('it''s'), (')'), ('é'), ('a,b')
%%
CREATE TABLE `tree` (
  `id` INT PRIMARY KEY, `parent` INT,
  CONSTRAINT `self` FOREIGN KEY (`parent`) REFERENCES `tree` (`id`) ON DELETE CASCADE)
%%
INSERT INTO `tree` VALUES (1, 3), (2, 1), (3, 2), (4, NULL), (5, 5)
%%
CREATE TABLE `cycle a` (`id` INT PRIMARY KEY, `b` INT, FOREIGN KEY (`b`) REFERENCES `cycle b` (`id`) ON DELETE SET NULL ON UPDATE CASCADE)
%%
CREATE TABLE `cycle b` (`id` INT PRIMARY KEY, `a` INT, FOREIGN KEY (`a`) REFERENCES `cycle a` (`id`))
%%
INSERT INTO `cycle a` VALUES (1, 2)
%%
INSERT INTO `cycle b` VALUES (2, 1)
%%
CREATE TABLE `pair` (`x` INT, `y` VARCHAR(5), PRIMARY KEY (`x`, `y`))
%%
CREATE TABLE `a child` (`id` INT PRIMARY KEY, `x` INT, `y` VARCHAR(5),
  CONSTRAINT `to ``pair``` FOREIGN KEY (`x`, `y`) REFERENCES `pair` (`x`, `y`) ON DELETE RESTRICT)
%%
INSERT INTO `pair` VALUES (1, 'é'), (1, 'b')
%%
INSERT INTO `a child` VALUES (1, 1, 'é'), (2, NULL, 'zz')
%%
CREATE TABLE `keys` (
  `id` INT PRIMARY KEY, `body` TEXT, `title` VARCHAR(300), `n` INT, `place` POINT NOT NULL,
  FULLTEXT KEY `ft ``x``` (`title`, `body`), KEY `prefix` (`title`(7), `n`), KEY `down` (`n` DESC, `id`) COMMENT 'it''s',
  UNIQUE KEY `nn` (`n`), SPATIAL KEY `sp` (`place`))
%%
INSERT INTO `keys` VALUES
 (1, 'full text', 'a title', 1, ST_GeomFromText('POINT(1.5 -2.25)')),
 (2, NULL, NULL, NULL, ST_GeomFromText('POINT(0 0)')),
 (3, '', '', NULL, ST_GeomFromText('POINT(-179.9999999999999 1e-300)'))
%%
CREATE TABLE `shape` (`id` INT PRIMARY KEY, `g` GEOMETRY, `l` LINESTRING, `c` GEOMETRYCOLLECTION)
%%
INSERT INTO `shape` VALUES
 (1, ST_GeomFromText('POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (1 1, 2 1, 2 2, 1 1))'),
  ST_GeomFromText('LINESTRING(0 0, 1 1)'), ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))')),
 (2, ST_GeomFromText('POINT(4.9 52.37)', 4326), NULL, NULL), (3, NULL, NULL, NULL)
%%
CREATE TABLE `big` (`id` INT PRIMARY KEY, `b` LONGBLOB)
%%
CREATE TABLE `empty member` (`e` ENUM('', 'a'), `s` SET('', 'a'))
%%
INSERT INTO `empty member` VALUES ('', ''), ('a', 'a'), (NULL, NULL)
%%
CREATE TABLE `AView` (`id` INT PRIMARY KEY)
%%
INSERT INTO `AView` VALUES (7)
%%
CREATE VIEW `zz base` AS SELECT `from` AS `id`, `t1` AS `select`, 'it''s; "é" \\ //' AS `text` FROM `select`
%%
CREATE VIEW `mm middle` (`key`, `a``b`) AS SELECT `id`, `text` FROM `zz base` WHERE `id` > 1
%%
CREATE SQL SECURITY INVOKER VIEW `aview` AS SELECT `key` AS `k`, count(*) AS `count(*)` FROM `mm middle` GROUP BY `key`
%%
CREATE ALGORITHM = MERGE VIEW `checked` AS SELECT `id`, `name` FROM `film` WHERE `name` <> 'x''y' WITH CASCADED CHECK OPTION
%%
CREATE VIEW `checked local` AS SELECT * FROM `checked` WHERE `id` > 0 WITH LOCAL CHECK OPTION
%%
CREATE ALGORITHM = TEMPTABLE VIEW `view with
newline` AS SELECT 1 AS `1`, 'it''s' AS `it's`
%%
CREATE FUNCTION `fn ``quoted```(`a` INT, `b` VARCHAR(20) CHARACTER SET utf8mb4) RETURNS VARCHAR(100) CHARACTER SET utf8mb4
DETERMINISTIC NO SQL COMMENT 'it''s a "function"; // \\ é
second line'
BEGIN
  -- a comment; with 'a quote and // and ;;
  # another; one
  /* DELIMITER // ; */
  DECLARE `x;y` VARCHAR(100) CHARACTER SET utf8mb4 DEFAULT 'a;b//c;;d''e\\';
  IF a > 0 THEN SET `x;y` = concat(`x;y`, CASE a WHEN 1 THEN ';' ELSE '//' END, b); END IF;
  RETURN concat(`x;y`, '🎬 é');
END
%%
CREATE FUNCTION `one line`() RETURNS INT DETERMINISTIC RETURN 1 + 1
%%
CREATE VIEW `by function` AS SELECT `fn ``quoted```(1, 'é') AS `f`, `one line`() AS `g`
%%
CREATE PROCEDURE `proc`(IN `a` INT, INOUT `b` DECIMAL(10,2), OUT `c` TEXT)
MODIFIES SQL DATA SQL SECURITY INVOKER COMMENT ''
`label é`: BEGIN
  DECLARE done INT DEFAULT FALSE;
  DECLARE cur CURSOR FOR SELECT `name` FROM `film` ORDER BY id;
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = TRUE;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION, SQLWARNING
  BEGIN
    SET c = 'error; //';
    RESIGNAL;
  END;
  OPEN cur;
  `rows`: LOOP
    FETCH cur INTO c;
    IF done THEN LEAVE `rows`; END IF;
    WHILE a > 0 DO SET a = a - 1; END WHILE;
    REPEAT SET b = b + 1; UNTIL b > 3 END REPEAT;
    CASE WHEN b = 1 THEN BEGIN END; ELSE ITERATE `rows`; END CASE;
  END LOOP;
  CLOSE cur;
  LEAVE `label é`;
END
%%
CREATE PROCEDURE `proc
two`() SELECT 'one; statement' AS `a;b`, "double ""quoted"" \" string"
%%
CREATE TRIGGER `trig "q" 'x' ``y```
BEFORE INSERT ON `film` FOR EACH ROW
BEGIN
  -- don't; //
  IF NEW.name LIKE 'x\\_%' THEN
    INSERT INTO `log` (what) VALUES ('it''s \\ "q"; // ;; \n');
  END IF;
  SET NEW.name = replace(NEW.name, '\\', '/');
END
%%
CREATE TRIGGER `t upper` AFTER INSERT ON `Film` FOR EACH ROW INSERT INTO `log` (what) VALUES (NEW.name)
%%
CREATE TRIGGER `order 3` AFTER UPDATE ON `film` FOR EACH ROW INSERT INTO `log` (what) VALUES ('first')
%%
CREATE TRIGGER `order 1` AFTER UPDATE ON `film` FOR EACH ROW FOLLOWS `order 3` INSERT INTO `log` (what) VALUES ('third')
%%
CREATE TRIGGER `order 2` AFTER UPDATE ON `film` FOR EACH ROW PRECEDES `order 1` INSERT INTO `log` (what) VALUES ('second')
%%
CREATE TRIGGER `order 4` AFTER UPDATE ON `film` FOR EACH ROW PRECEDES `order 3` INSERT INTO `log` (what) VALUES ('zeroth')
%%
SET sql_mode = 'ANSI_QUOTES'
%%
CREATE TRIGGER "ansi ""q"" `t`" BEFORE DELETE ON "film" FOR EACH ROW
BEGIN
  INSERT INTO "log" ("what") VALUES ('a \' "b" \\ ;');
  SET @"x;y" = "OLD"."name";
END
%%
CREATE PROCEDURE "ansi proc"() SELECT "name", 'a\'b' FROM "film"
%%
SET sql_mode = 'NO_BACKSLASH_ESCAPES'
%%
CREATE TRIGGER `nobs` BEFORE UPDATE ON `film` FOR EACH ROW
BEGIN
  SET @a = 'C:\';
  SET @b = '\'';';
  SET NEW.name = concat(NEW.name, '\n');
END
%%
CREATE FUNCTION `nobs fn`() RETURNS VARCHAR(20) DETERMINISTIC RETURN 'C:\'
%%
SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,PIPES_AS_CONCAT'
%%
CREATE FUNCTION "both"() RETURNS VARCHAR(20) DETERMINISTIC RETURN 'a\' || '"' || ';'
%%
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', collation_connection = 'utf8mb4_bin'
%%
CREATE FUNCTION `with collation`() RETURNS INT DETERMINISTIC RETURN 'a' = 'A'
%%
SET NAMES latin1
%%
CREATE FUNCTION `in latin1`() RETURNS VARCHAR(30) DETERMINISTIC RETURN charset('a')
%%
CREATE TRIGGER `latin1 trigger` AFTER DELETE ON `film` FOR EACH ROW SET @x = charset('a')
%%
SET NAMES utf8mb4
%%
CREATE EVENT `ev ``on```
ON SCHEDULE EVERY 90 MINUTE STARTS '2037-01-01 00:00:00' ENDS '2037-12-31 00:00:00'
ON COMPLETION PRESERVE ENABLE COMMENT 'it''s; "an" event'
DO BEGIN
  INSERT INTO `log` (what) VALUES ('tick; //');
END
%%
CREATE EVENT `ev off` ON SCHEDULE EVERY '1:30' HOUR_MINUTE STARTS '2037-01-01 00:00:00' DISABLE DO DELETE FROM `log` WHERE 1 = 0
%%
SET time_zone = '+05:30'
%%
CREATE EVENT `ev once` ON SCHEDULE AT '2037-06-01 12:00:00' DO SET @disable = 'DISABLE'
%%
SET time_zone = '+00:00', foreign_key_checks = 1, sql_mode = 'NO_AUTO_VALUE_ON_ZERO'
