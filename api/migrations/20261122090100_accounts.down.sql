-- Undoes 20261122090100_accounts.up.sql, children before parents.
DROP TABLE profile;
DROP TABLE session;
DROP TABLE device;
DROP TABLE account;
