-- A session at the client's prompt, for MySQL and MariaDB.
STATUS
USE depot
CREATE TABLE IF NOT EXISTS tools (id INT PRIMARY KEY, name VARCHAR(30));
REPLACE INTO tools VALUES (1, 'saw'), (2, 'plane'), (3, 'ключ');
SELECT * FROM tools;
USE shop;
SELECT COUNT(*) FROM depot.tools;
use `depot`
-- session state: system variables, schema, transaction
SET autocommit = 0;
UPDATE tools SET name = 'hand saw' WHERE id = 1;
ROLLBACK;
SET autocommit = 1;
START TRANSACTION READ ONLY;
SELECT name FROM tools WHERE id = 1 LOCK IN SHARE MODE;
COMMIT;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET sql_mode = '', time_zone = '+01:00';
-- warnings, errors
SELECT 1/0, CAST('12abc' AS SIGNED);
SHOW WARNINGS;
INSERT IGNORE INTO tools VALUES (1, 'a name of more than thirty characters');
SELECT * FROM nowhere;
INSERT INTO tools VALUES (1, 'x');
DROP TABLE IF EXISTS nowhere;
-- another character set
CHARSET latin1
SELECT _latin1 x'e4f6' AS latin;
SET NAMES utf8mb4;
SELECT 'äöü' AS utf8;
DELIMITER //
CREATE PROCEDURE twice () BEGIN SELECT 1; SELECT id, name FROM tools; END//
CALL twice()//
DROP PROCEDURE twice//
SELECT 1; SELECT 2//
DELIMITER ;
EXPLAIN SELECT * FROM tools WHERE id = 2;
(SELECT 3);
/* a comment first */ VALUES ROW(1, 2), ROW(3, 4);
TABLE tools;
PREPARE s FROM 'SELECT ? + 1';
SET @n = 41;
EXECUTE s USING @n;
DEALLOCATE PREPARE s;
CHECKSUM TABLE tools;
TRUNCATE TABLE tools;
DROP TABLE tools;
