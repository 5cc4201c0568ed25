-- Undoes 20261122090400_credits.up.sql, children before parents.
DROP TABLE credit;
DROP TABLE person;
