-- What profiles did: viewings, the list of titles kept for later, star ratings.

-- One row a viewing, never updated: the table that grows.
CREATE TABLE watch_history (
    id               BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    profile_id       BIGINT UNSIGNED NOT NULL,
    movie_id         BIGINT UNSIGNED NULL,
    episode_id       BIGINT UNSIGNED NULL,
    position_seconds INT UNSIGNED NOT NULL DEFAULT 0,
    completed        TINYINT(1) NOT NULL DEFAULT 0,
    watched_at       DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    KEY ix_watch_history_profile_watched (profile_id, watched_at),
    KEY ix_watch_history_movie (movie_id),
    KEY ix_watch_history_episode (episode_id),
    CONSTRAINT fk_watch_history_profile FOREIGN KEY (profile_id) REFERENCES profile (id) ON DELETE CASCADE,
    CONSTRAINT fk_watch_history_movie FOREIGN KEY (movie_id) REFERENCES movie (id) ON DELETE CASCADE,
    CONSTRAINT fk_watch_history_episode FOREIGN KEY (episode_id) REFERENCES episode (id) ON DELETE CASCADE,
    CONSTRAINT ck_watch_history_one_title CHECK ((movie_id IS NULL) <> (episode_id IS NULL))
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE watchlist (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    profile_id BIGINT UNSIGNED NOT NULL,
    movie_id   BIGINT UNSIGNED NULL,
    series_id  BIGINT UNSIGNED NULL,
    added_at   DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY uq_watchlist_profile_movie (profile_id, movie_id),
    UNIQUE KEY uq_watchlist_profile_series (profile_id, series_id),
    KEY ix_watchlist_movie (movie_id),
    KEY ix_watchlist_series (series_id),
    CONSTRAINT fk_watchlist_profile FOREIGN KEY (profile_id) REFERENCES profile (id) ON DELETE CASCADE,
    CONSTRAINT fk_watchlist_movie FOREIGN KEY (movie_id) REFERENCES movie (id) ON DELETE CASCADE,
    CONSTRAINT fk_watchlist_series FOREIGN KEY (series_id) REFERENCES series (id) ON DELETE CASCADE,
    CONSTRAINT ck_watchlist_one_title CHECK ((movie_id IS NULL) <> (series_id IS NULL))
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE rating (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    profile_id BIGINT UNSIGNED NOT NULL,
    movie_id   BIGINT UNSIGNED NULL,
    series_id  BIGINT UNSIGNED NULL,
    stars      TINYINT UNSIGNED NOT NULL,
    rated_at   DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY uq_rating_profile_movie (profile_id, movie_id),
    UNIQUE KEY uq_rating_profile_series (profile_id, series_id),
    KEY ix_rating_movie (movie_id),
    KEY ix_rating_series (series_id),
    CONSTRAINT fk_rating_profile FOREIGN KEY (profile_id) REFERENCES profile (id) ON DELETE CASCADE,
    CONSTRAINT fk_rating_movie FOREIGN KEY (movie_id) REFERENCES movie (id) ON DELETE CASCADE,
    CONSTRAINT fk_rating_series FOREIGN KEY (series_id) REFERENCES series (id) ON DELETE CASCADE,
    CONSTRAINT ck_rating_one_title CHECK ((movie_id IS NULL) <> (series_id IS NULL)),
    CONSTRAINT ck_rating_stars CHECK (stars BETWEEN 1 AND 5)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
