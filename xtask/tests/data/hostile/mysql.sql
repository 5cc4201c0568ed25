SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'
%%
CREATE TABLE `newer` (
  `id` INT PRIMARY KEY, `hidden` INT INVISIBLE DEFAULT 5, `v` VECTOR(3),
  `p` POINT NOT NULL SRID 4326, `doc` JSON,
  `default uuid` VARCHAR(40) DEFAULT (concat('u-', uuid())),
  KEY `functional` ((lower(cast(`doc` ->> '$.a' AS CHAR(30)))), `id` DESC),
  KEY `unseen` (`hidden`) INVISIBLE, SPATIAL KEY (`p`),
  KEY `multi` ((cast(`doc` -> '$.n' AS UNSIGNED ARRAY))),
  CONSTRAINT `not enforced` CHECK (`id` < 0) NOT ENFORCED
) COLLATE utf8mb4_0900_ai_ci
%%
INSERT INTO `newer` (id, hidden, v, p, doc, `default uuid`) VALUES
 (1, 9, STRING_TO_VECTOR('[1.5, -2.25, 3e-38]'), ST_GeomFromText('POINT(52.37 4.9)', 4326), '{"a": "B", "n": [1, 2]}', 'x'),
 (2, NULL, NULL, ST_GeomFromText('POINT(-90 180)', 4326), NULL, NULL)
%%
SET sql_generate_invisible_primary_key = 1
%%
CREATE TABLE `invisible key` (`v` INT)
%%
SET sql_generate_invisible_primary_key = 0
%%
INSERT INTO `invisible key` VALUES (3), (3), (NULL)
%%
CREATE TABLE `compressed` (`id` INT PRIMARY KEY, `t` TEXT) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8
%%
INSERT INTO `compressed` VALUES (1, repeat('é', 1000))
%%
CREATE TABLE `subparted` (`id` INT, `y` INT) PARTITION BY RANGE (`y`) SUBPARTITION BY HASH (`id`) SUBPARTITIONS 2 (
  PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)
%%
INSERT INTO `subparted` VALUES (1, 1), (2, 20)
