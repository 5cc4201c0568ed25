-- Everything that is not a table: two views, a trigger, a procedure, an event.
--
-- No DEFINER is named: the migrating account becomes it, and naming another one
-- would need SET_ANY_DEFINER, which that account does not have. Views and the
-- procedure run with the rights of whoever uses them, so they survive the
-- removal of the account that created them.
--
-- With the binary log on, CREATE TRIGGER by an account without SUPER is refused
-- (error 1419) unless the server runs with log_bin_trust_function_creators=ON.
-- Our servers do; it is safe because row-based logging replays no trigger.
--
-- DELIMITER is a word of the command line client and not needed here: the
-- server's own parser knows where BEGIN ... END stops.

CREATE SQL SECURITY INVOKER VIEW movie_overview AS
SELECT m.id,
       m.title,
       m.release_year,
       m.runtime_minutes,
       m.age_rating,
       (SELECT GROUP_CONCAT(g.name ORDER BY g.name SEPARATOR '|')
          FROM movie_genre mg
          JOIN genre g ON g.id = mg.genre_id
         WHERE mg.movie_id = m.id) AS genres,
       (SELECT COUNT(*) FROM rating r WHERE r.movie_id = m.id) AS rating_count,
       (SELECT CAST(AVG(r.stars) AS DECIMAL(3, 2)) FROM rating r WHERE r.movie_id = m.id) AS rating_average
  FROM movie m;

CREATE SQL SECURITY INVOKER VIEW active_subscription AS
SELECT s.account_id,
       s.id AS subscription_id,
       p.name AS plan_name,
       s.price_monthly,
       p.currency,
       p.max_streams,
       p.max_resolution,
       s.started_at,
       (SELECT COALESCE(SUM(y.total_amount), 0)
          FROM payment y
         WHERE y.subscription_id = s.id AND y.status IN ('pending', 'failed')) AS outstanding
  FROM subscription s
  JOIN subscription_plan p ON p.id = s.plan_id
 WHERE s.status = 'active';

CREATE TRIGGER subscription_after_insert AFTER INSERT ON subscription FOR EACH ROW
BEGIN
    DECLARE earlier INT DEFAULT 0;
    SELECT COUNT(*) INTO earlier
      FROM subscription s
     WHERE s.account_id = NEW.account_id AND s.id <> NEW.id;
    INSERT INTO subscription_event (subscription_id, kind, plan_name, occurred_at)
    SELECT NEW.id, IF(earlier > 0, 'changed', 'started'), p.name, NEW.started_at
      FROM subscription_plan p
     WHERE p.id = NEW.plan_id;
END;

-- For a person with a database prompt; the event below does the same by itself.
CREATE PROCEDURE purge_expired_sessions(IN keep_days INT UNSIGNED)
    MODIFIES SQL DATA
    SQL SECURITY INVOKER
BEGIN
    DECLARE horizon DATETIME(3);
    SET horizon = UTC_TIMESTAMP(3) - INTERVAL keep_days DAY;
    DELETE FROM session WHERE expires_at < horizon;
    SELECT ROW_COUNT() AS purged;
END;

-- Housekeeping only: a session that expired a week ago is worthless, and the
-- service refuses expired sessions itself, so nothing depends on the scheduler.
-- A fixed start, because the default (the moment of creation) would run it at
-- once and make every copy of this schema differ from the next.
CREATE EVENT purge_old_sessions
    ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 03:30:00'
    COMMENT 'Deletes sessions that expired more than 7 days ago'
    DO DELETE FROM session WHERE expires_at < UTC_TIMESTAMP(3) - INTERVAL 7 DAY;
