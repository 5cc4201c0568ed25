-- Undoes 20261122090600_views_and_routines.up.sql, newest first.
DROP EVENT purge_old_sessions;
DROP PROCEDURE purge_expired_sessions;
DROP TRIGGER subscription_after_insert;
DROP VIEW active_subscription;
DROP VIEW movie_overview;
