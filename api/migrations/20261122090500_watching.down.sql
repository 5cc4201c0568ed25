-- Undoes 20261122090500_watching.up.sql.
DROP TABLE rating;
DROP TABLE watchlist;
DROP TABLE watch_history;
