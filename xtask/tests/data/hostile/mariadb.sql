SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'
%%
CREATE TABLE `newer` (
  `id` INT PRIMARY KEY, `hidden` INT INVISIBLE DEFAULT 5, `u` UUID, `i6` INET6, `i4` INET4,
  `p` POINT NOT NULL, `doc` JSON,
  `default uuid` VARCHAR(40) DEFAULT (concat('u-', uuid())),
  `must` INT NOT NULL INVISIBLE DEFAULT 1,
  KEY `ignored` (`hidden`) IGNORED, SPATIAL KEY (`p`),
  CONSTRAINT `c` CHECK (`id` > 0)
)
%%
INSERT INTO `newer` (id, hidden, must, u, i6, i4, p, doc, `default uuid`) VALUES
 (1, 9, 8, '123e4567-e89b-12d3-a456-426655440000', '2001:db8::ff00:42:8329', '192.0.2.1', ST_GeomFromText('POINT(52.37 4.9)', 4326), '{"a": "B"}', 'x'),
 (2, NULL, 7, '00000000-0000-0000-0000-000000000000', '::', '0.0.0.0', ST_GeomFromText('POINT(-90 180)'), NULL, NULL),
 (3, NULL, 7, NULL, '::ffff:192.0.2.1', NULL, ST_GeomFromText('POINT(-90 180)'), NULL, NULL)
%%
CREATE TABLE `compressed` (`id` INT PRIMARY KEY, `t` TEXT COMPRESSED) PAGE_COMPRESSED=1
%%
INSERT INTO `compressed` VALUES (1, repeat('é', 1000))
%%
CREATE TABLE `subparted` (`id` INT, `y` INT) PARTITION BY RANGE (`y`) SUBPARTITION BY HASH (`id`) SUBPARTITIONS 2 (
  PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)
%%
INSERT INTO `subparted` VALUES (1, 1), (2, 20)
