SET SESSION sql_generate_invisible_primary_key = ON
%%
CREATE TABLE hits (at DATETIME NOT NULL, url VARCHAR(100), KEY (at))
%%
INSERT INTO hits VALUES ('2026-01-01 00:00:00', '/a'), ('2026-01-01 00:00:00', '/a'), ('2026-01-02 00:00:00', NULL)
%%
DELETE FROM hits WHERE my_row_id = 2
%%
SET SESSION sql_generate_invisible_primary_key = OFF
%%
CREATE TABLE no_key (a INT, b VARCHAR(10))
%%
INSERT INTO no_key VALUES (1, 'x'), (1, 'x'), (NULL, NULL)
%%
CREATE TABLE odd_key (id INT NOT NULL AUTO_INCREMENT, x INT, KEY (id))
%%
INSERT INTO odd_key VALUES (5, 1), (5, 2)
%%
CREATE TABLE secrets (id INT PRIMARY KEY, secret VARCHAR(20) INVISIBLE DEFAULT 'default')
%%
INSERT INTO secrets (id, secret) VALUES (1, 'kept'), (2, NULL)
%%
CREATE TABLE indexes (id INT PRIMARY KEY, email VARCHAR(80), tags JSON, price DECIMAL(8,2), code VARCHAR(20) NOT NULL DEFAULT (UPPER(LEFT(UUID(), 8))), born DATE DEFAULT (CURRENT_DATE + INTERVAL 1 YEAR), body TEXT DEFAULT (_utf8mb4'a;b''c'), UNIQUE KEY fx ((LOWER(email))), KEY fx2 ((CAST(price * 100 AS SIGNED)) DESC), KEY mv ((CAST(tags->'$.zip[*]' AS UNSIGNED ARRAY))), KEY mvc (id, (CAST(tags->'$.n[*]' AS CHAR(10) ARRAY))), KEY d (price DESC, id ASC), KEY hid (born) INVISIBLE, KEY pfx (body(7) DESC), KEY str ((CONCAT(email, 'x;''y'))))
%%
INSERT INTO indexes (id, email, tags, price, code) VALUES (1, 'A@x', '{"zip":[94536,94537],"n":["a","b"]}', 1.25, 'abc'), (2, 'b@x', '{"zip":[]}', NULL, 'def'), (3, NULL, NULL, 0, 'ghi')
%%
CREATE TABLE parts_linear (id INT NOT NULL, n VARCHAR(10), UNIQUE KEY u (id)) PARTITION BY LINEAR KEY ALGORITHM = 2 (id) PARTITIONS 4
%%
INSERT INTO parts_linear VALUES (1, 'a'), (9, 'z')
%%
CREATE TABLE articles (id INT PRIMARY KEY AUTO_INCREMENT, title VARCHAR(200), body TEXT, FULLTEXT KEY ft (title, body) WITH PARSER ngram COMMENT 'cjk', FULLTEXT KEY ft2 (body)) DEFAULT CHARSET = utf8mb4
%%
INSERT INTO articles (title, body) VALUES ('数据库', '备份与恢复'), ('x', 'y z')
%%
CREATE TABLE histograms (id INT PRIMARY KEY, v INT)
%%
INSERT INTO histograms VALUES (1, 1), (2, 1), (3, 2)
%%
ANALYZE TABLE histograms UPDATE HISTOGRAM ON v WITH 4 BUCKETS
%%
CREATE TABLE unenforced (id INT PRIMARY KEY, b INT, CONSTRAINT seven CHECK (b <> 7) NOT ENFORCED)
%%
INSERT INTO unenforced VALUES (1, 7)
%%
CREATE TABLE chinese (id INT PRIMARY KEY, h VARCHAR(30) CHARACTER SET gb18030)
%%
INSERT INTO chinese VALUES (1, '灯🙂')
%%
CREATE TABLE archived (id INT NOT NULL, s VARCHAR(20)) ENGINE = ARCHIVE
%%
INSERT INTO archived VALUES (1, 'x')
%%
CREATE PROCEDURE hinted() BEGIN SELECT 1 /*+ MAX_EXECUTION_TIME(1000) */; END
